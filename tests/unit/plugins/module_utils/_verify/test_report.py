# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of checks, their verdict, and the catalogue that explains the checks."""

from __future__ import annotations

import re

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report


@pytest.fixture
def report():
    return Report()


class TestCatalogue:
    def test_the_promised_check_ids_exist(self):
        """Users rely on them, so none is ever removed or renamed."""
        promised = {
            "issuer-url",
            "dns-resolve",
            "tcp-connect",
            "tls-version",
            "tls-trust",
            "tls-expiry",
            "tls-host",
            "http-response",
            "http-redirect",
            "bucket-exists",
            "bucket-region",
            "bucket-access-block",
            "bucket-policy",
            "object-exists",
            "object-encryption",
            "content-type",
            "http-caching",
            "discovery-json",
            "discovery-fields",
            "discovery-issuer",
            "jwks-uri",
            "jwks-json",
            "jwk-public-only",
            "jwk-kid",
            "jwk-key-ops",
            "jwk-use",
            "jwk-numbers",
            "jwk-strength",
            "jwk-certificate",
            "jwk-count",
            "algorithms",
            "kid-expected",
            "cluster-issuer",
            "cluster-keys",
            "provider-exists",
            "provider-audience",
            "provider-thumbprints",
            "token-format",
            "token-issuer",
            "token-audience",
            "token-lifetime",
            "token-kid",
            "token-signature",
            "role-exists",
            "trust-provider",
            "trust-subject",
            "trust-audience",
            "trust-condition",
            "sts-assume",
        }
        assert promised <= set(CATALOGUE)

    @pytest.mark.parametrize("check", CATALOGUE)
    def test_each_check_has_title_cause_and_remedy(self, check):
        entry = CATALOGUE[check]
        assert re.fullmatch("[a-z]+(-[a-z]+)*", check)
        for text in (entry.title, entry.cause, entry.remedy):
            assert text.endswith(".") and "  " not in text and text == text.strip()
        assert all(symptom == symptom.strip() and symptom for symptom in entry.symptoms)


class TestReport:
    def test_a_report_keeps_the_order_of_checks(self, report):
        report.ok("dns-resolve", "one")
        report.skipped("tls-host", "two")
        report.warning("jwk-kid", "three")
        report.error("jwks-json", "four")
        assert [(check.id, check.status, check.seen) for check in report.checks] == [
            ("dns-resolve", "ok", "one"),
            ("tls-host", "skipped", "two"),
            ("jwk-kid", "warning", "three"),
            ("jwks-json", "error", "four"),
        ]

    @pytest.mark.parametrize("status", ["warning", "error"])
    def test_cause_and_remedy_default_to_the_catalogue(self, report, status):
        getattr(report, status)("jwk-kid", "seen")
        entry = CATALOGUE["jwk-kid"]
        assert report.checks == [
            Check(id="jwk-kid", status=status, seen="seen", cause=entry.cause, remedy=entry.remedy)
        ]

    @pytest.mark.parametrize("status", ["warning", "error"])
    def test_a_given_cause_and_remedy_take_precedence(self, report, status):
        getattr(report, status)("jwk-kid", "seen", "the cause", remedy="the remedy")
        assert report.checks == [
            Check(id="jwk-kid", status=status, seen="seen", cause="the cause", remedy="the remedy")
        ]

    @pytest.mark.parametrize("status", ["warning", "error"])
    def test_a_finding_may_have_no_explanation(self, report, status):
        getattr(report, status)("jwk-kid", "seen", explain=False)
        assert report.checks == [Check(id="jwk-kid", status=status, seen="seen")]

    @pytest.mark.parametrize("status", ["ok", "skipped"])
    def test_a_passed_or_skipped_check_has_no_cause(self, report, status):
        getattr(report, status)("jwk-kid", "seen")
        assert report.checks == [Check(id="jwk-kid", status=status, seen="seen")]

    @pytest.mark.parametrize("status", ["ok", "skipped", "warning", "error"])
    def test_a_check_id_that_is_not_in_the_catalogue_is_refused(self, report, status):
        with pytest.raises(KeyError):
            getattr(report, status)("no-such-check", "seen")

    @pytest.mark.parametrize(
        ("statuses", "verdict"),
        [
            ([], "ok"),
            (["ok", "skipped"], "ok"),
            (["ok", "warning", "skipped"], "degraded"),
            (["warning", "error"], "broken"),
            (["error", "ok"], "broken"),
        ],
    )
    def test_the_verdict_follows_from_the_statuses(self, report, statuses, verdict):
        for status in statuses:
            getattr(report, status)("jwk-kid", "seen")
        assert report.verdict == verdict
        assert (report.diagnosis is None) == (verdict == "ok")

    def test_passed_and_failed_checks_are_found_by_id(self, report):
        report.warning("jwk-kid", "seen")
        report.ok("jwk-use", "seen")
        assert (report.failed("jwk-kid"), report.first_error, report.passed("jwk-use")) == (False, None, True)
        report.error("jwk-use", "seen")
        report.error("algorithms", "seen")
        assert (report.failed("jwk-use"), report.failed("jwk-count")) == (True, False)
        assert report.first_error is not None and report.first_error.id == "jwk-use"
        assert not report.passed("algorithms")

    def test_a_warning_that_turns_out_to_matter_becomes_an_error_in_its_place(self, report):
        report.warning("jwk-use", "Of no use.", "It is not needed.", remedy="None.")
        report.ok("jwk-count", "Few.")
        report.worsen("jwk-use", "The token needs it.")
        report.worsen("jwk-use", "So does another.")
        report.worsen("jwk-count", "Too many.")
        report.worsen("token-kid", "It was not checked.")
        assert [(check.id, check.status) for check in report.checks] == [
            ("jwk-use", "error"),
            ("jwk-count", "error"),
            ("token-kid", "error"),
        ]
        first = report.checks[0]
        entry = CATALOGUE["jwk-use"]
        assert (first.seen, first.cause, first.remedy) == ("The token needs it.", entry.cause, entry.remedy)

    def test_an_amendment_goes_to_the_last_check_with_an_id(self, report):
        for seen in ("one", "two"):
            report.error("bucket-exists", seen, "cause", remedy=f"remedy of {seen}")
        report.ok("provider-exists", "three")
        report.amend("bucket-exists", "More.")
        assert [check.seen for check in report.checks] == ["one", "two More.", "three"]
        assert report.checks[1].cause == "cause"

    @pytest.mark.parametrize("status", ["warning", "error"])
    def test_the_same_fault_of_two_documents_is_one_finding(self, report, status):
        for document in ("The one", "The other", "The other"):
            getattr(report, status)("content-type", f"{document} is served as HTML.")
        (check,) = report.checks
        assert check.seen == "The one is served as HTML. The other is served as HTML."

    def test_different_faults_with_one_id_stay_apart(self, report):
        report.ok("content-type", "JSON.")
        report.warning("content-type", "HTML.")
        report.error("content-type", "HTML.")
        report.error("content-type", "A picture.", "Another cause.")
        assert [check.seen for check in report.checks] == ["JSON.", "HTML.", "HTML.", "A picture."]

    def test_a_finding_that_another_one_explains_refers_to_it(self, report):
        report.error("trust-subject", "Another one.", "A cause.", remedy="A remedy.")
        report.error("sts-assume", "STS says no.", "A cause.", remedy="A remedy.", because="trust-subject")
        (dummy, check) = report.checks
        assert (check.cause, check.remedy, check.because) == (
            None,
            "Follow the remedy of trust-subject.",
            "trust-subject",
        )
        assert report.diagnosis == "STS says no. The reason is trust-subject: Another one. A cause. A remedy."

    def test_an_error_about_the_same_value_explains_another_one(self, report):
        report.error("kid-expected", "The key 'abc' is not published.")
        report.warning("cluster-keys", "The key 'def' is not published.")
        assert report.explaining(("cluster-keys", "kid-expected"), "abc") == "kid-expected"
        assert report.explaining(("cluster-keys", "kid-expected"), "def") is None

    def test_a_result_says_where_each_check_is_explained(self, report):
        report.ok("jwk-kid", "seen")
        assert report.checks[0].as_dict() == {
            "id": "jwk-kid",
            "status": "ok",
            "seen": "seen",
            "cause": None,
            "remedy": None,
            "because": None,
            "certain": True,
            "link": "docs/troubleshooting.md#jwk-kid",
        }


class TestDiagnosis:
    def test_the_diagnosis_is_the_first_error(self, report):
        report.warning("content-type", "a warning")
        report.error("jwk-kid", "an error.", "Its cause.", remedy="Its remedy.")
        report.error("jwk-use", "another error")
        assert report.diagnosis == "an error. Its cause. Its remedy."

    def test_the_diagnosis_is_the_first_warning_if_there_is_no_error(self, report):
        report.warning("content-type", "a warning.", remedy="Its remedy.", explain=False)
        report.warning("jwk-kid", "another")
        assert report.diagnosis == "a warning. Its remedy."


class TestText:
    def test_the_text_counts_passed_checks_by_area(self, report):
        report.ok("dns-resolve", "seen")
        report.ok("http-response", "seen")
        report.ok("http-response", "seen")
        assert report.text.splitlines() == ["ok: 2 passed", "connection  2 of 2"]

    def test_the_text_counts_a_check_as_failed_if_it_failed_once(self, report):
        report.ok("http-response", "seen")
        report.error("http-response", "seen", explain=False)
        report.skipped("dns-resolve", "seen")
        report.ok("dns-resolve", "seen")
        assert report.text.splitlines() == [
            "broken: 0 passed, 1 error, 1 skipped",
            "connection  0 of 1",
            "error: http-response: seen",
            "  see: docs/troubleshooting.md#http-response",
            "skipped: dns-resolve: seen",
        ]

    def test_the_text_has_all_findings_in_full_with_errors_first(self, report):
        report.ok("dns-resolve", "seen")
        report.warning("content-type", "a warning", "why", explain=False)
        report.error("jwk-kid", "an error", "why", remedy="what to do")
        report.skipped("kid-expected", "for want of keys")
        assert report.text.splitlines() == [
            "broken: 1 passed, 1 error, 1 warning, 1 skipped",
            "connection  1 of 1",
            "documents   0 of 1",
            "keys        0 of 1",
            "error: jwk-kid: an error",
            "  likely cause: why",
            "  remedy: what to do",
            "  see: docs/troubleshooting.md#jwk-kid",
            "warning: content-type: a warning",
            "  likely cause: why",
            "  see: docs/troubleshooting.md#content-type",
            "skipped: kid-expected: for want of keys",
        ]


def test_a_text_without_end_is_cut_and_what_a_terminal_obeys_is_escaped():
    report = Report()
    report.error("jwks-uri", f"The jwks_uri is {'x' * 900_000}.", "because\x1b[2J", remedy="\n::error::do this")
    (check,) = report.checks
    assert len(check.seen) < 3000 and len(report.text) < 10_000 and len(report.diagnosis) < 10_000
    assert "\x1b" not in check.cause and "::error" not in check.remedy
