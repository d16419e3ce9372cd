# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks of an issuer that is served on a loopback port, and which checks depend on which."""

from __future__ import annotations

import json
import subprocess
import sys

import boto3
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.fetch import Served
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.verification import Expectation, verify
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_verify
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, INTERMEDIATE, LEAF, HttpsServer
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

ISSUER = f"https://{HOST}/prod"
DISCOVERY_PATH, JWKS_PATH = "/prod/.well-known/openid-configuration", "/prod/keys.json"

# Names of their own, since the names of tests must not change from run to run.
RSA, P256 = (jwk_of(sample, kid=f"kid-of-{name}") for name, sample in (("rsa", samples.RSA), ("p256", samples.P256)))
DISCOVERY = documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256", "ES256"])


IDENTITY = Identity()


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


def test_documents_that_are_not_to_be_fetched_are_no_finding(server, route):
    report = verify(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa",), fetches=False))
    assert (report.verdict, ids(report, "ok")) == ("ok", ["issuer-url"])
    assert {"dns-resolve", "http-response", "discovery-json", "jwk-kid", "kid-expected"} <= set(ids(report, "skipped"))
    assert server.requests == []


class TestSound:
    def test_a_sound_issuer_has_no_finding(self, published, route):
        report = verify(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa", "kid-of-p256")))
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
            "jwk-numbers",
            "jwk-strength",
            "jwk-certificate",
            "jwk-count",
            "algorithms",
            "kid-expected",
        ]
        assert ids(report, "skipped") == ["dns-resolve", "tcp-connect"]  # connect_to stands for both

    def test_verification_makes_two_anonymous_requests_on_one_connection(self, tmp_path, ca_path):
        server = HttpsServer(tmp_path, [LEAF, INTERMEDIATE], keeps_open=True)
        publish(server)
        report = verify(Expectation(issuer=ISSUER, route=patient(server.address, ca_path)))
        server.stop()
        assert report.verdict == "ok", report.text
        assert [path for path, headers in server.requests] == [DISCOVERY_PATH, JWKS_PATH]
        assert not any({"authorization", "x-amz-date", "cookie"} & set(headers) for path, headers in server.requests)
        assert server.connections == 1

    @pytest.mark.parametrize(
        ("name", "libraries"),
        [
            (verification.__name__, ["boto3", "jwcrypto.jwk", "kubernetes"]),
            (irsa_verify.__name__, ["jwcrypto.jwk", "kubernetes"]),
        ],
    )
    def test_verification_imports_nothing_that_it_does_not_use(self, name, libraries):
        live = verification.__name__.replace("verification", "live_cluster")
        code = f"import sys, {name}; print([each for each in {[*libraries, live]} if each in sys.modules])"
        environment = {"PYTHONPATH": ":".join(sys.path)}
        printed = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True).stdout
        assert printed.decode().strip() == "[]"

    def test_verification_can_be_imported_without_boto3(self):
        code = f"import sys; sys.modules.update(boto3=None, botocore=None); import {verification.__name__}"
        environment = {"PYTHONPATH": ":".join(sys.path)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    def test_an_issuer_may_end_with_a_slash_if_its_document_names_it_so(self, server, route):
        publish(server, {**DISCOVERY, "issuer": f"{ISSUER}/"})
        report = verify(Expectation(issuer=f"{ISSUER}/", route=route))
        assert report.verdict == "ok", report.text
        assert [path for path, headers in server.requests] == [DISCOVERY_PATH, JWKS_PATH]


class TestOrder:
    """A check that depends on another one is skipped, with the reason, if that one fails."""

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
    def test_an_invalid_issuer_ends_the_verification(self, server, route, url):
        report = verify(Expectation(issuer=url, route=route))
        assert [(check.id, check.status) for check in report.checks] == [("issuer-url", "error")]
        assert "a-password" not in report.text
        assert server.connections == 0

    @pytest.mark.parametrize("document", [".well-known/openid-configuration", "openid/v1/jwks", "keys.json"])
    @pytest.mark.parametrize("end", ["", "/"])
    def test_the_address_of_a_document_is_named_with_the_issuer(self, server, route, document, end):
        report = verify(Expectation(issuer=f"{ISSUER}/{document}{end}", route=route))
        assert [check.id for check in report.checks] == ["issuer-url"] and server.connections == 0
        assert "is the address of the" in report.first_error.seen
        assert f"the issuer is '{ISSUER}'" in report.first_error.remedy

    @pytest.mark.parametrize(
        "url",
        [
            "https://kubernetes.default.svc.cluster.local",
            "https://kubernetes.default.svc/",
            "https://oidc.tools.svc",
            "https://oidc.lan/prod",
            "https://localhost",
            "https://10.0.0.1",
            "https://0x7f.1",
            "https://[fd00::1]",
            "https://10.0.0.1:6443",
        ],
    )
    def test_an_internal_issuer_is_called_internal_and_not_asked_for(self, server, route, url):
        report = verify(Expectation(issuer=url, route=route))
        assert [check.id for check in report.checks] == ["issuer-url"] and server.connections == 0
        assert "internal, and AWS can never reach it" in report.first_error.seen

    def test_an_internal_issuer_needs_another_flag_of_the_api_server(self, route):
        fault = verify(Expectation(issuer="https://kubernetes.default.svc.cluster.local", route=route)).first_error
        assert "The API server needs another --service-account-issuer" in fault.remedy
        assert "misspelled" not in fault.cause and "DNS" not in f"{fault.cause} {fault.remedy}"

    @pytest.mark.parametrize(
        ("endpoint", "verdicts"),
        [
            (None, {"broken"}),
            ("https://iam.amazonaws.com", {"broken"}),
            ("http://127.0.0.1:5000", {"broken"}),
            ("https://s3.store.lan", {"ok"}),
            ("https://s3.store.lan:8443", {"ok"}),
        ],
    )
    def test_another_store_may_reach_an_internal_issuer(self, server, route, endpoint, verdicts):
        client = boto3.client("iam", region_name="us-east-1", endpoint_url=endpoint)
        aws = Aws(ReadyClients(iam=client))
        report = verify(Expectation(issuer="https://oidc.lan", route=route, fetches=False), aws)
        assert {report.verdict} == verdicts

    def test_an_untrusted_certificate_skips_all_that_follow(self, published, route):
        report = verify(Expectation(issuer=ISSUER, route=route._replace(ca_path=None), kids=("kid-of-rsa",)))
        self.check(report, "tls-trust", "tls-host", "http-response", "discovery-json", "jwks-json", "kid-expected")
        assert "chain of 2 certificates" in report.first_error.cause

    def test_a_missing_discovery_document_skips_all_that_follow(self, server, route):
        report = verify(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa",)))
        self.check(report, "http-response", "discovery-json", "jwks-uri", "jwks-json", "jwk-kid", "kid-expected")
        assert len(server.requests) == 1

    def test_an_invalid_jwks_uri_skips_the_keys(self, server, route):
        publish(server, {**DISCOVERY, "jwks_uri": "keys.json"})
        self.check(verify(Expectation(issuer=ISSUER, route=route)), "jwks-uri", "jwks-json", "jwk-kid", "algorithms")

    def test_an_invalid_jwks_skips_the_keys(self, published, route):
        published.serve(JWKS_PATH, b"<html>")
        self.check(
            verify(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa",))),
            "jwks-json",
            "jwk-kid",
            "kid-expected",
        )

    def test_a_jwks_uri_on_the_internal_network_is_not_fetched(self, server, route):
        publish(server, {**DISCOVERY, "jwks_uri": "https://169.254.169.254/latest/meta-data/"})
        self.check(verify(Expectation(issuer=ISSUER, route=route)), "jwks-uri", "jwks-json")
        assert len(server.requests) == 1

    def test_a_missing_expected_kid_is_an_error(self, server, route):
        publish(server, key_set={"keys": [P256]})
        report = verify(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa",)))
        self.check(report, "kid-expected")
        assert report.diagnosis.startswith(
            "The key 'kid-of-rsa' is not published. The published keys are 'kid-of-p256'."
        )

    def test_a_different_key_under_an_expected_kid_is_an_error(self, published, route):
        self.check(
            verify(Expectation(issuer=ISSUER, route=route, keys=[{**P256, "kid": "kid-of-rsa"}])), "kid-expected"
        )


IDENTITY = Identity(audiences=["sts.amazonaws.com"])


class TestIdentity:
    """How the checks of cluster, provider, token and role are called. test_identity_checks.py tests the checks."""

    @pytest.fixture
    def contexts(self, monkeypatch):
        """The contexts with which those checks are called."""
        calls = []
        monkeypatch.setattr(verification, "check_identity", calls.append)
        return calls

    def test_the_identity_checks_get_what_was_fetched(self, published, route, contexts):
        report = verify(Expectation(issuer=ISSUER, route=route, identity=IDENTITY), "an API")
        (context,) = contexts
        assert (context.report, context.issuer, context.published) == (report, ISSUER, [RSA, P256])
        assert (context.identity, context.aws) == (IDENTITY, "an API")
        assert (list(context.chain), context.private_ca) == ([LEAF.der, INTERMEDIATE.der], True)

    def test_the_identity_checks_get_no_keys_if_none_could_be_fetched(self, server, route, contexts):
        verify(Expectation(issuer=ISSUER, route=route, identity=IDENTITY))
        (context,) = contexts
        assert (context.aws, context.published) == (None, None)

    def test_the_identity_checks_are_not_made_for_an_invalid_issuer(self, contexts):
        verify(Expectation(issuer="http://irsa.example.test", identity=IDENTITY))
        assert contexts == []

    def test_an_existing_provider_makes_a_missing_bucket_worse(self, server, route, monkeypatch):
        def check_identity(context):
            context.report.ok("provider-exists", "seen")

        monkeypatch.setattr(verification, "check_identity", check_identity)
        server.serve(DISCOVERY_PATH, b"<Error><Code>NoSuchBucket</Code></Error>", 404)
        report = verify(Expectation(issuer=ISSUER, route=route, identity=IDENTITY))
        assert report.first_error.id == "bucket-exists" and "can forge tokens" in report.first_error.seen


def test_the_reason_of_a_403_is_unknown_without_boto3(server, route):
    server.serve("/prod/.well-known/openid-configuration", b"", 403)
    report = verify(Expectation(issuer=ISSUER, route=route))
    assert report.first_error.seen.endswith("denied. boto3 and AWS credentials are needed to find out why.")


class TestExpectedKeys:
    PEM = samples.public_pem(samples.RSA.pkcs8).decode()

    def test_expected_keys_may_be_jwks_or_pem(self):
        found = verification.expected_keys([{"keys": [P256]}, {"keys": [RSA]}], [self.PEM])
        assert found == [P256, RSA, {**RSA, "kid": samples.kid(samples.RSA.pkcs8)}]

    def test_expected_keys_may_be_text_and_bundles(self):
        other = samples.public_pem(samples.P384.pkcs8).decode()
        found = verification.expected_keys(json.dumps({"keys": [P256]}), [self.PEM + other])
        kids = [samples.kid(sample.pkcs8) for sample in (samples.RSA, samples.P384)]
        assert [key["kid"] for key in found] == [P256["kid"], *kids]
        assert verification.expected_keys(P256, []) == verification.expected_keys({"keys": [P256]}, []) == [P256]

    @pytest.mark.parametrize(
        ("key_sets", "public_keys", "named"),
        [
            ([{"keys": [RSA]}, {}], [], "expected_jwks: document 2"),
            ([{"keys": [{**RSA, "kid": None}]}], [], "expected_jwks has a key without a kid"),
            ([], [PEM, "no PEM"], "expected_public_keys: key 2"),
        ],
    )
    def test_an_invalid_expected_key_is_named_by_its_position(self, key_sets, public_keys, named):
        with pytest.raises(IrsaError, match=named):
            verification.expected_keys(key_sets, public_keys)


@pytest.mark.parametrize(
    "route", [Route("somewhere:99999"), Route(ca_path="/nowhere"), Route(timeout=0), Route(timeout=float("nan"))]
)
def test_an_invalid_route_is_refused(route):
    with pytest.raises(IrsaError):
        verify(Expectation(issuer=ISSUER, route=route))


class TestPatience:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch, pauses):
        """Time passes only by sleeping."""
        monkeypatch.setattr(verification.time, "monotonic", lambda: float(sum(pauses)))

    def reports(self, monkeypatch, *verdicts):
        """Set the verdict of each attempt. Returns the API that each attempt was made with."""
        made = []

        def check_documents(report, issuer, expectation, *, aws):
            verdict = verdicts[min(len(made), len(verdicts) - 1)]
            made.append(aws)
            add = {"broken": report.error, "degraded": report.warning, "ok": report.ok}[verdict]
            add("http-response", "seen")
            return Served(None, (), may_pass=True)

        monkeypatch.setattr(verification, "_check_documents", check_documents)
        return made

    def test_only_the_last_verification_attempt_uses_credentials(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken")
        report = verification.verify_patiently(Expectation(issuer=ISSUER), 5, "an API")
        assert made == [None] * len(pauses) + ["an API"] and len(pauses) > 2
        assert [check.id for check in report.checks] == ["issuer-url", "http-response"]

    def test_verification_attempts_end_as_soon_as_the_issuer_works(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken", "broken", "ok")
        assert verification.verify_patiently(Expectation(issuer=ISSUER), 60).verdict == "ok"
        assert len(made) == 3 and len(pauses) == 2

    def test_a_warning_ends_the_verification_attempts(self, monkeypatch, pauses):
        self.reports(monkeypatch, "degraded")
        assert verification.verify_patiently(Expectation(issuer=ISSUER), 60).verdict == "degraded"
        assert pauses == []

    def test_verification_attempts_end_when_the_time_is_over(self, monkeypatch, pauses):
        self.reports(monkeypatch, "broken")
        assert verification.verify_patiently(Expectation(issuer=ISSUER), 20).verdict == "broken"
        assert 10 < sum(pauses) <= 20

    def test_without_patience_an_issuer_is_verified_once(self, monkeypatch, pauses):
        made = self.reports(monkeypatch, "broken")
        assert verification.verify_patiently(Expectation(issuer=ISSUER), 0).verdict == "broken"
        assert len(made) == 1 and pauses == []

    @pytest.mark.parametrize(
        ("found", "waits"),
        [
            ({"status": 404}, True),
            ({"status": 403}, True),
            ({"status": 503}, True),
            ({"status": 401}, False),
            ({"body": b"<html>"}, False),
            ({"key_set": {"keys": [P256]}}, True),
            ({"key_set": {"keys": [{**RSA, "use": "enc"}]}}, False),
            ({"key_set": {"keys": [{**RSA, "n": RSA["n"] + "="}, P256]}}, False),
            ({"key_set": {"keys": []}}, False),
            ({"discovery": {**DISCOVERY, "issuer": f"{ISSUER}/other"}}, False),
        ],
        ids=[
            "404",
            "403",
            "503",
            "401",
            "HTML",
            "an older JWKS",
            "for encryption",
            "padding",
            "no keys",
            "another issuer",
        ],
    )
    def test_only_what_the_delay_of_a_bucket_explains_is_waited_for(self, server, route, pauses, found, waits):
        publish(server, found.get("discovery"), found.get("key_set"))
        if "status" in found or "body" in found:
            server.serve(JWKS_PATH, found.get("body", b""), found.get("status", 200))
        report = verification.verify_patiently(Expectation(issuer=ISSUER, route=route, kids=("kid-of-rsa",)), 20)
        assert report.verdict == "broken"
        # Each look at what a network may have done takes a pause, too.
        assert (sum(pauses) > 10) == waits

    @pytest.mark.parametrize("seconds", [-1, 1e9, float("inf"), float("nan")])
    def test_an_invalid_patience_is_refused(self, monkeypatch, seconds):
        made = self.reports(monkeypatch, "broken")
        with pytest.raises(IrsaError, match="patience is"):
            verification.verify_patiently(Expectation(issuer=ISSUER), seconds)
        assert made == []
