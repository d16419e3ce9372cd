# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bucket: made, repaired setting by setting, shared, or deleted; and what stops it before anything is done."""

from __future__ import annotations

import json
import typing as t

import boto3
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import (
    bucket_absent,
    bucket_base,
    bucket_present,
    issuer_objects,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import (
    ACCOUNT,
    REGION,
    FakeAws,
    policy_of,
    refusal,
)

NAME = "irsa-prod"
OPEN = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
CLOSED = dict.fromkeys(OPEN, True)
DOCUMENTS = ["keys.json", ".well-known/openid-configuration"]
THEIRS = {
    "Sid": "Theirs",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": f"arn:aws:s3:::{NAME}/*",
}

CREATE, BLOCK, POLICY = "s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"
TAG, UNTAG, ENCRYPT = "s3:PutBucketTagging", "s3:DeleteBucketTagging", "s3:PutBucketEncryption"
VERSION, OWNERSHIP = "s3:PutBucketVersioning", "s3:PutBucketOwnershipControls"


def spec(**given) -> BucketSpec:
    return BucketSpec(name=NAME, **given)


def ensure(fake_aws, check_mode=False, **given):
    return bucket_present.ensure_present(Aws(fake_aws.clients), spec(**given), check_mode)


def assert_same_in_check_mode(fake_aws, **given):
    """Run in check mode, then for real, then again: planned, done, nothing left to do."""
    planned = ensure(fake_aws, check_mode=True, **given)
    assert fake_aws.writes == []
    done = ensure(fake_aws, **given)
    assert planned.actions == done.actions == fake_aws.writes
    assert planned.values == done.values
    assert planned.diff == done.diff
    assert planned.permissions == done.permissions
    fake_aws.calls.clear()
    again = ensure(fake_aws, **given)
    assert (again.actions, fake_aws.writes) == ([], [])
    assert {**again.values, "created": None} == {**done.values, "created": None}
    return done


@pytest.fixture
def s3(fake_aws):
    """A client of others."""
    return fake_aws.quietly("s3")


@pytest.fixture
def made(fake_aws):
    """A bucket as the collection creates it."""
    ensure(fake_aws)
    fake_aws.calls.clear()
    fake_aws.params.clear()


class TestCreation:
    def test_bucket_creation_takes_three_writes(self, fake_aws, s3):
        done = assert_same_in_check_mode(fake_aws)
        assert done.actions == [CREATE, BLOCK, POLICY]
        assert done.values == {
            "name": NAME,
            "region": REGION,
            "arn": f"arn:aws:s3:::{NAME}",
            "host": f"{NAME}.s3.{REGION}.amazonaws.com",
            "account_id": ACCOUNT,
            "created": True,
        }
        assert s3.get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"] == OPEN
        assert s3.get_bucket_location(Bucket=NAME)["LocationConstraint"] == REGION
        (statement,) = policy_of(fake_aws, NAME)["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Allow", "*", "s3:GetObject")
        assert sorted(statement["Resource"]) == sorted(f"arn:aws:s3:::{NAME}/{key}" for key in DOCUMENTS)

    def test_bucket_creation_turns_acls_off(self, fake_aws):
        ensure(fake_aws)
        (params,) = fake_aws.params_of(CREATE)
        assert params == {
            "Bucket": NAME,
            "ObjectOwnership": "BucketOwnerEnforced",
            "CreateBucketConfiguration": {"LocationConstraint": REGION},
        }

    def test_bucket_creation_names_no_location_in_us_east_1(self, pauses):
        fake = FakeAws("us-east-1")
        try:
            done = ensure(fake)
            assert "CreateBucketConfiguration" not in fake.params_of(CREATE)[0]
            assert (done.values["region"], done.values["host"]) == ("us-east-1", f"{NAME}.s3.us-east-1.amazonaws.com")
        finally:
            fake.stop()

    def test_bucket_creation_sets_tags(self, fake_aws, s3):
        done = assert_same_in_check_mode(fake_aws, tags={"team": "platform"})
        assert done.actions == [CREATE, BLOCK, POLICY]
        assert s3.get_bucket_tagging(Bucket=NAME)["TagSet"] == [{"Key": "team", "Value": "platform"}]
        assert "s3:TagResource" in done.permissions

    def test_bucket_creation_sets_the_other_options(self, fake_aws, s3):
        done = assert_same_in_check_mode(
            fake_aws, versioning=True, encryption="AES256", object_ownership="BucketOwnerPreferred"
        )
        assert done.actions == [CREATE, BLOCK, POLICY, VERSION]
        assert s3.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
        assert fake_aws.params_of(CREATE)[0]["ObjectOwnership"] == "BucketOwnerPreferred"

    def test_bucket_creation_makes_the_paths_of_many_clusters_public(self, fake_aws):
        ensure(fake_aws, public_paths=["*/keys.json"])
        assert policy_of(fake_aws, NAME)["Statement"][0]["Resource"] == [f"arn:aws:s3:::{NAME}/*/keys.json"]

    def test_bucket_creation_lists_every_permission(self, fake_aws):
        assert ensure(fake_aws, check_mode=True).permissions == sorted(
            [
                "s3:ListBucket",
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:GetAccountPublicAccessBlock",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketPolicy",
                "s3:GetBucketPolicy",
            ]
        )

    def test_bucket_creation_shows_a_diff(self, fake_aws):
        creation, block, policy = ensure(fake_aws, check_mode=True).diff
        assert creation["before"] == "" and NAME in creation["after"]
        assert json.loads(block["before"]) == CLOSED and json.loads(block["after"]) == OPEN
        assert policy["before"] == "" and json.loads(policy["after"])["Statement"]

    def test_bucket_creation_requests_the_account_regional_namespace(self, fake_aws):
        name = f"irsa-{ACCOUNT}-{REGION}-an"
        members = fake_aws.clients["s3"].meta.service_model.operation_model("CreateBucket").input_shape.members
        request = BucketSpec(name=name, namespace="account-regional")
        if "BucketNamespace" in members:
            bucket_present.ensure_present(Aws(fake_aws.clients), request, False)
            assert fake_aws.params_of(CREATE)[0]["BucketNamespace"] == "account-regional"
        else:
            with pytest.raises(IrsaError, match=r"botocore 1\.42\.70"):
                bucket_present.ensure_present(Aws(fake_aws.clients), request, False)

    def test_a_botocore_without_namespaces_is_named(self, fake_aws, monkeypatch):
        class Older:
            members: t.ClassVar = {"CreateBucketConfiguration": None}

        monkeypatch.setattr(bucket_present.PresentBucket, "_create_input", lambda resource: Older)
        with pytest.raises(IrsaError, match=r"namespace needs botocore 1\.42\.70"):
            bucket_present.ensure_present(
                Aws(fake_aws.clients),
                BucketSpec(name=f"irsa-{ACCOUNT}-{REGION}-an", namespace="account-regional"),
                True,
            )

    @pytest.mark.parametrize(("name", "is_warned_of"), [("oidc.example.com", True), (NAME, False)])
    def test_a_bucket_with_dots_is_created_with_a_warning(self, fake_aws, name, is_warned_of):
        done = bucket_present.ensure_present(Aws(fake_aws.clients), BucketSpec(name=name), check_mode=True)
        assert done.actions == [CREATE, BLOCK, POLICY]
        assert [f"The bucket name '{name}' has a dot" in warning for warning in done.warnings] == [True] * is_warned_of


class TestRepair:
    @pytest.mark.parametrize(
        ("drift", "given", "actions"),
        [
            (lambda s3: s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=CLOSED), {}, [BLOCK]),
            (lambda s3: s3.delete_public_access_block(Bucket=NAME), {}, [BLOCK]),
            (lambda s3: s3.delete_bucket_policy(Bucket=NAME), {}, [POLICY]),
            (
                lambda s3: s3.put_bucket_policy(
                    Bucket=NAME, Policy=json.dumps({"Version": "2012-10-17", "Statement": [THEIRS]})
                ),
                {},
                [POLICY],
            ),
            (lambda s3: None, {"tags": {"team": "platform"}}, [TAG]),
            (lambda s3: None, {"versioning": True}, [VERSION]),
            (
                lambda s3: s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"}),
                {"versioning": False},
                [VERSION],
            ),
            (lambda s3: s3.delete_bucket_encryption(Bucket=NAME), {"encryption": "AES256"}, [ENCRYPT]),
            (lambda s3: None, {"object_ownership": "ObjectWriter"}, [OWNERSHIP]),
            (
                lambda s3: s3.delete_bucket_ownership_controls(Bucket=NAME),
                {"object_ownership": "BucketOwnerEnforced"},
                [OWNERSHIP],
            ),
            (
                lambda s3: (
                    s3.delete_bucket_policy(Bucket=NAME),
                    s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=CLOSED),
                ),
                {"tags": {"a": "b"}, "versioning": True},
                [BLOCK, POLICY, TAG, VERSION],
            ),
        ],
        ids=[
            "block closed",
            "block gone",
            "policy gone",
            "statement gone",
            "tags",
            "versioning on",
            "versioning off",
            "encryption",
            "ownership",
            "no ownership",
            "several",
        ],
    )
    def test_bucket_repair_writes_only_what_differs(self, fake_aws, s3, made, drift, given, actions):
        drift(s3)
        done = assert_same_in_check_mode(fake_aws, **given)
        assert done.actions == actions
        assert (done.values["created"], len(done.diff)) == (False, len(actions))
        assert all(entry["before"] != entry["after"] for entry in done.diff)

    def test_bucket_repair_reads_only_managed_settings(self, fake_aws, made):
        ensure(fake_aws)
        assert sorted(fake_aws.calls) == [
            "s3:GetBucketPolicy",
            "s3:GetPublicAccessBlock",
            "s3:HeadBucket",
            "sts:GetCallerIdentity",
        ]

    def test_a_given_bucket_account_is_not_looked_up(self, fake_aws, made):
        ensure(fake_aws, account_id=ACCOUNT)
        assert "sts:GetCallerIdentity" not in fake_aws.calls

    def test_every_call_names_the_bucket_owner(self, fake_aws, s3, made):
        s3.delete_bucket_policy(Bucket=NAME)
        ensure(fake_aws, tags={"a": "b"}, versioning=True, encryption="AES256", object_ownership="ObjectWriter")
        for call, params in fake_aws.params:
            if call.startswith("s3:"):
                assert params["ExpectedBucketOwner"] == ACCOUNT, call

    def test_bucket_repair_keeps_other_policy_statements(self, fake_aws, s3, made):
        policy = policy_of(fake_aws, NAME)
        s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps({**policy, "Id": "kept", "Statement": [THEIRS]}))
        ensure(fake_aws)
        after = policy_of(fake_aws, NAME)
        assert after["Id"] == "kept" and after["Statement"][0] == THEIRS and len(after["Statement"]) == 2

    def test_bucket_repair_keeps_other_tags_without_purge_tags(self, fake_aws, s3, made):
        def tags():
            return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=NAME)["TagSet"]}

        s3.put_bucket_tagging(
            Bucket=NAME, Tagging={"TagSet": [{"Key": "theirs", "Value": "x"}, {"Key": "team", "Value": "old"}]}
        )
        ensure(fake_aws, tags={"team": "platform"})
        assert tags() == {"theirs": "x", "team": "platform"}
        assert ensure(fake_aws, tags={"team": "platform"}, purge_tags=True).actions == [TAG]
        assert tags() == {"team": "platform"}
        assert ensure(fake_aws, tags={}, purge_tags=True).actions == [UNTAG]

    def test_tags_that_are_no_text_are_set_once(self, fake_aws, made):
        assert ensure(fake_aws, tags={"number": 5, "flag": True}).actions == [TAG]
        assert ensure(fake_aws, tags={"number": 5, "flag": True}).actions == []

    def test_more_tags_than_fit_beside_those_of_others_are_refused(self, fake_aws, s3, made):
        theirs = [{"Key": f"theirs-{number}", "Value": "x"} for number in range(49)]
        s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": theirs})
        message = refusal(fake_aws, ensure, tags={"a": "1", "b": "2"})
        assert f"bucket {NAME} would have 51 tags" in message and "at most 50" in message
        assert ensure(fake_aws, tags={"a": "1", "theirs-0": "y"}).actions == [TAG]
        assert ensure(fake_aws, tags={"a": "1", "b": "2"}, purge_tags=True).actions == [TAG]

    def test_tags_of_aws_itself_are_kept(self, fake_aws, made, monkeypatch):
        own = {"aws:cloudformation:stack-name": "network", "theirs": "x"}
        real = bucket_present.PresentBucket.current
        monkeypatch.setattr(bucket_present.PresentBucket, "current", lambda bucket: {**real(bucket), "tags": own})
        done = ensure(fake_aws, check_mode=True, tags={"team": "platform"}, purge_tags=True)
        assert json.loads(done.diff[0]["after"]) == {"aws:cloudformation:stack-name": "network", "team": "platform"}


class TestSharedBucket:
    def test_paths_of_another_cluster_stay_public(self, fake_aws, made):
        ensure(fake_aws, public_paths=["a/keys.json"])
        ensure(fake_aws, public_paths=["b/keys.json"])
        resources = policy_of(fake_aws, NAME)["Statement"][0]["Resource"]
        assert {f"arn:aws:s3:::{NAME}/{key}" for key in ("a/keys.json", "b/keys.json", *DOCUMENTS)} == set(resources)
        ensure(fake_aws, public_paths=["b/keys.json"], purge_public_paths=True)
        assert policy_of(fake_aws, NAME)["Statement"][0]["Resource"] == [f"arn:aws:s3:::{NAME}/b/keys.json"]

    def test_a_bucket_created_by_a_concurrent_run_is_adopted(self, fake_aws, s3):
        fake_aws.before(
            CREATE, lambda: s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        )
        done = ensure(fake_aws)
        assert (done.actions, done.values["created"]) == ([BLOCK, POLICY], False)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"encryption": "aws:kms"}, "it must be AES256"),
            ({"public_paths": []}, "public_paths is empty"),
            ({"public_paths": ["keys.json", "*"]}, "'*' opens objects of any name"),
            ({"account_id": "nonsense"}, "twelve digits"),
            ({"namespace": "account-regional"}, "<prefix>-<account ID>-<region>-an"),
            ({"tags": {"aws:mine": "1"}}, "the tag 'aws:mine' begins with aws:"),
            ({"tags": {1: "a", "1": "b"}}, "the tag '1' is there twice"),
        ],
        ids=["encryption", "no paths", "all paths", "account", "namespace", "reserved tag", "the same tag twice"],
    )
    def test_invalid_bucket_options_are_refused_before_any_call(self, fake_aws, given, reason):
        assert reason in refusal(fake_aws, ensure, **given)
        assert [call for call in fake_aws.calls if call.startswith("s3:")] == []

    def test_a_bucket_of_another_account_is_refused(self, fake_aws):
        fake_aws.fail("s3:HeadBucket", "403", 403, message="Forbidden")
        message = refusal(fake_aws, ensure)
        assert (
            "does not belong to account" in message and "s3:ListBucket" in message and "choose another name" in message
        )

    def test_a_bucket_in_another_region_is_refused(self, fake_aws):
        elsewhere = boto3.client("s3", region_name="us-west-2")
        elsewhere.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        assert "is in us-west-2, not in eu-west-1" in refusal(fake_aws, ensure)

    def test_a_bucket_in_another_region_that_redirects_is_refused(self, fake_aws):
        fake_aws.fail("s3:HeadBucket", "301", 301, message="Moved Permanently")
        assert "in a region other than eu-west-1" in refusal(fake_aws, ensure)

    def test_a_bucket_is_not_created_with_credentials_of_another_account(self, fake_aws):
        message = refusal(fake_aws, ensure, account_id="999999999999")
        assert "999999999999" in message and ACCOUNT in message

    @pytest.mark.parametrize("setting", ["BlockPublicPolicy", "RestrictPublicBuckets"])
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_an_account_that_blocks_public_buckets_is_refused(self, fake_aws, setting, check_mode):
        fake_aws.quietly("s3control").put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration={**dict.fromkeys(OPEN, False), setting: True}
        )
        message = refusal(fake_aws, ensure, check_mode)
        assert ACCOUNT in message and setting in message and "Nothing was created" in message

    def test_an_account_block_is_found_before_a_bucket_is_made_public(self, fake_aws, s3, made):
        s3.delete_bucket_policy(Bucket=NAME)
        fake_aws.quietly("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=CLOSED)
        assert "at account level" in refusal(fake_aws, ensure)

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_a_statement_of_others_with_our_sid_is_left_alone(self, fake_aws, s3, made, check_mode):
        theirs = {**THEIRS, "Sid": "SelfhostedIrsaPublicDocuments"}
        policy = {"Version": "2012-10-17", "Statement": [theirs]}
        s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(policy))
        message = refusal(fake_aws, ensure, check_mode)
        assert message.startswith(f"The policy of bucket {NAME} is left alone: its statement Selfhosted")
        assert "another Sid" in message and '"Effect":"Deny"' in message
        assert policy_of(fake_aws, NAME) == policy

    def test_an_account_that_blocks_only_acls_is_accepted(self, fake_aws):
        fake_aws.quietly("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=OPEN)
        assert ensure(fake_aws).actions == [CREATE, BLOCK, POLICY]

    def test_a_denied_look_at_the_account_block_is_a_warning(self, fake_aws):
        fake_aws.fail("s3control:GetPublicAccessBlock", "AccessDenied", 403)
        done = ensure(fake_aws)
        assert done.actions == [CREATE, BLOCK, POLICY]
        assert len(done.warnings) == 1 and "s3:GetAccountPublicAccessBlock" in done.warnings[0]


class TestFaults:
    def test_a_bucket_policy_that_cannot_be_read_stops_the_run(self, fake_aws, s3, made):
        with fake_aws.altered("s3:GetBucketPolicy", Policy='{"Statement": ["Allow"]}'):
            message = refusal(fake_aws, ensure)
        assert message.startswith(f"The policy of bucket {NAME} cannot be read: it is not ")

    @pytest.mark.parametrize(
        "policy", ["<html>", "", '{"Statement": [', "[" * 50_000, "[]", "null", "{}"], ids=range(7)
    )
    def test_what_is_no_policy_is_no_answer_of_aws(self, fake_aws, s3, made, policy):
        with fake_aws.altered("s3:GetBucketPolicy", Policy=policy):
            message = refusal(fake_aws, ensure)
        assert message.startswith(f"s3:GetBucketPolicy on bucket {NAME} got an answer that is not one of an AWS API, ")
        assert "delete" not in message

    GIVEN: t.ClassVar = {
        "tags": {"team": "platform"},
        "versioning": True,
        "encryption": "AES256",
        "object_ownership": "ObjectWriter",
    }
    WRITES = (CREATE, BLOCK, POLICY, VERSION)

    @pytest.mark.parametrize("broken", range(len(WRITES)), ids=WRITES)
    def test_the_next_run_completes_a_bucket_after_a_denied_write(self, fake_aws, s3, broken):
        fake_aws.fail(self.WRITES[broken], "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            ensure(fake_aws, **self.GIVEN)
        assert caught.value.details["call"] == self.WRITES[broken]
        assert set(caught.value.details["missing_permissions"]) >= {
            {BLOCK: "s3:PutBucketPublicAccessBlock"}.get(self.WRITES[broken], self.WRITES[broken])
        }
        assert fake_aws.writes == list(self.WRITES[: broken + 1])
        fake_aws.calls.clear()
        done = ensure(fake_aws, **self.GIVEN)
        assert done.actions == list(self.WRITES[broken:])
        assert ensure(fake_aws, **self.GIVEN).actions == []

    def test_a_new_bucket_is_waited_for(self, fake_aws, pauses):
        fake_aws.fail(BLOCK, "NoSuchBucket", 404, times=2)
        assert ensure(fake_aws).actions == [CREATE, BLOCK, POLICY]
        assert pauses

    def test_concurrent_writes_to_a_bucket_do_not_fail_the_run(self, fake_aws, pauses):
        fake_aws.fail(POLICY, "OperationAborted", 409)
        done = ensure(fake_aws)
        assert done.actions == [CREATE, BLOCK, POLICY]
        assert 0 < pauses[0] <= 0.4


class TestOtherStores:
    """A store of one's own, which lacks what AWS's own defaults are."""

    @pytest.fixture
    def store(self, fake_aws, monkeypatch):
        real = bucket_base.endpoint_of

        def of_ones_own(client):
            return real(client)._replace(is_aws=False, url="https://s3.rgw.example")

        monkeypatch.setattr(bucket_base, "endpoint_of", of_ones_own)
        return fake_aws

    @pytest.fixture
    def plain_bucket(self, s3):
        s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})

    def test_other_stores_are_not_asked_for_an_account_block(self, store):
        done = ensure(store)
        assert "s3control:GetPublicAccessBlock" not in store.calls
        assert done.values["host"] == f"{NAME}.s3.rgw.example"
        assert store.params_of(CREATE)[0]["CreateBucketConfiguration"] == {"LocationConstraint": REGION}

    def test_other_stores_may_lack_the_access_block(self, store, plain_bucket):
        store.fail("s3:GetPublicAccessBlock", "NotImplemented", 501)
        done = ensure(store)
        assert done.actions == [POLICY]
        assert any("s3:GetPublicAccessBlock" in warning for warning in done.warnings)

    def test_other_stores_may_lack_the_access_block_of_a_new_bucket(self, store, s3):
        store.fail(BLOCK, "NotImplemented", 501)
        store.before(POLICY, lambda: s3.delete_public_access_block(Bucket=NAME))
        done = ensure(store)
        assert done.actions == [CREATE, POLICY]
        assert any(BLOCK in warning for warning in done.warnings)

    def test_other_stores_must_support_requested_options(self, store, plain_bucket):
        store.fail("s3:GetBucketOwnershipControls", "NotImplemented", 501)
        with pytest.raises(CallFailed):
            ensure(store, object_ownership="BucketOwnerEnforced")

    def test_other_stores_get_tags_by_a_separate_call(self, store):
        done = ensure(store, tags={"team": "platform"})
        assert TAG in done.actions


class TestAbsent:
    def remove(self, fake_aws, check_mode=False, **given):
        return bucket_absent.ensure_absent(Aws(fake_aws.clients), spec(**given), check_mode)

    def test_bucket_removal_deletes_the_bucket_with_its_documents(self, fake_aws, s3, made):
        self.put_documents(s3)
        planned = self.remove(fake_aws, check_mode=True)
        assert fake_aws.writes == []
        done = self.remove(fake_aws)
        assert planned.actions == done.actions == fake_aws.writes == ["s3:DeleteObjects", "s3:DeleteBucket"]
        assert s3.list_buckets()["Buckets"] == []
        assert done.values["name"] == NAME

    def test_bucket_removal_deletes_every_version_and_delete_marker(self, fake_aws, s3, made):
        s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2", b"3"):
            s3.put_object(Bucket=NAME, Key="keys.json", Body=body)
        s3.delete_object(Bucket=NAME, Key="keys.json")
        self.remove(fake_aws)
        assert len(fake_aws.params_of("s3:DeleteObjects")[0]["Delete"]["Objects"]) == 4
        assert s3.list_buckets()["Buckets"] == []

    def test_bucket_removal_deletes_thousands_of_objects_in_batches(self, fake_aws, made, monkeypatch):
        versions = [{"Key": "keys.json", "VersionId": str(number)} for number in range(2001)]
        monkeypatch.setattr(bucket_absent.AbsentBucket, "_objects", lambda resource: (versions, []))
        assert self.remove(fake_aws, check_mode=True).actions == ["s3:DeleteObjects"] * 3 + ["s3:DeleteBucket"]

    @pytest.mark.parametrize("key", ["sa-signer.key", "prod/keys.json", "keys.json.bak", ".well-known/other"])
    def test_bucket_removal_refuses_a_bucket_with_other_objects(self, fake_aws, s3, made, key):
        self.put_documents(s3)
        s3.put_object(Bucket=NAME, Key=key, Body=b"x")
        for check_mode in (True, False):
            with pytest.raises(IrsaError) as caught:
                self.remove(fake_aws, check_mode)
            assert key in str(caught.value) and caught.value.details["foreign_objects"] == [key]
        assert fake_aws.writes == []

    def test_bucket_removal_lists_only_some_of_many_objects(self, fake_aws, s3, made):
        for number in range(15):
            s3.put_object(Bucket=NAME, Key=f"object-{number:02}", Body=b"x")
        with pytest.raises(IrsaError) as caught:
            self.remove(fake_aws)
        assert "'object-09' and 5 more" in str(caught.value) and "object-10" not in str(caught.value)

    PATTERNS = ("*/keys.json", "*/.well-known/openid-configuration")

    @staticmethod
    def put_documents(s3, prefix="", **members):
        slash = f"/{prefix}" if prefix else ""
        issuer = f"https://{NAME}.s3.{REGION}.amazonaws.com{slash}"
        discovery = {"issuer": issuer, "jwks_uri": f"{issuer}/keys.json", **members}
        for name, body in ((DOCUMENTS[1], json.dumps(discovery).encode()), (DOCUMENTS[0], b"x")):
            s3.put_object(Bucket=NAME, Key=f"{slash}/{name}"[1:], Body=body)

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_bucket_removal_keeps_a_jwks_of_unknown_origin(self, fake_aws, s3, made, check_mode):
        s3.put_object(Bucket=NAME, Key="keys.json", Body=b'{"keys": []}')
        message = refusal(fake_aws, self.remove, check_mode)
        assert "No discovery document beside 'keys.json' says that an issuer is at that address" in message

    def test_bucket_removal_keeps_documents_of_an_issuer_that_is_elsewhere(self, fake_aws, s3, made):
        self.put_documents(s3, issuer="https://login.example.com/auth")
        assert "'.well-known/openid-configuration', 'keys.json'" in refusal(fake_aws, self.remove)

    def test_bucket_removal_deletes_what_the_run_has_proven_to_be_its_own(self, fake_aws, s3, made):
        s3.put_object(Bucket=NAME, Key="keys.json", Body=b"x")
        assert self.remove(fake_aws, own_paths=DOCUMENTS).actions == ["s3:DeleteObjects", "s3:DeleteBucket"]

    def test_bucket_removal_deletes_documents_of_all_clusters_by_pattern(self, fake_aws, s3, made):
        self.put_documents(s3, "a")
        self.put_documents(s3, "b/c")
        assert self.remove(fake_aws, public_paths=self.PATTERNS).actions == ["s3:DeleteObjects", "s3:DeleteBucket"]

    def test_bucket_removal_keeps_objects_of_others_that_match_a_pattern(self, fake_aws, s3, made):
        self.put_documents(s3, "a")
        s3.put_object(Bucket=NAME, Key="apps/login/keys.json", Body=b"x")
        with pytest.raises(IrsaError) as caught:
            self.remove(fake_aws, public_paths=self.PATTERNS)
        assert caught.value.details["foreign_objects"] == ["apps/login/keys.json"]
        assert fake_aws.writes == []
        # What is named is to be deleted.
        paths = [*self.PATTERNS, "apps/login/keys.json"]
        assert self.remove(fake_aws, public_paths=paths).actions == ["s3:DeleteObjects", "s3:DeleteBucket"]

    def test_bucket_removal_deletes_old_versions_of_documents_by_pattern(self, fake_aws, s3, made):
        s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
        self.put_documents(s3, "a")
        for key in ("a/keys.json", "a/.well-known/openid-configuration"):
            s3.delete_object(Bucket=NAME, Key=key)
        assert self.remove(fake_aws, public_paths=self.PATTERNS).actions == ["s3:DeleteObjects", "s3:DeleteBucket"]

    def test_bucket_removal_stops_if_there_are_too_many_objects_to_look_at(self, fake_aws, s3, made, monkeypatch):
        monkeypatch.setattr(issuer_objects, "_MAX_PAGES", 0)
        message = refusal(fake_aws, self.remove, public_paths=self.PATTERNS)
        assert "too many to look at" in message and "Name the exact keys" in message

    def test_bucket_removal_reads_brackets_in_public_paths_literally(self, fake_aws, s3, made):
        """Public paths are patterns of AWS policies, which know only * and ?."""
        paths = ["docs[1]*/keys.json", "docs[1]*/.well-known/openid-configuration"]
        self.put_documents(s3, "docs[1]")
        assert json.loads(self.remove(fake_aws, check_mode=True, public_paths=paths).diff[0]["before"]) == [
            "docs[1]/.well-known/openid-configuration",
            "docs[1]/keys.json",
        ]
        s3.put_object(Bucket=NAME, Key="docs1/keys.json", Body=b"x")
        with pytest.raises(IrsaError) as caught:
            self.remove(fake_aws, public_paths=paths)
        assert caught.value.details["foreign_objects"] == ["docs1/keys.json"]

    def test_bucket_removal_does_not_take_every_object_for_a_document(self, fake_aws, s3, made):
        s3.put_object(Bucket=NAME, Key="payroll.csv", Body=b"x")
        assert "'*' opens objects of any name" in refusal(fake_aws, self.remove, public_paths=["*"])

    def test_bucket_removal_accepts_a_bucket_deleted_meanwhile(self, fake_aws, s3, made):
        fake_aws.before("s3:DeleteBucket", lambda: s3.delete_bucket(Bucket=NAME))
        assert self.remove(fake_aws).actions == []
        assert self.remove(fake_aws).actions == []

    def test_bucket_removal_names_what_could_not_be_deleted(self, fake_aws, s3, made):
        self.put_documents(s3)
        refused = [{"Key": "\x1b[2J/keys.json", "Code": "AccessDenied", "Message": "Access Denied."}]
        with fake_aws.altered("s3:DeleteObjects", Errors=refused), pytest.raises(IrsaError) as caught:
            self.remove(fake_aws)
        assert (
            rf"could not delete '\x1b[2J/keys.json' from bucket {NAME}: AccessDenied: Access Denied. The credentials"
            in str(caught.value)
        )
        assert "s3:DeleteObjectVersion" in str(caught.value)
        assert "s3:DeleteBucket" not in fake_aws.calls

    def test_bucket_removal_refuses_a_bucket_of_another_account(self, fake_aws):
        fake_aws.fail("s3:HeadBucket", "403", 403)
        with pytest.raises(IrsaError, match="does not belong to account"):
            self.remove(fake_aws)


class TestDescription:
    def describe(self, fake_aws, **given):
        return bucket_base.describe_bucket(Aws(fake_aws.clients), spec(account_id=ACCOUNT), **given)

    def test_describing_a_missing_bucket_returns_where_it_would_be(self, fake_aws):
        found = self.describe(fake_aws)
        assert (found["exists"], found["host"]) == (False, f"{NAME}.s3.{REGION}.amazonaws.com")
        assert fake_aws.calls == ["s3:HeadBucket"]

    def test_describing_and_removing_accept_bucket_names_of_any_namespace(self, fake_aws):
        request = BucketSpec(name=f"irsa-{ACCOUNT}-{REGION}-an", account_id=ACCOUNT)
        assert bucket_base.describe_bucket(Aws(fake_aws.clients), request)["exists"] is False
        assert bucket_absent.ensure_absent(Aws(fake_aws.clients), request, False).actions == []
        with pytest.raises(IrsaError, match="Set that namespace"):
            bucket_present.ensure_present(Aws(fake_aws.clients), request, False)

    def test_describing_finds_an_existing_bucket(self, fake_aws, made):
        assert self.describe(fake_aws)["exists"] is True
        assert fake_aws.calls == ["s3:HeadBucket"]

    def test_describing_refuses_a_missing_required_bucket(self, fake_aws):
        with pytest.raises(IrsaError, match="does not exist"):
            self.describe(fake_aws, required=True)

    def test_describing_refuses_a_public_bucket_as_private(self, fake_aws, s3, made):
        with pytest.raises(IrsaError, match="must not hold a private key"):
            self.describe(fake_aws, private=True)
        s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=CLOSED)
        assert self.describe(fake_aws, private=True)["exists"] is True
