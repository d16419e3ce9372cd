# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are drawn, carried out, made anew after a conflict, and never applied in check mode."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change


def change(operation: str, service: str = "s3", **more: t.Any) -> Change:
    return Change(service, operation, {"Bucket": "irsa"}, "bucket irsa", "policy", **more)


def failure(code: str, status: int = 0, call: str = "s3:PutBucketPolicy") -> CallFailed:
    return CallFailed(f"{call} failed: {code}", call, code, status)


class ScriptedAws:
    """Answers each write with the next entry of a script: an answer, or an exception."""

    def __init__(self, *script: t.Any) -> None:
        self.script = list(script)
        self.made: list[str] = []
        self.permissions: set[str] = set()

    def forget_begun(self):
        """Nothing is begun here."""

    def call(self, service, operation, on, absent=(), needs=None, **params):
        self.made.append(f"{service}:{operation}")
        if not self.script:
            return {}
        answer = self.script.pop(0)
        if not isinstance(answer, CallFailed):
            return answer
        if answer.code in absent:
            return None
        raise answer


class ScriptedRoom:
    """Hands out the next plan, and the next list to be done after a recheck."""

    def __init__(self, plans: list[list[Change]], rechecks: t.Sequence[list[Change]] = ()) -> None:
        self.plans = list(plans)
        self.rechecks = list(rechecks)
        self.warnings: list[str] = []
        self.answers: list[tuple[str, t.Any]] = []
        self.rechecked: list[list[str]] = []

    def plan(self):
        return self.plans.pop(0)

    def done(self, change, answer):
        self.answers.append((change.operation, answer))

    def recheck(self, made):
        self.rechecked.append([change.operation for change in made])
        return self.rechecks.pop(0) if self.rechecks else []


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """How long was waited between rounds, without waiting."""
    seen: list[float] = []
    monkeypatch.setattr(plan.time, "sleep", seen.append)
    return seen


A, B, C = change("A"), change("B"), change("C")


class TestCarryOut:
    def test_makes_the_writes_in_order_and_hands_their_answers_on(self, pauses):
        aws, room = ScriptedAws({"ETag": "1"}, {"ETag": "2"}), ScriptedRoom([[A, B]])
        assert plan.carry_out(aws, room, check_mode=False) == [A, B]
        assert aws.made == ["s3:A", "s3:B"]
        assert room.answers == [("A", {"ETag": "1"}), ("B", {"ETag": "2"})]
        assert room.rechecked == [["A", "B"]]
        assert pauses == []

    def test_makes_none_of_an_empty_plan(self):
        aws, room = ScriptedAws(), ScriptedRoom([[]])
        assert plan.carry_out(aws, room, check_mode=False) == []
        assert aws.made == []

    def test_check_mode_writes_nothing_and_names_the_permissions(self):
        aws = ScriptedAws()
        room = ScriptedRoom(
            [[change("PutBucketPolicy"), change("CreateBucket", needs=("s3:CreateBucket", "s3:TagResource"))]]
        )
        planned = plan.carry_out(aws, room, check_mode=True)
        assert [each.action for each in planned] == ["s3:PutBucketPolicy", "s3:CreateBucket"]
        assert aws.made == [] and room.rechecked == []
        assert aws.permissions == {"s3:PutBucketPolicy", "s3:CreateBucket", "s3:TagResource"}

    def test_plans_anew_after_a_conflict_and_goes_on_from_what_is_there(self, pauses):
        aws = ScriptedAws({}, failure("PreconditionFailed", 412))
        room = ScriptedRoom([[A, B, C], [B, C]])
        assert plan.carry_out(aws, room, check_mode=False) == [A, B, C]
        assert aws.made == ["s3:A", "s3:B", "s3:B", "s3:C"]
        assert len(pauses) == 1 and 0 <= pauses[0] <= 1

    def test_ends_when_after_a_conflict_nothing_is_left_to_do(self):
        aws, room = (
            ScriptedAws(failure("EntityAlreadyExists", 409, "iam:CreateOpenIDConnectProvider")),
            ScriptedRoom([[A], []]),
        )
        assert plan.carry_out(aws, room, check_mode=False) == []

    @pytest.mark.parametrize(
        "code",
        [
            "PreconditionFailed",
            "412",
            "ConditionalRequestConflict",
            "OperationAborted",
            "BucketAlreadyOwnedByYou",
            "EntityAlreadyExists",
        ],
    )
    def test_takes_these_codes_for_a_conflict(self, code):
        aws, room = ScriptedAws(failure(code)), ScriptedRoom([[A], [B]])
        assert plan.carry_out(aws, room, check_mode=False) == [B]

    def test_takes_a_document_that_vanished_before_a_conditional_write_for_one(self):
        aws, room = ScriptedAws(failure("NoSuchKey", 404, "s3:PutObject")), ScriptedRoom([[A], [B]])
        assert plan.carry_out(aws, room, check_mode=False) == [B]

    @pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "MalformedPolicy", ""])
    def test_gives_any_other_failure_to_the_caller(self, code):
        aws, room = ScriptedAws({}, failure(code)), ScriptedRoom([[A, B, C]])
        with pytest.raises(CallFailed):
            plan.carry_out(aws, room, check_mode=False)
        assert aws.made == ["s3:A", "s3:B"]

    def test_gives_up_after_some_conflicts(self, pauses):
        aws, room = ScriptedAws(*[failure("PreconditionFailed", 412)] * 50), ScriptedRoom([[A]] * 50)
        with pytest.raises(IrsaError, match="Somebody else keeps changing"):
            plan.carry_out(aws, room, check_mode=False)
        assert 2 <= len(aws.made) <= 20
        assert len(pauses) == len(aws.made) - 1

    def test_does_what_a_recheck_finds(self):
        aws, room = ScriptedAws(), ScriptedRoom([[A]], rechecks=[[B], []])
        assert plan.carry_out(aws, room, check_mode=False) == [A, B]
        assert room.rechecked == [["A"], ["B"]]

    def test_gives_up_when_every_recheck_finds_something(self):
        aws, room = ScriptedAws(), ScriptedRoom([[A]], rechecks=[[A]] * 50)
        with pytest.raises(IrsaError, match="Somebody else keeps changing"):
            plan.carry_out(aws, room, check_mode=False)
        assert len(aws.made) <= 20


class TestOptional:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("NotImplemented", 501),
            ("MethodNotAllowed", 405),
            ("", 405),
            ("501", 501),
            ("InvalidAction", 400),
            ("UnknownOperation", 404),
        ],
        ids=str,
    )
    def test_warns_of_a_call_that_the_endpoint_does_not_know(self, code, status):
        aws, room = (
            ScriptedAws(failure(code, status)),
            ScriptedRoom([[change("PutPublicAccessBlock", optional=True), B]]),
        )
        assert plan.carry_out(aws, room, check_mode=False) == [B]
        assert len(room.warnings) == 1 and "s3:PutPublicAccessBlock" in room.warnings[0]

    def test_fails_at_one_that_was_asked_for(self):
        aws, room = ScriptedAws(failure("NotImplemented", 501)), ScriptedRoom([[A]])
        with pytest.raises(CallFailed):
            plan.carry_out(aws, room, check_mode=False)

    def test_fails_at_an_optional_one_that_is_denied(self):
        aws, room = ScriptedAws(failure("AccessDenied", 403)), ScriptedRoom([[change("A", optional=True)]])
        with pytest.raises(CallFailed):
            plan.carry_out(aws, room, check_mode=False)


def test_takes_a_thing_that_somebody_else_removed_for_done():
    aws = ScriptedAws(failure("NoSuchBucket", 404))
    room = ScriptedRoom([[change("DeleteBucket", gone=("NoSuchBucket",)), B]])
    assert plan.carry_out(aws, room, check_mode=False) == [B]
    assert room.warnings == []


class TestChange:
    def test_names_its_call_and_what_it_needs(self):
        assert change("PutPublicAccessBlock").action == "s3:PutPublicAccessBlock"
        assert change("PutPublicAccessBlock").permissions == ("s3:PutBucketPublicAccessBlock",)
        assert change("PutPublicAccessBlock", needs=("s3:Other",)).permissions == ("s3:Other",)


class TestDrawing:
    def test_draws_json_sorted_and_indented(self):
        drawn = plan.draw("bucket irsa", "tags", {"b": 1, "a": [2]}, None)
        assert drawn["before"] == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
        assert drawn["after"] == ""
        assert drawn["before_header"] == drawn["after_header"] == "bucket irsa (tags)"

    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, ""), ("a line", "a line\n"), ("a line\n", "a line\n"), (True, "true\n"), ([], "[]\n"), ("", "\n")],
        ids=["nothing", "line", "whole line", "true", "list", "empty"],
    )
    def test_draws_every_value_as_whole_lines(self, value, text):
        assert plan.as_text(value) == text

    def test_an_outcome_is_its_changes(self):
        outcome = plan.Outcome([change("A", before={"x": 1}, after={"x": 2}), B])
        assert (outcome.changed, outcome.actions) == (True, ["s3:A", "s3:B"])
        assert [json.loads(outcome.diff[0][side]) for side in ("before", "after")] == [{"x": 1}, {"x": 2}]
        assert plan.Outcome().changed is False
