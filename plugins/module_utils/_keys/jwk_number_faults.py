# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the numbers of a JWK. Imported only if something is.

RFC 7518 has one way to write each: https://www.rfc-editor.org/rfc/rfc7518#section-2 (Base64urlUInt), #section-6.2.1 and
#section-6.3.1. STS refuses tokens whose key has, for example, a modulus that begins with a zero octet:
https://github.com/jenkinsci/oidc-provider-plugin/issues/205
"""

from __future__ import annotations

import base64
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import encode_base64url
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import json_type, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk_numbers

MEMBERS: t.Mapping[str, tuple[str, str]] = {"RSA": ("n", "e"), "EC": ("x", "y")}

# The octets of a coordinate. https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1.2
_COORDINATES = {"P-256": 32, "P-384": 48, "P-521": 66}

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_HEXADECIMAL = re.compile(r"(0[xX])?([0-9A-Fa-f]{2}:?){32,}|0[xX][0-9A-Fa-f]+|0?10001")
_TO_BASE64URL = str.maketrans("+/", "-_")

# An exponent, or a modulus of at least 1024 bits. 10001 is the usual exponent in hexadecimal.
_DECIMAL = re.compile(r"(?!0?10001$)([0-9]{1,20}|[0-9]{300,})")
_MAX_DIGITS = 20

Key = t.Mapping[str, t.Any]


def faults_in(key: Key) -> str:
    """Return what is wrong with the numbers of an RSA or EC key, as clauses: with each of them, else with all."""
    members = MEMBERS[key["kty"]]
    faults = [fault for member in members if (fault := _fault_of(key, member))]
    return "; ".join(faults) or _fault_of_all(key)


def _fault_of(key: Key, member: str) -> str | None:
    if member not in key:
        return f"it lacks the member {quoted(member)}" + (", which its x5c does not replace" if "x5c" in key else "")
    value = key[member]
    if not isinstance(value, str):
        return _fault_of_type(member, value)
    fault = _fault_of_text(value)
    return f"its {member} {fault}" if fault else _fault_of_octets(key, member, _octets(value))


def _fault_of_type(member: str, value: t.Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 64:
        return f"its {member} is the number {value}, where RFC 7518 has the string {quoted(jwk_numbers.write(value))}"
    return f"its {member} is {json_type(value)}, where RFC 7518 has a string"


def _fault_of_text(text: str) -> str | None:
    """Return what is wrong with a text that should be base64url; None if nothing is."""
    if not text:
        return "is empty"
    other = _fault_of_other_form(text)
    if other is not None:
        return other
    stray = _FOREIGN.search(text.rstrip("="))
    if stray is not None and stray[0] in "+/":
        return "is in base64 with + and /, where RFC 7518 has base64url, with - and _"
    if stray is not None:
        what = "white space" if stray[0].isspace() else f"the character {quoted(stray[0])}"
        return f"has {what} in it, at position {stray.start() + 1}"
    if text.endswith("="):
        return "is padded with =, where RFC 7518 has no padding"
    if len(text) % 4 == 1:
        return f"has {len(text)} characters, a length that base64url never has: it was cut or edited"
    if encode_base64url(_octets(text)) != text:
        return "ends with a character whose last bits belong to no octet: it was cut or edited"
    return None


def _fault_of_other_form(text: str) -> str | None:
    """Return which other form of a number or of a key a text has; None for none that is known."""
    if text.lstrip().startswith("-----BEGIN "):
        return "is PEM, where RFC 7518 has a number in base64url"
    if _DECIMAL.fullmatch(text):
        is_short = len(text) <= _MAX_DIGITS
        correct = f" ({quoted(jwk_numbers.write(int(text)))})" if is_short and int(text) else ""
        return f"is in decimal, where RFC 7518 has base64url{correct}"
    if _HEXADECIMAL.fullmatch(text):
        return "is in hexadecimal, where RFC 7518 has base64url"
    if jwk_numbers.is_whole_key(_octets(text)):
        return "is a whole key in DER, where RFC 7518 has one number of it"
    return None


def _fault_of_octets(key: Key, member: str, octets: bytes) -> str | None:
    """Return what is wrong with a number of this many octets; None if nothing is."""
    if not any(octets):
        return f"its {member} is zero"
    if key["kty"] == "EC":
        length = _COORDINATES[key["crv"]]
        if len(octets) == 2 * length + 1 and octets[0] == 4:
            return f"its {member} is the whole point of {len(octets)} octets, where RFC 7518 has one coordinate"
        if len(octets) != length:
            return f"its {member} has {len(octets)} octets, and a coordinate on {key['crv']} has exactly {length}"
        return None
    if octets[0] == 0:
        zeros = len(octets) - len(octets.lstrip(b"\0"))
        which = "the first of which is zero" if zeros == 1 else f"the first {zeros} of which are zero"
        return f"its {member} has {len(octets)} octets, {which}, where RFC 7518 has as few octets as possible"
    number = int.from_bytes(octets, "big")
    if number % 2 == 0:
        return f"its {member} is an even number, which it is in no RSA key"
    return f"its {member} is {number}, which it is in no RSA key" if number < 3 else None


def _fault_of_all(key: Key) -> str:
    if key["kty"] == "EC":
        return f"its x and y are not those of a point on {key['crv']}"
    return "its n and e are not those of an RSA key"


def _octets(text: str) -> bytes:
    """Return the octets of a text, as far as it is base64 of any kind."""
    encoded = re.sub(r"[^A-Za-z0-9_-]", "", text.translate(_TO_BASE64URL))
    encoded = encoded[: len(encoded) - (len(encoded) % 4 == 1)]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
