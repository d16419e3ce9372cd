# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports, read back by parsers that the collection does not use for them."""

from __future__ import annotations

import json
import xml.dom.minidom

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.version import VERSION
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.render import render
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import check

NASTY = 'It sent <b>|`*_\x00\x1b[31m]]>&\ud800 & "this"\n# and that'


SOUND = {
    "issuer": "https://sound.example.test",
    "verdict": "ok",
    "diagnosis": None,
    "checks": [check("dns-resolve"), check("tls-trust")],
    "not_asked": {"token": "irsa_verify_token_path"},
    "time": "2026-11-26T15:42:05Z",
    "collection_version": "9.8.7",
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
        {**check("sts-assume", "error", "STS says no."), "because": "jwk-kid"},
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
    names = ("issuer", "verdict", "diagnosis", "checks", "not_asked", "time", "collection_version")
    report = json.loads(render({"x": SOUND}, "json"))
    assert list(report) == list(names)
    assert [each.pop("link") for each in report["checks"]] == [
        "docs/troubleshooting.md#dns-resolve",
        "docs/troubleshooting.md#tls-trust",
    ]
    assert report == {name: SOUND[name] for name in names}


def test_json_of_several_results_is_by_name():
    fleet = json.loads(render({"sound": SOUND, "unknown": UNKNOWN}, "json"))
    assert fleet["sound"]["verdict"] == "ok"
    assert fleet["unknown"] == {
        "issuer": "unknown issuer",
        "verdict": "not verified",
        "diagnosis": UNKNOWN["msg"],
        "checks": [],
        "not_asked": {},
        "time": None,
        "collection_version": VERSION,
    }


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 2), ("warning", 3), ("never", 2)])
def test_junit_counts_failures(fail_on, failures):
    assert counts(render({"x": BROKEN}, "xml", fail_on)) == {
        "tests": 5,
        "failures": failures,
        "errors": 0,
        "skipped": 1,
    }


def test_junit_contains_findings_and_explanations():
    (cases,) = junit(render({"x": BROKEN}, "xml")).values()
    assert list(cases) == ["dns-resolve", "http-caching", "jwk-kid", "token-kid", "sts-assume"]
    ((element, message, text),) = cases["jwk-kid"]
    assert element == "failure"
    assert 'It sent <b>|`*_\ufffd\ufffd[31m]]>&\ufffd & "this"' in message
    assert "The key | has no kid." in text and "Publish it again." in text
    assert cases["http-caching"] == [
        ("system-out", "", "Cached for a day.\nPublish with no-cache.\nSee docs/troubleshooting.md#http-caching")
    ]
    assert cases["token-kid"] == [("skipped", "There is no JWKS.", "See docs/troubleshooting.md#token-kid")]
    assert cases["sts-assume"] == [
        (
            "failure",
            "STS says no, because of jwk-kid.",
            "STS says no, because of jwk-kid.\nSee docs/troubleshooting.md#sts-assume",
        )
    ]


def test_junit_names_are_unique_and_say_what_was_not_asked_for():
    (cases,) = junit(render({"x": SOUND}, "xml")).values()
    assert cases["not asked for: token"] == [("skipped", "Set irsa_verify_token_path.", "")]
    twice = {**BROKEN, "checks": [check("content-type", seen=f"{one}.") for one in ("One", "Two")]}
    twice["checks"] += [check("http-response"), check("http-response", "error", "It answers 404.")]
    text = render({"x": twice}, "xml")
    assert counts(text) == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0}
    (cases,) = junit(text).values()
    assert cases["content-type"][0][2].startswith("One. Two.\n")
    assert cases["http-response"][0][:2] == ("failure", "It answers 404.")


def test_reports_say_when_and_by_what_they_were_made():
    (suite,) = xml.dom.minidom.parseString(render({"x": SOUND}, "xml").encode()).getElementsByTagName("testsuite")
    (version,) = suite.getElementsByTagName("property")
    assert suite.getAttribute("timestamp") == "2026-11-26T15:42:05"
    assert (version.getAttribute("name"), version.getAttribute("value")) == ("selfhosted.irsa", "9.8.7")
    made = "Verified 2026-11-26T15:42:05Z by selfhosted.irsa 9.8.7"
    assert made in render({"x": SOUND}, "md")


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
    assert text.startswith("# https://broken.example.test: broken\n\n")
    assert "- Likely cause: The key \\| has no kid.\n- Remedy: Publish it again.\n" in text
    assert "- See: `docs/troubleshooting.md#jwk-kid`\n" in text
    assert text.index("## error: jwk-kid") < text.index("## warning: http-caching")


@pytest.mark.parametrize(
    "text", ["Cached for a day", "The key \\| has no kid", "STS says no, because of jwk-kid", "There is no JWKS"]
)
def test_markdown_repeats_nothing(text):
    assert render({"x": BROKEN}, "md").count(text) == 1


def test_markdown_says_what_was_not_asked_for():
    assert "## Not asked for\n\n- token: set irsa\\_verify\\_token\\_path\n" in render({"x": SOUND}, "md")


def test_the_text_of_checks_is_escaped_in_markdown():
    lines = render(FLEET, "md").splitlines()
    assert "# and that" not in lines
    assert not any("<b>" in line for line in lines)
    rows = [line.replace("\\|", "") for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4, 7}
    assert [line for line in lines if line.startswith("## ")] == [
        "## sound, https://sound.example.test: ok",
        "## broken, https://broken.example.test: broken",
        "## unknown, unknown issuer: not verified",
    ]


def test_the_table_of_issuers_has_a_line_for_each_result():
    head, *rows = render(FLEET, "table").splitlines()
    assert head.split() == ["cluster", "issuer", "verdict", "passed", "not", "asked", "for", "findings"]
    assert [row.split()[0] for row in rows] == ["sound", "broken", "unknown"]
    assert rows[0].split() == ["sound", "https://sound.example.test", "ok", "2", "token", "-"]
    assert rows[1].endswith("1       -              jwk-kid, sts-assume, http-caching")
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
    with pytest.raises(IrsaError, match="expected md, json, xml, table"):
        render(FLEET, form)
