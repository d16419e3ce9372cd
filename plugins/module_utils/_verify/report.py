# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of irsa_verify in the order in which they were made, and the verdict that follows from them."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import report_lines, verdict_of

# More than any check of ours says, unless it quotes something without end.
_MAX_CHARACTERS = 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its stable id, its status, what was seen, the likely cause, and the remedy.

    ``data`` (JSON-like) is what was found, in full and for programs, where the text names only a part of it.
    """

    id: str
    status: str
    seen: str
    cause: str | None = None
    remedy: str | None = None
    data: t.Mapping[str, t.Any] | None = None

    def as_dict(self) -> dict[str, t.Any]:
        """Return it for a module's result, without data if there is none."""
        values = dataclasses.asdict(self)
        return values if self.data is not None else {name: values[name] for name in values if name != "data"}


class Report:
    """The checks in the order in which they were made.

    Every id must be in the catalogue. It explains a warning or an error: it provides the cause and the remedy that are
    not given, unless ``explain`` is false.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def ok(self, check_id: str, seen: str) -> None:
        """Add a check that passed."""
        self._add(check_id, OK, seen, explain=False)

    def warning(
        self,
        check_id: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
        data: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Add a finding that does not keep STS from accepting tokens."""
        self._add(check_id, WARNING, seen, cause=cause, remedy=remedy, explain=explain, data=data)

    def error(
        self,
        check_id: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
    ) -> None:
        """Add a finding for which STS refuses tokens, or that endangers those who trust the issuer."""
        self._add(check_id, ERROR, seen, cause=cause, remedy=remedy, explain=explain)

    def skipped(self, check_id: str, reason: str) -> None:
        """Add a check that could not be made."""
        self._add(check_id, SKIPPED, reason, explain=False)

    def skip(self, check_ids: t.Iterable[str], reason: str) -> None:
        """Add several checks that could not be made, for the same reason."""
        for check_id in check_ids:
            self.skipped(check_id, reason)

    def _add(
        self,
        check_id: str,
        status: str,
        seen: str,
        *,
        cause: str | None = None,
        remedy: str | None = None,
        explain: bool,
        data: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        entry = CATALOGUE[check_id]
        if explain:
            cause = entry.cause if cause is None else cause
            remedy = entry.remedy if remedy is None else remedy
        texts = {"cause": cause, "remedy": remedy}
        bounded = {name: text and shown(text, _MAX_CHARACTERS) for name, text in texts.items()}
        self.checks.append(Check(id=check_id, status=status, seen=shown(seen, _MAX_CHARACTERS), data=data, **bounded))

    def amend(self, check_id: str, seen: str) -> None:
        """Add to what was seen in the last check with this id, after a later check has revealed more about it."""
        index = max(number for number, check in enumerate(self.checks) if check.id == check_id)
        self.checks[index] = dataclasses.replace(self.checks[index], seen=f"{self.checks[index].seen} {seen}")

    def passed(self, check_id: str) -> bool:
        """Whether a check with this id passed."""
        return any(check.id == check_id and check.status == OK for check in self.checks)

    def failed(self, check_id: str) -> bool:
        """Whether there is an error with this id."""
        return any(check.id == check_id and check.status == ERROR for check in self.checks)

    @property
    def first_error(self) -> Check | None:
        """The first error, None if there is none."""
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
        """The report as a person reads it: passed checks as counts by area, errors and warnings in full."""
        return as_text(report_lines([vars(check) for check in self.checks]))
