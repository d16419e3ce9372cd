# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever was changed is repaired by the next run; whatever belongs to others stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import Account
from fetching import Anonymous
from oracles import kid_of, new_key
from playbooks import Operator, Run
from rehearsal import Rehearsal
from tests.sandbox import Sandbox

pytestmark = pytest.mark.any_core

BUCKET = "irsa-drift"
DISCOVERY = ".well-known/openid-configuration"
FRIEND = {
    "Sid": "Friend",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/notes.txt",
}


@dataclass
class Story:
    """An issuer with everything about it changed, and three runs: in check mode, for real, and once more."""

    issuer: Rehearsal
    account: Account
    original: dict[str, Any]
    check: Run
    repair: Run
    after: Run


@pytest.fixture(scope="module")
def story(new_operator: Callable[[], Operator], running: Sandbox) -> Story:
    operator, account = new_operator(), Account(running)
    issuer = Rehearsal(account, operator.key, BUCKET, tags={"team": "platform", "stage": "prod"})
    issuer.run()
    original = {key: account.document(BUCKET, key) for key in ("keys.json", DISCOVERY)}
    _add_what_belongs_to_others(account, issuer)
    _change_everything(account, issuer)
    operator.variables = {**issuer.variables, "irsa_issuer_purge_audiences": True}
    runs = [operator.provision(*arguments).ok() for arguments in (("--check", "--diff"), ("--diff",), ("--diff",))]
    return Story(issuer, account, original, *runs)


def _add_what_belongs_to_others(account: Account, issuer: Rehearsal) -> None:
    account.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    account.s3.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"mine")
    account.iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=issuer.arn, Tags=[{"Key": "cost-centre", "Value": "42"}]
    )


def _change_everything(account: Account, issuer: Rehearsal) -> None:
    s3, iam = account.s3, account.iam
    s3.put_public_access_block(
        Bucket=BUCKET,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [FRIEND]}))
    tags = {"team": "others", "cost-centre": "42"}
    s3.put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    )
    # The JWKS keeps its text and loses its headers; the discovery document keeps its headers and loses a field.
    body = s3.get_object(Bucket=BUCKET, Key="keys.json")["Body"].read()
    s3.put_object(Bucket=BUCKET, Key="keys.json", Body=body, ContentType="text/plain")
    discovery = account.document(BUCKET, DISCOVERY)
    del discovery["subject_types_supported"]
    s3.put_object(
        Bucket=BUCKET,
        Key=DISCOVERY,
        Body=json.dumps(discovery).encode(),
        ContentType="application/json",
        CacheControl="no-cache",
    )
    address = {"OpenIDConnectProviderArn": issuer.arn}
    iam.remove_client_id_from_open_id_connect_provider(ClientID="sts.amazonaws.com", **address)
    iam.add_client_id_to_open_id_connect_provider(ClientID="sts.others.example", **address)
    iam.tag_open_id_connect_provider(Tags=[{"Key": "team", "Value": "others"}], **address)
    iam.untag_open_id_connect_provider(TagKeys=["stage"], **address)
    issuer.key.with_name("sa-signer-pkcs8.pub").unlink()


@pytest.fixture
def look(running: Sandbox, story: Story) -> Anonymous:
    return Anonymous(running)


class TestRepair:
    def test_check_mode_plans_the_repair_and_writes_nothing(self, story: Story) -> None:
        assert story.check.writes == []
        assert story.check.actions == story.repair.actions
        assert story.repair.aws_actions == story.repair.writes

    def test_repair_takes_one_write_for_each_difference(self, story: Story) -> None:
        assert story.repair.actions == [
            "file:WritePublicKey",
            "s3:PutPublicAccessBlock",
            "s3:PutBucketPolicy",
            "s3:PutBucketTagging",
            "s3:PutObject",
            "s3:PutObject",
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            "iam:TagOpenIDConnectProvider",
        ]

    @pytest.mark.parametrize("run", ["check", "repair"])
    def test_repair_is_shown_in_the_diff(self, story: Story, run: str) -> None:
        # What differs in each diff, as a reviewer sees it: the lines that go, and those that come.
        lines = getattr(story, run).output.splitlines()
        for line in (
            '-  "RestrictPublicBuckets": true',
            '+  "RestrictPublicBuckets": false',
            '+      "Sid": "SelfhostedIrsaPublicDocuments"',
            '-  "team": "others"',
            '+  "stage": "prod",',
            "-Content-Type: text/plain",
            "+Content-Type: application/json",
            "+Cache-Control: no-cache",
            '+  "subject_types_supported": [',
            "+sts.amazonaws.com",
            "-sts.others.example",
            '+        "WritePublicKey"',
        ):
            assert line in lines

    def test_repair_restores_the_first_state(self, story: Story, look: Anonymous) -> None:
        account, issuer = story.account, story.issuer
        for key, document in story.original.items():
            fetched = look(f"{issuer.issuer}/{key}")
            assert json.loads(fetched.body) == document
            assert (fetched.headers["content-type"], fetched.headers["cache-control"]) == (
                "application/json",
                "no-cache",
            )
        assert account.provider(issuer.arn)["ClientIDList"] == ["sts.amazonaws.com"]
        assert issuer.key.with_name("sa-signer-pkcs8.pub").exists()

    def test_the_run_after_a_repair_changes_nothing(self, story: Story) -> None:
        assert story.after.changed == {"localhost": 0}
        assert story.after.actions == story.after.writes == []


class TestWhatBelongsToOthers:
    def test_policy_statements_of_others_stay(self, story: Story) -> None:
        policy = story.account.policy(BUCKET)
        assert policy is not None
        assert [statement["Sid"] for statement in policy["Statement"]] == ["Friend", "SelfhostedIrsaPublicDocuments"]
        assert policy["Statement"][0] == FRIEND

    def test_objects_of_others_and_versioning_stay(self, story: Story) -> None:
        s3 = story.account.s3
        assert s3.get_object(Bucket=BUCKET, Key="notes.txt")["Body"].read() == b"mine"
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"

    def test_tags_of_others_stay(self, story: Story) -> None:
        expected = {"team": "platform", "stage": "prod", "cost-centre": "42"}
        assert story.account.bucket_tags(BUCKET) == expected
        tags = story.account.provider(story.issuer.arn)["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == expected


def test_a_removed_audience_is_named(story: Story) -> None:
    for run in (story.check, story.repair):
        (warning,) = run.warnings
        assert "sts.others.example" in warning
        assert story.issuer.arn in warning


def test_a_missing_provider_is_created_and_a_foreign_key_stays_until_purged(
    operator: Operator, account: Account
) -> None:
    issuer = Rehearsal(account, operator.key, BUCKET)
    issuer.run()
    before = account.document(BUCKET, "keys.json")
    foreign = Rehearsal(account, operator.keys / "foreign.key", "irsa-other")
    new_key(foreign.key, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    foreign.run()
    foreign_keys = account.document("irsa-other", "keys.json")["keys"]
    both = {"keys": [*foreign_keys, *before["keys"]]}
    account.s3.put_object(Bucket=BUCKET, Key="keys.json", Body=json.dumps(both).encode())
    account.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn)
    operator.variables = {**issuer.variables, "irsa_issuer_purge_audiences": True}
    ours, theirs = kid_of(issuer.key), kid_of(foreign.key)

    kept = operator.provision("--diff").ok()
    # The JWKS had lost its headers, the discovery document did not name the foreign key's algorithm.
    assert kept.actions == kept.writes == ["s3:PutObject", "s3:PutObject", "iam:CreateOpenIDConnectProvider"]
    assert issuer.arn in account.providers()
    made = kept.drawn()[f"provider {issuer.arn} (provider)"]
    assert made["before"] == "" and json.loads(made["after"])["url"] == issuer.issuer
    (warning,) = kept.warnings
    assert theirs in warning and ours not in warning and "irsa_issuer_purge_keys" in warning
    assert kept.result["keys"] == [
        {"kid": theirs, "algorithm": "ES256", "foreign": True},
        {"kid": ours, "algorithm": "RS256", "foreign": False},
    ]
    published = account.document(BUCKET, "keys.json")["keys"]
    assert published == both["keys"]
    assert account.document(BUCKET, DISCOVERY)["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert issuer.run() == []

    purged = operator.provision(variables={"irsa_issuer_purge_keys": True}).ok()
    assert purged.actions == purged.writes == ["s3:PutObject", "s3:PutObject"]
    assert purged.warnings == []
    assert account.document(BUCKET, "keys.json") == before
    assert account.document(BUCKET, DISCOVERY)["id_token_signing_alg_values_supported"] == ["RS256"]

    unchanged = operator.provision().ok()
    assert (unchanged.changed, unchanged.writes, unchanged.warnings) == ({"localhost": 0}, [], [])
