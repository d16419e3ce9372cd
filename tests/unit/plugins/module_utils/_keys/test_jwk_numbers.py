# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of a JWK in every form that programs and people write them in."""

from __future__ import annotations

import base64
import re
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, jwk_number_faults, jwk_numbers
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

RSA, P256 = (jwk_of(samples.EACH_KIND[name]) for name in ("RSA", "P-256"))
PEM = samples.public_pem(samples.RSA.pkcs8).decode()
NUMBER = int(samples.openssl("rsa -noout -modulus", samples.RSA.pkcs8).decode().partition("=")[2], 16)


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def short_coordinate() -> tuple[jwk.Jwk, str]:
    """A key whose x begins with a zero octet, and that x without it, as programs that write numbers have it."""
    for number in range(1, 5000):
        public_key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
        if public_key.public_numbers().x < 1 << 248:
            break
    key = jwk.from_public_key(public_key)
    return key, b64url(octets(key["x"]).lstrip(b"\0"))


def key_in_base64() -> tuple[jwk.Jwk, str]:
    """A key and its y in base64 that is not base64url although the length needs no padding: 15 of 16 keys have one."""
    for number in range(1, 5000):
        key = jwk.from_public_key(ec.derive_private_key(number, ec.SECP521R1()).public_key())
        text = base64.b64encode(octets(key["y"])).decode()
        if "+" in text or "/" in text:
            break
    return key, text


SHORT, SHORT_X = short_coordinate()
BASE64, BASE64_Y = key_in_base64()

# What irsa_jwks and the role can write again, since the number is there.
REPAIRED: dict[str, tuple[jwk.Jwk, dict[str, t.Any], str]] = {
    "sign octet": (RSA, {"n": b64url(b"\0" + octets(RSA["n"]))}, "257 octets, the first of which is zero"),
    "two zero octets": (RSA, {"n": b64url(b"\0\0" + octets(RSA["n"]))}, "258 octets, the first 2 of which are zero"),
    "sign octet of e": (RSA, {"e": "AAEAAQ"}, "its e has 4 octets"),
    "padding": (RSA, {"n": RSA["n"] + "=="}, "its n is padded with ="),
    "padding of e": (RSA, {"n": RSA["n"] + "==", "e": "AQAB="}, "no padding; its e is padded with ="),
    "base64": (BASE64, {"y": BASE64_Y}, "its y is in base64 with + and /"),
    "line break": (RSA, {"n": f"{RSA['n'][:64]}\n{RSA['n'][64:]}\n"}, "white space in it, at position 65"),
    "long coordinate": (P256, {"x": b64url(b"\0" + octets(P256["x"]))}, "33 octets, and a coordinate on P-256 has"),
    "short coordinate": (SHORT, {"x": SHORT_X}, "31 octets, and a coordinate on P-256 has exactly 32"),
}

# What nobody can write again without the key itself.
REFUSED: dict[str, tuple[jwk.Jwk, dict[str, t.Any], str]] = {
    "hexadecimal": (RSA, {"n": f"{NUMBER:x}"}, "its n is in hexadecimal"),
    "hexadecimal in capitals": (RSA, {"n": f"{NUMBER:X}"}, "its n is in hexadecimal"),
    "hexadecimal of a program": (RSA, {"n": f"0x{NUMBER:x}"}, "its n is in hexadecimal"),
    "hexadecimal of openssl": (RSA, {"n": octets(RSA["n"]).hex(":")}, "its n is in hexadecimal"),
    "hexadecimal exponent": (RSA, {"e": "010001"}, "its e is in hexadecimal"),
    "decimal": (RSA, {"n": str(NUMBER)}, "its n is in decimal"),
    "decimal exponent": (RSA, {"e": "65537"}, "its e is in decimal, where RFC 7518 has base64url ('AQAB')"),
    "number": (RSA, {"e": 65537}, "its e is the number 65537, where RFC 7518 has the string 'AQAB'"),
    "large number": (RSA, {"n": NUMBER}, "its n is a number, where"),
    "true": (RSA, {"e": True}, "its e is the value true"),
    "null": (RSA, {"n": None}, "its n is null"),
    "list": (P256, {"y": [P256["y"]]}, "its y is a list"),
    "empty": (RSA, {"n": ""}, "its n is empty"),
    "PEM": (RSA, {"n": PEM}, "its n is PEM"),
    "DER": (RSA, {"n": "".join(PEM.splitlines()[1:-1])}, "its n is a whole key in DER"),
    "another character": (RSA, {"n": f"{RSA['n'][:9]}%{RSA['n'][10:]}"}, "the character '%' in it, at position 10"),
    "white space": (RSA, {"n": f"{RSA['n'][:9]} {RSA['n'][9:]}"}, "white space in it, at position 10"),
    "cut": (RSA, {"n": RSA["n"][:-1]}, "341 characters, a length that base64url never has"),
    "cut in an octet": (RSA, {"e": "AQB"}, "last bits belong to no octet"),
    "zero": (RSA, {"e": "AA"}, "its e is zero"),
    "even exponent": (RSA, {"e": "AQAA"}, "its e is an even number"),
    "even modulus": (RSA, {"n": b64url((NUMBER + 1).to_bytes(256, "big"))}, "its n is an even number"),
    "exponent 1": (RSA, {"e": "AQ"}, "its e is 1"),
    "whole point": (P256, {"x": b64url(b"\4" + octets(P256["x"]) + octets(P256["y"]))}, "the whole point of 65 octets"),
    "no point": (P256, {"x": P256["y"]}, "its x and y are not those of a point on P-256"),
    "coordinates of another curve": (P256, {"crv": "P-521"}, "32 octets, and a coordinate on P-521 has exactly 66"),
}


def read_again(key: jwk.Jwk) -> jwk.Jwk:
    """The key with its numbers as RFC 7518 has them. Raises Fault."""
    public_key = jwk.public_key_of(key)
    jwk.check_numbers(key, public_key)
    return jwk.usable(key)


@pytest.mark.parametrize(("key", "change", "reason"), REPAIRED.values(), ids=list(REPAIRED))
def test_a_number_in_another_form_is_named_and_written_again(key, change, reason):
    odd = {**key, **change}
    with pytest.raises(jwk.BadNumber) as caught:
        jwk.check_numbers(odd, jwk.public_key_of(odd))
    assert reason in str(caught.value)
    assert jwk.usable(odd) == key
    assert jwk.same_key(odd, key) and not jwk.is_damaged_copy(odd, key)


@pytest.mark.parametrize(("key", "change", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_a_number_that_is_not_there_is_refused_by_name(key, change, reason):
    odd = {**key, **change}
    for read in (jwk.public_key_of, jwk.usable):
        with pytest.raises(jwk.BadNumber) as caught:
            read(odd)
        assert reason in str(caught.value)
    assert len(str(caught.value)) < 250 and jwk.is_damaged_copy(odd, key)


@pytest.mark.parametrize("member", ["n", "e", "x", "y"])
def test_a_missing_number_is_refused_by_name(member):
    key = {name: value for name, value in (RSA if member in RSA else P256).items() if name != member}
    with pytest.raises(jwk.BadNumber, match=f"it lacks the member '{member}'"):
        jwk.usable(key)
    with pytest.raises(jwk.BadNumber, match="which its x5c does not replace"):
        jwk.usable({**key, "x5c": ["MIIB"]})


@pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))
def test_numbers_of_our_own_keys_are_as_rfc_7518_has_them(sample):
    assert read_again(jwk_of(sample)) == jwk_of(sample)


@hypothesis.given(st.integers(0, 1 << 2100), st.integers(0, 3))
def test_a_number_is_read_as_it_was_written(number, zeros):
    text = jwk_numbers.write(number)
    assert b64url(octets(text)) == text and not octets(text).startswith(b"\0")
    size = len(octets(text)) + zeros
    longer = b64url(number.to_bytes(size, "big"))
    if longer and not re.fullmatch("[0-9A-Fa-f]{64,}", longer):
        assert jwk_numbers.read(longer) == number


@hypothesis.given(
    st.sampled_from(["RSA", "P-256"]),
    st.dictionaries(
        st.sampled_from(["n", "e", "x", "y"]),
        st.none() | st.integers() | st.text(st.sampled_from("AQB019=+/-_ \n%")) | st.lists(st.none(), max_size=1),
    ),
)
def test_any_numbers_are_described_in_a_short_clause(name, change):
    key = {**(RSA if name == "RSA" else P256), **change}
    said = jwk_number_faults.faults_in(key)
    assert said.isprintable() and len(said) < 400
    try:
        read_again(key)
    except Fault as fault:
        said = str(fault)
    else:
        said = ""
    assert bool(said) == any(key.get(member) != value for member, value in (RSA if name == "RSA" else P256).items())
