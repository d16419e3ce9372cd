# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of an issuer as lines for people: passed checks as counts by area, errors and warnings in full."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line, fact
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import (
    ERROR,
    OK,
    SEVERITY,
    SKIPPED,
    WARNING,
)

# A check as results have it: id, status, seen, cause, remedy.
CheckResult = t.Mapping[str, t.Any]
Checks = t.Sequence[CheckResult]

# The areas of the checks, in the order in which STS gets to them, and how the ids in each begin.
AREAS: t.Mapping[str, tuple[str, ...]] = {
    "connection": ("issuer-", "dns-", "tcp-", "tls-", "http-response", "http-redirect"),
    "bucket": ("bucket-", "object-"),
    "documents": ("content-type", "http-caching", "discovery-", "jwks-"),
    "keys": ("jwk-", "algorithms", "kid-"),
    "cluster": ("apiserver", "signer-", "legacy-", "cluster-"),
    "provider": ("provider-",),
    "pods": ("account-", "injection-", "pods-"),
    "token": ("token-",),
    "role": ("role-", "trust-"),
    "STS": ("sts-",),
}
_OTHER_AREA = "other"

# The verdict on an issuer whose verification could not begin.
NOT_VERIFIED = "not verified"


def area_of(check_id: str) -> str:
    """Return the area that a check belongs to."""
    return next((area for area, prefixes in AREAS.items() if check_id.startswith(prefixes)), _OTHER_AREA)


def verdict_of(statuses: t.Iterable[str]) -> str:
    """Return ``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
    found = set(statuses)
    return "broken" if ERROR in found else "degraded" if WARNING in found else "ok"


def findings(checks: Checks) -> list[CheckResult]:
    """Return the errors, then the warnings."""
    return [check for status in (ERROR, WARNING) for check in checks if check["status"] == status]


def finding_ids(checks: Checks) -> list[str]:
    """Return the ids of the findings, each once."""
    return list(dict.fromkeys(check["id"] for check in findings(checks)))


def number_passed(checks: Checks) -> int:
    """Return the number of checks that passed, each counted once."""
    return _number_of(OK, _status_by_id(checks).values())


def verdict_line(checks: Checks) -> Line:
    """Return the verdict, with how many of the checks passed and failed."""
    statuses = _status_by_id(checks)
    total, passed = len(statuses), _number_of(OK, statuses.values())
    counts = [f"all {total} checks passed" if passed == total > 1 else f"{passed} of {total} checks passed"]
    for status, one, several in ((ERROR, "error", "errors"), (WARNING, "warning", "warnings")):
        if number := sum(check["status"] == status for check in checks):
            counts.append(f"{number} {one if number == 1 else several}")
    if number := _number_of(SKIPPED, statuses.values()):
        counts.append(f"{number} skipped")
    verdict = verdict_of(check["status"] for check in checks)
    status = {"broken": ERROR, "degraded": WARNING}.get(verdict, OK)
    return Line(text=f"{verdict}: {', '.join(counts)}", status=status)


def area_lines(checks: Checks) -> list[Line]:
    """Return how many checks of each area passed. Areas in which no check could be made are left out."""
    return [fact(area, f"{passed} of {made}", status=status) for area, passed, made, status in _areas(checks)]


def areas_in_one_line(checks: Checks) -> Line:
    """Return how many checks of each area passed, short enough for one of many clusters."""
    counts = [
        f"{area} {made}" if passed == made else f"{area} {passed} of {made}"
        for area, passed, made, _status in _areas(checks)
    ]
    return fact("passed", ", ".join(counts) or "none")


def finding_lines(checks: Checks) -> list[Line]:
    """Return each error, then each warning, in full."""
    lines = []
    for check in findings(checks):
        lines.append(_check_line(check))
        for label, key in (("likely cause", "cause"), ("remedy", "remedy")):
            if check.get(key):
                lines.append(Line(text=f"{label}: {check[key]}", indent=2))
    return lines


def skipped_lines(checks: Checks) -> list[Line]:
    """Return the checks that could not be made, by the reason."""
    ids: dict[str, list[str]] = {}
    for check in checks:
        if check["status"] == SKIPPED and check["id"] not in ids.setdefault(check["seen"], []):
            ids[check["seen"]].append(check["id"])
    return [Line(text=f"skipped: {', '.join(names)}: {reason}", status=SKIPPED) for reason, names in ids.items()]


def check_lines(checks: Checks) -> list[Line]:
    """Return every check in the order in which it was made, without causes and remedies."""
    return [_check_line(check) for check in checks]


def report_lines(checks: Checks) -> list[Line]:
    """Return the whole report: verdict, counts by area, errors and warnings in full, and what was skipped."""
    return [verdict_line(checks), *area_lines(checks), *finding_lines(checks), *skipped_lines(checks)]


def _check_line(check: CheckResult) -> Line:
    return Line(text=f"{check['status']}: {check['id']}: {check['seen']}", status=check["status"])


def _status_by_id(checks: Checks) -> dict[str, str]:
    """Return the status of each id, in the order in which the ids come first.

    A check that was made several times has its most severe status.
    """
    statuses: dict[str, str] = {}
    for check in checks:
        statuses[check["id"]] = max(check["status"], statuses.get(check["id"], OK), key=SEVERITY.index)
    return statuses


def _areas(checks: Checks) -> t.Iterator[tuple[str, int, int, str]]:
    """Yield area, checks passed, checks made, and the most severe status, in the order of AREAS."""
    statuses = {name: status for name, status in _status_by_id(checks).items() if status != SKIPPED}
    for area in (*AREAS, _OTHER_AREA):
        found = [status for name, status in statuses.items() if area_of(name) == area]
        if found:
            yield area, _number_of(OK, found), len(found), max(found, key=SEVERITY.index)


def _number_of(status: str, statuses: t.Iterable[str]) -> int:
    return sum(each == status for each in statuses)
