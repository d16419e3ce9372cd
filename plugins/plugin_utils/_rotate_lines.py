# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook rotate did, and where the rotation stands, as lines for people.

A result is ``irsa_rotate_result``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import (
    CHANGED,
    PLANNED,
    Line,
    fact,
    facts,
    next_step,
    prose,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import grouped

Result = t.Mapping[str, t.Any]


def rotate_lines(result: Result, *, check_mode: bool = False) -> list[Line]:
    """What was done, the keys and what they do, and what can be done when."""
    return [
        _heading(result, check_mode),
        *facts("actions", grouped(result["actions"])),
        *[Line(text=text, whole=True) for text in result["table"]],
        *[fact("refused", each["message"], status=WARNING) for each in result["refusals"]],
        *[Line(text=text, status=WARNING) for text in result["warnings"]],
        *[prose(text) for text in [*result["reasons"], *result["notes"]]],
        next_step(_next(result, check_mode)),
    ]


def _heading(result: Result, check_mode: bool) -> Line:
    if not result["actions"]:
        return Line(text=f"ok: nothing {'would change' if check_mode else 'had to change'}", status=OK)
    count = len(result["actions"])
    number = f"{count} action{'' if count == 1 else 's'}"
    phases = f"{', '.join(result['done'])}: " if result["done"] else ""
    if check_mode:
        return Line(text=f"would change: {phases}{number}", status=PLANNED)
    return Line(text=f"changed: {phases}{number}", status=CHANGED)


def _next(result: Result, check_mode: bool) -> str:
    phase, at = result["next_phase"], result["next_at"]
    if check_mode and result["actions"]:
        return "run this again without --check."
    if phase is None:
        return "nothing to do."
    when = f" from {moment(at)} on" if at is not None else ""
    return f"run this with irsa_rotate_phase={phase}{when}, or with auto."
