# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about the connection to a host and its answers, from a server on a loopback port."""

from __future__ import annotations

import gzip
import itertools
import json
import socket

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import fetch
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https, tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Answer, Fetched
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.tests.unit.plugins import findings
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    DAY,
    HOST,
    INTERMEDIATE,
    NOW,
    ROOT,
    HttpsServer,
    certify,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

ISSUER = issuer_url.parse(f"https://{HOST}")
DISCOVERY_PATH, JWKS_PATH = "/.well-known/openid-configuration", "/keys.json"
KEY = jwk_of(samples.P256)
DISCOVERY = json.dumps(documents.discovery(ISSUER.url, ISSUER.jwks_url, ["ES256"])).encode()
JWKS = json.dumps({"keys": [KEY]}).encode()
HEADERS = {"Content-Type": "application/json"}

both_documents = pytest.mark.parametrize("path", [DISCOVERY_PATH, JWKS_PATH], ids=["discovery", "key set"])


@pytest.fixture
def published(server):
    server.serve(DISCOVERY_PATH, DISCOVERY, **HEADERS)
    server.serve(JWKS_PATH, JWKS, **HEADERS)
    return server


def look(route, explain_forbidden=lambda report, url: "Unknown."):
    report = Report()
    found = fetch.check_served(report, ISSUER, route, explain_forbidden=explain_forbidden)
    return report, found


def only_fault(route, **more):
    report, found = look(route, **more)
    fault = findings.only_fault(report)
    assert (found.keys is None) == (fault.status == "error")
    return fault


def test_keys_and_certificate_chain_are_returned(published, route):
    report, found = look(route)
    assert report.verdict == "ok", report.text
    assert found.keys == [KEY] and len(found.chain) == 2


class TestSecondLook:
    """One fault of the network, of whatever kind, is looked at twice."""

    @pytest.mark.parametrize(
        "reply",
        [
            (500, {}, [b"<Error><Code>InternalError</Code></Error>"]),
            (503, {}, [b""]),
            (429, {}, [b""]),
            (200, {"Content-Length": "9999"}, [JWKS[:9]]),
            (200, {}, [JWKS[:9]]),
            (200, {}, [b""]),
            (200, {"Content-Type": "text/html"}, [b"<html>Sign in</html>"]),
            (403, {"Content-Type": "text/html"}, [b"<html>Sign in</html>"]),
        ],
        ids=["500", "503", "429", "reset", "cut", "empty", "page", "page with 403"],
    )
    @both_documents
    def test_one_fault_of_a_fetch_is_no_finding(self, published, route, pauses, path, reply):
        replies = [published.replies[path], lambda: reply]
        published.replies[path] = lambda: replies.pop()() if len(replies) > 1 else replies[0]()
        report, found = look(route)
        assert report.verdict == "ok" and found.keys == [KEY], report.text
        assert [seen for seen, headers in published.requests].count(path) == 2 and len(pauses) == 1

    def test_one_host_that_cannot_be_reached_is_no_finding(self, published, route, monkeypatch, pauses):
        connect = socket.socket.connect
        refused = []

        def connect_at_second(sock, address):
            if not refused:
                refused.append(address)
                raise ConnectionRefusedError(111, "Connection refused")
            return connect(sock, address)

        monkeypatch.setattr(socket.socket, "connect", connect_at_second)
        assert look(route)[0].verdict == "ok"
        assert refused and len(pauses) == 1

    def test_a_good_answer_is_looked_at_once(self, published, route, pauses):
        look(route)
        assert len(published.requests) == 2 and pauses == []

    @both_documents
    def test_what_s3_refuses_is_looked_at_once(self, published, route, pauses, path):
        published.serve(path, b"<Error><Code>AccessDenied</Code></Error>", 403, **{"Content-Type": "application/xml"})
        look(route)
        assert [seen for seen, headers in published.requests].count(path) == 1 and pauses == []


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "cause", "may_pass"),
        [
            (201, "something other than the document", False),
            (204, "something other than the document", False),
            (304, "something other than the document", False),
            (400, "something other than the document", False),
            (401, "asks for a login", False),
            (403, "Anonymous reads are denied", True),
            (404, "Nothing is published at this address", True),
            (410, "Nothing is published at this address", False),
            (429, "limits how often", True),
            (500, "The host fails", True),
            (503, "The host fails", True),
            (599, "The host fails", True),
        ],
    )
    @both_documents
    def test_a_status_other_than_200_is_an_error_with_its_own_cause(
        self, published, route, path, status, cause, may_pass
    ):
        published.serve(path, b"", status)
        report, found = look(route)
        fault = findings.only_fault(report)
        assert (fault.id, fault.status) == ("http-response", "error")
        assert f"{path} answers {status}" in fault.seen and cause in fault.cause
        assert (found.keys, found.may_pass) == (None, may_pass)

    @pytest.mark.parametrize("status", [401, 403])
    def test_an_api_server_that_wants_a_login_is_named(self, published, route, status):
        published.serve(DISCOVERY_PATH, b'{"kind": "Status", "apiVersion": "v1", "status": "Failure"}', status)
        fault = only_fault(route)
        assert "An API server answers" in fault.cause
        assert "--clusterrole=system:service-account-issuer-discovery" in fault.remedy

    @pytest.mark.parametrize(
        "failure",
        [
            FetchFailed("It gave no answer within 5 s.", "http-response", is_slow=True),
            tls.handshake_failure("issuer.example.com", TimeoutError("timed out")),
        ],
        ids=lambda failure: failure.check,
    )
    def test_a_host_without_an_answer_in_time_is_called_slow(self, published, route, monkeypatch, failure):
        def get(*ignored):
            raise failure

        monkeypatch.setattr(https.Client, "fetch", get)
        fault = only_fault(route)
        assert fault.id == failure.check and "gives up after 5 seconds" in fault.cause and "timeout" in fault.remedy

    def test_a_host_that_speaks_no_http_is_told_from_a_slow_one(self, published, route):
        published.replies[JWKS_PATH] = lambda: (0, {}, [b""])
        fault = only_fault(route)
        assert fault.id == "http-response" and "no web server" in fault.cause and "timeout" not in fault.remedy

    @both_documents
    @pytest.mark.parametrize(
        ("status", "headers", "body", "check", "seen"),
        [
            (404, {}, b"<Error><Code>NoSuchBucket</Code></Error>", "bucket-exists", "the bucket does not exist"),
            (404, {}, b"<Error><Code>NoSuchKey</Code></Error>", "object-exists", "has no such object"),
            (301, {}, b"<Error><Code>PermanentRedirect</Code></Error>", "bucket-region", "another region"),
            (301, {"x-amz-bucket-region": "eu-west-1"}, b"", "bucket-region", "'eu-west-1'"),
            (
                400,
                {},
                (
                    b"<Error><Code>InvalidArgument</Code><Message>Requests specifying Server Side Encryption with AWS "
                    b"KMS managed keys require AWS Signature Version 4.</Message></Error>"
                ),
                "object-encryption",
                "KMS",
            ),
            (400, {}, b"<Error><Code>InvalidArgument</Code></Error>", "http-response", "400 InvalidArgument"),
            (403, {}, b"<Error><Code>AccessDenied</Code></Error>", "http-response", "403 AccessDenied"),
            (403, {}, b"<Code>\x1b[31m</Code>", "http-response", "answers 403:"),
        ],
    )
    def test_an_error_of_s3_is_interpreted(self, published, route, path, status, headers, body, check, seen):
        published.serve(path, body, status, **headers)
        fault = only_fault(route)
        assert (fault.id, fault.status) == (check, "error")
        assert seen in fault.seen and path in fault.seen and fault.seen.isprintable()

    def test_the_reason_of_a_403_is_looked_up(self, published, route):
        published.serve(JWKS_PATH, b"<Error><Code>AccessDenied</Code></Error>", 403)
        asked = []

        def explain_forbidden(report, url):
            asked.append(url)
            report.error("bucket-policy", "seen")

        assert only_fault(route, explain_forbidden=explain_forbidden).id == "bucket-policy"
        assert asked == [ISSUER.jwks_url]

    def test_a_403_without_a_known_reason_is_an_error(self, published, route):
        published.serve(JWKS_PATH, b"", 403)
        assert only_fault(route).seen.endswith("anonymous reads are denied. Unknown.")


class TestBody:
    @both_documents
    @pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-gzip", "GZIP", "gzip, gzip"])
    def test_a_content_encoding_is_an_error(self, published, route, path, encoding):
        for body, words in ((gzip.compress(DISCOVERY), "though none was requested"), (DISCOVERY, "but is not encoded")):
            published.serve(path, body, **HEADERS, **{"Content-Encoding": encoding})
            fault = only_fault(route)
            assert (fault.id, fault.status) == ("http-response", "error")
            assert f"Content-Encoding: '{encoding.lower()}', {words}" in fault.seen
            assert "without Content-Encoding" in fault.remedy

    @pytest.mark.parametrize("encoding", ["utf-8", "aws-chunked", "UTF-8", "none"])
    def test_a_content_encoding_that_is_none_is_a_warning(self, published, route, encoding):
        published.serve(JWKS_PATH, JWKS, **HEADERS, **{"Content-Encoding": encoding})
        fault = only_fault(route)
        assert (fault.id, fault.status) == ("http-response", "warning") and encoding.lower() in fault.seen

    def test_the_identity_encoding_passes(self, published, route):
        published.serve(JWKS_PATH, JWKS, **HEADERS, **{"Content-Encoding": "identity"})
        assert look(route)[0].verdict == "ok"

    @both_documents
    @pytest.mark.parametrize(
        "body", [[b" " * (1 << 20), b"{}"], itertools.repeat(b" " * 65536)], ids=["large", "endless"]
    )
    def test_a_body_that_is_too_large_is_an_error(self, published, route, path, body):
        published.replies[path] = lambda: (200, HEADERS, body)
        fault = only_fault(route)
        assert (fault.id, fault.status) == ("http-response", "error") and "more than 1 MiB" in fault.seen

    def test_the_largest_allowed_body_passes(self, published, route):
        published.serve(JWKS_PATH, JWKS + b" " * ((1 << 20) - len(JWKS)), **HEADERS)
        assert look(route)[0].verdict == "ok"


class TestHeaders:
    @both_documents
    @pytest.mark.parametrize(
        "kind",
        [
            "application/json",
            "application/json; charset=utf-8",
            'Application/JSON;charset="UTF-8"',
            "application/jwk-set+json",
            "application/problem+json",
            "text/json",
        ],
    )
    def test_a_json_content_type_passes(self, published, route, path, kind):
        published.replies[path] = lambda: (200, {"Content-Type": kind}, [DISCOVERY if path == DISCOVERY_PATH else JWKS])
        assert look(route)[0].verdict == "ok"

    @both_documents
    @pytest.mark.parametrize(
        "kind",
        ["text/html", "binary/octet-stream", "", None, "application/json; charset=iso-8859-1", "json", "\x1b[31m"],
    )
    def test_another_content_type_is_a_warning(self, published, route, path, kind):
        headers = {} if kind is None else {"Content-Type": kind}
        published.replies[path] = lambda: (200, headers, [DISCOVERY if path == DISCOVERY_PATH else JWKS])
        fault = only_fault(route)
        assert (fault.id, fault.status) == ("content-type", "warning") and fault.seen.isprintable()

    @both_documents
    @pytest.mark.parametrize(("seconds", "verdict"), [(0, "ok"), (3600, "ok"), (3601, "degraded"), (86400, "degraded")])
    def test_caching_for_more_than_an_hour_is_a_warning(self, published, route, path, seconds, verdict):
        body = DISCOVERY if path == DISCOVERY_PATH else JWKS
        published.serve(path, body, **HEADERS, **{"Cache-Control": f"public, max-age={seconds}"})
        report, dummy = look(route)
        assert report.verdict == verdict
        if verdict == "degraded":
            assert only_fault(route).id == "http-caching"


class TestRedirects:
    @both_documents
    def test_a_redirect_of_a_document_is_a_warning(self, published, route, path):
        published.serve(path, b"", 302, Location="/moved")
        published.serve("/moved", DISCOVERY if path == DISCOVERY_PATH else JWKS, **HEADERS)
        fault = only_fault(route)
        assert (fault.id, fault.status) == ("http-redirect", "warning")
        assert path in fault.seen and f"'https://{HOST}/moved'" in fault.seen

    @both_documents
    @pytest.mark.parametrize("location", [f"http://{HOST}/", "https://127.0.0.1/", "https://169.254.169.254/", "/loop"])
    def test_a_redirect_that_is_not_followed_is_an_error(self, published, route, path, location):
        published.serve("/loop", b"", 302, Location="/loop")
        published.serve(path, b"", 302, Location=location)
        fault = only_fault(route)
        assert (fault.id, fault.status) == ("http-redirect", "error")

    def test_a_redirect_to_a_missing_document_is_reported_with_its_status(self, published, route):
        published.serve(JWKS_PATH, b"", 302, Location="/moved")
        report, dummy = look(route)
        assert [(check.id, check.status) for check in report.checks if check.status in ("warning", "error")] == [
            ("http-redirect", "warning"),
            ("http-response", "error"),
        ]


class TestRegions:
    """Answers of S3 that tell of another region than the one in the issuer."""

    GLOBAL = "https://irsa.s3.amazonaws.com"
    REGIONAL = "https://irsa.s3.eu-west-1.amazonaws.com"
    PATH = "/.well-known/openid-configuration"

    def first_fault(self, url, answer, *redirects):
        class Client:
            def fetch(self, first, max_bytes):
                return Fetched(answer, [first, *redirects])

        report = Report()
        fetch._Fetcher(report, Client(), lambda report, url: "Unknown.").fetch(url, "discovery-json")
        return findings.faults(report)[0]

    @pytest.mark.parametrize(
        ("issuer", "target", "why"),
        [
            (GLOBAL, REGIONAL, "global host is that of us-east-1"),
            (GLOBAL, "https://irsa.s3-eu-west-1.amazonaws.com", "global host is that of us-east-1"),
            ("https://s3.amazonaws.com/irsa", REGIONAL, "global host is that of us-east-1"),
            ("https://irsa.s3.us-west-2.amazonaws.com", REGIONAL, "different region than its host name says"),
        ],
    )
    def test_a_redirect_to_another_region_is_an_error_that_names_it(self, issuer, target, why):
        answer = Answer(200, {"content-type": "application/json"}, DISCOVERY)
        fault = self.first_fault(issuer + self.PATH, answer, target + self.PATH)
        assert (fault.id, fault.status) == ("bucket-region", "error")
        assert "the bucket is in eu-west-1." in fault.seen and why in fault.cause

    def test_a_redirect_within_the_region_is_a_warning(self):
        answer = Answer(200, {"content-type": "application/json"}, DISCOVERY)
        old = "https://irsa.s3-eu-west-1.amazonaws.com"
        fault = self.first_fault(old + self.PATH, answer, self.REGIONAL + self.PATH)
        assert (fault.id, fault.status) == ("http-redirect", "warning")

    @pytest.mark.parametrize(
        ("status", "headers", "body"),
        [
            (301, {"x-amz-bucket-region": "eu-west-1"}, b""),
            (400, {"x-amz-bucket-region": "eu-west-1"}, b"<Error><Code>InvalidRequest</Code></Error>"),
            (
                301,
                {},
                b"<Error><Code>PermanentRedirect</Code><Endpoint>irsa.s3-eu-west-1.amazonaws.com</Endpoint></Error>",
            ),
        ],
    )
    def test_the_region_in_an_error_is_named(self, status, headers, body):
        fault = self.first_fault(self.GLOBAL + self.PATH, Answer(status, headers, body))
        assert (fault.id, fault.status) == ("bucket-region", "error")
        assert "the bucket is in 'eu-west-1'." in fault.seen and "us-east-1" in fault.cause

    def test_the_right_region_in_an_error_is_no_finding(self):
        answer = Answer(404, {"x-amz-bucket-region": "eu-west-1"}, b"<Error><Code>NoSuchKey</Code></Error>")
        assert self.first_fault(self.REGIONAL + self.PATH, answer).id == "object-exists"


class TestKeysElsewhere:
    def serve(self, server, uri):
        server.serve(DISCOVERY_PATH, json.dumps(documents.discovery(ISSUER.url, uri, ["ES256"])).encode(), **HEADERS)

    @pytest.mark.parametrize(
        "uri",
        ["https://127.0.0.1/keys", "https://[::1]/keys", "https://localhost/keys", "https://169.254.169.254/latest/"],
    )
    def test_keys_are_not_fetched_from_the_internal_network(self, server, route, uri):
        self.serve(server, uri)
        report, found = look(route)
        assert (report.first_error.id, found.keys) == ("jwks-uri", None)
        assert "Its host is internal, and AWS can never reach it" in report.first_error.seen
        assert uri in report.first_error.seen and len(server.requests) == 1

    def test_keys_are_not_fetched_from_a_name_that_leads_into_the_internal_network(self, server, route, monkeypatch):
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **more: real(host.replace("keys.example.test", "127.0.0.1"), *rest),
        )
        self.serve(server, "https://keys.example.test/keys")
        report, found = look(route)
        assert (report.first_error.id, found.keys, len(server.requests)) == ("jwks-uri", None, 1)
        assert "not on the public internet" in report.first_error.seen

    def test_keys_on_another_host_are_fetched_by_its_name(self, server, route, monkeypatch):
        real = socket.getaddrinfo

        def resolve(host, *arguments, **options):
            if host == "keys.example.test":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real(host, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        self.serve(server, "https://keys.example.test/keys")
        report, dummy = look(route)
        assert report.first_error.id == "dns-resolve" and "keys.example.test" in report.first_error.seen


class TestCertificates:
    @pytest.mark.parametrize(
        ("chain", "check", "cause"),
        [
            ([certify("self", None, [HOST])], "tls-trust", "self-signed"),
            ([certify("alone", INTERMEDIATE, [HOST])], "tls-trust", "presents only its own certificate"),
            ([certify("other", INTERMEDIATE, ["a.test", "b.test"]), INTERMEDIATE], "tls-host", "'a.test', 'b.test'"),
            (
                [certify("old", INTERMEDIATE, [HOST], valid=(NOW - 9 * DAY, NOW - DAY)), INTERMEDIATE],
                "tls-expiry",
                "CN=old",
            ),
            (
                [certify("young", INTERMEDIATE, [HOST], valid=(NOW + DAY, NOW + DAY * 9)), INTERMEDIATE],
                "tls-expiry",
                "CN=young",
            ),
        ],
        ids=["self-signed", "alone", "other name", "old", "young"],
    )
    def test_the_cause_of_a_refused_certificate_is_found(self, tmp_path, ca_path, chain, check, cause):
        server = HttpsServer(tmp_path, chain)
        fault = only_fault(patient(server.address, ca_path))
        server.stop()
        assert (fault.id, fault.status) == (check, "error") and cause in fault.cause
        assert server.requests == []

    def test_an_unknown_root_that_the_host_serves_is_named(self, tmp_path):
        server = HttpsServer(tmp_path, [certify("leaf", INTERMEDIATE, [HOST]), INTERMEDIATE, ROOT])
        fault = only_fault(patient(server.address))
        server.stop()
        assert fault.id == "tls-trust" and "ends with the root 'CN=Test root CA'" in fault.cause


@hypothesis.given(
    st.sampled_from([200, 301, 400, 403, 404, 500]) | st.integers(100, 999),
    st.dictionaries(
        st.sampled_from(
            ["content-type", "cache-control", "content-encoding", "x-amz-bucket-region", "expires", "date"]
        ),
        st.text(max_size=30),
    ),
    st.binary(max_size=50)
    | st.sampled_from([DISCOVERY, JWKS, b"<Code>NoSuchBucket</Code>", b"<Code>AccessDenied</Code>"]),
)
def test_any_answer_is_checked_without_a_crash(status, headers, body):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls, "verifying_context", lambda ca_path: None)
        patch.setattr(https.Client, "fetch", lambda client, url, most: Fetched(Answer(status, headers, body), [url]))
        report, dummy = look(Route())
    assert all(check.seen.isprintable() and len(check.seen) < 3000 for check in report.checks)
    made = {check.id for check in report.checks}
    assert {*fetch.CONNECTION_IDS, "discovery-json", "jwks-json", "algorithms"} <= made
