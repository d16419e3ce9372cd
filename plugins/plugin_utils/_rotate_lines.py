# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook rotate did, and where the rotation stands, as lines for people.

A result is ``irsa_rotate_result``.
"""

from __future__ import annotations

import json
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import grouped

_MOST_COMMANDS = 40
_FORESEEN = "What follows is foreseen, as it would be after the run. Times, and the ID of a new key, are not known yet."

Result = t.Mapping[str, t.Any]


def rotate_lines(result: Result, *, check_mode: bool = False) -> list[Line]:
    """What was done, the keys and what they do, and what can be done when."""
    is_planned = check_mode and bool(result["actions"])
    return [
        _heading(result, check_mode),
        *facts("actions", grouped(result["actions"])),
        *([prose(_FORESEEN)] if is_planned else []),
        *_table(result),
        *[Line(text=text, status=WARNING) for text in result["warnings"]],
        *[prose(text) for text in result["notes"]],
        *([prose(text) for text in result["reasons"]] if result.get("revocation") else []),
        *_revocation(result.get("revocation") or {}),
        *([next_step("run this again without --check.")] if is_planned else []),
    ]


def _table(result: Result) -> list[Line]:
    """The table of keys, whose rows are never wrapped, and the sentences below it, with the next command."""
    rows = len(result["status"]["keys"]) + 1
    command = result["status"]["next_command"]
    return [
        Line(text=text, whole=True) if number < rows or text == command else prose(text)
        for number, text in enumerate(result["table"])
    ]


def _revocation(revocation: Result) -> list[Line]:
    """What fails now that a leaked key is gone, how to hasten it, and what ends the sessions that it gave."""
    if not revocation:
        return []
    policy = json.dumps(revocation["deny_policy"])
    return [
        *[Line(text=text, status=WARNING) for text in revocation["consequences"]],
        *_commands(revocation["hasten"]),
        fact("deny policy", policy),
    ]


def _commands(hasten: t.Sequence[str]) -> t.Iterator[Line]:
    """What ends it sooner, as many commands as people can look through."""
    for text in hasten[:_MOST_COMMANDS]:
        yield Line(text=text, whole=True)
    rest = len(hasten) - _MOST_COMMANDS
    if rest > 0:
        yield prose(
            f"{rest} more {'command is' if rest == 1 else 'commands are'} in irsa_rotate_result.revocation.hasten."
        )


def _heading(result: Result, check_mode: bool) -> Line:
    if not result["actions"]:
        return Line(text=f"ok: nothing {'would change' if check_mode else 'had to change'}", status=OK)
    count = len(result["actions"])
    number = f"{count} action{'' if count == 1 else 's'}"
    phases = f"{', '.join(result['done'])}: " if result["done"] else ""
    if check_mode:
        return Line(text=f"would change: {phases}{number}", status=PLANNED)
    return Line(text=f"changed: {phases}{number}", status=CHANGED)
