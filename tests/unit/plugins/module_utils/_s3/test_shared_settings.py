# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy and tags of a bucket that other processes write at the same time: nothing is lost, or it is said."""

from __future__ import annotations

import json
import threading
import time
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy, bucket_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION, FakeAws, policy_of

NAME = "irsa-prod"
PUT, GET = "s3:PutBucketPolicy", "s3:GetBucketPolicy"
PUT_TAGS, GET_TAGS = "s3:PutBucketTagging", "s3:GetBucketTagging"
PATHS = ("keys.json", ".well-known/openid-configuration")
# What our run asks for, in a bucket that has everything else.
DESIRED: dict[str, t.Any] = {"public_paths": (*PATHS, "a/keys.json"), "tags": {"team": "platform"}}


def ensure(aws: FakeAws, name: str = NAME, **given: t.Any):
    return bucket_present.ensure_present(Aws(aws.clients), BucketSpec(name=name, **given), False)


def statement(sid: str) -> dict[str, t.Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{NAME}/*",
    }


class Others:
    """Another process: reads, changes and writes as a whole, as everyone must."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.s3 = aws.quietly("s3")

    def policy(self) -> dict[str, t.Any]:
        return policy_of(self.aws, NAME)

    def put(self, policy: dict[str, t.Any]) -> None:
        self.s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(policy))

    def add(self, sid: str) -> None:
        policy = self.policy()
        self.put({**policy, "Statement": [*policy["Statement"], statement(sid)]})

    def remove(self, sid: str) -> None:
        policy = self.policy()
        self.put({**policy, "Statement": [each for each in policy["Statement"] if each["Sid"] != sid]})

    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.s3.get_bucket_tagging(Bucket=NAME)["TagSet"]}

    def put_tags(self, tags: dict[str, str]) -> None:
        tag_set = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": tag_set})

    @property
    def sids(self) -> set[str]:
        return {each["Sid"] for each in self.policy()["Statement"]}

    @property
    def paths(self) -> set[str]:
        return {arn.partition("/")[2] for arn in bucket_policy.own_resources(self.policy())}


@pytest.fixture
def others(fake_aws):
    """Another process, and a bucket with a statement and a tag of its own beside ours."""
    ensure(fake_aws, tags={"theirs": "1"})
    others = Others(fake_aws)
    others.add("Theirs")
    fake_aws.calls.clear()
    fake_aws.params.clear()
    return others


def on_read(aws: FakeAws, number: int, act: t.Callable[[], t.Any], call: str = GET) -> None:
    """Let another process act right before the read of that number arrives; the plan's is number 1."""
    for dummy in range(number - 1):
        aws.before(call, lambda: None)
    aws.before(call, act)


def hold_write(aws: FakeAws, call: str = PUT) -> threading.Event:
    """Hold the next write back until the event is set, so that the read that accompanies it arrives first."""
    accompanied = threading.Event()
    aws.before(call, lambda: accompanied.wait(10) or pytest.fail("no read accompanied the write"))
    return accompanied


class TestBeforeTheWrite:
    def test_what_others_write_after_the_plan_is_kept(self, fake_aws, others):
        on_read(fake_aws, 2, lambda: others.add("Late"))
        on_read(fake_aws, 2, lambda: others.put_tags({"theirs": "1", "late": "1"}), GET_TAGS)
        done = ensure(fake_aws, **DESIRED)
        assert others.sids == {bucket_policy.SID, "Theirs", "Late"}
        assert others.paths == {*PATHS, "a/keys.json"}
        assert others.tags() == {"theirs": "1", "late": "1", "team": "platform"}
        assert done.actions == [PUT, PUT_TAGS]

    def test_what_others_remove_after_the_plan_stays_removed(self, fake_aws, others):
        on_read(fake_aws, 2, lambda: others.remove("Theirs"))
        ensure(fake_aws, **DESIRED)
        assert others.sids == {bucket_policy.SID}

    def test_a_write_that_another_run_has_made_is_not_made_again(self, fake_aws, others):
        def same():
            ours = {**others.policy()["Statement"][0]}
            ours["Resource"] = [*ours["Resource"], f"arn:aws:s3:::{NAME}/a/keys.json"]
            others.put({"Version": "2012-10-17", "Statement": [ours, statement("Theirs")]})

        on_read(fake_aws, 2, same)
        done = ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert done.actions == fake_aws.writes == []

    def test_the_diff_shows_what_was_really_changed(self, fake_aws, others):
        on_read(fake_aws, 2, lambda: others.add("Late"))
        (entry,) = ensure(fake_aws, public_paths=DESIRED["public_paths"]).diff
        assert "Late" in entry["before"] and "Late" in entry["after"]

    def test_a_read_that_is_older_than_the_plan_is_not_believed(self, fake_aws, others):
        """S3 may answer with an old policy for a moment."""
        old = others.policy()
        others.add("Late")
        new = others.policy()
        on_read(fake_aws, 2, lambda: others.put(old))
        on_read(fake_aws, 1, lambda: others.put(new))
        ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert "Late" in others.sids


class TestWhileWriting:
    def test_what_the_write_itself_overwrites_is_put_back(self, fake_aws, others):
        accompanied = hold_write(fake_aws)
        on_read(fake_aws, 3, lambda: others.add("Late"))
        done = self._ensure_with_the_read_first(fake_aws, accompanied)
        assert others.sids == {bucket_policy.SID, "Theirs", "Late"}
        assert others.paths == {*PATHS, "a/keys.json"}
        assert done.actions == [PUT, PUT]
        assert any("'statement Late'" in warning for warning in done.warnings)

    @staticmethod
    def _ensure_with_the_read_first(fake_aws, accompanied):
        answers: list[int] = []

        def answered(**ignored: t.Any) -> None:
            answers.append(1)
            if len(answers) == 4:  # the plan's, the one that the write is based on, and two
                accompanied.set()

        events = fake_aws.clients["s3"].meta.events
        events.register("after-call.s3.GetBucketPolicy", answered)
        try:
            return ensure(fake_aws, public_paths=DESIRED["public_paths"])
        finally:
            events.unregister("after-call.s3.GetBucketPolicy", answered)

    def test_a_write_that_took_long_is_told(self, fake_aws, others, monkeypatch):
        now = time.monotonic
        late: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: now() + sum(late))
        fake_aws.before(PUT, lambda: late.append(5))
        done = ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert any("What another process wrote to it in that time may be lost" in each for each in done.warnings)

    def test_a_write_whose_read_is_old_is_read_for_again(self, fake_aws, others, monkeypatch):
        now = time.monotonic
        late: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: now() + sum(late))
        on_read(fake_aws, 2, lambda: late.append(5))
        ensure(fake_aws, public_paths=DESIRED["public_paths"])
        # The plan's; one to base the write on and one to accompany it; the same once more, with a third; the last look.
        # Nothing waits for the first that accompanied, so it may still be under way. Without a second try it is 5.
        assert fake_aws.calls.count(GET) in {6, 7}


class TestAfterTheWrite:
    """The reads that accompany the write are numbers 3 and 4, the last look is number 5."""

    def test_a_write_that_was_overwritten_is_made_again_with_all_that_it_had(self, fake_aws, others):
        before = others.policy()
        others.add("Kept")
        unaware = {**before, "Statement": [*before["Statement"], statement("Unaware")]}
        on_read(fake_aws, 5, lambda: others.put(unaware))
        on_read(fake_aws, 5, lambda: others.put_tags({"theirs": "1", "unaware": "1"}), GET_TAGS)
        done = ensure(fake_aws, **DESIRED)
        assert others.sids == {bucket_policy.SID, "Theirs", "Kept", "Unaware"}
        assert "a/keys.json" in others.paths
        assert others.tags() == {"theirs": "1", "unaware": "1", "team": "platform"}
        assert sorted(done.actions) == [PUT, PUT, PUT_TAGS, PUT_TAGS]

    def test_a_removal_by_others_is_left_alone_and_told(self, fake_aws, others):
        on_read(fake_aws, 5, lambda: others.remove("Theirs"))
        done = ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert others.sids == {bucket_policy.SID} and done.actions == [PUT]
        assert any("removed 'statement Theirs'" in warning for warning in done.warnings)

    def test_an_old_answer_is_not_taken_for_a_loss(self, fake_aws, others):
        before = others.policy()
        new: list[dict[str, t.Any]] = []
        on_read(fake_aws, 5, lambda: (new.append(others.policy()), others.put(before)))
        on_read(fake_aws, 1, lambda: others.put(new[0]))
        done = ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert done.actions == [PUT] and "a/keys.json" in others.paths

    def test_a_write_that_is_undone_is_made_again(self, fake_aws, others):
        before = others.policy()
        on_read(fake_aws, 5, lambda: others.put(before))
        done = ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert done.actions == [PUT, PUT] and "a/keys.json" in others.paths

    def test_a_write_that_does_not_last_is_a_failure_that_names_it(self, fake_aws, others):
        before = others.policy()
        for number in range(1000):
            fake_aws.before(GET, lambda number=number: others.put({**before, "Id": str(number)}))
        with pytest.raises(IrsaError, match=r"keep replacing the policy of bucket irsa-prod.*a/keys\.json") as caught:
            ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert set(caught.value.details["actions"]) == {PUT}

    def test_the_last_look_comes_after_the_age_that_a_read_may_have(self, fake_aws, others, pauses):
        ensure(fake_aws, public_paths=DESIRED["public_paths"])
        assert 1.5 < pauses[-1] < 2.7


class TestNewBuckets:
    def test_a_new_bucket_takes_one_read_and_no_pause(self, fake_aws, pauses):
        ensure(fake_aws, tags={"team": "platform"})
        assert fake_aws.calls.count(GET) == 1 and fake_aws.calls[-1] == GET
        assert GET_TAGS not in fake_aws.calls and pauses == []

    def test_what_overwrites_the_policy_of_a_new_bucket_is_merged(self, fake_aws):
        others = Others(fake_aws)
        alone = {"Version": "2012-10-17", "Statement": [statement("Theirs")]}
        on_read(fake_aws, 1, lambda: others.put(alone))
        ensure(fake_aws)
        assert others.sids == {bucket_policy.SID, "Theirs"} and others.paths == {*PATHS}

    def test_the_creator_of_a_bucket_writes_its_policy_first(self, fake_aws):
        """It does not read before it writes."""
        others = Others(fake_aws)
        others.s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        created = {"Version": "2012-10-17", "Statement": [statement("Creator")]}
        on_read(fake_aws, 4, lambda: others.put(created))
        done = ensure(fake_aws)
        assert others.sids == {bucket_policy.SID, "Creator"}
        assert done.actions == ["s3:PutPublicAccessBlock", PUT]

    def test_where_a_bucket_can_be_created_twice_the_tags_are_looked_at(self, pauses):
        fake = FakeAws("us-east-1")
        try:
            ensure(fake, tags={"team": "platform"})
            assert fake.calls.count(GET_TAGS) == 1
        finally:
            fake.stop()
