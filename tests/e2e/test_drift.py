# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift at a real store: whatever was changed is announced by check mode and repaired by the next run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endpoint import Endpoint, Site
from runs import Ansible

Damage = Callable[[Endpoint, Site, Path], Any]

CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
OTHER_STATEMENT = {
    "Sid": "SomebodyElses",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:DeleteBucket",
    "Resource": "arn:aws:s3:::{bucket}",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def _provider(endpoint: Endpoint, site: Site) -> dict[str, str]:
    provider = endpoint.provider(site.issuer)
    assert provider is not None
    return {"OpenIDConnectProviderArn": provider["Arn"]}


def _edit_keys(endpoint: Endpoint, site: Site, folder: Path) -> None:
    stored = json.loads(endpoint.s3.get_object(Bucket=site.bucket, Key="keys.json")["Body"].read())
    stored["keys"][0]["use"] = "enc"
    _put(endpoint, site, "keys.json", json.dumps(stored))


def _put(endpoint: Endpoint, site: Site, key: str, text: str, **headers: str) -> None:
    attributes = {"ContentType": "application/json", "CacheControl": "no-cache", **headers}
    endpoint.s3.put_object(Bucket=site.bucket, Key=key, Body=text.encode(), **attributes)


def _edit_header(endpoint: Endpoint, site: Site, folder: Path) -> None:
    text = endpoint.s3.get_object(Bucket=site.bucket, Key="keys.json")["Body"].read().decode()
    _put(endpoint, site, "keys.json", text, ContentType="binary/octet-stream")


def _edit_discovery(endpoint: Endpoint, site: Site, folder: Path) -> None:
    key = ".well-known/openid-configuration"
    stored = json.loads(endpoint.s3.get_object(Bucket=site.bucket, Key=key)["Body"].read())
    del stored["subject_types_supported"]
    _put(endpoint, site, key, json.dumps(stored))


def _replace_policy(endpoint: Endpoint, site: Site, folder: Path) -> None:
    """Our statement goes, and one of others comes."""
    statement = {**OTHER_STATEMENT, "Resource": f"arn:aws:s3:::{site.bucket}"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    endpoint.s3.put_bucket_policy(Bucket=site.bucket, Policy=json.dumps(policy))


def _close_bucket(endpoint: Endpoint, site: Site, folder: Path) -> None:
    endpoint.s3.put_public_access_block(Bucket=site.bucket, PublicAccessBlockConfiguration=CLOSED)


DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "a document edited": (_edit_keys, ["s3:PutObject"]),
    "a header changed": (_edit_header, ["s3:PutObject"]),
    "the discovery document edited": (_edit_discovery, ["s3:PutObject"]),
    "a document deleted": (
        lambda endpoint, site, folder: endpoint.s3.delete_object(Bucket=site.bucket, Key="keys.json"),
        ["s3:PutObject"],
    ),
    "the policy replaced": (_replace_policy, ["s3:PutBucketPolicy"]),
    "the policy deleted": (
        lambda endpoint, site, folder: endpoint.s3.delete_bucket_policy(Bucket=site.bucket),
        ["s3:PutBucketPolicy"],
    ),
    "public access blocked": (_close_bucket, ["s3:PutPublicAccessBlock"]),
    "the access block deleted": (
        lambda endpoint, site, folder: endpoint.s3.delete_public_access_block(Bucket=site.bucket),
        ["s3:PutPublicAccessBlock"],
    ),
    "an audience added": (
        lambda endpoint, site, folder: endpoint.iam.add_client_id_to_open_id_connect_provider(
            ClientID="other.example.com", **_provider(endpoint, site)
        ),
        ["iam:RemoveClientIDFromOpenIDConnectProvider"],
    ),
    "the audience removed": (
        lambda endpoint, site, folder: endpoint.iam.remove_client_id_from_open_id_connect_provider(
            ClientID="sts.amazonaws.com", **_provider(endpoint, site)
        ),
        ["iam:AddClientIDToOpenIDConnectProvider"],
    ),
    "the provider deleted": (
        lambda endpoint, site, folder: endpoint.delete_provider(site.issuer),
        ["iam:CreateOpenIDConnectProvider"],
    ),
    "a public key file deleted": (
        lambda endpoint, site, folder: (folder / "sa-signer-pkcs8.pub").unlink(),
        ["file:WritePublicKey"],
    ),
    "a public key file damaged": (
        lambda endpoint, site, folder: (folder / "sa-signer.key.pub").write_text("ssh-rsa AAAA\n", encoding="ascii"),
        ["file:WriteOpensshPublicKey"],
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drift")


@pytest.fixture(scope="module")
def healthy(endpoint: Endpoint, any_style: str, folder: Path) -> Any:
    """One issuer for all kinds of drift: each test leaves it as it found it, or the next one fails."""
    with endpoint.site(any_style) as site:
        Ansible(folder).provision(_variables(site))
        yield site


def _variables(site: Site) -> dict[str, Any]:
    # Audiences that others added are no drift, unless this says so.
    return {**site.variables, "irsa_issuer_purge_audiences": True}


def _state(endpoint: Endpoint, site: Site, folder: Path) -> dict[str, Any]:
    """What there is of an issuer, as the endpoint and the disk tell it."""
    documents = [endpoint.fetch(url) for url in site.documents]
    provider = endpoint.provider(site.issuer) or {}
    block = endpoint.s3.get_public_access_block(Bucket=site.bucket)["PublicAccessBlockConfiguration"]
    return {
        "documents": [(document.status, document.body) for document in documents],
        "types": [document.headers.get("content-type") for document in documents],
        "block": block,
        "provider": {name: provider.get(name) for name in ("Arn", "ClientIDList", "ThumbprintList")},
        "keys": {path.name: path.read_bytes() for path in folder.glob("sa-signer*")},
    }


@pytest.mark.parametrize("damage", DAMAGES)
def test_drift_is_repaired_in_place(endpoint: Endpoint, healthy: Site, folder: Path, damage: str) -> None:
    ansible = Ansible(folder)
    inflict, repair = DAMAGES[damage]
    before = _state(endpoint, healthy, folder)
    inflict(endpoint, healthy, folder)

    rehearsal = ansible.provision(_variables(healthy), "--check")
    assert rehearsal.result["actions"] == repair and not rehearsal.writes
    assert "+++ after" in rehearsal.output

    run = ansible.provision(_variables(healthy))
    assert run.result["actions"] == repair
    assert len(run.writes) == len(run.calls_that_write)
    assert _state(endpoint, healthy, folder) == before


def test_after_all_of_it_nothing_is_left_to_do(endpoint: Endpoint, healthy: Site, folder: Path) -> None:
    assert Ansible(folder).provision(_variables(healthy)).changed == 0
    statements = json.loads(endpoint.s3.get_bucket_policy(Bucket=healthy.bucket)["Policy"])["Statement"]
    assert [statement["Effect"] for statement in statements if statement["Principal"] == "*"].count("Allow") == 1


def test_other_peoples_statements_and_tags_stay(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    endpoint.make_bucket(site.bucket)
    _replace_policy(endpoint, site, ansible.folder)
    tags = {"TagSet": [{"Key": "owner", "Value": "another team"}]}
    endpoint.s3.put_bucket_tagging(Bucket=site.bucket, Tagging=tags)
    before = json.loads(endpoint.s3.get_bucket_policy(Bucket=site.bucket)["Policy"])["Statement"]

    ansible.provision(site.variables)
    after = json.loads(endpoint.s3.get_bucket_policy(Bucket=site.bucket)["Policy"])["Statement"]
    assert after[:-1] == before and after[-1]["Sid"] == "SelfhostedIrsaPublicDocuments"
    assert endpoint.s3.get_bucket_tagging(Bucket=site.bucket)["TagSet"] == tags["TagSet"]
    assert ansible.provision(site.variables).changed == 0


def test_a_changed_thumbprint_is_repaired_where_thumbprints_are_given(
    endpoint: Endpoint, site: Site, ansible: Ansible
) -> None:
    thumbprints = {"irsa_issuer_thumbprints": ["0123456789ABCDEF0123456789abcdef01234567"]}
    variables = {**site.variables, **thumbprints}
    ansible.provision(variables)
    assert ansible.provision(variables).changed == 0
    other = ["a" * 40, "b" * 40]
    endpoint.iam.update_open_id_connect_provider_thumbprint(ThumbprintList=other, **_provider(endpoint, site))

    run = ansible.provision(variables)
    assert run.result["actions"] == ["iam:UpdateOpenIDConnectProviderThumbprint"]
    provider = endpoint.provider(site.issuer)
    assert provider is not None and provider["ThumbprintList"] == ["0123456789abcdef0123456789abcdef01234567"]
