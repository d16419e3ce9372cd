# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trials of faults that are noticed by waiting."""

from __future__ import annotations

from .module_runs import Step
from .trials import impatient


def test_steps_that_a_step_makes_are_made_and_wait_as_shortly() -> None:
    made = Step(module="amazon.aws.iam_role", options={"name": "shop"})
    step = impatient(Step(module="irsa_service_accounts_plan", options={}, then=lambda result: [made]))
    (following,) = step.then({})
    assert following.module == made.module and following.options["name"] == "shop"
    assert step.options["aws_config"] == following.options["aws_config"] != {}
