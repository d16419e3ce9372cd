# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery documents that are right, wrong in one thing at a time, or anything at all."""

from __future__ import annotations

import json
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import discovery_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, only_fault, without

HOST = "irsa.example.test"
URL_OF_ISSUER = f"https://{HOST}/prod"
ISSUER = issuer_url.parse(URL_OF_ISSUER)
URL = f"{URL_OF_ISSUER}/.well-known/openid-configuration"
JWKS_URL = f"{URL_OF_ISSUER}/keys.json"

DISCOVERY = documents.discovery(URL_OF_ISSUER, JWKS_URL, ["ES256", "RS256"])


class TestJson:
    def parse(self, body: bytes) -> tuple[t.Any, Report]:
        report = Report()
        return discovery_checks.parse_object(report, "discovery-json", URL, body=body), report

    def test_a_json_object_is_parsed(self):
        document, report = self.parse(json.dumps({"name": "Gerät"}, ensure_ascii=False).encode())
        assert document == {"name": "Gerät"} and faults(report) == []

    @pytest.mark.parametrize(
        ("body", "seen"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b'{"a": NaN}', "not JSON"),
            (b'{"a": Infinity}', "not JSON"),
            (b'{"a": ' + b"1" * 10_000 + b"}", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b'{"a":' * 100_000, "not JSON"),
            (json.dumps({}).encode("utf-16"), "UTF-16"),
            (b"[]", "a list and not an object"),
            (b"null", "null and not an object"),
            (b'"text"', "a string and not an object"),
            (b"5", "a number and not an object"),
        ],
    )
    def test_anything_but_a_json_object_in_utf_8_is_an_error(self, body, seen):
        document, report = self.parse(body)
        fault = only_fault(report)
        assert document is None
        assert (fault.id, fault.status) == ("discovery-json", "error") and seen in fault.seen and URL in fault.seen

    def test_a_page_is_no_document_of_ours(self):
        fault = only_fault(self.parse(b"<!doctype html><title>Sign in</title>")[1])
        assert "'Sign in'" in fault.seen and "A login page" in fault.cause

    @hypothesis.given(
        st.binary()
        | st.text(st.sampled_from('{}[]",:\\u0019nulltrue\ud800')).map(lambda x: x.encode("utf-8", "surrogatepass"))
    )
    def test_any_bytes_are_either_an_object_or_an_error(self, body):
        document, report = self.parse(body)
        assert (document is None) == bool(faults(report))


class TestDiscovery:
    def check(self, document: t.Any) -> tuple[str | None, Report]:
        report = Report()
        return discovery_checks.check_discovery(report, document, ISSUER), report

    def test_the_document_of_irsa_jwks_passes(self):
        url, report = self.check(DISCOVERY)
        assert url == JWKS_URL
        assert [(check.id, check.status) for check in report.checks] == [
            (check, "ok") for check in discovery_checks.IDS
        ]

    @pytest.mark.parametrize(
        "name", ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    )
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (None, "null, not a list"),
            ("", "a string, not a list"),
            ("RS256", "a string, not a list"),
            (5, "a number, not a list"),
            ({}, "an object, not a list"),
            (True, "the value true, not a list"),
            ([5], "a list with a number in it, not a list of strings"),
            (["RS256", ["RS256"]], "a list with a list in it, not a list of strings"),
            (["RS256", None], "a list with null in it, not a list of strings"),
        ],
    )
    def test_a_discovery_field_that_is_not_a_list_of_strings_is_an_error(self, name, value, words):
        url, report = self.check({**DISCOVERY, name: value})
        fault = only_fault(report)
        assert (fault.id, fault.status) == ("discovery-fields", "error")
        assert f"{name} is {words}" in fault.seen and "lacks" not in fault.seen
        assert url == JWKS_URL

    @pytest.mark.parametrize(
        "name", ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    )
    def test_an_empty_list_in_the_discovery_document_is_a_warning(self, name):
        """It is there, and nothing tells that STS minds."""
        fault = only_fault(self.check({**DISCOVERY, name: []})[1])
        assert (fault.id, fault.status) == ("discovery-fields", "warning") and f"{name} is an empty list" in fault.seen

    @pytest.mark.parametrize(("value", "word"), [(None, "null"), ("", "empty")])
    @pytest.mark.parametrize("name", ["issuer", "jwks_uri"])
    def test_an_empty_text_is_not_called_missing(self, name, value, word):
        fault = only_fault(self.check({**DISCOVERY, name: value})[1])
        assert fault.id == "discovery-fields" and fault.seen == f"In the discovery document, {name} is {word}."

    def test_all_missing_discovery_fields_are_named(self):
        url, report = self.check({})
        assert only_fault(report).seen.endswith(
            "lacks issuer, jwks_uri, response_types_supported, subject_types_supported, "
            "id_token_signing_alg_values_supported."
        )
        assert url is None
        assert {check.id for check in report.checks if check.status == "skipped"} == {"discovery-issuer", "jwks-uri"}

    def test_a_jwks_in_place_of_the_discovery_document_is_named(self):
        assert "It is a JWKS" in only_fault(self.check({"keys": []})[1]).cause

    def test_optional_discovery_fields_may_be_missing(self):
        assert faults(self.check(without(DISCOVERY, "claims_supported", "authorization_endpoint"))[1]) == []

    @pytest.mark.parametrize(
        ("found", "cause"),
        [
            (f"{URL_OF_ISSUER}/", "slash"),
            (URL_OF_ISSUER.replace("irsa", "IRSA"), "capital letters"),
            (URL_OF_ISSUER.replace("https", "http"), "http://"),
            (URL_OF_ISSUER.replace("test/", "test:443/"), "port"),
            (f"https://{HOST}/other", "another path"),
            ("https://other.example.test", "byte for byte"),
            ([URL_OF_ISSUER], "byte for byte"),
            ({"x": 1}, "byte for byte"),
            (5, "byte for byte"),
            ("\x1b[31m\ud800" + "x" * 100_000, "byte for byte"),
        ],
    )
    def test_a_different_issuer_in_the_discovery_document_is_an_error_that_says_how_it_differs(self, found, cause):
        url, report = self.check({**DISCOVERY, "issuer": found})
        fault = only_fault(report)
        assert (fault.id, fault.status, url) == ("discovery-issuer", "error", JWKS_URL)
        assert cause in fault.cause and len(fault.seen) < 1000 and fault.seen.isprintable()

    @pytest.mark.parametrize(
        ("issuer", "found", "cause"),
        [
            ("https://b.s3.eu-west-1.amazonaws.com", "https://b.s3.amazonaws.com", "global"),
            ("https://b.s3.amazonaws.com", "https://b.s3.us-east-1.amazonaws.com", "regional"),
            ("https://b.s3.eu-west-1.amazonaws.com", "https://b.s3.eu-west-2.amazonaws.com", "another region"),
            ("https://b.s3.us-east-1.amazonaws.com", "https://b.s3.cn-north-1.amazonaws.com.cn", "partition"),
            (
                "https://b.s3.eu-west-1.amazonaws.com",
                "https://b.s3-eu-west-1.amazonaws.com",
                "the same bucket under another host name",
            ),
            ("https://b.s3.eu-west-1.amazonaws.com", "https://kubernetes.default.svc", "It is internal"),
        ],
    )
    def test_the_host_of_another_issuer_is_explained(self, issuer, found, cause):
        report = Report()
        document = {**DISCOVERY, "issuer": found, "jwks_uri": f"{issuer}/keys.json"}
        discovery_checks.check_discovery(report, document, issuer_url.parse(issuer))
        assert cause in only_fault(report).cause

    @pytest.mark.parametrize(
        "uri",
        [f"https://{HOST}/anything", f"https://{HOST.upper()}/keys", f"https://{HOST}", f"https://{HOST}:443/k?v=1"],
    )
    def test_a_jwks_uri_on_the_same_host_passes(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        assert url == uri and faults(report) == []

    @pytest.mark.parametrize(
        "uri", [f"https://{HOST}:8443/keys", "https://other.example.test/keys", f"https://{HOST}.example.com/keys"]
    )
    def test_a_jwks_uri_on_another_host_or_port_is_a_warning(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        fault = only_fault(report)
        assert (url, fault.id, fault.status) == (uri, "jwks-uri", "warning") and uri in fault.seen

    @pytest.mark.parametrize(
        ("issuer", "uri", "status"),
        [
            ("https://b.s3.eu-west-1.amazonaws.com", "https://b.s3-eu-west-1.amazonaws.com/keys.json", "ok"),
            ("https://b.s3.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com/b/keys.json", "ok"),
            ("https://s3.eu-west-1.amazonaws.com/b", "https://s3.eu-west-1.amazonaws.com/other/keys.json", "warning"),
            ("https://b.s3.us-east-1.amazonaws.com", "https://b.s3.cn-north-1.amazonaws.com.cn/keys.json", "warning"),
        ],
    )
    def test_a_jwks_uri_in_the_same_bucket_passes_under_any_host_name(self, issuer, uri, status):
        report = Report()
        document = {**DISCOVERY, "issuer": issuer, "jwks_uri": uri}
        assert discovery_checks.check_discovery(report, document, issuer_url.parse(issuer)) == uri
        assert [check.status for check in report.checks if check.id == "jwks-uri"] == [status]

    @pytest.mark.parametrize(
        "uri",
        [
            "https://10.0.0.1:6443/openid/v1/jwks",
            "https://kubernetes.default.svc/openid/v1/jwks",
            "https://control-plane/openid/v1/jwks",
            "https://api.prod.internal:6443/openid/v1/jwks",
            "https://[fd00::1]:6443/openid/v1/jwks",
            "https://2130706433/keys",
        ],
    )
    def test_a_jwks_uri_at_an_internal_address_is_an_error(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        fault = only_fault(report)
        assert (url, fault.id, fault.status) == (None, "jwks-uri", "error")
        assert "AWS can never reach it" in fault.seen and "--service-account-jwks-uri" in fault.remedy

    @pytest.mark.parametrize(
        "uri",
        [
            f"http://{HOST}/keys.json",
            "keys.json",
            "//irsa.example.test/keys.json",
            "ftp://irsa.example.test/keys.json",
            "file:///etc/passwd",
            "https://",
            "https:///keys.json",
            "https://[::1/keys.json",
            f"https://{HOST}:port/keys.json",
            f"https://{HOST}:0/keys.json",
            f"https://{HOST}:99999/keys.json",
            f"https://{HOST}@other.example.test/keys.json",
            f"https://user:password@{HOST}/keys.json",
            f"https://{HOST}/a b",
            f"https://{HOST}/\x1b[31m",
            f"https://{HOST}/\u212a",
            "https://irsa\u2100.example.test/",
            5,
            True,
            {"url": JWKS_URL},
            [JWKS_URL],
        ],
    )
    def test_a_jwks_uri_that_cannot_be_fetched_is_an_error(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        fault = only_fault(report)
        assert (url, fault.id, fault.status) == (None, "jwks-uri", "error")
        assert fault.seen.isprintable()
