# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token's every claim, its key and its signature. PyJWT, which the collection does not use, signs and is the judge."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import token_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:shop:cart"
NOW = 1_800_000_000

# Made when this is imported, since ansible-test runs each test in a process of its own.
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for dummy in range(2))
EC = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}


def published(private, **members) -> dict:
    return {**jwk.from_public_key(private.public_key()), **members}


RSA_JWK = published(RSA)
USUAL = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 600}


def signed(private=RSA, algorithm="RS256", header=None, **claims) -> str:
    """A token with the usual claims but for these; None takes one away."""
    payload = {name: value for name, value in {**USUAL, **claims}.items() if value is not None}
    kid = published(private)["kid"] if header is None else None
    return jwt.encode(payload, private, algorithm, headers={"kid": kid} if header is None else header)


def check(text, keys=(RSA_JWK,), client_ids=(AUDIENCE,), audiences=()) -> Report:
    report = Report()
    token_checks.check_token(report, text, ISSUER, keys, client_ids, audiences, now=lambda: NOW)
    assert [each.id for each in report.checks] == list(token_checks.IDS)
    for part in text.split("."):
        assert len(part) < 16 or not any(part in str(each) for each in report.checks), "the token is in the report"
    return report


def found(report: Report, status: str) -> dict[str, str]:
    return {each.id: each.seen for each in report.checks if each.status == status}


def test_a_good_one_is_right_in_all():
    report = check(signed())
    assert len(found(report, "ok")) == len(token_checks.IDS)


@pytest.mark.parametrize("algorithm", EC)
def test_one_of_every_curve_is_right(algorithm):
    private = EC[algorithm]
    assert not found(check(signed(private, algorithm), [published(private)]), "error")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_one_of_other_rsa_algorithms_is_right_where_the_key_says_so(algorithm):
    assert not found(check(signed(RSA, algorithm), [published(RSA, alg=algorithm)]), "error")
    assert list(found(check(signed(RSA, algorithm)), "error")) == ["token-signature"]
    without = {name: value for name, value in RSA_JWK.items() if name != "alg"}
    assert not found(check(signed(RSA, algorithm), [without]), "error")


def test_white_space_around_it_does_not_matter():
    assert not found(check(f"\n{signed()}\n"), "error")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 characters"),
        ("abc", "3 characters"),
        ("x" * 20_001, "20001 characters"),
        ("password", "one part"),
        ("aaaa.bbbb", "2 parts"),
        ("a.b.c.d.e", "encrypted"),
        (f"Bearer {signed()}", "word Bearer"),
        ("ä.ö.ü", "not base64url"),
        ("aaaaa.bbbb.cccc", "not base64url"),
        ("aaaa.bbbb.cccc", "no JSON object"),
        (jwt.encode(USUAL, None, "none"), "alg is 'none'"),
        (jwt.encode(USUAL, "x" * 32, "HS256"), "alg is 'HS256'"),
        (jwt.encode(USUAL, RSA, "PS256"), "alg is 'PS256'"),
        (signed(sub=None), "no sub"),
        (".".join((signed().split(".")[0], "W10", "AAAA")), "claims are no JSON object"),
        (signed() + "=", "signature is not base64url"),
    ],
)
def test_what_is_no_token_is_refused_with_the_reason(text, said):
    report = check(text)
    assert said in found(report, "error")["token-format"]
    assert len(found(report, "skipped")) == len(token_checks.IDS) - 1


def test_deeply_nested_claims_are_no_token():
    head, dummy, signature = signed().split(".")
    nested = base64.urlsafe_b64encode(b'{"a":' + b"[" * 14_000).decode().rstrip("=")
    assert "no JSON object" in found(check(f"{head}.{nested}.{signature}"), "error")["token-format"]


@pytest.mark.parametrize(
    ("claims", "check_id", "said"),
    [
        ({"iss": f"{ISSUER}/"}, "token-issuer", "not 'https"),
        ({"iss": "https://kubernetes.default.svc"}, "token-issuer", "kubernetes.default.svc"),
        ({"iss": None}, "token-issuer", "no iss"),
        ({"aud": None}, "token-audience", "aud is null"),
        ({"aud": []}, "token-audience", "aud is a list"),
        ({"aud": {"a": 1}}, "token-audience", "aud is an object"),
        ({"aud": [AUDIENCE, 5]}, "token-audience", "aud is a list"),
        ({"aud": ["vault"]}, "token-audience", "'vault'"),
        ({"aud": "vault"}, "token-audience", "'vault'"),
        ({"aud": [AUDIENCE, "vault"]}, "token-audience", "2 audiences"),
        ({"aud": [AUDIENCE, "vault"], "azp": "vault"}, "token-audience", "audience is 'vault'"),
        ({"exp": None}, "token-lifetime", "no exp"),
        ({"iat": None, "exp": None}, "token-lifetime", "no iat and no exp"),
        ({"exp": NOW - 301}, "token-lifetime", "expired 2027-01-15 07:54:59 UTC"),
        ({"exp": -(10**40)}, "token-lifetime", "expired"),
        ({"nbf": NOW + 301}, "token-lifetime", "nbf"),
        ({"iat": NOW + 301, "exp": NOW + 900}, "token-lifetime", "iat"),
        ({"exp": NOW - 60}, "token-lifetime", "made only then"),
    ],
)
def test_a_claim_that_sts_refuses_is_named(claims, check_id, said):
    errors = found(check(signed(**claims)), "error")
    assert list(errors) == [check_id]
    assert said in errors[check_id]


@pytest.mark.parametrize("value", ["soon", True, "1e999", [], {}])
@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
def test_a_time_that_is_none_is_named(name, value):
    payload = json.dumps({**USUAL, name: value}).replace('"1e999"', "1e999").encode()
    text = jwt.PyJWS().encode(payload, RSA, "RS256", headers={"kid": RSA_JWK["kid"]})
    errors = found(check(text), "error")
    assert list(errors) == ["token-lifetime"] and name in errors["token-lifetime"]


def test_what_differs_in_an_issuer_is_said():
    report = check(signed(iss=f"{ISSUER}/"))
    assert "slash" in next(each.cause for each in report.checks if each.status == "error")


def test_an_old_token_of_a_secret_is_recognised():
    old = {"iss": "kubernetes/serviceaccount", "aud": None, "iat": None, "nbf": None, "exp": None}
    first = check(signed(**old)).first_error
    assert first.id == "token-issuer" and "Secret" in first.seen and "kubectl create token" in first.remedy


def test_clocks_may_differ_by_five_minutes():
    assert "token-lifetime" in found(check(signed(iat=NOW - 900, nbf=None, exp=NOW - 299)), "warning")
    assert "token-lifetime" in found(check(signed(iat=NOW + 299, nbf=NOW + 299, exp=NOW + 900)), "ok")


def test_an_authorized_party_settles_which_of_two_audiences_counts():
    assert not found(check(signed(aud=[AUDIENCE, "vault"], azp=AUDIENCE)), "error")


def test_an_audience_is_compared_with_what_is_expected_and_with_what_the_provider_takes():
    report = check(signed(aud=["vault"]), client_ids=None, audiences=[AUDIENCE])
    assert "is expected" in found(report, "error")["token-audience"]
    assert "token-audience" in found(check(signed(aud=["vault"]), client_ids=None), "ok")
    assert "token-audience" in found(check(signed(aud=["vault"]), client_ids=["x", "vault"]), "ok")


def test_a_key_that_is_not_published_is_named_with_those_that_are():
    report = check(signed(), [published(OTHER_RSA)])
    seen = found(report, "error")["token-kid"]
    assert RSA_JWK["kid"] in seen and published(OTHER_RSA)["kid"] in seen
    assert "token-signature" in found(report, "skipped")


def test_without_published_keys_key_and_signature_are_unknown():
    assert set(found(check(signed(), None), "skipped")) == {"token-kid", "token-signature"}


@pytest.mark.parametrize("kid", [None, "", 5, ["x"]])
def test_a_token_that_names_no_key_is_refused(kid):
    text = signed(header={"kid": kid}) if isinstance(kid, str) else with_header(kid=kid)
    assert "names no key" in found(check(text), "error")["token-kid"]
    with_old_key = check(text, [RSA_JWK, {**RSA_JWK, "kid": ""}])
    if not kid:
        assert "1.16" in with_old_key.first_error.cause


def with_header(**members) -> str:
    """A good token whose header is another; its signature is then wrong."""
    dummy, payload, signature = signed().split(".")
    header = json.dumps({"alg": "RS256", "kid": RSA_JWK["kid"], **members}).encode()
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}.{signature}"


def tampered(text: str) -> str:
    head, payload, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = json.dumps({**claims, "sub": "system:serviceaccount:kube-system:admin"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}.{signature}"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (tampered(signed()), [RSA_JWK]),
        (signed(OTHER_RSA, header={"kid": RSA_JWK["kid"]}), [RSA_JWK]),
        (signed().rpartition(".")[0] + "." + "A" * 340, [RSA_JWK]),
        (with_header(crit=["exp"]), [RSA_JWK]),
        (with_header(b64=False), [RSA_JWK]),
        (signed(header={"kid": "one"}), [published(RSA, kid="one"), published(OTHER_RSA, kid="one")]),
        (signed(), [published(RSA, n="AQAB")]),
        (signed(), [{"kty": "RSA", "kid": RSA_JWK["kid"]}]),
        (signed(), [{"kty": "oct", "k": "c2VjcmV0", "kid": RSA_JWK["kid"]}]),
        (signed(), [published(EC["ES256"], kid=RSA_JWK["kid"])]),
    ],
)
def test_a_signature_that_the_published_key_does_not_verify_is_refused(text, keys):
    errors = found(check(text, keys), "error")
    assert list(errors) == ["token-signature"]
    kid = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))["kid"]
    chosen = [key for key in keys if key["kid"] == kid][-1]
    with pytest.raises((jwt.PyJWTError, KeyError)):
        jwt.decode(text, jwt.PyJWK(chosen), ["RS256"], options={"verify_exp": False, "verify_aud": False})


def test_of_two_keys_with_one_kid_the_last_counts():
    text = signed(header={"kid": "one"})
    assert not found(check(text, [published(OTHER_RSA, kid="one"), published(RSA, kid="one")]), "error")


def test_reading_says_nothing_of_the_text_where_it_fails():
    secret = "correct-horse-battery-staple"
    with pytest.raises(IrsaError) as refused:
        token_checks.read(secret)
    assert secret not in str(refused.value) and refused.value.__cause__ is None
    assert secret not in repr(token_checks.peek(secret))
    assert signed() not in repr(token_checks.read(signed()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def encoded(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_finding(text):
    check(text)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "zip", "jku", "x5c", "jwk", "typ"]), JSON),
    st.dictionaries(st.sampled_from(["iss", "sub", "aud", "iat", "exp", "nbf", "azp", "kubernetes.io"]), JSON),
    st.binary(max_size=300),
    st.booleans(),
)
def test_any_header_and_claims_are_findings(header, claims, signature, like_ours):
    if like_ours:
        header = {**header, "alg": "RS256", "kid": RSA_JWK["kid"]}
        claims = {**USUAL, **claims}
    text = ".".join((encoded(header), encoded(claims), base64.urlsafe_b64encode(signature).decode().rstrip("=")))
    assert check(text).verdict == "broken"


@given(
    st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "alg", "d"]), JSON), max_size=3)
)
def test_any_published_keys_are_findings(keys):
    check(signed(), [*keys, *({**key, "kid": RSA_JWK["kid"]} for key in keys)])


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_not_right(data):
    """As the independent judge has it: what PyJWT refuses for its signature is never right here."""
    text = signed()
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_."))
    changed = text[:at] + letter + text[at + 1 :]
    right = check(changed).verdict == "ok"
    try:
        options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
        jwt.decode(changed, RSA.public_key(), ["RS256"], options=options)
    except jwt.PyJWTError:
        assert not right
    else:
        assert right
