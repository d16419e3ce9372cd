# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Web Keys, compared with PyJWT and with the numbers that openssl prints."""

from __future__ import annotations

import base64
import json
import re
import typing as t

import hypothesis
import hypothesis.strategies as st
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))


RSA, P256 = jwk_of(samples.RSA), jwk_of(samples.P256)


def b64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def refusal(call: t.Callable[..., t.Any], *arguments: t.Any) -> str:
    with pytest.raises((Fault, IrsaError)) as caught:
        call(*arguments)
    return str(caught.value)


def without(key: jwk.Jwk, *members: str) -> jwk.Jwk:
    return {name: value for name, value in key.items() if name not in members}


class TestFromPublicKey:
    @each_kind
    def test_jwk_has_exactly_the_members_that_kube_apiserver_serves(self, sample):
        key = jwk_of(sample)
        numbers = {"n", "e"} if sample.curve is None else {"crv", "x", "y"}
        assert set(key) == {"kty", "kid", "alg", "use"} | numbers
        assert (key["kid"], key["alg"], key["use"]) == (samples.kid(sample.pkcs8), sample.algorithm, "sig")
        assert (key["kty"], key.get("crv")) == ("EC" if sample.curve else "RSA", sample.curve)

    def test_jwk_has_the_modulus_that_openssl_prints(self):
        modulus = samples.openssl("rsa -noout -modulus", samples.RSA.pkcs8).decode().strip().partition("=")[2]
        assert RSA["n"] == b64url(bytes.fromhex(modulus))
        assert RSA["e"] == "AQAB"

    @pytest.mark.parametrize("name", ["P-256", "P-384", "P-521"])
    def test_jwk_has_the_point_that_openssl_prints(self, name):
        text = samples.openssl("pkey -pubout -noout -text_pub", samples.EACH_KIND[name].pkcs8).decode()
        point = bytes.fromhex(re.sub(r"[\s:]", "", text.partition("pub:")[2].partition("ASN1")[0]))
        half = len(point) // 2
        key = jwk_of(samples.EACH_KIND[name])
        assert (key["x"], key["y"]) == (b64url(point[1 : half + 1]), b64url(point[half + 1 :]))

    def test_jwk_keeps_leading_zeros_of_coordinates(self):
        """RFC 7518, section 6.2.1.2: always as long as the curve's field."""
        for number in range(1, 5000):
            public_key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
            if public_key.public_numbers().x < 1 << 248:
                break
        key = jwk.from_public_key(public_key)
        assert len(key["x"]) == len(key["y"]) == 43
        assert jwk.usable(key) == key

    @each_kind
    def test_jwk_verifies_tokens_that_the_private_key_signed(self, sample):
        token = jwt.encode({"sub": "pod"}, sample.pkcs8, sample.algorithm, headers={"kid": samples.kid(sample.pkcs8)})
        found = jwt.PyJWKSet.from_dict({"keys": [jwk_of(sample)]})[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, found, algorithms=[sample.algorithm]) == {"sub": "pod"}
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB"), found, [sample.algorithm])


class TestUsable:
    @each_kind
    def test_usable_returns_our_own_keys_unchanged(self, sample):
        assert jwk.usable(jwk_of(sample)) == jwk_of(sample)

    @pytest.mark.parametrize("key", [RSA, P256], ids=["RSA", "EC"])
    def test_usable_fills_in_algorithm_and_use(self, key):
        assert jwk.usable(without(key, "alg", "use")) == key

    @pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
    def test_usable_keeps_the_algorithm_of_an_rsa_key(self, algorithm):
        assert jwk.usable({**RSA, "alg": algorithm})["alg"] == algorithm

    def test_usable_keeps_other_members_and_any_kid(self):
        key = {**RSA, "kid": "my own", "x5t#S256": "abc", "nbf": 5}
        assert jwk.usable(key) == key

    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    def test_usable_refuses_private_members_without_repeating_them(self, member):
        message = refusal(jwk.usable, {**RSA, member: "c2VjcmV0"})
        assert "private members" in message and "disclosed" in message and "c2VjcmV0" not in message
        assert jwk.has_private_members({member: None})

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"kid": None}, "no kid"),
            ({"kid": ""}, "no kid"),
            ({"kid": 5}, "no kid"),
            ({"key_ops": ["verify"]}, "key_ops"),
            ({"key_ops": []}, "key_ops"),
            ({"use": "enc"}, "its use is 'enc'"),
            ({"use": None}, "its use is null"),
            ({"alg": "PS256"}, "'PS256'; expected RS256, RS384 or RS512"),
            ({"alg": "ES256"}, "'ES256'; expected RS256, RS384 or RS512"),
            ({"alg": "none"}, "'none'; expected"),
            ({"alg": None}, "its alg is null; expected"),
            ({"alg": ["RS256"]}, "its alg is a list; expected"),
            ({"kty": "oct"}, "its kty is 'oct'"),
            ({"kty": "OKP", "crv": "Ed25519"}, "its kty is 'OKP'"),
            ({"kty": None}, "its kty is null"),
            ({"kty": ["RSA"]}, "its kty is a list"),
            ({"kty": "EC"}, "lacks the member"),
            ({"kty": "rsa"}, "'rsa' in place of 'RSA'"),
            ({"alg": "rs256"}, "'rs256' in place of 'RS256'"),
            ({"n": b64url(b"\x81" + bytes(126) + b"\x01")}, "1024 bits"),
        ],
        ids=[
            "kid null",
            "kid empty",
            "kid a number",
            "key_ops",
            "key_ops empty",
            "use enc",
            "use null",
            "PS256",
            "ES256",
            "alg none",
            "alg null",
            "alg a list",
            "oct",
            "OKP",
            "kty null",
            "kty a list",
            "kty of the other",
            "kty in lower case",
            "alg in lower case",
            "1024 bits",
        ],
    )
    def test_usable_refuses_an_rsa_key_that_sts_would_refuse(self, change, reason):
        assert reason in refusal(jwk.usable, {**RSA, **change})

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"alg": "ES384"}, "'ES384'; expected ES256"),
            ({"alg": "RS256"}, "'RS256'; expected ES256"),
            ({"crv": "secp256k1"}, "secp256k1"),
            ({"crv": "P-999"}, "its crv is 'P-999'"),
            ({"crv": None}, "its crv is null"),
            ({"crv": "p-256"}, "'p-256' in place of 'P-256'"),
            ({"crv": "secp256r1"}, "'secp256r1', which is called P-256 in a JWK"),
        ],
        ids=["ES384", "RS256", "secp256k1", "no curve", "crv null", "crv in lower case", "crv of SEC 2"],
    )
    def test_usable_refuses_an_ec_key_that_sts_would_refuse(self, change, reason):
        assert reason in refusal(jwk.usable, {**P256, **change})

    @pytest.mark.parametrize("member", ["kid", "n", "e", "kty"])
    def test_usable_refuses_a_key_without_a_required_member(self, member):
        assert member in refusal(jwk.usable, without(RSA, member))


def x5c(certificate_pem: bytes) -> list[str]:
    return ["".join(certificate_pem.decode().splitlines()[1:-1])]


class TestCertificate:
    def test_usable_accepts_a_certificate_for_the_same_key(self):
        key = {**RSA, "x5c": x5c(samples.certificate(samples.RSA.pkcs8))}
        assert jwk.usable(key) == key

    def test_usable_refuses_a_certificate_for_a_different_key(self):
        for other in (samples.OTHER_RSA, samples.P256):
            assert "a different key" in refusal(jwk.usable, {**RSA, "x5c": x5c(samples.certificate(other.pkcs8))})

    @pytest.mark.parametrize(
        "value",
        [[], {}, None, 5, "", "AAAA", [None], [5], ["not base64"], ["AAAA"], [{}], {"0": "AAAA"}],
        ids=[
            "empty list",
            "empty object",
            "null",
            "number",
            "empty text",
            "text",
            "null in it",
            "number in it",
            "not base64",
            "not DER",
            "object in it",
            "object",
        ],
    )
    def test_usable_refuses_an_x5c_without_a_certificate(self, value):
        assert "x5c" in refusal(jwk.usable, {**RSA, "x5c": value})

    def test_usable_refuses_a_certificate_with_an_unknown_key_type(self):
        der = base64.b64decode(x5c(samples.certificate(samples.P256.pkcs8))[0])
        unknown = der.replace(b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x7f")
        assert "x5c" in refusal(jwk.usable, {**RSA, "x5c": [base64.b64encode(unknown).decode()]})

    def test_usable_refuses_a_certificate_of_an_unknown_version(self):
        der = base64.b64decode(x5c(samples.certificate(samples.RSA.pkcs8))[0])
        odd = base64.b64encode(samples.with_unknown_version(der)).decode()
        assert "x5c contains no readable certificate" in refusal(jwk.usable, {**RSA, "x5c": [odd]})


class TestParse:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "not JSON"),
            ("{", "not JSON"),
            ("{'keys': []}", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("1" * 10_000, "not JSON"),
            ('{"keys": [{"n": NaN}]}', "not JSON"),
            ('{"keys": [], "x": -Infinity}', "not JSON"),
            ("null", "not a JWKS: it is null"),
            ("[]", "not a JWKS: it is a list"),
            ('"keys"', "not a JWKS: it is a string"),
            ("{}", "not a JWKS: it has no member 'keys'"),
            ('{"keys": {}}', "not a JWKS: 'keys' in it is an object"),
            ('{"keys": null}', "not a JWKS: 'keys' in it is null"),
            ('{"keys": ["kid"]}', "not a JWKS: key 1 in it is a string"),
            ('{"keys": [{}, null]}', "not a JWKS: key 2 in it is null"),
            ('{"kty": "RSA", "n": "AQAB"}', "not a JWKS: it is a single key"),
            ('{"issuer": "", "jwks_uri": ""}', "not a JWKS: it is a discovery document"),
            ("<html>", "not JSON"),
        ],
        ids=[
            "empty",
            "cut",
            "Python",
            "deep",
            "huge number",
            "NaN",
            "infinity",
            "null",
            "list",
            "text",
            "no keys",
            "keys an object",
            "keys null",
            "keys of text",
            "keys with null",
            "one key",
            "discovery document",
            "HTML",
        ],
    )
    def test_parse_jwks_refuses_text_that_is_not_a_jwks(self, text, reason):
        assert reason in refusal(jwk.parse_jwks, text)

    def test_parse_jwks_returns_the_keys_unchanged(self):
        listed = [RSA, {"kty": "weird"}, {}]
        assert jwk.parse_jwks(json.dumps({"keys": listed, "more": 1})) == listed

    def test_parse_jwks_accepts_a_jwks_without_keys(self):
        assert jwk.parse_jwks('{"keys": []}') == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
MEMBERS = ("kty", "kid", "alg", "use", "n", "e", "crv", "x", "y", "x5c", "key_ops", "d")
KNOWN_VALUES = ("RSA", "EC", "oct", "sig", "enc", "P-256", "P-521", "AQAB", "RS256", RSA["n"], P256["x"], P256["y"])
keys_like = st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from(KNOWN_VALUES) | json_values, max_size=8)


@hypothesis.given(
    st.text() | json_values.map(json.dumps) | st.builds(json.dumps, st.fixed_dictionaries({"keys": json_values}))
)
def test_any_text_is_a_jwks_or_refused(text):
    try:
        found = jwk.parse_jwks(text)
    except Fault:
        return
    assert all(isinstance(key, dict) for key in found)
    # Accepted keys can be written as JSON that every reader accepts.
    json.dumps(found, allow_nan=False)


@hypothesis.given(keys_like, st.sampled_from([{}, RSA, P256]))
def test_any_object_is_usable_or_refused(changes, base):
    candidate = {**base, **changes}
    jwk.algorithm_of(candidate)
    try:
        key = jwk.usable(candidate)
    except Fault:
        return
    assert not jwk.has_private_members(key)
    # An independent library reads an accepted key as the same type.
    assert jwt.PyJWK.from_dict(key).key_type == key["kty"]


class TestComparing:
    def test_algorithm_of_any_jwk(self):
        assert jwk.algorithm_of({"alg": "PS512", "kty": "RSA"}) == "PS512"
        assert jwk.algorithm_of({"kty": "RSA"}) == "RS256"
        assert [
            jwk.algorithm_of({"kty": "EC", "crv": crv}) for crv in ("P-256", "P-384", "P-521", "secp256k1", None)
        ] == [
            "ES256",
            "ES384",
            "ES512",
            None,
            None,
        ]
        assert jwk.algorithm_of({}) is None

    @pytest.mark.parametrize(
        ("key", "algorithms"),
        [
            ({"kty": "RSA", "alg": "PS512"}, ("RS256", "RS384", "RS512")),
            ({"kty": "EC", "crv": "P-384", "alg": "ES256"}, ("ES384",)),
            ({"kty": "EC", "crv": "secp256k1"}, ()),
            ({"kty": "EC", "crv": ["P-256"]}, ()),
            ({"kty": "OKP", "crv": "P-256"}, ()),
            ({"crv": "P-256"}, ()),
            ({}, ()),
        ],
    )
    def test_algorithms_for_a_jwk_follow_from_its_type(self, key, algorithms):
        assert jwk.algorithms_for(key) == algorithms

    def test_same_key_ignores_kid_alg_and_use(self):
        assert jwk.same_key(RSA, {**RSA, "kid": "", "alg": "RS512", "use": "enc"})
        assert not jwk.same_key(RSA, jwk_of(samples.OTHER_RSA))
        assert not jwk.same_key(RSA, P256)


class TestCount:
    def test_check_count_accepts_a_hundred_keys_of_each_type(self):
        jwk.check_count([RSA] * 100 + [P256] * 100)

    @pytest.mark.parametrize("key", [RSA, P256], ids=["RSA", "EC"])
    def test_check_count_refuses_101_keys_of_a_type(self, key):
        assert f"101 {key['kty']} keys" in refusal(jwk.check_count, [key] * 101)
