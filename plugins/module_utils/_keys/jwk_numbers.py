# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of a JWK: written as RFC 7518 has them, and read however others wrote them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import (
    decode_base64url,
    encode_base64url,
)

# The digits of base64url include those of hexadecimal and decimal, so long texts of these alone are no base64url.
_OTHER_DIGITS = re.compile(r"(0[xX])?[0-9A-Fa-f]{64,}")

_LINE_BREAKS = re.compile(r"[\r\n]")
_TO_BASE64URL = str.maketrans("+/", "-_")


def read(value: t.Any) -> int:
    """Return the number in a member of a JWK, also with padding, line breaks or leading zeros, or in the alphabet of
    base64, which many libraries accept and others do not. Raises ValueError for anything else.
    """
    if not isinstance(value, str) or _OTHER_DIGITS.fullmatch(value):
        raise ValueError("not a number in base64url")
    text = _LINE_BREAKS.sub("", value.strip()).translate(_TO_BASE64URL).rstrip("=")
    octets = decode_base64url(text)
    if encode_base64url(octets) != text:
        raise ValueError("cut or edited, since the last character has bits that belong to no octet")
    if is_whole_key(octets):
        raise ValueError("a whole key, not one of its numbers")
    return int.from_bytes(octets, "big")


def is_whole_key(octets: bytes) -> bool:
    """Whether octets are a key in DER: a sequence that is as long as it says, and longer than 255 octets."""
    return octets[:2] == b"\x30\x82" and int.from_bytes(octets[2:4], "big") == len(octets) - 4


def read_or_keep(value: t.Any) -> t.Any:
    """Return the number in a member of a JWK; anything else as it is."""
    try:
        return read(value)
    except ValueError:
        return value


def write(number: int, size: int = 0) -> str:
    """Return a number in base64url, with this many octets or with as few as possible."""
    return encode_base64url(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))
