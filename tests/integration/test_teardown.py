# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking an issuer away: in the safe order, not while anything depends on it, and never more than asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from accounts import Account
from playbooks import Operator, Run
from rehearsal import Rehearsal
from tests.sandbox import Sandbox

DISCOVERY = ".well-known/openid-configuration"
EVERYTHING = {"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}


def test_teardown_is_refused_before_anything_is_removed(operator: Operator, account: Account) -> None:
    names = ("trusted", "other-objects", "old-objects", "other-issuer", "other-issuer-deleted")
    issuers = {name: Rehearsal(account, operator.keys / f"{name}.key", f"irsa-{name}") for name in names}
    for issuer in issuers.values():
        issuer.run()
    s3 = account.s3
    # Two roles trust our provider, and one a provider that only looks like ours.
    account.trust(issuers["trusted"].arn, "app", aud="sts.amazonaws.com")
    account.trust(issuers["trusted"].arn, "batch")
    account.trust(f"{issuers['trusted'].arn}/other", "other")
    s3.put_object(Bucket="irsa-other-objects", Key="notes.txt", Body=b"mine")
    # The list of objects is empty of it, the list of versions is not.
    s3.put_bucket_versioning(Bucket="irsa-old-objects", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="irsa-old-objects", Key="old.txt", Body=b"mine")
    s3.delete_object(Bucket="irsa-old-objects", Key="old.txt")
    for name in ("irsa-other-issuer", "irsa-other-issuer-deleted"):
        s3.put_object(Bucket=name, Key=DISCOVERY, Body=b'{"issuer": "https://issuer.example"}')
    hosts = {name: {**issuer.variables, **EVERYTHING} for name, issuer in issuers.items()}
    hosts["other-issuer"]["irsa_issuer_delete_bucket"] = False
    providers, files = account.providers(), sorted(operator.key_files())

    run = operator.teardown(hosts=hosts)

    assert run.failures.keys() == set(names)
    assert "arn:aws:iam::123456789012:role/app" in run.failures["trusted"]
    assert "arn:aws:iam::123456789012:role/batch" in run.failures["trusted"]
    assert "role/other" not in run.failures["trusted"]
    assert "irsa_issuer_ignore_role_trust" in run.failures["trusted"]
    assert "notes.txt" in run.failures["other-objects"]
    assert "old.txt" in run.failures["old-objects"]
    for name in ("other-issuer", "other-issuer-deleted"):
        assert "https://issuer.example" in run.failures[name]
        assert "irsa_issuer_overwrite" in run.failures[name]
    assert run.writes == []
    assert account.providers() == providers
    assert sorted(operator.key_files()) == files


def test_roles_that_trust_everyone_stop_a_teardown(operator: Operator, account: Account) -> None:
    issuer = Rehearsal(account, operator.key, "irsa-everyone")
    issuer.run()
    for name, action in (("web", "sts:AssumeRoleWithWebIdentity"), ("keys", "sts:AssumeRole")):
        statement = {"Effect": "Allow", "Principal": "*", "Action": action}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)

    run = operator.teardown(variables=issuer.variables)

    assert "arn:aws:iam::123456789012:role/web" in run.failure
    assert "role/keys" not in run.failure
    assert run.writes == []


@dataclass
class Story:
    """One issuer whose bucket and key are kept, and one of which nothing is; three runs."""

    account: Account
    operator: Operator
    kept: Rehearsal
    gone: Rehearsal
    check: Run
    run: Run
    again: Run


@pytest.fixture(scope="module")
def story(new_operator: Callable[[], Operator], running: Sandbox) -> Story:
    operator, account = new_operator(), Account(running)
    kept = Rehearsal(account, operator.keys / "kept.key", "irsa-kept", tags={"team": "platform"})
    gone = Rehearsal(account, operator.keys / "gone.key", "irsa-gone")
    kept.run()
    account.s3.put_object(Bucket=kept.name, Key="notes.txt", Body=b"mine")
    account.trust(kept.arn)
    # Of a bucket that keeps versions every version of the documents has to go.
    account.make_bucket(gone.name)
    account.s3.put_bucket_versioning(Bucket=gone.name, VersioningConfiguration={"Status": "Enabled"})
    gone.run()
    for key in ("keys.json", DISCOVERY):
        account.s3.delete_object(Bucket=gone.name, Key=key)
    gone.run()
    hosts = {
        "kept": {**kept.variables, "irsa_issuer_ignore_role_trust": True},
        "gone": {**gone.variables, **EVERYTHING},
    }
    runs = [operator.teardown(*arguments, hosts=hosts).ok() for arguments in (["--check", "--diff"], ["--diff"], [])]
    return Story(account, operator, kept, gone, *runs)


class TestTeardown:
    def test_check_mode_lists_what_teardown_removes_and_removes_nothing(self, story: Story) -> None:
        assert story.check.writes == []
        assert {host: result["actions"] for host, result in story.check.results.items()} == {
            host: result["actions"] for host, result in story.run.results.items()
        }

    def test_teardown_removes_in_the_safe_order(self, story: Story) -> None:
        assert story.run.results["kept"]["actions"] == [
            "iam:DeleteOpenIDConnectProvider",
            "s3:DeleteObject",
            "s3:DeleteObject",
        ]
        assert story.run.results["gone"]["actions"] == [
            "iam:DeleteOpenIDConnectProvider",
            "s3:DeleteObjects",
            "s3:DeleteBucket",
            "file:RemovePublicKey",
            "file:RemoveOpensshPublicKey",
            "file:RemovePrivateKey",
        ]

    def test_actions_of_teardown_equal_its_writes(self, story: Story) -> None:
        assert story.run.writes_to("irsa-kept") == ["s3:DeleteObject", "s3:DeleteObject"]
        assert story.run.writes_to("irsa-gone") == ["s3:DeleteObjects", "s3:DeleteBucket"]
        assert story.run.writes.count("iam:DeleteOpenIDConnectProvider") == 2
        assert len(story.run.writes) == 6
        # The discovery document goes first, so that it never names a JWKS that is gone.
        removed = [call["key"] for call in story.run.calls if call["operation"] == "DeleteObject"]
        assert removed == [DISCOVERY, "keys.json"]

    def test_diff_of_teardown_shows_what_is_removed(self, story: Story) -> None:
        for run in (story.check, story.run):
            assert f"--- before: provider {story.kept.arn} (provider)" in run.output
            assert f"--- before: s3://irsa-kept/{DISCOVERY} (document)" in run.output
            assert "--- before: bucket irsa-gone (bucket)" in run.output

    def test_teardown_keeps_bucket_and_key_unless_told_otherwise(self, story: Story) -> None:
        assert story.account.buckets() == ["irsa-kept"]
        listed = story.account.s3.list_objects_v2(Bucket="irsa-kept")["Contents"]
        assert [entry["Key"] for entry in listed] == ["notes.txt"]
        assert {path.name for path in story.operator.key_files()} == {"kept.key", "kept.key.pub", "kept-pkcs8.pub"}

    def test_teardown_leaves_no_provider(self, story: Story) -> None:
        assert story.account.providers() == []

    def test_second_teardown_changes_nothing(self, story: Story) -> None:
        assert story.again.changed == {"kept": 0, "gone": 0}
        assert story.again.calls
        assert story.again.writes == []
        assert [result["actions"] for result in story.again.results.values()] == [[], []]
