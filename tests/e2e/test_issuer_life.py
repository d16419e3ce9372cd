# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer's life: made, left alone, and taken away, at a path-style address and at a bucket's own host."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from endpoint import DOCUMENTS, Endpoint, Site
from runs import Ansible, Run

KEY_FILES = ("sa-signer.key", "sa-signer.key.pub", "sa-signer-pkcs8.pub")
DELETE_ALL = {"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}


def key_files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in KEY_FILES if (folder / name).exists()}


def assert_actions_are_what_was_sent(run: Run) -> None:
    """The role's own account of its writes against the requests that left this machine."""
    calls = run.calls_that_write
    assert len(run.writes) == len(calls), run.writes
    sent_to_iam = [f"iam:{request.action}" for request in run.writes if request.action]
    assert sent_to_iam == [call for call in calls if call.startswith("iam:")]


def test_an_issuer_is_created_and_then_unchanged(endpoint: Endpoint, each_site: Site, ansible: Ansible) -> None:
    rehearsal = ansible.provision(each_site.variables, "--check")
    assert rehearsal.requests and not rehearsal.writes
    assert not key_files(ansible.folder)
    assert not endpoint.has_bucket(each_site.bucket)

    first = ansible.provision(each_site.variables)
    assert first.result["issuer"] == each_site.issuer
    assert first.result["actions"] == rehearsal.result["actions"]
    assert_actions_are_what_was_sent(first)
    assert set(key_files(ansible.folder)) == set(KEY_FILES)

    keys, discovery = (endpoint.fetch(url) for url in each_site.documents)
    assert (keys.status, discovery.status) == (200, 200)
    assert json.loads(keys.body)["keys"][0]["kid"] == first.result["kid"]
    assert json.loads(discovery.body)["issuer"] == each_site.issuer
    for document in (keys, discovery):
        assert document.headers["content-type"] == "application/json"
        assert document.headers["cache-control"] == "no-cache"
    provider = endpoint.provider(each_site.issuer)
    assert provider is not None and provider["Arn"] == first.result["provider_arn"]
    assert provider["ClientIDList"] == ["sts.amazonaws.com"]

    second = ansible.provision(each_site.variables)
    assert second.changed == 0 and second.result["actions"] == [] and not second.result["changed"]
    assert second.requests and not second.writes
    assert {name: second.result[name] for name in ("issuer", "kid", "provider_arn")} == {
        name: first.result[name] for name in ("issuer", "kid", "provider_arn")
    }


def test_anonymous_clients_read_only_the_two_documents(endpoint: Endpoint, each_site: Site, ansible: Ansible) -> None:
    ansible.provision(each_site.variables)
    endpoint.s3.put_object(Bucket=each_site.bucket, Key="other.json", Body=b"{}")
    assert [endpoint.fetch(url).status for url in each_site.documents] == [200, 200]
    refused = ("other.json", "absent.json", "", "?list-type=2", "?versions", "?policy", "?acl", "keys.json?acl")
    answers = {target: endpoint.fetch(f"{each_site.issuer}/{target}").status for target in refused}
    assert answers == dict.fromkeys(refused, 403)


def test_clusters_share_a_bucket_under_prefixes(endpoint: Endpoint, each_site: Site, ansible: Ansible) -> None:
    sites = {}
    for prefix in ("blue", "teams/green"):
        issuer = f"{each_site.issuer}/{prefix}"
        own = {"irsa_issuer_prefix": prefix, "irsa_issuer_key_path": f"{prefix.rsplit('/', maxsplit=1)[-1]}.key"}
        variables = {**each_site.variables, **own}
        if not each_site.default_issuer:
            variables["irsa_issuer_url"] = issuer
        sites[issuer] = variables
    try:
        for issuer, variables in sites.items():
            assert ansible.provision(variables).result["issuer"] == issuer
        for issuer, variables in sites.items():
            assert [endpoint.fetch(f"{issuer}/{name}").status for name in DOCUMENTS] == [200, 200]
            assert ansible.provision(variables).changed == 0
        assert endpoint.fetch(f"{each_site.issuer}/blue/other.json").status == 403
    finally:
        for issuer in sites:
            endpoint.delete_provider(issuer)


def test_teardown_keeps_bucket_and_key(endpoint: Endpoint, each_site: Site, ansible: Ansible) -> None:
    ansible.provision(each_site.variables)
    endpoint.s3.put_object(Bucket=each_site.bucket, Key="other.json", Body=b"{}")
    before = key_files(ansible.folder)

    rehearsal = ansible.teardown(each_site.variables, "--check")
    assert rehearsal.requests and not rehearsal.writes
    assert endpoint.provider(each_site.issuer)

    gone = ansible.teardown(each_site.variables)
    assert gone.result["actions"] == rehearsal.result["actions"]
    assert_actions_are_what_was_sent(gone)
    assert endpoint.provider(each_site.issuer) is None
    left = endpoint.s3.list_objects_v2(Bucket=each_site.bucket)["Contents"]
    assert [entry["Key"] for entry in left] == ["other.json"]
    assert key_files(ansible.folder) == before

    again = ansible.teardown(each_site.variables)
    assert again.changed == 0 and not again.writes

    # With the same key the issuer comes back as it was.
    back = ansible.provision(each_site.variables)
    assert key_files(ansible.folder) == before
    assert json.loads(endpoint.fetch(each_site.documents[0]).body)["keys"][0]["kid"] == back.result["kid"]


def test_teardown_with_both_delete_variables_leaves_nothing(
    endpoint: Endpoint, each_site: Site, ansible: Ansible
) -> None:
    variables = {**each_site.variables, "irsa_issuer_bucket_versioning": True}
    ansible.provision(variables)
    # A second version of a document, so that there is a history to delete.
    ansible.provision({**variables, "irsa_issuer_cache_control": "max-age=60"})
    assert len(endpoint.s3.list_object_versions(Bucket=each_site.bucket)["Versions"]) == 4

    rehearsal = ansible.teardown({**variables, **DELETE_ALL}, "--check")
    assert rehearsal.requests and not rehearsal.writes
    gone = ansible.teardown({**variables, **DELETE_ALL})
    assert gone.result["actions"] == rehearsal.result["actions"]
    assert_actions_are_what_was_sent(gone)
    assert endpoint.provider(each_site.issuer) is None
    assert not endpoint.has_bucket(each_site.bucket)
    assert not key_files(ansible.folder)
    assert ansible.teardown({**variables, **DELETE_ALL}).changed == 0


def test_teardown_refuses_a_bucket_with_other_objects(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    ansible.provision(site.variables)
    endpoint.s3.put_object(Bucket=site.bucket, Key="other.json", Body=b"{}")
    refused = ansible.teardown({**site.variables, **DELETE_ALL}, fails=True)
    assert "other.json" in refused.output and not refused.writes
    assert endpoint.provider(site.issuer)
    assert set(key_files(ansible.folder)) == set(KEY_FILES)


def test_two_concurrent_runs_create_one_issuer(endpoint: Endpoint, site: Site, tmp_path: Path) -> None:
    """On the same new key path and bucket: link(2) and the store's conditional writes decide, not luck."""
    variables = {**site.variables, "irsa_issuer_key_path": str(tmp_path / "sa-signer.key")}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda folder: Ansible(folder).provision(variables), folders))
    assert runs[0].result["kid"] == runs[1].result["kid"]
    made = [action for run in runs for action in run.result["actions"]]
    assert made.count("file:CreatePrivateKey") == 1
    assert made.count("iam:CreateOpenIDConnectProvider") == 1
    [key] = json.loads(endpoint.fetch(site.documents[0]).body)["keys"]
    assert key["kid"] == runs[0].result["kid"]
    assert Ansible(tmp_path).provision(variables).changed == 0


def test_tags_on_the_provider_land_or_are_refused_before_it_is_made(
    endpoint: Endpoint, site: Site, ansible: Ansible
) -> None:
    tags = {"team": "platform"}
    arn = "arn:aws:iam::123456789012:oidc-provider/absent.example.com"
    if endpoint.knows("iam", "list_open_id_connect_provider_tags", OpenIDConnectProviderArn=arn):
        ansible.provision({**site.variables, "irsa_issuer_tags": tags})
        provider = endpoint.provider(site.issuer)
        assert provider is not None and provider["Tags"] == [{"Key": "team", "Value": "platform"}]
        return
    for options in (("--check",), ()):
        refused = ansible.provision({**site.variables, "irsa_issuer_tags": tags}, *options, fails=True)
        assert "This endpoint has no tags on providers. Leave tags out." in refused.output
        assert endpoint.provider(site.issuer) is None
    ansible.provision(site.variables)
    for options in (("--check",), ()):
        refused = ansible.provision({**site.variables, "irsa_issuer_tags": tags}, *options, fails=True)
        assert "This endpoint has no tags on providers. Leave tags out." in refused.output


def test_the_account_is_looked_up_or_asked_for(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    variables = {name: value for name, value in site.variables.items() if name != "irsa_issuer_account_id"}
    if endpoint.knows("sts", "get_caller_identity"):
        account_id = endpoint.session.client("sts").get_caller_identity()["Account"]
        assert ansible.provision(variables).result["providers"][0]["account_id"] == account_id
        return
    refused = ansible.provision(variables, fails=True)
    assert "Set irsa_issuer_account_id." in refused.output
    assert not refused.writes and not key_files(ansible.folder)


def test_a_bucket_of_another_account_is_refused(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    """Whose a bucket is, is asked with every call."""
    endpoint.make_bucket(site.bucket)
    other = "999999999999"
    refused = ansible.provision({**site.variables, "irsa_issuer_bucket_account_id": other}, fails=True)
    assert f"does not belong to account {other}" in refused.output and not refused.writes
