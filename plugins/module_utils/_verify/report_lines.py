# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of an issuer as lines for people: passed checks as counts by area, errors and warnings in full."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import lines_of, pieces_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import WIDTH, Line, fact
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import (
    ERROR,
    OK,
    SEVERITY,
    SKIPPED,
    WARNING,
)

# A check as results have it: id, status, seen, cause, remedy, because, certain, link.
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

# How far cause and remedy are indented below a finding. The margin for marks is as wide.
_DETAIL = 2

# The verdict on an issuer whose verification could not begin.
NOT_VERIFIED = "not verified"

# Where each check is explained, in the installed collection as well as in its repository. This is a path and not a URL
# as long as the links in galaxy.yml are reserved addresses: a path that is looked up is better than a dead link.
GUIDE = "docs/troubleshooting.md"


def link_of(check_id: str) -> str:
    """Return where a check is explained."""
    return f"{GUIDE}#{check_id}"


def area_of(check_id: str) -> str:
    """Return the area that a check belongs to."""
    return next((area for area, prefixes in AREAS.items() if check_id.startswith(prefixes)), _OTHER_AREA)


def verdict_of(statuses: t.Iterable[str]) -> str:
    """Return ``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
    found = set(statuses)
    return "broken" if ERROR in found else "degraded" if WARNING in found else "ok"


def findings(checks: Checks) -> list[CheckResult]:
    """Return the errors and warnings, what is most certain to be wrong first.

    Errors come before warnings, and warnings about what cannot be judged come last. A finding that another one explains
    comes after it, even if that is a warning.
    """
    found = [check for check in checks if check["status"] in (ERROR, WARNING)]
    explaining = {check.get("because") for check in found if check["status"] == ERROR}

    def rank(check: CheckResult) -> tuple[bool, bool, bool]:
        is_urgent = check["status"] == ERROR or check["id"] in explaining
        return not is_urgent, not check.get("certain", True), bool(check.get("because"))

    return sorted(found, key=rank)


def root_of(check: CheckResult, checks: Checks) -> CheckResult:
    """Return the finding that explains a finding in the end, which may be the finding itself."""
    by_id = {other["id"]: other for other in reversed(findings(checks))}
    seen = {check["id"]}
    while check.get("because") in by_id.keys() - seen:
        check = by_id[check["because"]]
        seen.add(check["id"])
    return check


def finding_ids(checks: Checks) -> list[str]:
    """Return the ids of the findings, each once."""
    return list(dict.fromkeys(check["id"] for check in findings(checks)))


def number_passed(checks: Checks) -> int:
    """Return the number of checks that passed, each counted once."""
    return _number_of(OK, _status_by_id(checks).values())


def verdict_line(checks: Checks) -> Line:
    """Return the verdict, with how many of the checks passed, failed, and were skipped."""
    statuses = _status_by_id(checks)
    counts = [f"{_number_of(OK, statuses.values())} passed"]
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
    """Return the findings in full, but those that another one explains in one line."""
    lines = []
    for check in findings(checks):
        lines.append(_check_line(check))
        if not check.get("because"):
            if check.get("cause"):
                lines.append(Line(text=f"likely cause: {check['cause']}", indent=_DETAIL))
            lines += _remedy_lines(check.get("remedy") or "")
            lines.append(Line(text=f"see: {link_of(check['id'])}", indent=_DETAIL))
    return lines


def _remedy_lines(remedy: str) -> t.Iterator[Line]:
    """Yield a remedy in lines: what is to be copied from it stands alone."""
    label, indent = "remedy: ", 2 * _DETAIL + 2
    for text, is_copyable in pieces_of(remedy):
        if is_copyable:
            yield from (Line(text=line, indent=indent, whole=True) for line in lines_of(text, WIDTH - indent - _DETAIL))
        else:
            yield Line(text=f"{label}{text}", indent=_DETAIL if label else 2 * _DETAIL, hanging=2 if label else 0)
        label = ""


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


def not_asked_lines(not_asked: t.Mapping[str, str]) -> list[Line]:
    """Return what the verification was not asked for: each with the option, or the variable, that asks for it."""
    wishes = [f"{what} (set {option})" for what, option in not_asked.items()]
    return [Line(text=f"not asked for: {', '.join(wishes)}", status=SKIPPED)] if wishes else []


def said(check: CheckResult) -> str:
    """Return what was seen and, of a finding that another one explains, which one that is."""
    because = check.get("because")
    return f"{check['seen'].rstrip('.')}, because of {because}." if because else str(check["seen"])


def _check_line(check: CheckResult) -> Line:
    return Line(text=f"{check['status']}: {check['id']}: {said(check)}", status=check["status"])


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
