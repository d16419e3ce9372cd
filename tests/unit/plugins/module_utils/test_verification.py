# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of an issuer that is served on a loopback port, right or wrong in one thing at a time."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils import documents, https, jwk, keys, verification
from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils.https import Answer, FetchFailed, Route
from ansible_collections.selfhosted.irsa.plugins.module_utils.verification import Expectation, verify
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST

ISSUER = f"https://{HOST}/prod"
DISCOVERY_PATH, JWKS_PATH = "/prod/.well-known/openid-configuration", "/prod/keys.json"

# Names of their own, since the names of tests must not change from run to run.
RSA, P256 = (
    {**jwk.from_public_key(keys.load_public(samples.public_pem(sample.pkcs8))), "kid": f"kid-of-{name}"}
    for name, sample in (("rsa", samples.RSA), ("p256", samples.P256))
)
JWKS = {"keys": [RSA, P256]}
DISCOVERY = documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256", "ES256"])


@pytest.fixture
def publish(server):
    """Serve the two documents, changed as a test wants it."""

    def serve(**changed):
        for path, document in (
            (DISCOVERY_PATH, changed.get("discovery", DISCOVERY)),
            (JWKS_PATH, changed.get("jwks", JWKS)),
        ):
            server.serve(path, document if isinstance(document, bytes) else json.dumps(document).encode())

    serve()
    return serve


def statuses(report):
    return [(check.id, check.status) for check in report.checks]


def faults(report):
    return [check for check in report.checks if check.status != "ok"]


def test_finds_nothing_wrong_with_what_is_right(publish, route):
    report = verify(Expectation(ISSUER, route, (RSA["kid"], P256["kid"])))
    assert faults(report) == []
    assert (report.verdict, report.diagnosis) == ("ok", None)
    assert [check.id for check in report.checks] == [
        "http-response",
        "discovery-json",
        "discovery-fields",
        "discovery-issuer",
        "jwks-uri",
        "http-response",
        "jwks-json",
        "jwk-public-only",
        "kid-expected",
        "algorithms",
    ]
    assert report.text.startswith("ok: 10 of 10 checks are right")


def test_reads_two_documents_and_nothing_else(publish, server, route):
    verify(Expectation(ISSUER, route))
    assert [path for path, headers in server.requests] == [DISCOVERY_PATH, JWKS_PATH]


@pytest.mark.parametrize(
    ("changes", "check", "status", "seen"),
    [
        ({"discovery": b"<html>"}, "discovery-json", "error", "is not JSON"),
        ({"discovery": b""}, "discovery-json", "error", "is not JSON"),
        ({"discovery": b"[" * 50_000}, "discovery-json", "error", "is not JSON"),
        ({"discovery": []}, "discovery-fields", "error", "lacks issuer, jwks_uri"),
        (
            {"discovery": {**DISCOVERY, "response_types_supported": []}},
            "discovery-fields",
            "error",
            "response_types_supported",
        ),
        ({"discovery": {**DISCOVERY, "issuer": ISSUER + "/"}}, "discovery-issuer", "error", f"'{ISSUER}/'"),
        ({"discovery": {**DISCOVERY, "issuer": ISSUER.upper()}}, "discovery-issuer", "error", ISSUER.upper()),
        ({"discovery": {**DISCOVERY, "issuer": [ISSUER]}}, "discovery-issuer", "error", ISSUER),
        (
            {"discovery": {**DISCOVERY, "jwks_uri": "https://elsewhere.example/keys.json"}},
            "jwks-uri",
            "warning",
            "elsewhere",
        ),
        ({"discovery": {**DISCOVERY, "jwks_uri": f"http://{HOST}/prod/keys.json"}}, "jwks-uri", "warning", "http:"),
        (
            {"discovery": {**DISCOVERY, "jwks_uri": f"https://{HOST}.evil.example/keys.json"}},
            "jwks-uri",
            "warning",
            "evil",
        ),
        ({"discovery": {**DISCOVERY, "jwks_uri": f"https://{HOST}:8443/keys.json"}}, "jwks-uri", "warning", "8443"),
        ({"discovery": {**DISCOVERY, "jwks_uri": f"https://{HOST}@evil.example/"}}, "jwks-uri", "warning", "evil"),
        ({"discovery": {**DISCOVERY, "jwks_uri": 5}}, "jwks-uri", "warning", "5"),
        ({"jwks": b"{"}, "jwks-json", "error", "is not JSON"),
        ({"jwks": {"keys": {}}}, "jwks-json", "error", "no JWKS"),
        ({"jwks": {"keys": [RSA, {**P256, "d": "private-number"}]}}, "jwk-public-only", "error", P256["kid"]),
        ({"jwks": {"keys": [P256]}}, "kid-expected", "error", RSA["kid"]),
        ({"jwks": {"keys": []}}, "kid-expected", "error", "it has none"),
        (
            {"discovery": {**DISCOVERY, "id_token_signing_alg_values_supported": ["RS256"]}},
            "algorithms",
            "warning",
            "ES256",
        ),
        (
            {"discovery": {**DISCOVERY, "id_token_signing_alg_values_supported": "RS256"}},
            "algorithms",
            "warning",
            "RS256",
        ),
        ({"discovery": {**DISCOVERY, "id_token_signing_alg_values_supported": [{}]}}, "algorithms", "warning", "RS256"),
        ({"discovery": {**DISCOVERY, "id_token_signing_alg_values_supported": 5}}, "algorithms", "warning", "RS256"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_finds_the_one_thing_that_is_wrong(publish, route, changes, check, status, seen):
    publish(**changes)
    report = verify(Expectation(ISSUER, route, (RSA["kid"],)))
    (fault,) = faults(report)
    assert (fault.id, fault.status) == (check, status)
    assert seen in fault.seen and "private-number" not in report.text
    assert report.verdict == {"error": "broken", "warning": "degraded"}[status]
    assert report.diagnosis.startswith(fault.seen)
    assert f"{status}: {check}: {fault.seen}" in report.text


@pytest.mark.parametrize("status", [301, 307, 403, 404, 500])
@pytest.mark.parametrize("path", [DISCOVERY_PATH, JWKS_PATH])
def test_finds_what_nobody_can_read(publish, server, route, status, path):
    server.serve(path, b"", status=status, Location=f"https://{HOST}/elsewhere")
    (fault,) = faults(verify(Expectation(ISSUER, route)))
    assert fault.id == "http-response" and f"{path} answers {status}" in fault.seen and fault.remedy


def test_says_how_far_it_came(server, route):
    (fault,) = verify(Expectation(ISSUER, Route(server.address))).checks
    assert (fault.id, fault.status) == ("tls-trust", "error") and "ca_path" in fault.remedy


@pytest.mark.parametrize(
    "stage", ["dns-resolve", "tcp-connect", "tls-trust", "tls-host", "tls-expiry", "http-response"]
)
def test_has_a_remedy_for_every_stage(monkeypatch, stage):
    def fail(url, route, most_bytes):
        raise FetchFailed("It failed.", stage)

    monkeypatch.setattr(https, "get", fail)
    (check,) = verify(Expectation(ISSUER)).checks
    assert (check.id, check.status, check.seen) == (stage, "error", "It failed.") and check.remedy


def test_refuses_what_is_no_issuer():
    with pytest.raises(IrsaError, match="must begin with https://"):
        verify(Expectation("http://irsa.example.test"))


class TestPatience:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch, pauses):
        """Time goes on by what is slept, and by nothing else."""
        monkeypatch.setattr(verification.time, "monotonic", lambda: float(sum(pauses)))

    def reports(self, monkeypatch, *verdicts):
        made = []

        def verify_now(expectation):
            made.append(verdicts[min(len(made), len(verdicts) - 1)])
            level = {"broken": "error", "degraded": "warning", "ok": "ok"}[made[-1]]
            return verification.Report([verification.Check("http-response", level, "seen")])

        monkeypatch.setattr(verification, "verify", verify_now)
        return made

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


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([ISSUER, f"{ISSUER}/keys.json", "RS256"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kid", "kty", "alg", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
discoveries = values | st.builds(
    lambda changes: {**DISCOVERY, **changes}, st.dictionaries(st.sampled_from(sorted(DISCOVERY)), values, max_size=3)
)
published = values | st.fixed_dictionaries(
    {"keys": st.lists(values, max_size=3) | st.lists(st.sampled_from([RSA, P256]), max_size=2)}
)


@hypothesis.given(discoveries, published)
def test_any_documents_are_judged(monkeypatch, discovery, jwks):
    served = {f"{ISSUER}/.well-known/openid-configuration": discovery}

    def get(url, route, most_bytes):
        return Answer(200, {}, json.dumps(served.get(url, jwks)).encode())

    monkeypatch.setattr(https, "get", get)
    report = verify(Expectation(ISSUER, kids=(RSA["kid"],)))
    assert report.verdict in ("ok", "degraded", "broken")
    assert (report.diagnosis is None) == (report.verdict == "ok")
