# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was checked and what came of it, in the order in which it was checked."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import report_lines, verdict_of


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: its stable id, its status, what was seen, the likely cause, and the remedy."""

    id: str
    status: str
    seen: str
    cause: t.Optional[str] = None
    remedy: t.Optional[str] = None


class Report:
    """The checks in the order in which they were made, and what they come to.

    Every id has to be in the catalogue, which gives cause and remedy of a warning or an error where they are not given;
    an empty text stands for none.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def ok(self, check: str, seen: str) -> None:
        """Add a check that went well."""
        self._add(check, OK, seen, "", "")

    def warning(self, check: str, seen: str, cause: t.Optional[str] = None, remedy: t.Optional[str] = None) -> None:
        """Add a finding that does not keep STS from taking tokens."""
        self._add(check, WARNING, seen, cause, remedy)

    def error(self, check: str, seen: str, cause: t.Optional[str] = None, remedy: t.Optional[str] = None) -> None:
        """Add a finding because of which tokens are refused, or that endangers those who trust the issuer."""
        self._add(check, ERROR, seen, cause, remedy)

    def skipped(self, check: str, why: str) -> None:
        """Add a check that could not be made."""
        self._add(check, SKIPPED, why, "", "")

    def _add(self, check: str, status: str, seen: str, cause: t.Optional[str], remedy: t.Optional[str]) -> None:
        entry = CATALOGUE[check]
        cause = entry.cause if cause is None else cause
        remedy = entry.remedy if remedy is None else remedy
        self.checks.append(Check(check, status, seen, cause or None, remedy or None))

    def amend(self, check: str, seen: str) -> None:
        """Add to what was seen in the last check of this id, once a later one has shown more of it."""
        place = max(number for number, made in enumerate(self.checks) if made.id == check)
        self.checks[place] = dataclasses.replace(self.checks[place], seen=f"{self.checks[place].seen} {seen}")

    def found_right(self, check: str) -> bool:
        """Whether a check of this id went well."""
        return any(made.id == check and made.status == OK for made in self.checks)

    def failed(self, check: str) -> bool:
        """Whether there is an error of this id."""
        return any(made.id == check and made.status == ERROR for made in self.checks)

    @property
    def first_error(self) -> t.Optional[Check]:
        """The error that came first on the way, None where there is none."""
        return self._first(ERROR)

    def _first(self, status: str) -> t.Optional[Check]:
        return next((check for check in self.checks if check.status == status), None)

    @property
    def verdict(self) -> str:
        """``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
        return verdict_of(check.status for check in self.checks)

    @property
    def diagnosis(self) -> t.Optional[str]:
        """The first true cause in one paragraph; None when all is well.

        What STS answered names the cause itself, and of several errors the one that goes with the answer.
        """
        refused = (check for check in self.checks if check.id == "sts-assume" and check.status == ERROR)
        fault = next(refused, None) or self._first(ERROR) or self._first(WARNING)
        return None if fault is None else " ".join(text for text in (fault.seen, fault.cause, fault.remedy) if text)

    @property
    def text(self) -> str:
        """The report as a person reads it: what is right as counts by area, what is wrong in full."""
        return as_text(report_lines([vars(check) for check in self.checks]))
