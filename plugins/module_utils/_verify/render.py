# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of irsa_verify for people, programs and CI: Markdown, JSON, JUnit XML, and a table of many issuers.

A result is what the module returned: ``issuer``, ``verdict``, ``diagnosis`` and ``checks``, or only ``msg`` if it could
not start. Results are given by name, such as that of a cluster.
"""

from __future__ import annotations

import json
import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    NOT_VERIFIED,
    finding_ids,
    findings,
    number_passed,
)

Result = t.Mapping[str, t.Any]
Results = t.Mapping[str, Result]

# Findings may quote what a server sent. XML 1.0 cannot represent these characters, files cannot represent lone
# surrogates, and terminals interpret some: https://www.w3.org/TR/xml/#charsets
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Everything that Markdown, or HTML within it, could interpret.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def render(results: Results, form: str, fail_on: str = ERROR) -> str:
    """Return results as text in one of ``FORMS``: ``md``, ``json``, ``xml`` (JUnit) or ``table``.

    One result makes a document about it, several make one about all. ``fail_on`` is the least severe status that counts
    as a failure in JUnit. Raises IrsaError for another form.
    """
    if form not in FORMS:
        raise IrsaError(
            f"The report format {form!r} is not supported. The file name must end in .md, .json or .xml (JUnit)."
        )
    return FORMS[form](results, fail_on)


def _markdown(results: Results, _fail_on: str) -> str:
    if len(results) == 1:
        (result,) = results.values()
        return "\n".join(_markdown_of(result, _issuer(result), "#")) + "\n"
    lines = ["# Service account issuers", ""]
    rows = _rows(results)
    lines += [f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|"]
    lines += [f"| {' | '.join(map(_escaped, row))} |" for row in rows[1:]]
    for name, result in results.items():
        lines += ["", *_markdown_of(result, f"{name}, {_issuer(result)}", "##")]
    return "\n".join(lines) + "\n"


def _markdown_of(result: Result, title: str, level: str) -> list[str]:
    lines = [f"{level} {_escaped(title)}: {_verdict(result)}"]
    if diagnosis := _diagnosis(result):
        lines += ["", _escaped(diagnosis)]
    for check in findings(_checks(result)):
        lines += ["", f"{level}# {check['status']}: {check['id']}", "", _escaped(check["seen"])]
        why = (("Likely cause", check.get("cause")), ("Remedy", check.get("remedy")))
        details = [f"- {label}: {_escaped(text)}" for label, text in why if text]
        lines += ["", *details] if details else []
    if _checks(result):
        lines += ["", "| check | status | seen |", "|---|---|---|"]
        lines += [f"| {check['id']} | {check['status']} | {_escaped(check['seen'])} |" for check in _checks(result)]
    return lines


def _escaped(text: str) -> str:
    """Escape text for Markdown, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_printable(text).split()))


def _json(results: Results, _fail_on: str) -> str:
    plain = {
        name: {
            "issuer": _issuer(result),
            "verdict": _verdict(result),
            "diagnosis": _diagnosis(result),
            "checks": _checks(result),
        }
        for name, result in results.items()
    }
    content = next(iter(plain.values())) if len(plain) == 1 else plain
    return json.dumps(content, indent=2) + "\n"


def _junit(results: Results, fail_on: str) -> str:
    """Return the form that CI systems read. It has no warnings, so they are the output of a test case that passed."""
    suites = ElementTree.Element("testsuites", name="selfhosted.irsa.verify")
    for name, result in results.items():
        title = _issuer(result) if len(results) == 1 else f"{name}: {_issuer(result)}"
        suites.append(_junit_suite(result, title, fail_on))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _junit_suite(result: Result, title: str, fail_on: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_printable(title))
    checks = _checks(result)
    for check in checks:
        text = "\n".join(check[key] for key in ("seen", "cause", "remedy") if check.get(key))
        case = ElementTree.SubElement(suite, "testcase", classname="selfhosted.irsa.verify", name=check["id"])
        status = check["status"]
        if status == ERROR or (status == WARNING and fail_on == WARNING):
            failure = ElementTree.SubElement(case, "failure", type=status, message=_printable(check["seen"]))
            failure.text = _printable(text)
        elif status == SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_printable(check["seen"]))
        else:
            ElementTree.SubElement(case, "system-out").text = _printable(text)
    if _verdict(result) == NOT_VERIFIED:
        case = ElementTree.SubElement(suite, "testcase", classname="selfhosted.irsa.verify", name="verify")
        ElementTree.SubElement(case, "error", message=_printable(_diagnosis(result) or NOT_VERIFIED))
    for count, element in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(1 for found in suite.iter(element))))
    return suite


def _printable(text: t.Any) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def _table(results: Results, _fail_on: str) -> str:
    rows = [tuple(map(_printable, row)) for row in _rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _rows(results: Results) -> list[tuple[str, ...]]:
    """Return a header row, and a row for each result."""
    rows: list[tuple[str, ...]] = [("cluster", "issuer", "verdict", "passed", "findings")]
    for name, result in results.items():
        checks = _checks(result)
        found = ", ".join(finding_ids(checks)) or _diagnosis(result) or "-"
        rows.append((name, _issuer(result), _verdict(result), str(number_passed(checks)), found))
    return rows


def _issuer(result: Result) -> str:
    return str(result.get("issuer") or "unknown issuer")


def _verdict(result: Result) -> str:
    return result.get("verdict") or NOT_VERIFIED


def _diagnosis(result: Result) -> str | None:
    return result.get("diagnosis") or result.get("msg")


def _checks(result: Result) -> list[t.Mapping[str, t.Any]]:
    return list(result.get("checks") or [])


FORMS: dict[str, t.Callable[[Results, str], str]] = {
    "md": _markdown,
    "json": _json,
    "xml": _junit,
    "table": _table,
}
