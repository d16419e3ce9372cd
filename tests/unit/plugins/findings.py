# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report found wrong."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report


def faults(report: Report) -> list[Check]:
    """The warnings and errors, in the order of the checks."""
    return [check for check in report.checks if check.status in ("warning", "error")]


def only_fault(report: Report) -> Check:
    """The one warning or error, which must have a remedy."""
    (fault,) = faults(report)
    assert fault.remedy, fault
    return fault


def without(document: dict[str, t.Any], *names: str) -> dict[str, t.Any]:
    """A document without some of its members, to provoke a finding."""
    return {name: value for name, value in document.items() if name not in names}
