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
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.judged_keys import Needs
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
        needs = Needs(frozenset(more.get("needed", ())), more.get("token", False))
        found = key_set_checks.check_keys(report, {"keys": list(listed)}, JWKS_URL, algorithms=supported, needs=needs)
        return found, report

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
    def test_a_kid_that_is_not_a_string_is_an_error_if_it_is_the_only_key(self, kid):
        assert "at position 1: its kid is" in self.fault("jwk-kid", "error", {**RSA, "kid": kid}, supported=["RS256"])
        assert "at position 2: its kid is" in self.fault("jwk-kid", "warning", P256, {**RSA, "kid": kid})

    def test_a_missing_kid_is_named_by_its_position(self):
        assert "at position 1: it has no kid" in self.fault("jwk-kid", "warning", without(RSA, "kid"), P256)

    def test_two_keys_with_the_same_kid_are_an_error(self):
        assert "kid-of-rsa" in self.fault("jwk-kid", "error", RSA, {**OTHER_RSA, "kid": "kid-of-rsa"})

    def test_a_repeated_key_is_a_warning(self):
        assert "More than one key has the kid 'kid-of-rsa'" in self.fault("jwk-kid", "warning", RSA, RSA)

    @pytest.mark.parametrize(
        ("last", "words"),
        [
            (OTHER_RSA, "Different keys"),
            ({**RSA, "alg": "RS512"}, "more than once, for 'RS256', 'RS512'"),
        ],
        ids=["another key", "another algorithm"],
    )
    def test_a_kid_that_hides_a_usable_key_is_an_error_unless_others_are_needed(self, last, words):
        keys = (RSA, {**last, "kid": "kid-of-rsa"}, P256)
        more = {"supported": [*ALGORITHMS, "RS512"]}
        assert words in self.fault("jwk-kid", "error", *keys, **more)
        assert words in self.fault("jwk-kid", "error", *keys, **more, needed=["kid-of-rsa"], token=True)
        assert words in self.fault("jwk-kid", "warning", *keys, **more, needed=["kid-of-p256"])
        # Which one the token is signed with is found out later.
        assert words in self.fault("jwk-kid", "warning", *keys, **more, token=True)

    def test_a_last_key_of_no_use_hides_a_usable_one(self):
        for needs in ({}, {"token": True}):
            found = faults(self.check(RSA, {**RSA, "use": "enc"}, supported=["RS256"], **needs)[1])
            assert [(each.id, each.status) for each in found] == [("jwk-kid", "error"), ("jwk-use", "error")]

    def test_a_first_key_of_no_use_hides_nothing(self):
        found = faults(self.check({**RSA, "use": "enc"}, RSA, P256)[1])
        assert [(each.id, each.status) for each in found] == [("jwk-kid", "warning"), ("jwk-use", "warning")]

    def test_an_empty_kid_is_a_warning(self):
        assert "1.16" in self.fault("jwk-kid", "warning", RSA, {**RSA, "kid": ""})

    @pytest.mark.parametrize("operations", [["verify"], [], None, "verify"])
    def test_key_ops_is_found(self, operations):
        assert "kid-of-p256" in self.fault("jwk-key-ops", "warning", RSA, {**P256, "key_ops": operations})

    @pytest.mark.parametrize("use", ["enc", "", None, 5, ["sig"], "\x1b[31m"])
    def test_a_use_other_than_sig_is_found(self, use):
        assert "kid-of-p256" in self.fault("jwk-use", "warning", RSA, {**P256, "use": use})

    def test_use_and_alg_may_be_missing(self):
        assert faults(self.check(without(RSA, "use", "alg"), without(P256, "use", "alg"))[1]) == []

    @pytest.mark.parametrize(
        ("key", "check", "reason"),
        [
            ({**RSA, "use": "enc", "alg": "RSA-OAEP"}, "jwk-use", "its use is 'enc'"),
            ({**RSA, "key_ops": ["verify"]}, "jwk-key-ops", "it has key_ops"),
            (without(RSA, "kid"), "jwk-kid", "it has no kid"),
            ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "a", "alg": "EdDSA"}, "jwk-strength", "'OKP'"),
            ({"kty": "AKP", "pub": "AAAA", "kid": "a", "alg": "ML-DSA-65"}, "jwk-strength", "'AKP'"),
            ({"kty": "oct", "kid": "a"}, "jwk-strength", "'oct'"),
            ({"kid": "a"}, "jwk-strength", "lacks the member 'kty'"),
            ({"kty": "x" * 100_000, "kid": "a"}, "jwk-strength", "its kty is"),
            ({**P256, "crv": "secp256k1"}, "jwk-strength", "'secp256k1'"),
            (without(P256, "crv"), "jwk-strength", "lacks the member 'crv'"),
            ({**RSA, "n": in_base64(b"\x81" + bytes(126) + b"\x01").rstrip("=")}, "jwk-strength", "1024 bits"),
            ({"kty": "RSA", "kid": "a", "x5c": ["AAAA"]}, "jwk-numbers", "lacks the member 'n', which its x5c"),
            ({**RSA, "n": "AA" + RSA["n"]}, "jwk-numbers", "its n "),
            ({**RSA, "n": RSA["n"] + "="}, "jwk-numbers", "padded"),
            ({**RSA, "e": "Ag"}, "jwk-numbers", "even"),
            ({**P256, "y": P256["x"]}, "jwk-numbers", "not those of a point"),
            ({**RSA, "x5c": ["AAAA"]}, "jwk-certificate", "x5c"),
            ({**RSA, "alg": "PS256"}, "algorithms", "'PS256'"),
        ],
        ids=lambda value: "" if isinstance(value, dict) else value,
    )
    def test_a_key_of_no_use_is_an_error_only_if_it_is_needed(self, key, check, reason):
        """Keycloak, for one, publishes a key for encryption beside its signing key, and STS does not mind."""
        key = {**key, "kid": "odd"} if "kid" in key else key
        text = self.fault(check, "warning", OTHER_RSA, P256, key)
        assert reason in text and "It can use 'kid-of-another', 'kid-of-p256'" in text
        self.fault(check, "warning", OTHER_RSA, P256, key, needed=["kid-of-p256"], token=True)
        if "kid" in key:
            assert reason in self.fault(check, "error", OTHER_RSA, P256, key, needed=["odd", "kid-of-p256"])
        assert "as long as others" not in self.fault(check, "error", key)
        found = faults(self.check(key, {**P256, "use": "enc"})[1])
        assert {each.status for each in found} == {"error"} and check in {each.id for each in found}

    def test_a_kid_of_any_type_is_compared_with_the_needed_ones(self):
        found = faults(self.check(RSA, P256, {**RSA, "kid": ["a"], "use": "enc"}, needed=["kid-of-rsa"])[1])
        assert [each.id for each in found] == ["jwk-kid", "jwk-use"] and "at position 3" in found[1].seen

    def test_several_keys_of_no_use_are_one_finding_that_begins_with_the_needed_one(self):
        encrypting = [{**RSA, "kid": f"enc-{number}", "use": "enc"} for number in range(3)]
        assert "the key 'enc-0': its use is 'enc', not 'sig'; and 2 more." in self.fault(
            "jwk-use", "warning", *encrypting, OTHER_RSA, P256
        )
        assert "the key 'enc-1'" in self.fault("jwk-use", "error", *encrypting, OTHER_RSA, P256, needed=["enc-1"])

    def test_the_remedy_for_a_number_in_another_form_is_no_other_key(self):
        text = self.fault("jwk-numbers", "error", {**RSA, "n": RSA["n"] + "="})
        assert "Write the numbers of this key again" in text and "no need for another one" in text

    @pytest.mark.parametrize("name", ["rsa", "Rsa"])
    def test_the_remedy_for_a_name_in_another_case_is_no_other_key(self, name):
        _keys, report = self.check({**RSA, "kty": name})
        assert "in place of 'RSA'" in report.first_error.seen
        assert "no need for another one" in report.first_error.remedy

    def test_a_symmetric_key_is_a_warning_and_is_not_quoted(self):
        found = faults(self.check(RSA, P256, {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"})[1])
        assert [each.id for each in found] == ["jwk-public-only", "jwk-strength"]
        assert {each.status for each in found} == {"warning"}
        assert "'shared'" in found[0].seen and "c2VjcmV0" not in str(found)

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
    def test_an_alg_that_sts_does_not_support_is_found(self, algorithm):
        assert "kid-of-rsa" in self.fault("algorithms", "warning", P256, {**RSA, "alg": algorithm})

    @pytest.mark.parametrize("supported", [["RS256"], [5, "RS256"], ["PS256", "EdDSA"]])
    def test_an_algorithm_that_the_discovery_document_does_not_list_is_a_warning(self, supported):
        assert "'ES256'" in self.fault("algorithms", "warning", P256, supported=supported)

    @pytest.mark.parametrize("supported", [[], None, "ES256", 5, [["ES256"]], {"ES256": 1}])
    def test_algorithms_that_are_no_list_are_left_to_the_fields_of_the_discovery_document(self, supported):
        report = self.check(P256, supported=supported)[1]
        assert faults(report) == [] and "algorithms" in [each.id for each in report.checks if each.status == "skipped"]

    def test_the_algorithm_of_a_key_of_no_use_need_not_be_listed(self):
        key = {**RSA, "kid": "enc", "use": "enc", "alg": "RSA-OAEP"}
        for supported in (["RS256", "ES256"], ["RS256", "PS256", "EdDSA", "ES256", "HS256"]):
            self.fault("jwk-use", "warning", RSA, P256, key, supported=supported)


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

    @pytest.mark.parametrize(("change", "kid"), [({"kid": "renamed"}, "'renamed'"), ({"kid": None}, "null")])
    def test_an_expected_key_under_another_kid_is_named(self, change, kid):
        fault = only_fault(self.check([{**P256, **change}, RSA], expected=[P256]))
        assert f"The same key is published under the kid {kid}." in fault.seen

    def test_an_expected_key_is_compared_by_its_numbers(self):
        odd = {**RSA, "n": f"{RSA['n']}==", "e": "AAEAAQ"}
        assert [check.status for check in self.check([odd], expected=[RSA]).checks] == ["ok"]
        assert [check.status for check in self.check([RSA], expected=[odd]).checks] == ["ok"]

    def test_an_expected_key_that_another_one_hides_is_explained_by_its_kid(self):
        fault = only_fault(self.check([RSA, {**OTHER_RSA, "kid": "kid-of-rsa"}], expected=[RSA]))
        assert (fault.id, fault.because) == ("kid-expected", "jwk-kid")

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
    supported = discovery.get("id_token_signing_alg_values_supported")
    needs = Needs(frozenset({"kid-of-rsa"}), token=True)
    found = key_set_checks.check_keys(report, key_set, JWKS_URL, algorithms=supported, needs=needs)
    if found is not None:
        key_set_checks.check_expected(report, found, kids=["kid-of-rsa"], expected=[P256])
    assert (report.diagnosis is None) == (report.verdict == "ok")
    assert all(check.seen.isprintable() and len(check.seen) < 20_000 for check in report.checks)
