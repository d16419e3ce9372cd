# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks for the tests of reports: results made up, and what a report or its lines contain."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import MARKS, Line, layout
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report


def check(
    check_id: str, status: str = "ok", seen: str = "Seen.", *, cause: str | None = None, remedy: str | None = None
) -> dict[str, t.Any]:
    """A check as results of irsa_verify contain it."""
    return {"id": check_id, "status": status, "seen": seen, "cause": cause, "remedy": remedy}


def printed(lines: t.Sequence[Line]) -> list[str]:
    """Lines as a terminal with 80 columns shows them."""
    return [piece.text for piece in layout(lines, marks=MARKS)]


def statuses(report: Report) -> dict[str, str]:
    """The status of each check by its id."""
    return {each.id: each.status for each in report.checks}


def ordered_statuses(report: Report) -> list[str]:
    """The statuses, in the order of the checks."""
    return [each.status for each in report.checks]


def faults(report: Report) -> list[Check]:
    """The warnings and errors, in the order of the checks."""
    return [each for each in report.checks if each.status in ("warning", "error")]


def only_fault(report: Report) -> Check:
    """The one warning or error, which must have a remedy."""
    (fault,) = faults(report)
    assert fault.remedy, fault
    return fault


def without(document: dict[str, t.Any], *names: str) -> dict[str, t.Any]:
    """A document without some of its members, to provoke a finding."""
    return {name: value for name, value in document.items() if name not in names}
