# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are shown, applied, made again after a conflict, and never applied in check mode."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger, as_text, diff_entry


def change(operation: str, service: str = "s3", **more: t.Any) -> ApiCall:
    usual = {"params": {"Bucket": "irsa"}, "target": "bucket irsa", "facet": "policy"}
    return ApiCall(service=service, operation=operation, **{**usual, **more})


def failure(code: str, status: int = 0, call: str = "s3:PutBucketPolicy") -> CallFailed:
    return CallFailed(f"{call} failed: {code}", call, code=code, status=status)


class ScriptedWriter:
    """Answers each write with the next entry of a script: an answer, or an exception."""

    def __init__(self, *script: t.Any) -> None:
        self.script = list(script)
        self.made: list[str] = []
        self.permissions: set[str] = set()

    def preview(self, change):
        self.permissions.update(change.permissions)

    def before_writes(self):
        """Nothing was read here."""

    def write(self, change):
        self.made.append(change.action)
        if not self.script:
            return {}
        answer = self.script.pop(0)
        if not isinstance(answer, CallFailed):
            return answer
        if answer.code in change.done_codes:
            return None
        raise answer


def run(resource, writer, *, check_mode=False):
    return reconcile.reconcile(resource, writer, Ledger(check_mode))


class ScriptedResource:
    """Hands out the next plan, and the next list to be done after a recheck."""

    def __init__(self, plans: list[list[ApiCall]], rechecks: t.Sequence[list[ApiCall]] = ()) -> None:
        self.plans = list(plans)
        self.rechecks = list(rechecks)
        self.warnings: list[str] = []
        self.answers: list[tuple[str, t.Any]] = []
        self.rechecked: list[list[str]] = []

    def plan(self):
        return self.plans.pop(0)

    def after_write(self, change, answer):
        self.answers.append((change.operation, answer))

    def recheck(self, made):
        self.rechecked.append([change.operation for change in made])
        return self.rechecks.pop(0) if self.rechecks else []


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """How long was waited between rounds, without waiting."""
    seen: list[float] = []
    monkeypatch.setattr(reconcile.time, "sleep", seen.append)
    return seen


A, B, C = change("A"), change("B"), change("C")


class TestCarryOut:
    def test_makes_the_writes_in_order_and_hands_their_answers_on(self, pauses):
        aws, resource = ScriptedWriter({"ETag": "1"}, {"ETag": "2"}), ScriptedResource([[A, B]])
        assert run(resource, aws) == [A, B]
        assert aws.made == ["s3:A", "s3:B"]
        assert resource.answers == [("A", {"ETag": "1"}), ("B", {"ETag": "2"})]
        assert resource.rechecked == [["A", "B"]]
        assert pauses == []

    def test_makes_none_of_an_empty_plan(self):
        aws, resource = ScriptedWriter(), ScriptedResource([[]])
        assert run(resource, aws) == []
        assert aws.made == []

    def test_check_mode_writes_nothing_and_names_the_permissions(self):
        aws = ScriptedWriter()
        resource = ScriptedResource(
            [[change("PutBucketPolicy"), change("CreateBucket", iam_actions=("s3:CreateBucket", "s3:TagResource"))]]
        )
        planned = run(resource, aws, check_mode=True)
        assert [each.action for each in planned] == ["s3:PutBucketPolicy", "s3:CreateBucket"]
        assert aws.made == [] and resource.rechecked == []
        assert aws.permissions == {"s3:PutBucketPolicy", "s3:CreateBucket", "s3:TagResource"}

    def test_plans_anew_after_a_conflict_and_goes_on_from_what_is_there(self, pauses):
        aws = ScriptedWriter({}, failure("PreconditionFailed", 412))
        resource = ScriptedResource([[A, B, C], [B, C]])
        assert run(resource, aws) == [A, B, C]
        assert aws.made == ["s3:A", "s3:B", "s3:B", "s3:C"]
        assert len(pauses) == 1 and 0 <= pauses[0] <= 1

    def test_ends_when_after_a_conflict_nothing_is_left_to_do(self):
        aws, resource = (
            ScriptedWriter(failure("EntityAlreadyExists", 409, "iam:CreateOpenIDConnectProvider")),
            ScriptedResource([[A], []]),
        )
        assert run(resource, aws) == []

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
        aws, resource = ScriptedWriter(failure(code)), ScriptedResource([[A], [B]])
        assert run(resource, aws) == [B]

    def test_takes_a_document_that_vanished_before_a_conditional_write_for_one(self):
        aws, resource = ScriptedWriter(failure("NoSuchKey", 404, "s3:PutObject")), ScriptedResource([[A], [B]])
        assert run(resource, aws) == [B]

    @pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "MalformedPolicy", ""])
    def test_gives_any_other_failure_to_the_caller(self, code):
        aws, resource = ScriptedWriter({}, failure(code)), ScriptedResource([[A, B, C]])
        with pytest.raises(CallFailed):
            run(resource, aws)
        assert aws.made == ["s3:A", "s3:B"]

    def test_gives_up_after_some_conflicts(self, pauses):
        aws, resource = ScriptedWriter(*[failure("PreconditionFailed", 412)] * 50), ScriptedResource([[A]] * 50)
        with pytest.raises(IrsaError, match="Another process keeps changing"):
            run(resource, aws)
        assert 2 <= len(aws.made) <= 20
        assert len(pauses) == len(aws.made) - 1

    def test_does_what_a_recheck_finds(self):
        aws, resource = ScriptedWriter(), ScriptedResource([[A]], rechecks=[[B], []])
        assert run(resource, aws) == [A, B]
        assert resource.rechecked == [["A"], ["B"]]

    def test_gives_up_when_every_recheck_finds_something(self):
        aws, resource = ScriptedWriter(), ScriptedResource([[A]], rechecks=[[A]] * 50)
        with pytest.raises(IrsaError, match="Another process keeps changing"):
            run(resource, aws)
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
        aws, resource = (
            ScriptedWriter(failure(code, status)),
            ScriptedResource([[change("PutPublicAccessBlock", optional=True), B]]),
        )
        assert run(resource, aws) == [B]
        assert len(resource.warnings) == 1 and "s3:PutPublicAccessBlock" in resource.warnings[0]

    def test_fails_at_one_that_was_asked_for(self):
        aws, resource = ScriptedWriter(failure("NotImplemented", 501)), ScriptedResource([[A]])
        with pytest.raises(CallFailed):
            run(resource, aws)

    def test_fails_at_an_optional_one_that_is_denied(self):
        aws, resource = ScriptedWriter(failure("AccessDenied", 403)), ScriptedResource([[change("A", optional=True)]])
        with pytest.raises(CallFailed):
            run(resource, aws)


def test_takes_a_thing_that_somebody_else_removed_for_done():
    aws = ScriptedWriter(failure("NoSuchBucket", 404))
    resource = ScriptedResource([[change("DeleteBucket", done_codes=("NoSuchBucket",)), B]])
    assert run(resource, aws) == [B]
    assert resource.warnings == []


class TestApiCall:
    def test_names_its_call_and_what_it_needs(self):
        assert change("PutPublicAccessBlock").action == "s3:PutPublicAccessBlock"
        assert change("PutPublicAccessBlock").permissions == ("s3:PutBucketPublicAccessBlock",)
        assert change("PutPublicAccessBlock", iam_actions=("s3:Other",)).permissions == ("s3:Other",)


class TestDrawing:
    def test_draws_json_sorted_and_indented(self):
        drawn = diff_entry(change("A", facet="tags", before={"b": 1, "a": [2]}))
        assert drawn["before"] == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
        assert drawn["after"] == ""
        assert drawn["before_header"] == drawn["after_header"] == "bucket irsa (tags)"

    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, ""), ("a line", "a line\n"), ("a line\n", "a line\n"), (True, "true\n"), ([], "[]\n"), ("", "\n")],
        ids=["nothing", "line", "whole line", "true", "list", "empty"],
    )
    def test_draws_every_value_as_whole_lines(self, value, text):
        assert as_text(value) == text

    def test_an_outcome_is_its_changes(self):
        outcome = reconcile.Outcome([change("A", before={"x": 1}, after={"x": 2}), B])
        assert (outcome.changed, outcome.actions) == (True, ["s3:A", "s3:B"])
        assert [json.loads(outcome.diff[0][side]) for side in ("before", "after")] == [{"x": 1}, {"x": 2}]
        assert reconcile.Outcome().changed is False
