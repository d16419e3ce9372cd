# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of an issuer as lines: counts by area, findings in full, reasons for what was skipped."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    AREAS,
    area_lines,
    area_of,
    areas_in_one_line,
    check_lines,
    finding_lines,
    findings,
    not_asked_lines,
    number_passed,
    report_lines,
    root_of,
    skipped_lines,
    verdict_line,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import check

MIXED = [
    check("dns-resolve"),
    check("tls-trust"),
    check("jwk-kid", "warning", "A kid is odd.", cause="A cause.", remedy="A remedy."),
    check("jwk-use"),
    check("provider-exists", "skipped", "There are no credentials."),
    check("provider-audience", "skipped", "There are no credentials."),
    check("kid-expected", "error", "A key is missing.", remedy="Publish it."),
    check("token-kid", "skipped", "There is no token."),
]


class TestAreas:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_every_check_of_the_catalogue_has_an_area(self, name):
        assert area_of(name) in AREAS

    @pytest.mark.parametrize("area", AREAS)
    def test_every_area_has_checks(self, area):
        assert area in map(area_of, CATALOGUE)

    def test_areas_are_in_the_order_of_the_catalogue(self):
        areas = [area_of(name) for name in CATALOGUE]
        assert list(dict.fromkeys(areas)) == list(AREAS)

    def test_an_unknown_check_has_an_area_as_well(self):
        assert area_of("new-check") == "other"
        assert as_text(area_lines([check("new-check")])) == "other       1 of 1"


class TestVerdict:
    @pytest.mark.parametrize(
        ("checks", "text", "status"),
        [
            ([check("dns-resolve"), check("dns-resolve")], "ok: 1 passed", "ok"),
            ([check("dns-resolve"), check("tls-host")], "ok: 2 passed", "ok"),
            ([check("dns-resolve"), check("tls-host", "skipped")], "ok: 1 passed, 1 skipped", "ok"),
            ([check("jwk-kid", "warning")], "degraded: 0 passed, 1 warning", "warning"),
            (MIXED, "broken: 3 passed, 1 error, 1 warning, 3 skipped", "error"),
        ],
    )
    def test_the_verdict_counts_passed_and_other_checks(self, checks, text, status):
        line = verdict_line(checks)
        assert (line.text, line.status) == (text, status)


class TestCounts:
    @pytest.mark.parametrize(
        ("checks", "number"),
        [
            (MIXED, 3),
            ([check("http-response"), check("http-response")], 1),
            ([check("http-response"), check("http-response", "error")], 0),
        ],
        ids=["different checks", "made twice", "passed and failed"],
    )
    def test_each_check_that_passed_counts_once(self, checks, number):
        assert number_passed(checks) == number

    def test_passed_checks_are_counted_by_area(self):
        assert [(line.label.strip(), line.text, line.status) for line in area_lines(MIXED)] == [
            ("connection", "2 of 2", "ok"),
            ("keys", "1 of 3", "error"),
        ]

    def test_counts_by_area_fit_into_one_line(self):
        assert as_text([areas_in_one_line(MIXED)]) == "passed      connection 2, keys 1 of 3"

    def test_a_check_made_twice_counts_once_with_its_more_severe_status(self):
        checks = [check("http-response"), check("http-response", "error"), check("dns-resolve")]
        assert as_text(area_lines(checks)) == "connection  1 of 2"


class TestFindings:
    def test_errors_are_listed_first_and_in_full(self):
        assert as_text(finding_lines(MIXED)).splitlines() == [
            "error: kid-expected: A key is missing.",
            "  remedy: Publish it.",
            "  see: docs/troubleshooting.md#kid-expected",
            "warning: jwk-kid: A kid is odd.",
            "  likely cause: A cause.",
            "  remedy: A remedy.",
            "  see: docs/troubleshooting.md#jwk-kid",
        ]

    def test_what_cannot_be_judged_comes_after_what_is_certain(self):
        checks = [
            {**check("bucket-policy", "warning"), "certain": False},
            check("content-type", "warning"),
            check("object-exists", "error"),
        ]
        assert [each["id"] for each in findings(checks)] == ["object-exists", "content-type", "bucket-policy"]

    def test_a_cause_comes_before_what_follows_from_it(self):
        checks = [
            {**check("token-signature", "error"), "because": "jwk-kid"},
            check("algorithms", "warning"),
            check("jwk-kid", "warning"),
            check("trust-subject", "error"),
        ]
        assert [each["id"] for each in findings(checks)] == [
            "jwk-kid",
            "trust-subject",
            "token-signature",
            "algorithms",
        ]

    def test_the_root_of_a_finding_is_found_by_way_of_others(self):
        first, second = check("kid-expected", "error"), {**check("token-kid", "error"), "because": "kid-expected"}
        third = {**check("sts-assume", "error"), "because": "token-kid"}
        assert root_of(third, [first, second, third]) is first
        assert root_of(third, [second, third]) is second
        circle = {**first, "because": "sts-assume"}
        assert root_of(third, [circle, second, third]) is circle

    def test_a_finding_that_another_one_explains_is_one_line(self):
        seen = "STS answers AccessDenied: No."
        follows = {**check("sts-assume", "error", seen, cause="A.", remedy="B."), "because": "trust-subject"}
        assert as_text(finding_lines([follows])) == (
            "error: sts-assume: STS answers AccessDenied: No, because of trust-subject."
        )

    def test_what_was_not_asked_for_is_one_line_with_what_asks_for_it(self):
        assert as_text(not_asked_lines({"token": "token_path", "role": "role_arn"})) == (
            "not asked for: token (set token_path), role (set role_arn)"
        )
        assert not_asked_lines({}) == []

    def test_skipped_checks_are_grouped_by_their_reason(self):
        assert as_text(skipped_lines(MIXED)).splitlines() == [
            "skipped: provider-exists, provider-audience: There are no credentials.",
            "skipped: token-kid: There is no token.",
        ]

    def test_each_check_can_be_listed(self):
        lines = as_text(check_lines(MIXED)).splitlines()
        assert [line.split(": ")[:2] for line in lines] == [[each["status"], each["id"]] for each in MIXED]

    def test_long_findings_are_wrapped_and_indented(self):
        text = as_text(
            report_lines([check("jwk-kid", "error", "word " * 30, cause="cause " * 30, remedy="remedy " * 30)])
        )
        assert max(map(len, text.splitlines())) <= 80
        assert "\n    cause" in text

    def test_report_of_no_checks_is_a_verdict_only(self):
        assert len(report_lines([])) == 1
