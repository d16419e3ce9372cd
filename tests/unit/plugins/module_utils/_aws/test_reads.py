# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that are started early: each answer is returned once, and a write makes it out of date."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import reconcile
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION

BUCKET = "irsa-prod"
ADDRESS = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
GET_POLICY, TAGS = "s3:GetBucketPolicy", "s3:GetBucketTagging"


class Client:
    """A client whose one operation answers with the number of the call."""

    def __init__(self, wait=lambda: None):
        self.calls = []
        self.wait = wait

    def get_bucket_location(self, **params):
        self.wait()
        self.calls.append(params)
        return {"call": len(self.calls), **params}


def read(client: Client, aws: Aws | None = None, **params):
    return (aws or Aws(ReadyClients({"s3": client}))).read("s3", "GetBucketLocation", "a bucket", **params)


class TestRead:
    def test_each_answer_of_a_read_is_returned_once(self):
        client = Client()
        handle = read(client, Key="a").start()
        assert [handle.result(), handle.result()] == [{"call": 1, "Key": "a"}, {"call": 2, "Key": "a"}]

    def test_a_started_read_is_not_started_again(self):
        client = Client()
        assert read(client, Key="a").start().start().result() == {"call": 1, "Key": "a"}
        assert len(client.calls) == 1

    def test_a_read_returns_its_result_without_being_started(self):
        assert read(Client(), Key="a").result() == {"call": 1, "Key": "a"}

    def test_a_read_can_be_started_again_after_its_result(self):
        handle = read(Client(), Key="a")
        assert [handle.start().result()["call"] for number in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize(
        "other",
        [{"Key": "b"}, {"Key": "a", "Bucket": "b"}, {}, {"Key": "A"}, {"Tagging": {"TagSet": [{"Key": "a"}]}}],
        ids=["value", "more", "none", "case", "nested parameters"],
    )
    def test_a_read_never_returns_another_reads_answer(self, other):
        aws = Aws(ReadyClients({"s3": Client()}))
        first, second = read(Client(), aws, Key="a").start(), read(Client(), aws, **other).start()
        assert {name: value for name, value in second.result().items() if name != "call"} == other
        assert first.result()["Key"] == "a"

    def test_started_reads_run_at_the_same_time(self):
        # Each waits for the other, so that calls one after the other would never end.
        client = Client(wait=threading.Barrier(2, timeout=60).wait)
        aws = Aws(ReadyClients({"s3": client}))
        handles = [read(client, aws, Key=key).start() for key in "ab"]
        assert sorted(handle.result()["Key"] for handle in handles) == ["a", "b"]

    def test_a_write_makes_started_reads_start_again(self):
        written = []
        client = Client()
        client.get_bucket_location = lambda **params: {"written": bool(written)}
        aws = Aws(ReadyClients({"s3": client}))
        handles = [read(client, aws, Key=key).start() for key in "ab"]
        aws.before_writes()
        written.append(True)
        assert [handle.result() for handle in handles] == [{"written": True}] * 2


class OneWrite:
    """A resource with one write to make."""

    change = ApiCall(
        service="s3", operation="DeleteBucketPolicy", params=ADDRESS, target=f"bucket {BUCKET}", part="policy"
    )

    def __init__(self):
        self.warnings: list[str] = []

    def plan(self):
        return [self.change]

    def after_write(self, change, answer):
        """Keep nothing."""

    def before_write(self, change):
        return change

    def recheck(self, made):
        return []


class TestStartedReads:
    @pytest.fixture
    def s3(self, fake_aws):
        other = fake_aws.quietly("s3")
        other.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        other.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
        return other

    @pytest.fixture
    def policy(self, aws):
        """The read of the bucket's policy."""
        return aws.read("s3", "GetBucketPolicy", "the bucket", absent_codes=("NoSuchBucketPolicy",), **ADDRESS)

    def test_a_started_read_makes_one_call(self, fake_aws, aws, s3, policy):
        policy.start()
        assert "Statement" in policy.result()["Policy"]
        assert fake_aws.calls == [GET_POLICY]
        assert aws.permissions == {"s3:GetBucketPolicy"}

    def test_a_started_read_fails_at_its_result(self, fake_aws, aws, s3, policy):
        fake_aws.fail(GET_POLICY, "AccessDenied", 403)
        policy.start()
        with pytest.raises(CallFailed, match="s3:GetBucketPolicy on the bucket failed: AccessDenied") as caught:
            policy.result()
        assert caught.value.denied

    def test_a_started_read_of_an_absent_target_is_none(self, fake_aws, aws, s3, policy):
        s3.delete_bucket_policy(Bucket=BUCKET)
        policy.start()
        assert policy.result() is None

    def test_a_started_read_is_retried(self, fake_aws, aws, s3, policy):
        fake_aws.fail(GET_POLICY, "ConcurrentModification", 409)
        policy.start()
        assert policy.result() is not None
        assert fake_aws.calls == [GET_POLICY, GET_POLICY]

    def test_the_failure_of_an_unused_read_is_ignored(self, fake_aws, aws, s3, policy):
        fake_aws.fail(TAGS, "AccessDenied", 403)
        aws.read("s3", "GetBucketTagging", "the bucket", **ADDRESS).start()
        assert policy.result() is not None
        assert "s3:GetBucketTagging" not in aws.permissions

    def test_reconciling_makes_started_reads_start_again(self, fake_aws, aws, s3, policy):
        policy.start()
        reconcile(OneWrite(), aws, Ledger(check_mode=False))
        assert policy.result() is None
        assert fake_aws.writes == ["s3:DeleteBucketPolicy"]

    def test_a_new_plan_makes_started_reads_start_again(self, fake_aws, aws, s3, policy):
        class Contested(OneWrite):
            def plan(self):
                policy.start()
                return super().plan()

        fake_aws.fail("s3:DeleteBucketPolicy", "OperationAborted", 409)
        reconcile(Contested(), aws, Ledger(check_mode=False))
        assert policy.result() is None

    def test_check_mode_keeps_started_reads(self, fake_aws, aws, s3, policy):
        policy.start()
        reconcile(OneWrite(), aws, Ledger(check_mode=True))
        policy.result()
        assert fake_aws.calls == [GET_POLICY]
