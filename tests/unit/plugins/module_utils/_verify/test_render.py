# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports, read back by parsers that the collection does not use for them."""

from __future__ import annotations

import json
import xml.dom.minidom

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.render import render
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import check

NASTY = 'It sent <b>|`*_\x00\x1b[31m]]>&\ud800 & "this"\n# and that'


SOUND = {
    "issuer": "https://sound.example.test",
    "verdict": "ok",
    "diagnosis": None,
    "checks": [check("dns-resolve"), check("tls-trust")],
    "report": "ok: …",
    "changed": False,
    "invocation": {"module_args": {"token": "secret"}},
}
BROKEN = {
    "issuer": "https://broken.example.test",
    "verdict": "broken",
    "diagnosis": "It is the key.",
    "checks": [
        check("dns-resolve"),
        check("http-caching", "warning", "Cached for a day.", remedy="Publish with no-cache."),
        check("jwk-kid", "error", NASTY, cause="The key | has no kid.", remedy="Publish it again."),
        check("token-kid", "skipped", "There is no JWKS."),
    ],
}
UNKNOWN = {"failed": True, "msg": "The library jwcrypto is missing."}
FLEET = {"sound": SOUND, "broken": BROKEN, "unknown": UNKNOWN}


def junit(text):
    """The suites as {name: {case: (elements in it, their text)}}, by another parser."""
    document = xml.dom.minidom.parseString(text.encode())
    return {
        suite.getAttribute("name"): {
            case.getAttribute("name"): [
                (child.tagName, child.getAttribute("message"), child.firstChild.data if child.firstChild else "")
                for child in case.childNodes
                if child.nodeType == child.ELEMENT_NODE
            ]
            for case in suite.getElementsByTagName("testcase")
        }
        for suite in document.getElementsByTagName("testsuite")
    }


def counts(text):
    (suite,) = xml.dom.minidom.parseString(text.encode()).getElementsByTagName("testsuite")
    return {name: int(suite.getAttribute(name)) for name in ("tests", "failures", "errors", "skipped")}


def test_json_of_one_result_is_the_documented_object():
    kept = {name: SOUND[name] for name in ("issuer", "verdict", "diagnosis", "checks")}
    assert json.loads(render({"x": SOUND}, "json")) == kept


def test_json_of_several_results_is_by_name():
    fleet = json.loads(render({"sound": SOUND, "unknown": UNKNOWN}, "json"))
    assert fleet["sound"]["verdict"] == "ok"
    assert fleet["unknown"] == {
        "issuer": "unknown issuer",
        "verdict": "not verified",
        "diagnosis": UNKNOWN["msg"],
        "checks": [],
    }


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 1), ("warning", 2), ("never", 1)])
def test_junit_counts_failures(fail_on, failures):
    assert counts(render({"x": BROKEN}, "xml", fail_on)) == {
        "tests": 4,
        "failures": failures,
        "errors": 0,
        "skipped": 1,
    }


def test_junit_contains_findings_and_explanations():
    (cases,) = junit(render({"x": BROKEN}, "xml")).values()
    assert list(cases) == ["dns-resolve", "http-caching", "jwk-kid", "token-kid"]
    ((element, message, text),) = cases["jwk-kid"]
    assert element == "failure"
    assert 'It sent <b>|`*_\ufffd\ufffd[31m]]>&\ufffd & "this"' in message
    assert "The key | has no kid." in text and "Publish it again." in text
    assert cases["http-caching"] == [("system-out", "", "Cached for a day.\nPublish with no-cache.")]
    assert cases["token-kid"] == [("skipped", "There is no JWKS.", "")]


def test_junit_has_a_suite_for_each_result_and_an_error_if_it_could_not_start():
    suites = junit(render(FLEET, "xml"))
    assert list(suites) == [
        "sound: https://sound.example.test",
        "broken: https://broken.example.test",
        "unknown: unknown issuer",
    ]
    assert suites["unknown: unknown issuer"] == {"verify": [("error", UNKNOWN["msg"], "")]}


def test_markdown_shows_findings_in_full():
    text = render({"x": BROKEN}, "md")
    assert text.startswith("# https://broken.example.test: broken\n\nIt is the key.\n\n## error: jwk-kid\n")
    assert "- Likely cause: The key \\| has no kid.\n- Remedy: Publish it again.\n" in text
    assert text.index("## error: jwk-kid") < text.index("## warning: http-caching")


def test_the_text_of_checks_is_escaped_in_markdown():
    lines = render(FLEET, "md").splitlines()
    assert "# and that" not in lines
    assert not any("<b>" in line for line in lines)
    rows = [line.replace("\\|", "") for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4, 6}
    assert [line for line in lines if line.startswith("## ")] == [
        "## sound, https://sound.example.test: ok",
        "## broken, https://broken.example.test: broken",
        "## unknown, unknown issuer: not verified",
    ]


def test_the_table_of_issuers_has_a_line_for_each_result():
    head, *rows = render(FLEET, "table").splitlines()
    assert head.split() == ["cluster", "issuer", "verdict", "passed", "findings"]
    assert [row.split()[0] for row in rows] == ["sound", "broken", "unknown"]
    assert rows[0].split() == ["sound", "https://sound.example.test", "ok", "2", "-"]
    assert rows[1].endswith("1       jwk-kid, http-caching")
    assert rows[2].endswith(UNKNOWN["msg"])
    assert {row.rindex(text) for row, text in zip((head, *rows), ("passed", "2 ", "1 ", "0 "), strict=True)} == {
        head.index("passed")
    }


@pytest.mark.parametrize("form", ["md", "json", "xml", "table"])
def test_options_of_the_module_are_in_no_report(form):
    assert "secret" not in render(FLEET, form)


@pytest.mark.parametrize("form", ["md", "json", "xml", "table"])
def test_any_finding_can_be_written_to_a_file_and_a_terminal(form):
    text = render({"x": BROKEN, "y": {"msg": NASTY}}, form)
    assert "\x1b" not in text
    text.encode()


@pytest.mark.parametrize("form", ["", "html", "MD"])
def test_an_unknown_report_format_is_refused(form):
    with pytest.raises(IrsaError, match=r"\.md, \.json or \.xml"):
        render(FLEET, form)
