# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery documents and key sets that are right, wrong in one thing at a time, or anything at all."""

from __future__ import annotations

import base64
import json
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import document_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import certify

HOST = "irsa.example.test"
ISSUER = f"https://{HOST}/prod"
URL = f"{ISSUER}/.well-known/openid-configuration"
JWKS_URL = f"{ISSUER}/keys.json"


# Names of their own, since the names of tests must not change from run to run.
def key_named(kid: str, sample: samples.Sample) -> jwk.Jwk:
    return {**jwk.from_public_key(signing_key.load_public(samples.public_pem(sample.pkcs8))), "kid": kid}


RSA, OTHER_RSA, P256 = (
    key_named("kid-of-rsa", samples.RSA),
    key_named("kid-of-another", samples.OTHER_RSA),
    key_named("kid-of-p256", samples.P256),
)
ALGORITHMS = ["ES256", "RS256"]
DISCOVERY = documents.discovery(ISSUER, JWKS_URL, ALGORITHMS)


def without(document: dict[str, t.Any], *names: str) -> dict[str, t.Any]:
    return {name: value for name, value in document.items() if name not in names}


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def faults(report: Report) -> list[Check]:
    return [check for check in report.checks if check.status in ("warning", "error")]


def only_fault(report: Report) -> Check:
    (fault,) = faults(report)
    assert fault.remedy
    return fault


class TestJson:
    def parse(self, body: bytes) -> tuple[t.Any, Report]:
        report = Report()
        return document_checks.parse_json(report, "discovery-json", URL, body), report

    def test_is_taken_apart(self):
        document, report = self.parse(json.dumps({"name": "Gerät"}, ensure_ascii=False).encode())
        assert document == {"name": "Gerät"} and faults(report) == []

    @pytest.mark.parametrize(
        ("body", "seen"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"<html>", "not JSON"),
            (b"{'a': 1}", "not JSON"),
            (b'{"a": 1', "not JSON"),
            (b'{"a": 1}x', "not JSON"),
            (b'{"a": NaN}', "not JSON"),
            (b'{"a": Infinity}', "not JSON"),
            (b'{"a": ' + b"1" * 10_000 + b"}", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b'{"a":' * 100_000, "not JSON"),
            (b"\xef\xbb\xbf{}", "not JSON"),
            (b"\xff", "not UTF-8"),
            (json.dumps({"name": "Gerät"}, ensure_ascii=False).encode("latin-1"), "not UTF-8"),
            (json.dumps({}).encode("utf-16"), "not UTF-8"),
            (json.dumps({}).encode("utf-16-le"), "not JSON"),
            (b"[]", "no object"),
            (b"null", "no object"),
            (b'"text"', "no object"),
            (b"5", "no object"),
        ],
    )
    def test_is_nothing_else(self, body, seen):
        document, report = self.parse(body)
        fault = only_fault(report)
        assert document is None
        assert (fault.id, fault.status) == ("discovery-json", "error") and seen in fault.seen and URL in fault.seen

    @hypothesis.given(
        st.binary()
        | st.text(st.sampled_from('{}[]",:\\u0019nulltrue\ud800')).map(lambda x: x.encode("utf-8", "surrogatepass"))
    )
    def test_any_bytes_are_judged(self, body):
        document, report = self.parse(body)
        assert (document is None) == bool(faults(report))


class TestDiscovery:
    def check(self, document: t.Any) -> tuple[t.Optional[str], Report]:
        report = Report()
        return document_checks.check_discovery(report, document, URL, ISSUER, HOST), report

    def test_of_our_own_is_right(self):
        url, report = self.check(DISCOVERY)
        assert url == JWKS_URL
        assert [(check.id, check.status) for check in report.checks] == [
            (check, "ok") for check in document_checks.DISCOVERY_IDS
        ]

    @pytest.mark.parametrize(
        "name", ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    )
    @pytest.mark.parametrize("value", [None, [], "", "RS256", 5, {}, [5], [["RS256"]], True])
    def test_has_lists_of_texts(self, name, value):
        url, report = self.check({**DISCOVERY, name: value})
        fault = only_fault(report)
        assert (fault.id, fault.status) == ("discovery-fields", "error") and name in fault.seen
        assert url == JWKS_URL

    def test_names_all_that_is_missing(self):
        url, report = self.check({})
        assert only_fault(report).seen.endswith(
            "lacks issuer, jwks_uri, response_types_supported, subject_types_supported, "
            "id_token_signing_alg_values_supported."
        )
        assert url is None
        assert {check.id for check in report.checks if check.status == "skipped"} == {"discovery-issuer", "jwks-uri"}

    def test_needs_no_other_fields(self):
        assert faults(self.check(without(DISCOVERY, "claims_supported", "authorization_endpoint"))[1]) == []

    @pytest.mark.parametrize(
        ("found", "cause"),
        [
            (f"{ISSUER}/", "slash"),
            (ISSUER.replace("irsa", "IRSA"), "capital letters"),
            (ISSUER.replace("https", "http"), "http://"),
            (ISSUER.replace("test/", "test:443/"), "port"),
            (f"https://{HOST}/other", "another path"),
            ("https://other.example.test", "byte for byte"),
            ([ISSUER], "byte for byte"),
            ({"x": 1}, "byte for byte"),
            (5, "byte for byte"),
            ("\x1b[31m\ud800" + "x" * 100_000, "byte for byte"),
        ],
    )
    def test_names_the_issuer_byte_for_byte(self, found, cause):
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
        ],
    )
    def test_says_how_hosts_of_a_bucket_differ(self, issuer, found, cause):
        report = Report()
        document = {**DISCOVERY, "issuer": found, "jwks_uri": f"{issuer}/keys.json"}
        document_checks.check_discovery(report, document, URL, issuer, issuer.removeprefix("https://"))
        assert cause in only_fault(report).cause

    @pytest.mark.parametrize(
        "uri",
        [f"https://{HOST}/anything", f"https://{HOST.upper()}/keys", f"https://{HOST}", f"https://{HOST}:443/k?v=1"],
    )
    def test_leads_to_keys_on_the_same_host(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        assert url == uri and faults(report) == []

    @pytest.mark.parametrize(
        "uri", [f"https://{HOST}:8443/keys", "https://other.example.test/keys", f"https://{HOST}.example.com/keys"]
    )
    def test_may_lead_elsewhere_which_is_to_be_known(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        fault = only_fault(report)
        assert (url, fault.id, fault.status) == (uri, "jwks-uri", "warning") and uri in fault.seen

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
    def test_does_not_lead_where_nobody_can_go(self, uri):
        url, report = self.check({**DISCOVERY, "jwks_uri": uri})
        fault = only_fault(report)
        assert (url, fault.id, fault.status) == (None, "jwks-uri", "error")
        assert fault.seen.isprintable()


class TestKeys:
    def check(self, *listed: t.Any, **more: t.Any) -> tuple[t.Any, Report]:
        """What is said of keys; ``supported`` are the algorithms that the discovery document names."""
        report = Report()
        supported = more.get("supported", ALGORITHMS)
        return document_checks.check_keys(report, {"keys": list(listed)}, JWKS_URL, supported), report

    def fault(self, check: str, status: str, *listed: t.Any, **more: t.Any) -> str:
        published, report = self.check(*listed, **more)
        fault = only_fault(report)
        assert (fault.id, fault.status) == (check, status)
        assert published == list(listed)
        assert fault.seen.isprintable() and len(fault.seen) < 3000
        return f"{fault.seen} {fault.cause} {fault.remedy}"

    def test_of_our_own_are_right(self):
        published, report = self.check(RSA, P256)
        assert published == [RSA, P256]
        assert [(check.id, check.status) for check in report.checks] == [
            (check, "ok") for check in document_checks.KEY_IDS
        ]

    @pytest.mark.parametrize(
        "document", [{}, {"keys": {}}, {"keys": None}, {"keys": "x"}, {"keys": [RSA, "key"]}, {"keys": [None]}, [], 5]
    )
    def test_stand_in_a_list(self, document):
        report = Report()
        assert document_checks.check_keys(report, document, JWKS_URL, ALGORITHMS) is None
        assert only_fault(report).id == "jwks-json"

    def test_are_more_than_none(self):
        published, report = self.check()
        assert published == [] and only_fault(report).id == "jwks-json"

    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    def test_with_private_members_are_the_gravest(self, member):
        text = self.fault("jwk-public-only", "error", P256, {**RSA, member: "c2VjcmV0"})
        assert "kid-of-rsa" in text and "c2VjcmV0" not in text and "at once" in text

    @pytest.mark.parametrize("kid", [None, 5, ["kid"], {}, True])
    def test_have_a_kid_that_is_a_text(self, kid):
        assert ": 2." in self.fault("jwk-kid", "error", P256, {**RSA, "kid": kid})

    def test_have_a_kid(self):
        assert ": 1." in self.fault("jwk-kid", "error", without(RSA, "kid"), P256)

    def test_have_a_kid_of_their_own(self):
        assert "kid-of-rsa" in self.fault("jwk-kid", "error", RSA, {**OTHER_RSA, "kid": "kid-of-rsa"})

    def test_may_be_there_twice_which_is_odd(self):
        assert "more than once" in self.fault("jwk-kid", "warning", RSA, RSA)

    def test_have_an_empty_kid_in_old_clusters_alone(self):
        assert "1.16" in self.fault("jwk-kid", "warning", RSA, {**RSA, "kid": ""})

    @pytest.mark.parametrize("operations", [["verify"], [], None, "verify"])
    def test_have_no_key_ops(self, operations):
        assert "kid-of-p256" in self.fault("jwk-key-ops", "error", RSA, {**P256, "key_ops": operations})

    @pytest.mark.parametrize("use", ["enc", "", None, 5, ["sig"], "\x1b[31m"])
    def test_are_for_signatures(self, use):
        assert "kid-of-p256" in self.fault("jwk-use", "error", RSA, {**P256, "use": use})

    def test_may_leave_use_and_alg_out(self):
        assert faults(self.check(without(RSA, "use", "alg"), without(P256, "use", "alg"))[1]) == []

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ({**RSA, "n": "x" * 171}, "1024 bits|1026 bits|not make a public key"),
            ({**RSA, "n": "AQAB"}, "bits|not make"),
            ({**RSA, "e": "Ag"}, "not make"),
            ({**RSA, "n": RSA["n"] + "="}, "not make"),
            ({**RSA, "n": None}, "not make"),
            (without(RSA, "n"), "lacks the member 'n'"),
            ({**P256, "y": P256["x"]}, "not make"),
            (without(P256, "crv"), "lacks the member 'crv'"),
        ],
    )
    def test_are_strong_and_whole(self, key, reason):
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
    def test_are_of_a_kind_that_sts_knows(self, key):
        assert "kty" in self.fault("jwk-strength", "error", RSA, P256, key)

    def test_have_no_certificate_of_another_key(self):
        other = certify("another", hosts=["another"])
        for certificates in ([in_base64(other.der)], ["AAAA"], [], "text", None, [5]):
            assert "x5c" in self.fault("jwk-certificate", "error", {**RSA, "x5c": certificates})

    def test_may_have_a_certificate_of_their_own(self):
        certified = certify("own", hosts=["own"])
        key = {**jwk.from_public_key(certified.key.public_key()), "x5c": [in_base64(certified.der)]}
        assert faults(self.check(key)[1]) == []

    @pytest.mark.parametrize("key", [RSA, P256])
    def test_are_a_hundred_of_a_type_at_most(self, key):
        hundred = [{**key, "kid": str(number)} for number in range(100)]
        assert faults(self.check(*hundred)[1]) == []
        assert "101" in self.fault("jwk-count", "error", *hundred, key)

    def test_are_counted_by_type(self):
        many = [{**key, "kid": f"{key['kty']}{number}"} for key in (RSA, P256) for number in range(100)]
        assert faults(self.check(*many)[1]) == []

    @pytest.mark.parametrize("algorithm", ["PS256", "ES256", "none", "HS256", "", None, 5, ["RS256"]])
    def test_are_for_algorithms_of_sts(self, algorithm):
        assert "kid-of-rsa" in self.fault("algorithms", "error", P256, {**RSA, "alg": algorithm})

    @pytest.mark.parametrize("supported", [["RS256"], [], None, "ES256", 5, [5, "RS256"], [["ES256"]], {"ES256": 1}])
    def test_are_named_in_the_discovery_document(self, supported):
        assert "'ES256'" in self.fault("algorithms", "warning", P256, supported=supported)


class TestExpected:
    def check(self, published: list[t.Any], kids: t.Sequence[str] = (), expected: t.Sequence[t.Any] = ()) -> Report:
        report = Report()
        document_checks.check_expected(report, published, kids, expected)
        return report

    def test_are_there(self):
        (check,) = self.check([RSA, P256, OTHER_RSA], ["kid-of-rsa"], [P256]).checks
        assert (check.id, check.status) == ("kid-expected", "ok")
        assert "kid-of-rsa" in check.seen and "kid-of-p256" in check.seen

    def test_are_not_looked_for_where_there_are_none(self):
        assert self.check([RSA]).checks == []

    @pytest.mark.parametrize(("kids", "expected"), [(["kid-of-p256"], []), ([], [P256]), (["kid-of-rsa"], [P256])])
    def test_are_missing(self, kids, expected):
        fault = only_fault(self.check([RSA], kids, expected))
        assert fault.id == "kid-expected" and "'kid-of-p256' is not published" in fault.seen
        assert "published are 'kid-of-rsa'" in fault.seen

    def test_are_missing_where_there_are_none(self):
        assert "published are none" in only_fault(self.check([], ["kid-of-rsa"])).seen

    def test_are_others_under_their_kid(self):
        fault = only_fault(self.check([{**OTHER_RSA, "kid": "kid-of-rsa"}], expected=[RSA]))
        assert fault.id == "kid-expected" and "another key" in fault.seen


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
def test_any_documents_are_judged(discovery, key_set):
    report = Report()
    url = document_checks.check_discovery(report, discovery, URL, ISSUER, HOST)
    assert url is None or url.startswith("https:")
    found = document_checks.check_keys(
        report, key_set, JWKS_URL, discovery.get("id_token_signing_alg_values_supported")
    )
    if found is not None:
        document_checks.check_expected(report, found, ["kid-of-rsa"], [P256])
    assert (report.diagnosis is None) == (report.verdict == "ok")
    assert all(check.seen.isprintable() and len(check.seen) < 20_000 for check in report.checks)
