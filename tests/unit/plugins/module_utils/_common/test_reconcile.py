# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are applied, made again after a conflict, and only previewed in check mode."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger


def change(operation: str, service: str = "s3", **more: t.Any) -> ApiCall:
    usual = {"params": {"Bucket": "irsa"}, "target": "bucket irsa", "part": "policy"}
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
        """Do nothing, since nothing was read."""

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
    """Returns the next plan, and the next list to do after a recheck."""

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

    def before_write(self, change):
        return change

    def recheck(self, made):
        self.rechecked.append([change.operation for change in made])
        return self.rechecks.pop(0) if self.rechecks else []


# Nothing really waits between attempts.
pytestmark = pytest.mark.usefixtures("pauses")

A, B, C = change("A"), change("B"), change("C")


class TestReconcile:
    def test_planned_writes_are_made_in_order_and_answers_passed_on(self, pauses):
        aws, resource = ScriptedWriter({"ETag": "1"}, {"ETag": "2"}), ScriptedResource([[A, B]])
        assert run(resource, aws) == [A, B]
        assert aws.made == ["s3:A", "s3:B"]
        assert resource.answers == [("A", {"ETag": "1"}), ("B", {"ETag": "2"})]
        assert resource.rechecked == [["A", "B"]]
        assert pauses == []

    def test_an_empty_plan_makes_no_write(self):
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

    def test_a_conflict_leads_to_a_new_plan(self, pauses):
        aws = ScriptedWriter({}, failure("PreconditionFailed", 412))
        resource = ScriptedResource([[A, B, C], [B, C]])
        assert run(resource, aws) == [A, B, C]
        assert aws.made == ["s3:A", "s3:B", "s3:B", "s3:C"]
        assert len(pauses) == 1 and 0 <= pauses[0] <= 1

    def test_a_conflict_that_leaves_nothing_to_do_ends_the_run(self):
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
    def test_a_conflict_is_known_by_its_code(self, code):
        aws, resource = ScriptedWriter(failure(code)), ScriptedResource([[A], [B]])
        assert run(resource, aws) == [B]

    def test_a_document_deleted_before_its_conditional_write_is_a_conflict(self):
        aws, resource = ScriptedWriter(failure("NoSuchKey", 404, "s3:PutObject")), ScriptedResource([[A], [B]])
        assert run(resource, aws) == [B]

    @pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "MalformedPolicy", ""])
    def test_a_failure_other_than_a_conflict_is_raised(self, code):
        aws, resource = ScriptedWriter({}, failure(code)), ScriptedResource([[A, B, C]])
        with pytest.raises(CallFailed):
            run(resource, aws)
        assert aws.made == ["s3:A", "s3:B"]

    def test_repeated_conflicts_end_in_a_failure(self, pauses):
        aws, resource = ScriptedWriter(*[failure("PreconditionFailed", 412)] * 50), ScriptedResource([[A]] * 50)
        with pytest.raises(IrsaError, match="Another process keeps changing"):
            run(resource, aws)
        assert 2 <= len(aws.made) <= 20
        assert len(pauses) == len(aws.made) - 1

    def test_a_recheck_leads_to_further_changes(self):
        aws, resource = ScriptedWriter(), ScriptedResource([[A]], rechecks=[[B], []])
        assert run(resource, aws) == [A, B]
        assert resource.rechecked == [["A"], ["B"]]

    def test_endless_rechecks_end_in_a_failure(self):
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
    def test_an_unsupported_optional_write_is_a_warning(self, code, status):
        aws, resource = (
            ScriptedWriter(failure(code, status)),
            ScriptedResource([[change("PutPublicAccessBlock", optional=True), B]]),
        )
        assert run(resource, aws) == [B]
        assert len(resource.warnings) == 1 and "s3:PutPublicAccessBlock" in resource.warnings[0]

    def test_an_unsupported_required_write_is_a_failure(self):
        aws, resource = ScriptedWriter(failure("NotImplemented", 501)), ScriptedResource([[A]])
        with pytest.raises(CallFailed):
            run(resource, aws)

    def test_a_denied_optional_write_is_a_failure(self):
        aws, resource = ScriptedWriter(failure("AccessDenied", 403)), ScriptedResource([[change("A", optional=True)]])
        with pytest.raises(CallFailed):
            run(resource, aws)


def test_a_target_that_another_process_removed_is_a_success():
    aws = ScriptedWriter(failure("NoSuchBucket", 404))
    resource = ScriptedResource([[change("DeleteBucket", done_codes=("NoSuchBucket",)), B]])
    assert run(resource, aws) == [B]
    assert resource.warnings == []


class TestApiCall:
    def test_an_api_call_names_its_action_and_permissions(self):
        assert change("PutPublicAccessBlock").action == "s3:PutPublicAccessBlock"
        assert change("PutPublicAccessBlock").permissions == ("s3:PutBucketPublicAccessBlock",)
        assert change("PutPublicAccessBlock", iam_actions=("s3:Other",)).permissions == ("s3:Other",)


class TestOutcome:
    def test_an_outcome_reports_its_changes(self):
        outcome = reconcile.Outcome(changes=[change("A", before={"x": 1}, after={"x": 2}), B])
        assert (outcome.changed, outcome.actions) == (True, ["s3:A", "s3:B"])
        assert [json.loads(outcome.diff[0][side]) for side in ("before", "after")] == [{"x": 1}, {"x": 2}]
        assert reconcile.Outcome().changed is False
