# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge finds each thing that can be wrong, and nothing in a run that is right."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from .judging import Seen, Undisturbed, faults_of_any, faults_of_disturbed, faults_of_last, faults_of_next
from .kinds import Call
from .module_runs import Run
from .wire import Exchange

GOAL = {"bucket": "there", "bucket tag of-others": "42"}
UNDISTURBED = Undisturbed(goal=GOAL, verdicts=[], kept=frozenset({"bucket tag of-others"}))
CALL = Call(label="s3:CreateBucket", service="s3", method="PUT", is_write=True, is_anonymous=False, is_document=False)


def result(**members: Any) -> dict[str, Any]:
    return {"changed": True, "actions": ["s3:CreateBucket"], **members}


def seen(*results: dict[str, Any], after: dict[str, Any] | None = None, **members: Any) -> Seen:
    """A run that created a bucket."""
    exchange = Exchange(call=CALL, number=1, action="s3:CreateBucket", took_effect=True, is_hit=True)
    defaults: dict[str, Any] = {
        "run": Run(results=list(results or [result()]), printed="{}"),
        "exchanges": [exchange],
        "before": {"bucket tag of-others": "42"},
        "after": GOAL if after is None else after,
        "secrets": ["s3cr3t"],
    }
    return Seen(**{**defaults, **members})


def failed(message: str = "s3:CreateBucket failed: 500") -> dict[str, Any]:
    return result(failed=True, msg=message)


def disturbed(run: Seen, *, must_survive: bool = True) -> str:
    return "\n".join(faults_of_disturbed(run, UNDISTURBED, must_survive=must_survive))


def test_a_right_run_has_no_faults() -> None:
    assert disturbed(seen()) == ""
    assert list(faults_of_next(seen(), UNDISTURBED)) == []


def test_a_message_is_right_where_a_fault_stays() -> None:
    assert disturbed(seen(failed(), after={"bucket tag of-others": "42"}), must_survive=False) == ""


def test_a_fault_that_passes_must_be_survived() -> None:
    assert disturbed(seen(failed())).startswith("not survived: s3:CreateBucket failed: 500")


def test_an_exception_is_found() -> None:
    run = Run(broke="Traceback (most recent call last):\nKeyError: 'Url'\n")
    assert "exception: KeyError: 'Url'" in disturbed(seen(run=run))


@pytest.mark.parametrize("actions", [[], ["s3:CreateBucket", "s3:CreateBucket"], ["s3:PutBucketPolicy"]])
def test_actions_that_differ_from_the_effects_are_found(actions: list[str]) -> None:
    assert "these took effect: s3:CreateBucket" in disturbed(seen(result(actions=actions)))


def test_what_a_module_of_others_says_of_its_failure_is_its_own() -> None:
    """A plan that was carried out in part, and a traceback; but a secret is a secret."""
    planned = Run(results=[result(actions=["iam:CreateRole"]), failed()], printed="Traceback s3cr3t")
    planned.is_planned = planned.ended_elsewhere = True
    assert disturbed(seen(run=planned)) == "a secret is printed"
    planned.printed = "Traceback"
    assert disturbed(seen(run=planned)) == ""


def test_a_plan_may_be_carried_out_in_another_order_but_not_in_another_way() -> None:
    exchange = Exchange(call=CALL, number=1, action="iam:CreateRole", took_effect=True, is_hit=False)
    other = dataclasses.replace(exchange, action="iam:PutRolePolicy")
    run = Run(results=[result(actions=["iam:PutRolePolicy", "iam:CreateRole"])], is_planned=True)
    assert list(faults_of_any(seen(run=run, exchanges=[exchange, other]))) == []
    assert list(faults_of_any(seen(run=run, exchanges=[exchange])))


def test_a_failed_result_is_no_excuse_for_changed() -> None:
    assert "changed is False, but 1 writes" in disturbed(seen({**failed(), "changed": False}), must_survive=False)


def test_files_count_as_effects() -> None:
    made = {**GOAL, "file sa-signer.key": "a private key"}
    assert "file:CreatePrivateKey" in "\n".join(faults_of_any(seen(after=made)))


def test_a_secret_is_found() -> None:
    assert "a secret is printed" in disturbed(seen(run=Run(results=[result()], printed='{"a": "s3cr3t"}')))


def test_a_loss_of_others_is_found_in_a_failed_run() -> None:
    assert "lost of others': bucket tag of-others" in disturbed(seen(failed(), after={}), must_survive=False)


def test_advice_to_overwrite_is_found() -> None:
    assert "advises to overwrite" in disturbed(seen(failed("It is not ours: set overwrite.")), must_survive=False)


def test_success_without_the_desired_state_is_found() -> None:
    assert "not as they should be: bucket" in disturbed(seen(after={"bucket tag of-others": "42"}))


def test_another_verdict_is_found() -> None:
    broken = dataclasses.replace(UNDISTURBED, verdicts=["broken"])
    run = seen(result(verdict="ok"))
    assert "finds ['ok']" in "\n".join(faults_of_disturbed(run, broken, must_survive=True))
    assert "a broken issuer works" in "\n".join(faults_of_disturbed(run, broken, must_survive=False))


def test_a_next_run_that_fails_or_does_not_converge_is_found() -> None:
    assert "the next run fails" in "\n".join(faults_of_next(seen(failed()), UNDISTURBED))
    assert "the next run says that it succeeded" in "\n".join(faults_of_next(seen(after={}), UNDISTURBED))


def test_a_last_run_that_changes_something_is_found() -> None:
    assert list(faults_of_last(seen()))
    idle = seen(result(changed=False, actions=[]), exchanges=[])
    assert list(faults_of_last(idle)) == []
