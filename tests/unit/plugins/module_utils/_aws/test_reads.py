# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that are started early: each answer is handed out once, and none outlives a write."""

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
HEAD, GET_POLICY, TAGS = "s3:HeadBucket", "s3:GetBucketPolicy", "s3:GetBucketTagging"


class Client:
    """A client whose one operation answers with the number of the call."""

    def __init__(self, wait=lambda: None):
        self.calls = []
        self.wait = wait

    def get_object(self, **params):
        self.wait()
        self.calls.append(params)
        return {"call": len(self.calls), **params}


def read(client: Client, aws: Aws | None = None, **params):
    return (aws or Aws(ReadyClients({"s3": client}))).read("s3", "GetObject", "an object", **params)


class TestHandle:
    def test_hands_each_answer_out_once(self):
        client = Client()
        handle = read(client, Key="a").start()
        assert [handle.result(), handle.result()] == [{"call": 1, "Key": "a"}, {"call": 2, "Key": "a"}]

    def test_starts_the_same_read_once(self):
        client = Client()
        assert read(client, Key="a").start().start().result() == {"call": 1, "Key": "a"}
        assert len(client.calls) == 1

    def test_reads_when_asked_without_a_start(self):
        assert read(Client(), Key="a").result() == {"call": 1, "Key": "a"}

    def test_can_be_started_again_for_another_answer(self):
        handle = read(Client(), Key="a")
        assert [handle.start().result()["call"] for number in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize(
        "other",
        [{"Key": "b"}, {"Key": "a", "Bucket": "b"}, {}, {"Key": "A"}, {"Tagging": {"TagSet": [{"Key": "a"}]}}],
        ids=["value", "more", "none", "case", "nested parameters"],
    )
    def test_never_gets_the_answer_of_another_read(self, other):
        aws = Aws(ReadyClients({"s3": Client()}))
        first, second = read(Client(), aws, Key="a").start(), read(Client(), aws, **other).start()
        assert {name: value for name, value in second.result().items() if name != "call"} == other
        assert first.result()["Key"] == "a"

    def test_reads_at_the_same_time(self):
        # Each waits for the other, so that one after the other would never end.
        client = Client(wait=threading.Barrier(2, timeout=60).wait)
        aws = Aws(ReadyClients({"s3": client}))
        handles = [read(client, aws, Key=key).start() for key in "ab"]
        assert sorted(handle.result()["Key"] for handle in handles) == ["a", "b"]

    def test_reads_again_after_a_write(self):
        written = []
        client = Client()
        client.get_object = lambda **params: {"written": bool(written)}
        aws = Aws(ReadyClients({"s3": client}))
        handles = [read(client, aws, Key=key).start() for key in "ab"]
        aws.before_writes()
        written.append(True)
        assert [handle.result() for handle in handles] == [{"written": True}] * 2


class OneWrite:
    """A resource with one write to make."""

    warnings: list[str] = []
    change = ApiCall(
        service="s3", operation="DeleteBucketPolicy", params=ADDRESS, target=f"bucket {BUCKET}", facet="policy"
    )

    def plan(self):
        return [self.change]

    def after_write(self, change, answer):
        """Nothing is kept of it."""

    def recheck(self, made):
        return []


class TestStartedReads:
    @pytest.fixture
    def s3(self, fake_aws):
        theirs = fake_aws.quietly("s3")
        theirs.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        theirs.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
        return theirs

    @pytest.fixture
    def policy(self, aws):
        """The read of the bucket's policy."""
        return aws.read("s3", "GetBucketPolicy", "the bucket", absent_codes=("NoSuchBucketPolicy",), **ADDRESS)

    def test_are_made_once(self, fake_aws, aws, s3, policy):
        policy.start()
        assert "Statement" in policy.result()["Policy"]
        assert fake_aws.calls == [GET_POLICY]
        assert aws.permissions == {"s3:GetBucketPolicy"}

    def test_are_explained_when_they_fail(self, fake_aws, aws, s3, policy):
        fake_aws.fail(GET_POLICY, "AccessDenied", 403)
        policy.start()
        with pytest.raises(CallFailed, match="s3:GetBucketPolicy on the bucket failed: AccessDenied") as caught:
            policy.result()
        assert caught.value.denied

    def test_may_find_nothing(self, fake_aws, aws, s3, policy):
        s3.delete_bucket_policy(Bucket=BUCKET)
        policy.start()
        assert policy.result() is None

    def test_are_repeated_as_others_are(self, fake_aws, aws, s3, policy):
        fake_aws.fail(GET_POLICY, "ConcurrentModification", 409)
        policy.start()
        assert policy.result() is not None
        assert fake_aws.calls == [GET_POLICY, GET_POLICY]

    def test_fail_nobody_who_does_not_ask(self, fake_aws, aws, s3, policy):
        fake_aws.fail(TAGS, "AccessDenied", 403)
        aws.read("s3", "GetBucketTagging", "the bucket", **ADDRESS).start()
        assert policy.result() is not None
        assert "s3:GetBucketTagging" not in aws.permissions

    def test_are_made_again_after_a_write(self, fake_aws, aws, s3, policy):
        policy.start()
        reconcile(OneWrite(), aws, Ledger(check_mode=False))
        assert policy.result() is None
        assert fake_aws.writes == ["s3:DeleteBucketPolicy"]

    def test_are_made_again_after_a_write_that_was_planned_anew(self, fake_aws, aws, s3, policy):
        class Contested(OneWrite):
            def plan(self):
                policy.start()
                return super().plan()

        fake_aws.fail("s3:DeleteBucketPolicy", "OperationAborted", 409)
        reconcile(Contested(), aws, Ledger(check_mode=False))
        assert policy.result() is None

    def test_stay_good_in_check_mode(self, fake_aws, aws, s3, policy):
        policy.start()
        reconcile(OneWrite(), aws, Ledger(check_mode=True))
        policy.result()
        assert fake_aws.calls == [GET_POLICY]
