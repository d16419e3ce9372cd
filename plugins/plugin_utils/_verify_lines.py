# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verify found, as lines for people.

A result is what module irsa_verify returned, or only ``msg`` if it could not begin.
"""

from __future__ import annotations

import collections

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line, fact, next_step
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    NOT_VERIFIED,
    CheckResult,
    Checks,
    area_lines,
    areas_in_one_line,
    check_lines,
    finding_ids,
    finding_lines,
    findings,
    not_asked_lines,
    number_passed,
    root_of,
    skipped_lines,
    verdict_line,
    verdict_of,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import MANY, Result, Results

_STATUS = {"ok": OK, "degraded": WARNING, "broken": ERROR, NOT_VERIFIED: ERROR}


def verify_lines(results: Results, *, verbose: bool = False) -> list[Line]:
    """What was found of each issuer; of a single one also what to do next. ``verbose`` lists every check."""
    if len(results) == 1:
        (result,) = results.values()
        return [*_issuer_lines(result, verbose=verbose), _next_of_one(result)]
    lines: list[Line] = []
    for host, result in results.items():
        lines += _host_lines(host, result, brief=len(results) > MANY, verbose=verbose)
    return lines


def table_lines(results: Results) -> list[Line]:
    """One row for each of several clusters, their number by verdict, and what to do next."""
    width = max(map(len, ("cluster", *results)))
    lines = [Line(text="findings", label=_columns("cluster", "verdict", "passed", width=width))]
    for host, result in results.items():
        checks = _checks(result)
        found = ", ".join(finding_ids(checks))
        verdict = _verdict(result)
        label = _columns(host, verdict, str(number_passed(checks)), width=width)
        lines.append(Line(text=found or result.get("msg") or "-", label=label, status=_STATUS[verdict]))
    verdicts = collections.Counter(_verdict(result) for result in results.values())
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in _STATUS if verdicts[verdict])
    worst = next(verdict for verdict in reversed(_STATUS) if verdicts[verdict])
    lines.append(Line(text=f"{len(results)} clusters: {counts}", status=_STATUS[worst]))
    lines += not_asked_lines(_not_asked_of_any(results))
    if worst == "ok":
        return [*lines, next_step("nothing to do.")]
    return [*lines, next_step("follow the remedies above, the first one of each cluster first. Then verify again.")]


# --- one issuer


def _issuer_lines(result: Result, *, verbose: bool) -> list[Line]:
    checks = _checks(result)
    if not checks:
        return [_not_verified(result)]
    return [
        verdict_line(checks),
        fact("issuer", result["issuer"]),
        *area_lines(checks),
        *_details(checks, verbose=verbose),
        *not_asked_lines(result.get("not_asked") or {}),
    ]


def _details(checks: Checks, *, verbose: bool) -> list[Line]:
    return [*(check_lines(checks) if verbose else []), *finding_lines(checks), *skipped_lines(checks)]


def _next_of_one(result: Result) -> Line:
    checks = _checks(result)
    if not checks:
        return next_step("correct what the message says, then verify again.")
    if finding := _first_cause(checks):
        return next_step(f"start with {finding['id']}, then verify again.")
    return next_step("nothing to do.")


def _first_cause(checks: Checks) -> CheckResult | None:
    """The finding to begin with: what explains the answer of STS, else the first one."""
    found = findings(checks)
    refused = (check for check in found if check["id"] == "sts-assume" and check["status"] == ERROR)
    first = next(refused, found[0] if found else None)
    return None if first is None else root_of(first, checks)


# --- many clusters


def _host_lines(host: str, result: Result, *, brief: bool, verbose: bool) -> list[Line]:
    checks = _checks(result)
    if not checks:
        return [_not_verified(result, host)]
    verdict = verdict_line(checks)
    lines = [Line(text=f"{host}: {verdict.text}", status=verdict.status), fact("issuer", result["issuer"])]
    if brief and not verbose:
        return [*(lines if findings(checks) else lines[:1]), *finding_lines(checks)]
    return [*lines, areas_in_one_line(checks), *_details(checks, verbose=verbose)]


def _not_asked_of_any(results: Results) -> dict[str, str]:
    """What was asked for of no cluster that was verified."""
    verified = [result.get("not_asked") or {} for result in results.values() if _checks(result)]
    return (
        {what: option for what, option in verified[0].items() if all(what in each for each in verified)}
        if verified
        else {}
    )


def _not_verified(result: Result, host: str = "") -> Line:
    name = f"{host}: " if host else ""
    return Line(text=f"{name}{NOT_VERIFIED}: {result.get('msg') or 'no reason was given'}", status=ERROR)


def _columns(host: str, verdict: str, passed: str, *, width: int) -> str:
    """The columns of a row before its findings."""
    return f"{host:<{width}}  {verdict:<{len(NOT_VERIFIED)}}  {passed:>6}  "


def _verdict(result: Result) -> str:
    checks = _checks(result)
    return verdict_of(check["status"] for check in checks) if checks else NOT_VERIFIED


def _checks(result: Result) -> Checks:
    return result.get("checks") or []
