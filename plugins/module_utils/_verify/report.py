# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of irsa_verify, in the order of the checks, and the verdict that follows from them."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import report_lines, verdict_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its stable id, its status, what was seen, the likely cause, and the remedy."""

    id: str
    status: str
    seen: str
    cause: str | None = None
    remedy: str | None = None


class Report:
    """The checks in the order in which they were made.

    Every id must be in the catalogue. It explains a warning or an error: it provides the cause and the remedy that are
    not given, unless ``explain`` is false.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def ok(self, check: str, seen: str) -> None:
        """Add a check that passed."""
        self._add(check, OK, seen, explain=False)

    def warning(
        self,
        check: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
    ) -> None:
        """Add a finding that does not keep STS from accepting tokens."""
        self._add(check, WARNING, seen, cause=cause, remedy=remedy, explain=explain)

    def error(
        self,
        check: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
    ) -> None:
        """Add a finding for which STS refuses tokens, or that endangers those who trust the issuer."""
        self._add(check, ERROR, seen, cause=cause, remedy=remedy, explain=explain)

    def skipped(self, check: str, reason: str) -> None:
        """Add a check that could not be made."""
        self._add(check, SKIPPED, reason, explain=False)

    def skip(self, checks: t.Iterable[str], reason: str) -> None:
        """Add several checks that could not be made, for the same reason."""
        for check in checks:
            self.skipped(check, reason)

    def _add(
        self,
        check: str,
        status: str,
        seen: str,
        *,
        cause: str | None = None,
        remedy: str | None = None,
        explain: bool,
    ) -> None:
        entry = CATALOGUE[check]
        if explain:
            cause = entry.cause if cause is None else cause
            remedy = entry.remedy if remedy is None else remedy
        self.checks.append(Check(id=check, status=status, seen=seen, cause=cause, remedy=remedy))

    def amend(self, check: str, seen: str) -> None:
        """Add to what was seen in the last check with this id, after a later check has revealed more about it."""
        index = max(number for number, made in enumerate(self.checks) if made.id == check)
        self.checks[index] = dataclasses.replace(self.checks[index], seen=f"{self.checks[index].seen} {seen}")

    def passed(self, check: str) -> bool:
        """Whether a check with this id passed."""
        return any(made.id == check and made.status == OK for made in self.checks)

    def failed(self, check: str) -> bool:
        """Whether there is an error with this id."""
        return any(made.id == check and made.status == ERROR for made in self.checks)

    @property
    def first_error(self) -> Check | None:
        """The first error, None where there is none."""
        return self._first(ERROR)

    def _first(self, status: str) -> Check | None:
        return next((check for check in self.checks if check.status == status), None)

    @property
    def verdict(self) -> str:
        """``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
        return verdict_of(check.status for check in self.checks)

    @property
    def diagnosis(self) -> str | None:
        """The first true cause in one paragraph; None when all is well.

        A refusal of STS comes first: it names the error that matches the answer.
        """
        refused = (check for check in self.checks if check.id == "sts-assume" and check.status == ERROR)
        fault = next(refused, None) or self._first(ERROR) or self._first(WARNING)
        return None if fault is None else " ".join(text for text in (fault.seen, fault.cause, fault.remedy) if text)

    @property
    def text(self) -> str:
        """The report as a person reads it: what is right as counts by area, what is wrong in full."""
        return as_text(report_lines([vars(check) for check in self.checks]))
