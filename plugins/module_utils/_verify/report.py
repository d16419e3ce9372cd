# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of irsa_verify in the order in which they were made, and the verdict that follows from them."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.remedies import filled
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    findings,
    link_of,
    not_asked_lines,
    report_lines,
    root_of,
    verdict_of,
)

# More than any check of ours says, unless it quotes something without end.
_MAX_CHARACTERS = 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its stable id, its status, what was seen, the likely cause, and the remedy.

    ``because`` is the id of the finding that explains this one and has its cause and remedy. ``certain`` is false for a
    warning about what cannot be judged here. ``data`` (JSON-like) is what was found, in full and for programs, where
    the text names only a part of it.
    """

    id: str
    status: str
    seen: str
    cause: str | None = None
    remedy: str | None = None
    because: str | None = None
    certain: bool = True
    data: t.Mapping[str, t.Any] | None = None

    def as_dict(self) -> dict[str, t.Any]:
        """Return it for a module's result, with the place where it is explained, and without data if there is none."""
        values = {**dataclasses.asdict(self), "link": link_of(self.id)}
        return values if self.data is not None else {name: values[name] for name in values if name != "data"}


class Report:
    """The checks in the order in which they were made.

    Every id must be in the catalogue. It explains a warning or an error: it provides the cause and the remedy that are
    not given, unless ``explain`` is false or another finding explains it. The same fault of two documents is one
    finding. ``values`` are what is known for the placeholders in remedies.
    """

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self.checks: list[Check] = []
        self.values = {} if values is None else values

    def ok(self, check_id: str, seen: str) -> None:
        """Add a check that passed."""
        self._add(Check(id=check_id, status=OK, seen=seen))

    def warning(
        self,
        check_id: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
        because: str | None = None,
        certain: bool = True,
        data: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Add a finding that does not keep STS from accepting tokens, or one that cannot be judged (``certain``)."""
        found = Check(
            id=check_id,
            status=WARNING,
            seen=seen,
            cause=cause,
            remedy=remedy,
            because=because,
            certain=certain,
            data=data,
        )
        self._add_finding(found, explain=explain)

    def error(
        self,
        check_id: str,
        seen: str,
        cause: str | None = None,
        *,
        remedy: str | None = None,
        explain: bool = True,
        because: str | None = None,
    ) -> None:
        """Add a finding for which STS refuses tokens, or that endangers those who trust the issuer."""
        found = Check(id=check_id, status=ERROR, seen=seen, cause=cause, remedy=remedy, because=because)
        self._add_finding(found, explain=explain)

    def skipped(self, check_id: str, reason: str) -> None:
        """Add a check that could not be made."""
        self._add(Check(id=check_id, status=SKIPPED, seen=reason))

    def skip(self, check_ids: t.Iterable[str], reason: str) -> None:
        """Add several checks that could not be made, for the same reason."""
        for check_id in check_ids:
            self.skipped(check_id, reason)

    def _add_finding(self, found: Check, *, explain: bool) -> None:
        if found.because is not None:
            found = dataclasses.replace(found, cause=None, remedy=f"Follow the remedy of {found.because}.")
        elif explain:
            entry = CATALOGUE[found.id]
            found = dataclasses.replace(
                found,
                cause=entry.cause if found.cause is None else found.cause,
                remedy=entry.remedy if found.remedy is None else found.remedy,
            )
        if found.remedy is not None:
            found = dataclasses.replace(found, remedy=filled(found.remedy, self.values))
        self._add(found)

    def _add(self, check: Check) -> None:
        if check.id not in CATALOGUE:
            raise KeyError(check.id)
        check = dataclasses.replace(
            check,
            seen=_bounded(check.seen),
            cause=check.cause and _bounded(check.cause),
            remedy=check.remedy and _bounded(check.remedy),
        )
        same = next((number for number, other in enumerate(self.checks) if _is_same_fault(other, check)), None)
        if same is None:
            self.checks.append(check)
        elif check.seen not in self.checks[same].seen:
            self.checks[same] = dataclasses.replace(check, seen=f"{self.checks[same].seen} {check.seen}")

    def amend(self, check_id: str, seen: str) -> None:
        """Add to what was seen in the last check with this id, after a later check has revealed more about it."""
        index = max(number for number, check in enumerate(self.checks) if check.id == check_id)
        self.checks[index] = dataclasses.replace(self.checks[index], seen=f"{self.checks[index].seen} {seen}")

    def soften(self, check_ids: t.Collection[str], seen: str) -> None:
        """Make warnings of the errors with these ids, and add what has shown that they do no harm: what they say that
        STS cannot do is not true then.
        """
        for number, check in enumerate(self.checks):
            if check.status == ERROR and check.id in check_ids:
                found = check.seen.replace("STS cannot use the key", "There is a fault in the key")
                self.checks[number] = dataclasses.replace(check, status=WARNING, seen=f"{found} {seen}")

    def put_first(self, check_id: str) -> None:
        """Put the last error with this id, if there is one, before all other errors: STS itself has named it."""
        errors = [number for number, check in enumerate(self.checks) if check.status == ERROR]
        named = [number for number in errors if self.checks[number].id == check_id]
        if named:
            self.checks.insert(errors[0], self.checks.pop(named[-1]))

    def worsen(self, check_id: str, seen: str, cause: str | None = None, *, remedy: str | None = None) -> None:
        """Make an error of the first check with this id, unless there is one: a later check has revealed that STS minds
        what was a warning, or what one of several published keys hides.
        """
        if self.failed(check_id):
            return
        index = next((number for number, check in enumerate(self.checks) if check.id == check_id), len(self.checks))
        self.error(check_id, seen, cause, remedy=remedy)
        self.checks[index : index + 1] = [self.checks.pop()]

    def passed(self, check_id: str) -> bool:
        """Whether a check with this id passed."""
        return any(check.id == check_id and check.status == OK for check in self.checks)

    def failed(self, check_id: str) -> bool:
        """Whether there is an error with this id."""
        return any(check.id == check_id and check.status == ERROR for check in self.checks)

    def explaining(self, check_ids: t.Iterable[str], value: t.Any) -> str | None:
        """Return the first of these ids with an error that is about a value, None if there is none."""
        named = quoted(value)
        return next(
            (name for name in check_ids if any(each.id == name and named in each.seen for each in self._errors)), None
        )

    @property
    def _errors(self) -> list[Check]:
        return [check for check in self.checks if check.status == ERROR]

    @property
    def first_error(self) -> Check | None:
        """The first error, None if there is none."""
        return next((check for check in self.checks if check.status == ERROR), None)

    @property
    def verdict(self) -> str:
        """``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
        return verdict_of(check.status for check in self.checks)

    @property
    def diagnosis(self) -> str | None:
        """The first true cause in one paragraph; None when all is well.

        A refusal of STS comes first: it names the error that matches the answer.
        """
        checks = [vars(check) for check in self.checks]
        found = findings(checks)
        if not found:
            return None
        refused = (check for check in found if check["id"] == "sts-assume" and check["status"] == ERROR)
        fault = next(refused, found[0])
        root = root_of(fault, checks)
        texts = [fault["seen"]] if root is fault else [fault["seen"], f"The reason is {root['id']}: {root['seen']}"]
        texts += [text for text in (root["cause"], root["remedy"]) if text]
        if found[0] not in (fault, root):
            texts.append(f"The first finding is {found[0]['id']}: {found[0]['seen']}")
        return " ".join(texts)

    @property
    def text(self) -> str:
        """The report as a person reads it: passed checks as counts by area, errors and warnings in full."""
        return self.text_with({})

    def text_with(self, not_asked: t.Mapping[str, str]) -> str:
        """Return the report as a person reads it, with what the verification was not asked for."""
        return as_text([*report_lines([vars(check) for check in self.checks]), *not_asked_lines(not_asked)])


def _bounded(text: str) -> str:
    return shown(text, _MAX_CHARACTERS)


def _is_same_fault(one: Check, other: Check) -> bool:
    """Whether two findings differ in what was seen only, as those of two documents do."""
    is_finding = one.status in (ERROR, WARNING) and one.data is None
    return is_finding and dataclasses.replace(one, seen=other.seen) == other
