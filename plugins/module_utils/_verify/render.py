# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of irsa_verify for people, programs and CI: Markdown, JSON, JUnit XML, and a table of many issuers.

A result is what the module returned: ``issuer``, ``verdict``, ``diagnosis``, ``checks``, ``not_asked``, ``time`` and
``collection_version``, or only ``msg`` if it could not start. Results are given by name, such as that of a cluster.
"""

from __future__ import annotations

import json
import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import (
    ERROR,
    SEVERITY,
    SKIPPED,
    WARNING,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.version import VERSION
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    GUIDE,
    NOT_VERIFIED,
    finding_ids,
    findings,
    link_of,
    number_passed,
    said,
)

# JUnit groups test cases by a class.
_CLASS = "selfhosted.irsa.verify"

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
        raise IrsaError(f"The report format {form!r} is not supported; expected {', '.join(FORMS)}.")
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
    """Return what was found: findings in full, and everything else in a table."""
    checks = _checks(result)
    lines = [f"{level} {_escaped(title)}: {_verdict(result)}", "", _escaped(_provenance(result))]
    if not checks:
        return [*lines, "", _escaped(_diagnosis(result) or NOT_VERIFIED)]
    found = findings(checks)
    for check in found:
        lines += ["", f"{level}# {check['status']}: {check['id']}", "", _escaped(said(check))]
        if not check.get("because"):
            why = (("Likely cause", _escaped(check.get("cause") or "")), ("Remedy", _remedy(check.get("remedy") or "")))
            lines += ["", *(f"- {label}: {text}" for label, text in why if text)]
            lines += [f"- See: `{link_of(check['id'])}`"]
    others = [check for check in checks if check not in found]
    if others:
        lines += ["", f"{level}# Other checks", "", "| check | status | seen |", "|---|---|---|"]
        lines += [f"| {check['id']} | {check['status']} | {_escaped(check['seen'])} |" for check in others]
    unasked = _not_asked(result)
    if unasked:
        lines += ["", f"{level}# Not asked for", ""]
        lines += [f"- {_escaped(what)}: set {_escaped(option)}" for what, option in unasked.items()]
    return lines


def _remedy(text: str) -> str:
    """Return a remedy in Markdown: what is to be copied from it is code, as it stands."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _escaped(text)
    said = (f" {_escaped(part)} " if part.strip() else "" for part in parts[::2])
    code = (f"`{_printable(part)}`" for part in [*parts[1::2], ""])
    joined = "".join(part for pair in zip(said, code, strict=True) for part in pair).removesuffix("``").strip()
    return re.sub("` (?=[.,;:])", "`", joined)


def _escaped(text: str) -> str:
    """Escape text for Markdown, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_printable(text).split()))


def _json(results: Results, _fail_on: str) -> str:
    plain = {
        name: {
            "issuer": _issuer(result),
            "verdict": _verdict(result),
            "diagnosis": _diagnosis(result),
            "checks": [{**check, "link": link_of(check["id"])} for check in _checks(result)],
            "not_asked": _not_asked(result),
            "time": result.get("time"),
            "collection_version": _version(result),
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
    if result.get("time"):
        suite.set("timestamp", _printable(result["time"]).removesuffix("Z"))
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="selfhosted.irsa", value=_printable(_version(result)))
    checks = _checks(result)
    for name in dict.fromkeys(check["id"] for check in checks):
        _add_case(suite, [check for check in checks if check["id"] == name], fail_on)
    for what, option in _not_asked(result).items():
        case = ElementTree.SubElement(suite, "testcase", classname=_CLASS, name=_printable(f"not asked for: {what}"))
        ElementTree.SubElement(case, "skipped", message=_printable(f"Set {option}."))
    if _verdict(result) == NOT_VERIFIED:
        case = ElementTree.SubElement(suite, "testcase", classname=_CLASS, name="verify")
        ElementTree.SubElement(case, "error", message=_printable(_diagnosis(result) or NOT_VERIFIED))
    for count, element in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(1 for found in suite.iter(element))))
    return suite


def _add_case(suite: ElementTree.Element, checks: t.Sequence[t.Mapping[str, t.Any]], fail_on: str) -> None:
    """Add a test case for one check, which may have been made of both documents: names of test cases are unique."""
    name = checks[0]["id"]
    case = ElementTree.SubElement(suite, "testcase", classname=_CLASS, name=name)
    worst = max((check["status"] for check in checks), key=SEVERITY.index)
    of_worst = [check for check in checks if check["status"] == worst]
    seen = " ".join(said(check) for check in of_worst)
    explained = [check[key] for check in of_worst for key in ("cause", "remedy") if check.get(key)]
    text = "\n".join([seen, *([] if of_worst[0].get("because") else explained), f"See {link_of(name)}"])
    if worst == ERROR or (worst == WARNING and fail_on == WARNING):
        failure = ElementTree.SubElement(case, "failure", type=worst, message=_printable(seen))
        failure.text = _printable(text)
    elif worst == SKIPPED:
        ElementTree.SubElement(case, "skipped", message=_printable(seen)).text = f"See {link_of(name)}"
    else:
        ElementTree.SubElement(case, "system-out").text = _printable(text)


def _printable(text: t.Any) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def _table(results: Results, _fail_on: str) -> str:
    rows = [tuple(map(_printable, row)) for row in _rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _rows(results: Results) -> list[tuple[str, ...]]:
    """Return a header row, and a row for each result."""
    rows: list[tuple[str, ...]] = [("cluster", "issuer", "verdict", "passed", "not asked for", "findings")]
    for name, result in results.items():
        checks = _checks(result)
        found = ", ".join(finding_ids(checks)) or _diagnosis(result) or "-"
        unasked = ", ".join(_not_asked(result)) or "-"
        rows.append((name, _issuer(result), _verdict(result), str(number_passed(checks)), unasked, found))
    return rows


def _issuer(result: Result) -> str:
    return str(result.get("issuer") or "unknown issuer")


def _verdict(result: Result) -> str:
    return result.get("verdict") or NOT_VERIFIED


def _diagnosis(result: Result) -> str | None:
    return result.get("diagnosis") or result.get("msg")


def _not_asked(result: Result) -> t.Mapping[str, str]:
    """Return what was not asked for, each with the option that asks for it."""
    return result.get("not_asked") or {}


def _version(result: Result) -> str:
    return str(result.get("collection_version") or VERSION)


def _provenance(result: Result) -> str:
    """Say when an issuer was verified, by what, and where its checks are explained."""
    when = f"Verified {result['time']} by" if result.get("time") else "By"
    return f"{when} selfhosted.irsa {_version(result)}, which explains each check in its {GUIDE}."


def _checks(result: Result) -> list[t.Mapping[str, t.Any]]:
    return list(result.get("checks") or [])


FORMS: dict[str, t.Callable[[Results, str], str]] = {
    "md": _markdown,
    "json": _json,
    "xml": _junit,
    "table": _table,
}
