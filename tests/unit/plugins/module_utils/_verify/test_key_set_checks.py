# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JWKS that are right, wrong in one thing at a time, or anything at all."""

from __future__ import annotations

import base64
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import discovery_checks, key_set_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, only_fault, without
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import certify
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

HOST = "irsa.example.test"
ISSUER = f"https://{HOST}/prod"
JWKS_URL = f"{ISSUER}/keys.json"


# Names of their own, since the names of tests must not change from run to run.
RSA, OTHER_RSA, P256 = (
    jwk_of(samples.RSA, kid="kid-of-rsa"),
    jwk_of(samples.OTHER_RSA, kid="kid-of-another"),
    jwk_of(samples.P256, kid="kid-of-p256"),
)
ALGORITHMS = ["ES256", "RS256"]
DISCOVERY = documents.discovery(ISSUER, JWKS_URL, ALGORITHMS)


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


class TestKeys:
    def check(self, *listed: t.Any, **more: t.Any) -> tuple[t.Any, Report]:
        """Check keys; ``supported`` are the algorithms that the discovery document lists."""
        report = Report()
        supported = more.get("supported", ALGORITHMS)
        return key_set_checks.check_keys(report, {"keys": list(listed)}, JWKS_URL, algorithms=supported), report

    def fault(self, check: str, status: str, *listed: t.Any, **more: t.Any) -> str:
        published, report = self.check(*listed, **more)
        fault = only_fault(report)
        assert (fault.id, fault.status) == (check, status)
        assert published == list(listed)
        assert fault.seen.isprintable() and len(fault.seen) < 3000
        return f"{fault.seen} {fault.cause} {fault.remedy}"

    def test_keys_of_irsa_jwks_pass(self):
        published, report = self.check(RSA, P256)
        assert published == [RSA, P256]
        assert [(check.id, check.status) for check in report.checks] == [(check, "ok") for check in key_set_checks.IDS]

    @pytest.mark.parametrize(
        "document", [{}, {"keys": {}}, {"keys": None}, {"keys": "x"}, {"keys": [RSA, "key"]}, {"keys": [None]}, [], 5]
    )
    def test_a_document_without_a_list_of_keys_is_an_error(self, document):
        report = Report()
        assert key_set_checks.check_keys(report, document, JWKS_URL, algorithms=ALGORITHMS) is None
        assert only_fault(report).id == "jwks-json"

    def test_a_jwks_without_keys_is_an_error(self):
        published, report = self.check()
        assert published == [] and only_fault(report).id == "jwks-json"

    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    def test_a_private_member_is_an_error_and_is_not_quoted(self, member):
        text = self.fault("jwk-public-only", "error", P256, {**RSA, member: "c2VjcmV0"})
        assert "kid-of-rsa" in text and "c2VjcmV0" not in text and "at once" in text

    @pytest.mark.parametrize("kid", [None, 5, ["kid"], {}, True])
    def test_a_kid_that_is_not_a_string_is_an_error(self, kid):
        assert ": 2." in self.fault("jwk-kid", "error", P256, {**RSA, "kid": kid})

    def test_a_missing_kid_is_an_error(self):
        assert ": 1." in self.fault("jwk-kid", "error", without(RSA, "kid"), P256)

    def test_two_keys_with_the_same_kid_are_an_error(self):
        assert "kid-of-rsa" in self.fault("jwk-kid", "error", RSA, {**OTHER_RSA, "kid": "kid-of-rsa"})

    def test_a_repeated_key_is_a_warning(self):
        assert "more than once" in self.fault("jwk-kid", "warning", RSA, RSA)

    def test_an_empty_kid_is_a_warning(self):
        assert "1.16" in self.fault("jwk-kid", "warning", RSA, {**RSA, "kid": ""})

    @pytest.mark.parametrize("operations", [["verify"], [], None, "verify"])
    def test_key_ops_is_an_error(self, operations):
        assert "kid-of-p256" in self.fault("jwk-key-ops", "error", RSA, {**P256, "key_ops": operations})

    @pytest.mark.parametrize("use", ["enc", "", None, 5, ["sig"], "\x1b[31m"])
    def test_a_use_other_than_sig_is_an_error(self, use):
        assert "kid-of-p256" in self.fault("jwk-use", "error", RSA, {**P256, "use": use})

    def test_use_and_alg_may_be_missing(self):
        assert faults(self.check(without(RSA, "use", "alg"), without(P256, "use", "alg"))[1]) == []

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ({**RSA, "n": "x" * 171}, "1024 bits|1026 bits|not form a valid public key"),
            ({**RSA, "n": "AQAB"}, "bits|not form a valid"),
            ({**RSA, "e": "Ag"}, "not form a valid"),
            ({**RSA, "n": RSA["n"] + "="}, "not form a valid"),
            ({**RSA, "n": None}, "not form a valid"),
            (without(RSA, "n"), "lacks the member 'n'"),
            ({**P256, "y": P256["x"]}, "not form a valid"),
            (without(P256, "crv"), "lacks the member 'crv'"),
        ],
    )
    def test_a_weak_or_damaged_key_is_an_error(self, key, reason):
        text = self.fault("jwk-strength", "error", key)
        assert any(part in text for part in reason.split("|"))

    @pytest.mark.parametrize(
        "key",
        [
            {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "a", "alg": "EdDSA"},
            {"kty": "AKP", "pub": "AAAA", "kid": "a", "alg": "ML-DSA-65"},
            {"kty": "oct", "kid": "a"},
            {"kid": "a"},
            {"kty": "x" * 100_000, "kid": "a"},
        ],
    )
    def test_a_key_type_that_sts_does_not_support_is_an_error(self, key):
        assert "kty" in self.fault("jwk-strength", "error", RSA, P256, key)

    def test_a_certificate_of_another_key_is_an_error(self):
        other = certify("another", hosts=["another"])
        for certificates in ([in_base64(other.der)], ["AAAA"], [], "text", None, [5]):
            assert "x5c" in self.fault("jwk-certificate", "error", {**RSA, "x5c": certificates})

    def test_a_certificate_of_the_key_itself_passes(self):
        certified = certify("own", hosts=["own"])
        key = {**jwk.from_public_key(certified.key.public_key()), "x5c": [in_base64(certified.der)]}
        assert faults(self.check(key)[1]) == []

    @pytest.mark.parametrize("key", [RSA, P256])
    def test_more_than_a_hundred_keys_of_a_type_are_an_error(self, key):
        hundred = [{**key, "kid": str(number)} for number in range(100)]
        assert faults(self.check(*hundred)[1]) == []
        assert "101" in self.fault("jwk-count", "error", *hundred, key)

    def test_published_keys_are_counted_by_type(self):
        many = [{**key, "kid": f"{key['kty']}{number}"} for key in (RSA, P256) for number in range(100)]
        assert faults(self.check(*many)[1]) == []

    @pytest.mark.parametrize("algorithm", ["PS256", "ES256", "none", "HS256", "", None, 5, ["RS256"]])
    def test_an_alg_that_sts_does_not_support_is_an_error(self, algorithm):
        assert "kid-of-rsa" in self.fault("algorithms", "error", P256, {**RSA, "alg": algorithm})

    @pytest.mark.parametrize("supported", [["RS256"], [], None, "ES256", 5, [5, "RS256"], [["ES256"]], {"ES256": 1}])
    def test_an_algorithm_that_the_discovery_document_does_not_list_is_a_warning(self, supported):
        assert "'ES256'" in self.fault("algorithms", "warning", P256, supported=supported)


class TestExpected:
    def check(self, published: list[t.Any], kids: t.Sequence[str] = (), expected: t.Sequence[t.Any] = ()) -> Report:
        report = Report()
        key_set_checks.check_expected(report, published, kids=kids, expected=expected)
        return report

    def test_expected_keys_that_are_published_pass(self):
        (check,) = self.check([RSA, P256, OTHER_RSA], ["kid-of-rsa"], [P256]).checks
        assert (check.id, check.status) == ("kid-expected", "ok")
        assert "kid-of-rsa" in check.seen and "kid-of-p256" in check.seen

    def test_no_expected_key_is_reported_if_no_key_is_expected(self):
        assert self.check([RSA]).checks == []

    @pytest.mark.parametrize(("kids", "expected"), [(["kid-of-p256"], []), ([], [P256]), (["kid-of-rsa"], [P256])])
    def test_a_missing_expected_key_is_an_error(self, kids, expected):
        fault = only_fault(self.check([RSA], kids, expected))
        assert fault.id == "kid-expected" and "'kid-of-p256' is not published" in fault.seen
        assert "The published keys are 'kid-of-rsa'" in fault.seen

    def test_a_missing_expected_key_is_an_error_if_nothing_is_published(self):
        assert "The published keys are none" in only_fault(self.check([], ["kid-of-rsa"])).seen

    def test_a_different_key_under_the_same_kid_is_an_error(self):
        fault = only_fault(self.check([{**OTHER_RSA, "kid": "kid-of-rsa"}], expected=[RSA]))
        assert fault.id == "kid-expected" and "A different key" in fault.seen


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([ISSUER, JWKS_URL, "RS256", "RSA", "EC", "P-256", "sig", "https://[", "\ud800", *RSA.values()]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RSA, *P256, "x5c"]), inner, max_size=4)
    ),
    max_leaves=8,
)
discoveries = st.builds(
    lambda changes: {**DISCOVERY, **changes}, st.dictionaries(st.sampled_from([*DISCOVERY]), values, max_size=3)
)
single_keys = st.sampled_from([RSA, P256, OTHER_RSA]) | st.builds(
    lambda key, changes: {**key, **changes},
    st.sampled_from([RSA, P256, {}]),
    st.dictionaries(st.sampled_from([*RSA, *P256, "x5c", "key_ops", "d"]), values, max_size=3),
)
published = values | st.fixed_dictionaries({"keys": values | st.lists(single_keys, max_size=4)})


@hypothesis.given(discoveries, published)
def test_any_jwks_is_checked_without_a_crash(discovery, key_set):
    report = Report()
    url = discovery_checks.check_discovery(report, discovery, issuer_url.parse(ISSUER))
    assert url is None or url.startswith("https:")
    found = key_set_checks.check_keys(
        report, key_set, JWKS_URL, algorithms=discovery.get("id_token_signing_alg_values_supported")
    )
    if found is not None:
        key_set_checks.check_expected(report, found, kids=["kid-of-rsa"], expected=[P256])
    assert (report.diagnosis is None) == (report.verdict == "ok")
    assert all(check.seen.isprintable() and len(check.seen) < 20_000 for check in report.checks)
