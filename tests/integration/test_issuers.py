# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of issuer that the variables can ask for, a host of one playbook run each, and run again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from accounts import Account
from fetching import Anonymous
from oracles import kid_of, new_key, openssl, token
from playbooks import Operator, Run
from tests.sandbox import Sandbox

OWN_HOST = "https://issuer.example/prod"
GLOBAL_HOST = "https://irsa-global.s3.amazonaws.com"
DISCOVERY = ".well-known/openid-configuration"


@dataclass
class Story:
    """Three runs. Before the second the documents of the issuer without a bucket are served; the third wants another
    thumbprint.
    """

    operator: Operator
    account: Account
    extra: Path
    check: Run
    first: Run
    second: Run
    third: Run

    def key(self, host: str) -> Path:
        return self.operator.keys / f"{host}.key"

    def keys_at(self, bucket: str) -> list[dict[str, Any]]:
        return list(self.account.document(bucket, "keys.json")["keys"])


@pytest.fixture(scope="module")
def story(new_operator: Callable[[], Operator], running: Sandbox) -> Story:
    operator, account = new_operator(), Account(running)
    (operator.folder / "results").mkdir()
    extra = new_key(operator.folder / "extra.key", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    _make_terraforms_bucket(account)
    account.make_bucket("irsa-private")
    account.make_bucket("oidc.example.com")
    # IAM asks the host in front of the bucket when the provider is created.
    running.serve_page("oidc.example.com", f"/{DISCOVERY}", "{}")
    hosts = {name: {**_variables(operator, name), **more} for name, more in _specs(extra).items()}
    check = operator.provision("--check", hosts={"own-host": hosts["own-host"]}).ok()
    first = operator.provision(hosts=hosts).ok()
    for path in ("keys.json", DISCOVERY):
        running.serve_page("issuer.example", f"/prod/{path}", (operator.folder / "site" / path).read_text())
    second = operator.provision(hosts=hosts).ok()
    hosts["thumbprint"]["irsa_issuer_thumbprints"] = ["auto"]
    third = operator.provision(hosts={name: hosts[name] for name in ("own-host", "thumbprint")}).ok()
    return Story(operator, account, extra, check, first, second, third)


def _variables(operator: Operator, name: str) -> dict[str, Any]:
    return {
        "irsa_issuer_bucket": f"irsa-{name}",
        "irsa_issuer_key_path": str(operator.keys / f"{name}.key"),
        "irsa_issuer_result_path": f"results/{name}.json",
    }


def _specs(extra: Path) -> dict[str, dict[str, Any]]:
    return {
        "global": {"irsa_issuer_region": "us-east-1", "irsa_issuer_url": GLOBAL_HOST},
        "terraform": {"irsa_issuer_manage_bucket": False},
        "thumbprint": {"irsa_issuer_thumbprints": ["A" * 40]},
        "own-host": {
            "irsa_issuer_bucket": "",
            "irsa_issuer_url": OWN_HOST,
            "irsa_issuer_documents_path": "site",
        },
        "dots": {
            "irsa_issuer_bucket": "oidc.example.com",
            "irsa_issuer_manage_bucket": False,
            "irsa_issuer_url": "https://oidc.example.com",
            "irsa_issuer_verify": False,
        },
        "curve": {"irsa_issuer_key_type": "ECDSA", "irsa_issuer_key_curve": "P-384"},
        "legacy": {"irsa_issuer_legacy_empty_kid": True, "irsa_issuer_public_key_path": ""},
        "extra": {"irsa_issuer_extra_jwks": [{"keys": [_jwk(extra)]}]},
        "backup": {"irsa_issuer_key_backup": "s3://irsa-private/keys/"},
        "settings": {
            "irsa_issuer_bucket_versioning": True,
            "irsa_issuer_bucket_encryption": "AES256",
            "irsa_issuer_cache_control": "max-age=60",
            "irsa_issuer_account_id": "123456789012",
            "irsa_issuer_audiences": ["sts.amazonaws.com", "vault.example"],
        },
    }


def _jwk(key: Path) -> dict[str, str]:
    """The public key with the numbers that openssl prints, under the names that the API server gives them."""
    text = openssl("pkey", "-in", str(key), "-noout", "-text_pub").decode()
    point = bytes.fromhex("".join(re.findall(r"[0-9a-f]{2}(?=:|\n)", text.partition("pub:")[2].partition("ASN1")[0])))
    encoded = [_base64url(coordinate) for coordinate in (point[1:33], point[33:65])]
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": encoded[0],
        "y": encoded[1],
        "kid": kid_of(key),
        "alg": "ES256",
        "use": "sig",
    }


def _base64url(number: bytes) -> str:
    text = openssl("base64", "-A", stdin=number).decode()
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def _make_terraforms_bucket(account: Account) -> None:
    account.make_bucket("irsa-terraform")
    account.s3.put_public_access_block(
        Bucket="irsa-terraform",
        PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False},
    )
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    statement["Resource"] = "arn:aws:s3:::irsa-terraform/*"
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    account.s3.put_bucket_policy(Bucket="irsa-terraform", Policy=json.dumps(policy))


def test_a_bucket_with_dots_serves_an_issuer_on_another_host(story: Story) -> None:
    assert story.first.results["dots"]["issuer"] == "https://oidc.example.com"
    assert [key["kid"] for key in story.keys_at("oidc.example.com")] == [kid_of(story.key("dots"))]


@pytest.fixture
def look(running: Sandbox, story: Story) -> Anonymous:
    return Anonymous(running)


def test_the_second_run_changes_nothing_that_was_complete(story: Story) -> None:
    assert story.second.changed == {**dict.fromkeys(story.first.changed, 0), "own-host": 1}
    assert story.second.writes == ["iam:CreateOpenIDConnectProvider"]


def test_the_global_host_can_be_the_issuer(story: Story, look: Anonymous) -> None:
    result = story.first.results["global"]
    assert result["issuer"] == GLOBAL_HOST
    assert result["provider_arn"] == "arn:aws:iam::123456789012:oidc-provider/irsa-global.s3.amazonaws.com"
    assert json.loads(look(f"{GLOBAL_HOST}/{DISCOVERY}").body)["issuer"] == GLOBAL_HOST
    assert json.loads(look(f"{GLOBAL_HOST}/keys.json").body) == json.loads(result["jwks_json"])
    location = story.account.client("s3", "us-east-1").get_bucket_location(Bucket="irsa-global")
    assert location["LocationConstraint"] is None


def test_each_cluster_leaves_its_result_in_a_file(story: Story) -> None:
    """The key of ``backup`` is read by a task of its own."""
    for host in ("curve", "backup", "own-host"):
        written = json.loads((story.operator.folder / "results" / f"{host}.json").read_text())
        result = story.second.results[host]
        assert written.keys() < result.keys()
        assert {name: written[name] for name in written.keys() - {"documents"}} == {
            name: result[name] for name in written.keys() - {"documents"}
        }
        assert [document["url"] for document in written["documents"]] == [
            document["url"] for document in result["documents"]
        ]
    assert "PRIVATE" not in "".join(path.read_text() for path in (story.operator.folder / "results").iterdir())


class TestBucketOfOthers:
    def test_documents_are_published_into_a_bucket_of_others(self, story: Story, look: Anonymous) -> None:
        assert story.first.results["terraform"]["actions"] == [
            "file:CreatePrivateKey",
            "file:WritePublicKey",
            "file:WriteOpensshPublicKey",
            "s3:PutObject",
            "s3:PutObject",
            "iam:CreateOpenIDConnectProvider",
            "file:WriteResult",
        ]
        assert look("https://irsa-terraform.s3.eu-west-1.amazonaws.com/keys.json").status == 200

    def test_a_bucket_of_others_is_not_changed(self, story: Story) -> None:
        assert story.first.writes_to("irsa-terraform") == ["s3:PutObject", "s3:PutObject"]


class TestIssuerWithoutBucket:
    def test_a_run_without_a_bucket_says_what_to_serve_where(self, story: Story) -> None:
        assert story.first.results["own-host"]["provider_arn"] is None
        for run in (story.check, story.first):
            (text,) = run.warnings_of("own-host")
            assert f"{OWN_HOST}/keys.json" in text
            assert f"{OWN_HOST}/{DISCOVERY}" in text
            assert "run again" in text
            assert f"{story.operator.folder}/site/keys.json" in text

    def test_a_run_without_a_bucket_returns_the_documents(self, story: Story) -> None:
        result = story.first.results["own-host"]
        assert json.loads(result["discovery_json"])["issuer"] == OWN_HOST
        assert [key["kid"] for key in json.loads(result["jwks_json"])["keys"]] == [kid_of(story.key("own-host"))]
        assert (story.operator.folder / "site" / "keys.json").read_text() == result["jwks_json"]
        assert (story.operator.folder / "site" / DISCOVERY).read_text() == result["discovery_json"]
        assert story.check.results["own-host"]["actions"].count("file:WriteDocument") == 2

    def test_a_run_without_a_bucket_makes_no_call_to_s3(self, story: Story) -> None:
        assert story.check.calls
        assert not [call for call in story.check.calls if call["service"].startswith("s3")]

    def test_an_issuer_without_a_bucket_is_registered_once_served(self, story: Story) -> None:
        arn = "arn:aws:iam::123456789012:oidc-provider/issuer.example/prod"
        assert story.second.results["own-host"]["actions"] == ["iam:CreateOpenIDConnectProvider", "file:WriteResult"]
        assert story.second.results["own-host"]["provider_arn"] == arn
        assert arn in story.account.providers()
        assert story.third.changed["own-host"] == 0


class TestThumbprints:
    ARN = "arn:aws:iam::123456789012:oidc-provider/irsa-thumbprint.s3.eu-west-1.amazonaws.com"

    def test_listed_thumbprints_are_registered(self, story: Story) -> None:
        created = story.first.drawn("thumbprint")[f"provider {self.ARN} (provider)"]
        assert json.loads(created["after"])["thumbprints"] == ["a" * 40]
        assert f"'{'a' * 40}' is a placeholder" in " ".join(story.first.output.split())

    def test_auto_thumbprints_come_from_the_served_chain(self, story: Story, running: Sandbox) -> None:
        assert story.third.results["thumbprint"]["actions"] == ["iam:UpdateOpenIDConnectProviderThumbprint"]
        assert story.account.provider(self.ARN)["ThumbprintList"] == [_thumbprint_by_openssl(running)]

    def test_thumbprints_are_kept_where_none_are_given(self, story: Story) -> None:
        provider = story.account.provider(
            "arn:aws:iam::123456789012:oidc-provider/irsa-curve.s3.eu-west-1.amazonaws.com"
        )
        assert len(provider["ThumbprintList"]) == 1  # IAM's own
        assert story.second.changed["curve"] == 0


def _thumbprint_by_openssl(sandbox: Sandbox) -> str:
    """SHA-1 of the last certificate that the host presents, which is not a root."""
    host = "irsa-thumbprint.s3.eu-west-1.amazonaws.com"
    shown = openssl(
        "s_client",
        "-proxy",
        sandbox.proxy.partition("//")[2],
        "-connect",
        f"{host}:443",
        "-servername",
        host,
        "-showcerts",
    )
    last = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.DOTALL)[1]
    fingerprint = openssl("x509", "-noout", "-fingerprint", "-sha1", stdin=last).decode()
    return fingerprint.strip().partition("=")[2].replace(":", "").lower()


def test_a_new_key_can_be_of_another_type(story: Story) -> None:
    assert b"secp384r1" in openssl("pkey", "-in", str(story.key("curve")), "-text", "-noout")
    (key,) = story.keys_at("irsa-curve")
    assert (key["kty"], key["crv"], key["alg"], key["kid"]) == ("EC", "P-384", "ES384", kid_of(story.key("curve")))
    arn = story.first.results["curve"]["provider_arn"]
    story.account.trust(arn, "curve")
    issuer = story.first.results["curve"]["issuer"]
    story.account.client("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/curve",
        RoleSessionName="pod",
        WebIdentityToken=token(story.key("curve"), issuer, "system:serviceaccount:default:app", algorithm="ES384"),
    )


def test_the_key_can_also_be_published_with_an_empty_kid(story: Story) -> None:
    named, unnamed = story.keys_at("irsa-legacy")
    assert named["kid"] == kid_of(story.key("legacy"))
    assert unnamed == {**named, "kid": ""}


def test_a_public_key_file_can_be_left_out(story: Story) -> None:
    assert story.key("legacy").with_suffix(".key.pub").exists()
    assert not story.key("legacy").with_name("legacy-pkcs8.pub").exists()
    flags = story.first.results["legacy"]["apiserver_args"]
    assert flags["service-account-key-file"] == [f"/etc/kubernetes/pki/{story.key('legacy').name}"]


def test_further_keys_are_published(story: Story) -> None:
    own, extra = story.keys_at("irsa-extra")
    assert own["kid"] == kid_of(story.key("extra"))
    assert extra == _jwk(story.extra)
    assert [key["foreign"] for key in story.second.results["extra"]["keys"]] == [False, False]
    assert story.second.warnings_of("extra") == []
    algorithms = story.account.document("irsa-extra", DISCOVERY)["id_token_signing_alg_values_supported"]
    assert algorithms == ["ES256", "RS256"]


def test_key_files_are_kept_in_a_private_bucket_on_request(story: Story) -> None:
    s3 = story.account.s3
    listed = s3.list_objects_v2(Bucket="irsa-private")["Contents"]
    assert [entry["Key"] for entry in listed] == ["keys/backup-pkcs8.pub", "keys/backup.key", "keys/backup.key.pub"]
    for entry in listed:
        stored = s3.get_object(Bucket="irsa-private", Key=entry["Key"])["Body"].read()
        assert stored == (story.operator.keys / entry["Key"].removeprefix("keys/")).read_bytes()
    actions = story.first.results["backup"]["actions"]
    # Before the two documents and the provider, which depend on the key.
    assert actions[-7:] == ["s3:PutObject"] * 5 + ["iam:CreateOpenIDConnectProvider", "file:WriteResult"]
    assert story.first.writes_to("irsa-private") == ["s3:PutObject"] * 3


def test_bucket_settings_reach_the_bucket(story: Story, look: Anonymous) -> None:
    s3 = story.account.s3
    assert s3.get_bucket_versioning(Bucket="irsa-settings")["Status"] == "Enabled"
    fetched = look("https://irsa-settings.s3.eu-west-1.amazonaws.com/keys.json")
    assert fetched.headers["cache-control"] == "max-age=60"
    provider = story.account.provider(story.first.results["settings"]["provider_arn"])
    assert sorted(provider["ClientIDList"]) == ["sts.amazonaws.com", "vault.example"]
