# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token's claims, key and signature. PyJWT, which the collection does not use, signs and is the oracle."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import token_checks, token_parsing
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, without

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:shop:cart"
NOW = 1_800_000_000

# Generated at import time, since ansible-test runs each test in its own process.
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
    """A token with the usual claims, except for these; None removes one."""
    payload = {name: value for name, value in {**USUAL, **claims}.items() if value is not None}
    kid = published(private)["kid"] if header is None else None
    return jwt.encode(payload, private, algorithm, headers={"kid": kid} if header is None else header)


def check(text, keys=(RSA_JWK,), client_ids=(AUDIENCE,), audiences=(), report=None) -> Report:
    report = Report() if report is None else report
    context = Context(report=report, issuer=ISSUER, identity=Identity(audiences=audiences), published=keys)
    token_checks.check_token(context, text, client_ids=client_ids, now=lambda: NOW)
    assert [each.id for each in report.checks if each.id.startswith("token-")] == list(token_checks.IDS)
    for part in text.split("."):
        assert len(part) < 16 or not any(part in str(each) for each in report.checks), "the token is in the report"
    return report


def found(report: Report, status: str) -> dict[str, str]:
    return {each.id: each.seen for each in report.checks if each.status == status}


def test_a_good_token_passes_all_checks():
    report = check(signed())
    assert len(found(report, "ok")) == len(token_checks.IDS)


@pytest.mark.parametrize("algorithm", EC)
def test_a_token_signed_on_each_curve_passes(algorithm):
    private = EC[algorithm]
    assert not found(check(signed(private, algorithm), [published(private)]), "error")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_other_rsa_algorithms_pass_if_the_key_allows_them(algorithm):
    assert not found(check(signed(RSA, algorithm), [published(RSA, alg=algorithm)]), "error")
    assert list(found(check(signed(RSA, algorithm)), "error")) == ["token-signature"]
    without = {name: value for name, value in RSA_JWK.items() if name != "alg"}
    assert not found(check(signed(RSA, algorithm), [without]), "error")


def test_white_space_around_the_token_is_ignored():
    assert not found(check(f"\n{signed()}\n"), "error")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (signed(x="x" * 20_000), "characters; STS accepts 20000"),
        (signed().rpartition(".")[0] + ".", "no signature"),
        ("aaaaa.bbbb.cccc", "not base64url"),
        ("aaaa.bbbb.cccc", "not a JSON object"),
        (jwt.encode(USUAL, None, "none"), "alg is 'none'"),
        (jwt.encode(USUAL, "x" * 32, "HS256"), "alg is 'HS256'"),
        (jwt.encode(USUAL, RSA, "PS256"), "alg is 'PS256'"),
        (signed(sub=None), "no sub"),
        (".".join((signed().split(".")[0], "W10", "AAAA")), "claims are not a JSON object"),
    ],
)
def test_an_invalid_token_is_an_error_with_the_reason(text, said):
    report = check(text)
    assert said in found(report, "error")["token-format"]
    assert len(found(report, "skipped")) == len(token_checks.IDS) - 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("part", ["header", "claims"])
def test_a_token_that_is_not_utf_8_is_an_error(part, encoding):
    header, claims = {"alg": "RS256", "kid": RSA_JWK["kid"], "x": "ü"}, {**USUAL, "x": "ü"}
    parts = [json.dumps(each, ensure_ascii=False).encode() for each in (header, claims)]
    number = ("header", "claims").index(part)
    parts[number] = json.dumps((header, claims)[number], ensure_ascii=False).encode(encoding)
    encoded_parts = [base64.urlsafe_b64encode(each).rstrip(b"=") for each in parts]
    signature = RSA.sign(b".".join(encoded_parts), padding.PKCS1v15(), hashes.SHA256())
    text = b".".join((*encoded_parts, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()
    assert f"its {part} {'is' if part == 'header' else 'are'} not a JSON" in found(check(text), "error")["token-format"]


def test_deeply_nested_claims_are_an_error():
    head, dummy, signature = signed().split(".")
    nested = base64.urlsafe_b64encode(b'{"a":' + b"[" * 14_000).decode().rstrip("=")
    assert "not a JSON object" in found(check(f"{head}.{nested}.{signature}"), "error")["token-format"]


@pytest.mark.parametrize(
    ("claims", "check_id", "said"),
    [
        ({"iss": f"{ISSUER}/"}, "token-issuer", "not 'https"),
        ({"iss": "https://kubernetes.default.svc"}, "token-issuer", "kubernetes.default.svc"),
        ({"iss": None}, "token-issuer", "no iss"),
        ({"aud": None}, "token-audience", "no aud"),
        ({"aud": []}, "token-audience", "aud is an empty list"),
        ({"aud": {"a": 1}}, "token-audience", "aud is an object"),
        ({"aud": [AUDIENCE, 5]}, "token-audience", "aud is a list"),
        ({"aud": ["vault"]}, "token-audience", "'vault'"),
        ({"aud": "vault"}, "token-audience", "'vault'"),
        ({"aud": [AUDIENCE, "vault"]}, "token-audience", "2 audiences"),
        ({"aud": [AUDIENCE, "vault"], "azp": "vault"}, "token-audience", "azp is 'vault'"),
        ({"exp": None}, "token-lifetime", "no exp"),
        ({"iat": None, "exp": None}, "token-lifetime", "no iat and no exp"),
        ({"exp": NOW - 301}, "token-lifetime", "expired 2027-01-15 07:54:59 UTC"),
        ({"exp": -(10**40)}, "token-lifetime", "expired"),
        ({"nbf": NOW + 301}, "token-lifetime", "nbf"),
        ({"iat": NOW + 301, "exp": NOW + 900}, "token-lifetime", "iat"),
        ({"exp": NOW - 60}, "token-lifetime", "is not after its iat"),
    ],
)
def test_a_claim_that_sts_refuses_is_named(claims, check_id, said):
    errors = found(check(signed(**claims)), "error")
    assert list(errors) == [check_id]
    assert said in errors[check_id]


@pytest.mark.parametrize("value", ["soon", True, [], {}])
@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
def test_an_invalid_timestamp_is_named(name, value):
    errors = found(check(signed(**{name: value})), "error")
    assert list(errors) == ["token-lifetime"] and name in errors["token-lifetime"]


@pytest.mark.parametrize("value", ["1e999", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["iat", "exp", "x"])
def test_a_number_that_is_not_json_is_an_error(name, value):
    payload = json.dumps({**USUAL, name: "?"}).replace('"?"', value).encode()
    text = jwt.PyJWS().encode(payload, RSA, "RS256", headers={"kid": RSA_JWK["kid"]})
    assert "claims are not a JSON object" in found(check(text), "error")["token-format"]


def test_an_issuer_that_is_not_text_is_named():
    payload = json.dumps({**USUAL, "iss": [ISSUER]}).encode()
    text = jwt.PyJWS().encode(payload, RSA, "RS256", headers={"kid": RSA_JWK["kid"]})
    assert "iss is a list" in found(check(text), "error")["token-issuer"]


def test_the_difference_between_iss_and_issuer_is_explained():
    report = check(signed(iss=f"{ISSUER}/"))
    assert "slash" in next(each.cause for each in report.checks if each.status == "error")


def test_a_legacy_token_from_a_secret_is_recognized():
    old = {"iss": "kubernetes/serviceaccount", "aud": None, "iat": None, "nbf": None, "exp": None}
    report = check(signed(**old))
    first, *others = (each for each in report.checks if each.status == "error")
    assert first.id == "token-issuer" and "Secret" in first.seen and "kubectl create token" in first.remedy
    assert {each.because for each in others} == {"token-issuer"}


def test_clocks_of_issuer_and_sts_may_differ_by_five_minutes():
    assert "token-lifetime" in found(check(signed(iat=NOW - 900, nbf=None, exp=NOW - 299)), "warning")
    assert "token-lifetime" in found(check(signed(iat=NOW + 299, nbf=NOW + 299, exp=NOW + 900)), "ok")


def test_an_authorized_party_selects_one_of_two_audiences():
    assert not found(check(signed(aud=[AUDIENCE, "vault"], azp=AUDIENCE)), "error")


def nothing_in(report: Report) -> list[str]:
    """The texts that show a value that is not there."""
    texts = [text for each in report.checks for text in (each.seen, each.cause, each.remedy) if text]
    return [text for text in texts if "null" in text or "None" in text]


TWO = ["app-2", "https://kubernetes.default.svc"]


@pytest.mark.parametrize(
    ("claims", "client_ids", "said"),
    [
        # STS would not take azp for anything else, so nothing is said of the two in aud.
        ({"aud": [AUDIENCE, "vault"], "azp": "vault"}, [AUDIENCE], "STS takes it as the audience in place of aud"),
        ({"aud": TWO}, ["app-2"], "--audience app-2"),
        ({"aud": TWO}, [AUDIENCE], "one audience"),
        ({"aud": [ISSUER]}, [AUDIENCE], "the token with which a pod talks to the API server"),
        ({"aud": ["https://kubernetes.default.svc.cluster.local"]}, [AUDIENCE], "talks to the API server"),
        ({"aud": ["pods.eks.amazonaws.com"]}, [AUDIENCE], "EKS Pod Identity"),
        ({"aud": ["https://sts.amazonaws.com"]}, [AUDIENCE], "differ only in https://"),
        ({"aud": ["STS.amazonaws.com"]}, [AUDIENCE], "capital letters"),
        ({"aud": ["sts.amazonaws.com/"]}, [AUDIENCE], "slash"),
        ({"aud": ["sts.amazonaws.com.cn"]}, [AUDIENCE], "China"),
        ({"aud": ["vault"]}, ["app-2", AUDIENCE], 'irsa_issuer_audiences: ["app-2", "sts.amazonaws.com", "vault"]'),
        ({"aud": None}, [AUDIENCE], "kubectl create token cart --namespace shop --audience sts.amazonaws.com"),
        ({"aud": ["vault"], "sub": "repo:acme/shop"}, ["x"], "kubectl create token"),
    ],
)
def test_a_wrong_audience_is_explained_with_the_way_to_the_right_one(claims, client_ids, said):
    report = check(signed(**claims), client_ids=client_ids)
    assert report.first_error.id == "token-audience" and len(found(report, "error")) == 1
    (fault,) = faults(report)
    assert any(said in text for text in (fault.seen, fault.cause, fault.remedy))
    assert not nothing_in(report)


def test_no_text_has_a_value_that_is_missing():
    bare = {**dict.fromkeys(USUAL), "sub": SUBJECT}
    for keys in ([RSA_JWK], [{"kty": "RSA"}], [{"kty": "oct", "kid": RSA_JWK["kid"]}], [{"kid": None}]):
        report = check(signed(**bare), keys)
        assert not nothing_in(report)


def test_the_audience_is_compared_with_the_expected_ones_and_the_client_ids():
    report = check(signed(aud=["vault"]), client_ids=None, audiences=[AUDIENCE])
    assert "; expected 'sts.amazonaws.com'" in found(report, "error")["token-audience"]
    assert "token-audience" in found(check(signed(aud=["vault"]), client_ids=None), "ok")
    assert "token-audience" in found(check(signed(aud=["vault"]), client_ids=["x", "vault"]), "ok")


def test_an_unpublished_key_is_named_with_the_published_ones():
    report = check(signed(), [published(OTHER_RSA)])
    seen = found(report, "error")["token-kid"]
    assert RSA_JWK["kid"] in seen and published(OTHER_RSA)["kid"] in seen
    assert "token-signature" in found(report, "skipped")


@pytest.mark.parametrize(
    ("earlier", "check_id", "seen"),
    [
        ("kid-expected", "token-kid", f"The key '{RSA_JWK['kid']}' is not published."),
        ("provider-audience", "token-audience", "The provider accepts the audience 'x', but not 'vault'."),
    ],
    ids=["kid", "audience"],  # the key, and so its kid, is another one in each process
)
def test_a_fault_that_an_earlier_error_has_named_follows_from_it(earlier, check_id, seen):
    for named in (seen, "Something else."):
        report = Report()
        report.error(earlier, named)
        check(signed(aud=["vault"]), [published(OTHER_RSA)], client_ids=["x"], report=report)
        because = next(each.because for each in report.checks if each.id == check_id)
        assert because == (earlier if named == seen else None)


def test_without_published_keys_the_signature_is_not_checked():
    assert set(found(check(signed(), None), "skipped")) == {"token-kid", "token-signature"}


@pytest.mark.parametrize("kid", [None, "", 5, ["x"]])
def test_a_token_that_names_no_key_is_an_error(kid):
    text = signed(header={"kid": kid}) if isinstance(kid, str) else with_header(kid=kid)
    assert "names no key" in found(check(text), "error")["token-kid"]
    with_old_key = check(text, [RSA_JWK, {**RSA_JWK, "kid": ""}])
    if not kid:
        assert "1.16" in with_old_key.first_error.cause


def with_header(**members) -> str:
    """A good token with another header, so that its signature is wrong."""
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
        (signed(), [published(EC["ES256"], kid=RSA_JWK["kid"])]),
    ],
)
def test_a_signature_that_the_published_key_does_not_verify_is_an_error(text, keys):
    errors = found(check(text, keys), "error")
    assert list(errors) == ["token-signature"]
    kid = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))["kid"]
    chosen = [key for key in keys if key["kid"] == kid][-1]
    with pytest.raises((jwt.PyJWTError, KeyError)):
        jwt.decode(text, jwt.PyJWK(chosen), ["RS256"], options={"verify_exp": False, "verify_aud": False})


@pytest.mark.parametrize(
    ("key", "check_id", "words"),
    [
        (published(RSA, use="enc"), "jwk-use", "its use is 'enc'"),
        (published(RSA, key_ops=["verify"]), "jwk-key-ops", "it has key_ops"),
        (published(RSA, n="AQAB"), "jwk-numbers", "not those of an RSA key"),
        (published(RSA, n=RSA_JWK["n"] + "="), "jwk-numbers", "padded"),
        (published(RSA, alg="PS256"), "algorithms", "'PS256'"),
        ({"kty": "RSA", "kid": RSA_JWK["kid"]}, "jwk-numbers", "lacks the member 'n'"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": RSA_JWK["kid"]}, "jwk-strength", "'oct'"),
    ],
)
def test_a_key_that_sts_cannot_use_is_the_error_if_the_token_names_it(key, check_id, words):
    report = check(signed(), [key, published(OTHER_RSA)])
    errors = found(report, "error")
    assert list(errors) == [check_id] and words in errors[check_id] and "which the token names" in errors[check_id]
    assert "token-signature" in found(report, "skipped")


class TestKeysUnderAnotherName:
    def test_a_key_without_a_kid_is_the_cause(self):
        report = check(signed(), [without(RSA_JWK, "kid"), published(OTHER_RSA, kid="other")])
        assert [(each.id, each.because) for each in report.checks if each.status == "error"] == [
            ("jwk-kid", None),
            ("token-kid", "jwk-kid"),
        ]

    def test_a_key_with_another_kid_is_named(self):
        errors = found(check(signed(), [published(RSA, kid="renamed"), published(OTHER_RSA, kid="other")]), "error")
        assert list(errors) == ["token-kid"] and "is published as 'renamed'." in errors["token-kid"]


class TestOneKidTwice:
    @pytest.mark.parametrize(
        "last",
        [{"alg": "RS512"}, {"use": "enc"}, {"key_ops": []}, published(OTHER_RSA)],
        ids=["another algorithm", "for encryption", "key_ops", "another key"],
    )
    def test_the_second_key_is_named_as_the_cause(self, last):
        keys = [published(RSA, kid="one"), published(RSA, **{**last, "kid": "one"})]
        report = check(signed(header={"kid": "one"}), keys)
        errors = found(report, "error")
        assert set(errors) == {"jwk-kid", "token-signature"} and report.first_error.id == "jwk-kid"
        assert "2 published keys have the kid 'one'" in errors["jwk-kid"]

    def test_the_kid_is_no_cause_of_a_signature_that_neither_key_verifies(self):
        keys = [published(OTHER_RSA, kid="one"), published(EC["ES256"], kid="one")]
        assert list(found(check(signed(header={"kid": "one"}), keys), "error")) == ["token-signature"]


def test_the_last_of_two_keys_with_the_same_kid_is_used():
    text = signed(header={"kid": "one"})
    assert not found(check(text, [published(OTHER_RSA, kid="one"), published(RSA, kid="one")]), "error")


def test_an_invalid_token_is_not_quoted():
    secret = "correct-horse-battery-staple"
    with pytest.raises(IrsaError) as refused:
        token_parsing.parse_token(secret)
    assert secret not in str(refused.value) and refused.value.__cause__ is None
    assert secret not in repr(token_parsing.token_or_none(secret))
    assert signed() not in repr(token_parsing.parse_token(signed()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def encoded(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_checked_as_a_token_without_a_crash(text):
    check(text)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "zip", "jku", "x5c", "jwk", "typ"]), JSON),
    st.dictionaries(st.sampled_from(["iss", "sub", "aud", "iat", "exp", "nbf", "azp", "kubernetes.io"]), JSON),
    st.binary(max_size=300),
    st.booleans(),
)
def test_any_header_and_claims_are_an_error_without_a_valid_signature(header, claims, signature, like_ours):
    if like_ours:
        header = {**header, "alg": "RS256", "kid": RSA_JWK["kid"]}
        claims = {**USUAL, **claims}
    text = ".".join((encoded(header), encoded(claims), base64.urlsafe_b64encode(signature).decode().rstrip("=")))
    assert check(text).verdict == "broken"


@given(
    st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "alg", "d"]), JSON), max_size=3)
)
def test_a_token_is_checked_with_any_published_keys_without_a_crash(keys):
    check(signed(), [*keys, *({**key, "kid": RSA_JWK["kid"]} for key in keys)])


@given(st.data())
def test_a_token_that_was_changed_anywhere_fails(data):
    """PyJWT is the oracle: a token that it refuses for its signature never passes here."""
    text = signed()
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_."))
    changed = text[:at] + letter + text[at + 1 :]
    passes = check(changed).verdict == "ok"
    try:
        options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
        jwt.decode(changed, RSA.public_key(), ["RS256"], options=options)
    except jwt.PyJWTError:
        assert not passes
    else:
        assert passes
