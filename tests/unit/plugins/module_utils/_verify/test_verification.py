# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of an issuer that is served on a loopback port: the whole way, and what a step has to do with others."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.verification import Expectation, verify
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_verify
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, INTERMEDIATE, LEAF, HttpsServer

ISSUER = f"https://{HOST}/prod"
DISCOVERY_PATH, JWKS_PATH = "/prod/.well-known/openid-configuration", "/prod/keys.json"

# Names of their own, since the names of tests must not change from run to run.
RSA, P256 = (
    {**jwk.from_public_key(signing_key.load_public(samples.public_pem(sample.pkcs8))), "kid": f"kid-of-{name}"}
    for name, sample in (("rsa", samples.RSA), ("p256", samples.P256))
)
DISCOVERY = documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256", "ES256"])


def publish(server, discovery=None, key_set=None):
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
    server.serve(DISCOVERY_PATH, json.dumps(discovery or DISCOVERY).encode(), **headers)
    server.serve(JWKS_PATH, json.dumps(key_set or {"keys": [RSA, P256]}).encode(), **headers)


@pytest.fixture
def published(server):
    publish(server)
    return server


def ids(report, *statuses):
    return [check.id for check in report.checks if check.status in statuses]


class TestSound:
    def test_has_no_finding(self, published, route):
        report = verify(Expectation(ISSUER, route, ("kid-of-rsa", "kid-of-p256")))
        assert (report.verdict, report.diagnosis) == ("ok", None), report.text
        assert ids(report, "ok") == [
            "issuer-url",
            "tls-version",
            "tls-trust",
            "tls-expiry",
            "tls-host",
            "http-redirect",
            "http-response",
            "content-type",
            "http-caching",
            "discovery-json",
            "discovery-fields",
            "discovery-issuer",
            "jwks-uri",
            "http-redirect",
            "http-response",
            "content-type",
            "http-caching",
            "jwks-json",
            "jwk-public-only",
            "jwk-kid",
            "jwk-key-ops",
            "jwk-use",
            "jwk-strength",
            "jwk-certificate",
            "jwk-count",
            "algorithms",
            "kid-expected",
        ]
        assert ids(report, "skipped") == ["dns-resolve", "tcp-connect"]  # connect_to stands for both

    def test_takes_two_anonymous_fetches_on_one_connection(self, tmp_path, ca_path):
        server = HttpsServer(tmp_path, [LEAF, INTERMEDIATE], keeps_open=True)
        publish(server)
        report = verify(Expectation(ISSUER, Route(server.address, ca_path)))
        server.stop()
        assert report.verdict == "ok", report.text
        assert [path for path, headers in server.requests] == [DISCOVERY_PATH, JWKS_PATH]
        assert not any({"authorization", "x-amz-date", "cookie"} & set(headers) for path, headers in server.requests)
        assert server.connections == 1

    @pytest.mark.parametrize(
        ("name", "libraries"),
        [
            (verification.__name__, ["boto3", "botocore", "jwcrypto.jwk", "kubernetes"]),
            (irsa_verify.__name__, ["jwcrypto.jwk", "kubernetes"]),
        ],
    )
    def test_imports_no_library_that_it_does_not_use(self, name, libraries):
        code = f"import sys, {name}; print([each for each in {libraries} if each in sys.modules])"
        environment = {"PYTHONPATH": ":".join(sys.path)}
        printed = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True).stdout
        assert printed.decode().strip() == "[]"

    def test_may_end_with_a_slash_which_is_to_be_known(self, server, route):
        publish(server, {**DISCOVERY, "issuer": f"{ISSUER}/"})
        report = verify(Expectation(f"{ISSUER}/", route))
        assert (report.verdict, ids(report, "warning")) == ("degraded", ["issuer-url"]), report.text
        assert [path for path, headers in server.requests] == [DISCOVERY_PATH, JWKS_PATH]


class TestOrder:
    """A step that takes another one is skipped where that fails, and says so."""

    def check(self, report, failed, *skipped):
        assert ids(report, "error") == [failed], report.text
        assert set(skipped) <= set(ids(report, "skipped"))
        assert {check.id for check in report.checks} <= set(CATALOGUE)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "not a URL",
            "http://irsa.example.test",
            f"https://{HOST}:8443",
            f"https://{HOST}:443",
            f"https://{HOST}?x=1",
            f"https://{HOST}#x",
            "https://user:a-password@irsa.example.test",
            "https://user:a-password@irsa.example.test/",
            "https://[::1",
            "https://[::1]",
            "https://irsa.example.test//",
            "/",
            "https:///",
            "https://örsa.example.test/",
            "https://irsa.example.test/" + "x" * 300,
        ],
    )
    def test_no_issuer(self, server, route, url):
        report = verify(Expectation(url, route))
        assert [(check.id, check.status) for check in report.checks] == [("issuer-url", "error")]
        assert "a-password" not in report.text
        assert server.connections == 0

    def test_no_trust(self, published, route):
        report = verify(Expectation(ISSUER, route._replace(ca_path=None), ("kid-of-rsa",)))
        self.check(report, "tls-trust", "tls-host", "http-response", "discovery-json", "jwks-json", "kid-expected")
        assert "chain of 2 certificates" in report.first_error.cause

    def test_no_discovery_document(self, server, route):
        report = verify(Expectation(ISSUER, route, ("kid-of-rsa",)))
        self.check(report, "http-response", "discovery-json", "jwks-uri", "jwks-json", "jwk-kid", "kid-expected")
        assert len(server.requests) == 1

    def test_no_jwks_uri(self, server, route):
        publish(server, {**DISCOVERY, "jwks_uri": "keys.json"})
        self.check(verify(Expectation(ISSUER, route)), "jwks-uri", "jwks-json", "jwk-kid", "algorithms")

    def test_no_key_set(self, published, route):
        published.serve(JWKS_PATH, b"<html>")
        self.check(verify(Expectation(ISSUER, route, ("kid-of-rsa",))), "jwks-json", "jwk-kid", "kid-expected")

    def test_a_key_set_inside(self, server, route):
        publish(server, {**DISCOVERY, "jwks_uri": "https://169.254.169.254/latest/meta-data/"})
        self.check(verify(Expectation(ISSUER, route)), "jwks-uri", "jwks-json")
        assert len(server.requests) == 1

    def test_a_key_set_without_what_is_expected(self, server, route):
        publish(server, key_set={"keys": [P256]})
        report = verify(Expectation(ISSUER, route, ("kid-of-rsa",)))
        self.check(report, "kid-expected")
        assert report.diagnosis.startswith("The key 'kid-of-rsa' is not published; published are 'kid-of-p256'.")

    def test_a_key_that_is_another(self, published, route):
        self.check(verify(Expectation(ISSUER, route, keys=[{**P256, "kid": "kid-of-rsa"}])), "kid-expected")


class TestIdentity:
    """What becomes of the second half of the way is told by test_identity_checks.py."""

    @pytest.fixture
    def asked(self, monkeypatch):
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity_checks

        calls = []
        monkeypatch.setattr(identity_checks, "check_identity", lambda *arguments: calls.append(arguments))
        return calls

    def test_gets_what_was_fetched(self, published, route, asked):
        report = verify(Expectation(ISSUER, route, (), "an identity"), "an API")
        ((into, issuer, identity, aws, found, chain, own_ca, seconds),) = asked
        assert (into, issuer, identity, aws, found) == (report, ISSUER, "an identity", "an API", [RSA, P256])
        assert (list(chain), own_ca) == ([LEAF.der, INTERMEDIATE.der], True)
        assert seconds > 0

    def test_gets_no_keys_where_there_are_none(self, server, route, asked):
        verify(Expectation(ISSUER, route, (), "an identity"))
        assert asked[0][3:5] == (None, None)

    def test_is_not_asked_for_what_is_no_issuer(self, asked):
        verify(Expectation("http://irsa.example.test", identity="an identity"))
        assert asked == []

    def test_a_provider_makes_a_missing_bucket_worse(self, server, route, monkeypatch):
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity_checks

        def check_identity(report, *ignored):
            report.ok("provider-exists", "seen")

        monkeypatch.setattr(identity_checks, "check_identity", check_identity)
        server.serve(DISCOVERY_PATH, b"<Error><Code>NoSuchBucket</Code></Error>", 404)
        report = verify(Expectation(ISSUER, route, identity="an identity"))
        assert report.first_error.id == "bucket-exists" and "can forge tokens" in report.first_error.seen


class TestExpectedKeys:
    PEM = samples.public_pem(samples.RSA.pkcs8).decode()

    def test_are_of_both_forms(self):
        found = verification.expected_keys([{"keys": [P256]}, {"keys": [RSA]}], [self.PEM])
        assert found == [P256, RSA, {**RSA, "kid": samples.kid(samples.RSA.pkcs8)}]

    @pytest.mark.parametrize(
        ("key_sets", "public_keys", "named"),
        [
            ([{"keys": [RSA]}, {}], [], "expected_jwks: document 2"),
            ([{"keys": [{**RSA, "kid": None}]}], [], "expected_jwks has a key without a kid"),
            ([], [PEM, "no PEM"], "expected_public_keys: key 2"),
        ],
    )
    def test_are_refused_by_their_place(self, key_sets, public_keys, named):
        with pytest.raises(IrsaError, match=named):
            verification.expected_keys(key_sets, public_keys)


@pytest.mark.parametrize(
    "route", [Route("somewhere:99999"), Route(ca_path="/nowhere"), Route(timeout=0), Route(timeout=float("nan"))]
)
def test_a_route_that_is_none_is_refused(route):
    with pytest.raises(IrsaError):
        verify(Expectation(ISSUER, route))


class TestPatience:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch, pauses):
        """Time goes on by what is slept, and by nothing else."""
        monkeypatch.setattr(verification.time, "monotonic", lambda: float(sum(pauses)))

    def reports(self, monkeypatch, *verdicts):
        """What the looks at the documents come to; returns with which API each was made."""
        made = []

        def check_documents(report, issuer, expectation, aws):
            verdict = verdicts[min(len(made), len(verdicts) - 1)]
            made.append(aws)
            add = {"broken": report.error, "degraded": report.warning, "ok": report.ok}[verdict]
            add("http-response", "seen")

        monkeypatch.setattr(verification, "_check_documents", check_documents)
        return made

    def test_looks_with_credentials_only_when_it_is_at_its_end(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken")
        report = verification.verify_patiently(Expectation(ISSUER), 5, "an API")
        assert made == [None] * len(pauses) + ["an API"] and len(pauses) > 2
        assert [check.id for check in report.checks] == ["issuer-url", "http-response"]

    def test_ends_as_soon_as_it_works(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken", "broken", "ok")
        assert verification.verify_patiently(Expectation(ISSUER), 60).verdict == "ok"
        assert len(made) == 3 and len(pauses) == 2

    def test_is_not_needed_for_a_warning(self, monkeypatch, pauses):
        self.reports(monkeypatch, "degraded")
        assert verification.verify_patiently(Expectation(ISSUER), 60).verdict == "degraded"
        assert pauses == []

    def test_ends_after_so_many_seconds(self, monkeypatch, pauses):
        self.reports(monkeypatch, "broken")
        assert verification.verify_patiently(Expectation(ISSUER), 20).verdict == "broken"
        assert 10 < sum(pauses) <= 20

    def test_of_none_looks_once(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken")
        assert verification.verify_patiently(Expectation(ISSUER), 0).verdict == "broken"
        assert len(made) == 1 and pauses == []

    @pytest.mark.parametrize("seconds", [-1, 1e9, float("inf"), float("nan")])
    def test_is_a_number_of_seconds(self, monkeypatch, seconds):
        made = self.reports(monkeypatch, "broken")
        with pytest.raises(IrsaError, match="patience is"):
            verification.verify_patiently(Expectation(ISSUER), seconds)
        assert made == []
