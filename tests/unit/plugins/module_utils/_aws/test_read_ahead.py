# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads at the same time: each answer is handed out once, to who asks for that very read, and none outlives a write."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, carry_out
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.read_ahead import ReadAhead
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION

BUCKET = "irsa-prod"
ADDRESS = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
HEAD, GET_POLICY, TAGS = "s3:HeadBucket", "s3:GetBucketPolicy", "s3:GetBucketTagging"


@pytest.fixture
def ahead():
    return ReadAhead()


class TestReadAhead:
    def test_hands_each_answer_out_once(self, ahead):
        ahead.begin("s3", "GetObject", {"Key": "a"}, lambda **params: params)
        assert ahead.take("s3", "GetObject", {"Key": "a"}).result() == {"Key": "a"}
        assert ahead.take("s3", "GetObject", {"Key": "a"}) is None

    def test_begins_the_same_read_once(self, ahead):
        made = []
        for number in range(2):
            ahead.begin("s3", "GetObject", {"Key": "a"}, lambda number=number, **params: made.append(number))
        ahead.take("s3", "GetObject", {"Key": "a"}).result()
        assert made == [0]

    @pytest.mark.parametrize(
        "read",
        [
            ("iam", "GetObject", {"Key": "a"}),
            ("s3", "HeadObject", {"Key": "a"}),
            ("s3", "GetObject", {"Key": "b"}),
            ("s3", "GetObject", {"Key": "a", "Bucket": "b"}),
            ("s3", "PutTagging", {"Tagging": {"TagSet": [{"Key": "a"}]}}),
        ],
        ids=["service", "operation", "value", "more", "a write with nested parameters"],
    )
    def test_gives_no_other_call_the_answer(self, ahead, read):
        ahead.begin("s3", "GetObject", {"Key": "a"}, lambda **params: params)
        assert ahead.take(*read) is None
        assert ahead.take("s3", "GetObject", {"Key": "a"}) is not None

    def test_reads_at_the_same_time(self, ahead):
        # Each waits for the other, so that one after the other would never end.
        meeting = threading.Barrier(2, timeout=60)
        for key in "ab":
            ahead.begin("s3", "GetObject", {"Key": key}, lambda **params: meeting.wait())
        assert sorted(ahead.take("s3", "GetObject", {"Key": key}).result() for key in "ab") == [0, 1]

    def test_knows_nothing_any_more_once_told_to_forget(self, ahead):
        for key in "ab":
            ahead.begin("s3", "GetObject", {"Key": key}, lambda **params: params)
        ahead.forget()
        assert [ahead.take("s3", "GetObject", {"Key": key}) for key in "ab"] == [None, None]


class OneWrite:
    """A room with one write to make."""

    warnings: list[str] = []
    change = Change("s3", "DeleteBucketPolicy", ADDRESS, f"bucket {BUCKET}", "policy")

    def plan(self):
        return [self.change]

    def done(self, change, answer):
        """Nothing is kept of it."""

    def recheck(self, made):
        return []


class TestCallsThatWereBegun:
    @pytest.fixture
    def s3(self, fake_aws):
        theirs = fake_aws.quietly("s3")
        theirs.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        theirs.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
        return theirs

    @staticmethod
    def policy(aws: Aws):
        return aws.call("s3", "GetBucketPolicy", "the bucket", absent=("NoSuchBucketPolicy",), **ADDRESS)

    def test_are_made_once(self, fake_aws, aws, s3):
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        assert "Statement" in self.policy(aws)["Policy"]
        assert fake_aws.calls == [GET_POLICY]
        assert aws.permissions == {"s3:GetBucketPolicy"}

    def test_are_explained_when_they_fail(self, fake_aws, aws, s3):
        fake_aws.fail(GET_POLICY, "AccessDenied", 403)
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        with pytest.raises(CallFailed, match="s3:GetBucketPolicy on the bucket failed: AccessDenied") as caught:
            self.policy(aws)
        assert caught.value.denied

    def test_may_find_nothing(self, fake_aws, aws, s3):
        s3.delete_bucket_policy(Bucket=BUCKET)
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        assert self.policy(aws) is None

    def test_are_repeated_as_others_are(self, fake_aws, aws, s3):
        fake_aws.fail(GET_POLICY, "ConcurrentModification", 409)
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        assert self.policy(aws) is not None
        assert fake_aws.calls == [GET_POLICY, GET_POLICY]

    def test_fail_nobody_who_does_not_ask(self, fake_aws, aws, s3):
        fake_aws.fail(TAGS, "AccessDenied", 403)
        aws.begin("s3", "GetBucketTagging", **ADDRESS)
        assert self.policy(aws) is not None
        assert "s3:GetBucketTagging" not in aws.permissions

    def test_are_made_again_after_a_write(self, fake_aws, aws, s3):
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        carry_out(aws, OneWrite(), check_mode=False)
        assert self.policy(aws) is None
        assert fake_aws.writes == ["s3:DeleteBucketPolicy"]

    def test_are_made_again_after_a_write_that_was_planned_anew(self, fake_aws, aws, s3):
        class Contested(OneWrite):
            def plan(self):
                aws.begin("s3", "GetBucketPolicy", **ADDRESS)
                return super().plan()

        fake_aws.fail("s3:DeleteBucketPolicy", "OperationAborted", 409)
        carry_out(aws, Contested(), check_mode=False)
        assert self.policy(aws) is None

    def test_stay_good_in_check_mode(self, fake_aws, aws, s3):
        aws.begin("s3", "GetBucketPolicy", **ADDRESS)
        carry_out(aws, OneWrite(), check_mode=True)
        self.policy(aws)
        assert fake_aws.calls == [GET_POLICY]
