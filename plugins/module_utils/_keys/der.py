# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outer structure of keys and certificates in DER, and what files in DER hold.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import typing as t

INTEGER, BIT_STRING, OCTET_STRING, IDENTIFIER, SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
# Context-specific and constructed, X.690, section 8.1.2.
TAG_0 = 0xA0

# The first value of each structure: RFC 8017, RFC 5915, RFC 5958, RFC 7292, RFC 5280, RFC 2986.
_KINDS = (
    ((INTEGER, SEQUENCE, OCTET_STRING), "a private key (PKCS#8)"),
    ((INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER), "an RSA private key (PKCS#1)"),
    ((INTEGER, OCTET_STRING), "an EC private key (SEC1)"),
    ((INTEGER, SEQUENCE, SEQUENCE), "a PKCS#12 archive"),
    ((INTEGER, SEQUENCE), "a PKCS#12 archive"),
    ((SEQUENCE, OCTET_STRING), "an encrypted private key (PKCS#8)"),
    ((SEQUENCE, BIT_STRING), "a public key"),
    ((INTEGER, INTEGER), "an RSA public key (PKCS#1)"),
)


class Value(t.NamedTuple):
    """One value: its tag, and its content."""

    tag: int
    content: bytes

    @property
    def values(self) -> list[Value]:
        """The values in it. Raises ValueError."""
        found, rest = [], self.content
        while rest:
            value, rest = read(rest)
            found.append(value)
        return found

    def starts_with(self, *tags: int) -> bool:
        """Whether the first values in it have these tags. Raises ValueError."""
        return tuple(value.tag for value in self.values[: len(tags)]) == tags


def read(data: bytes) -> tuple[Value, bytes]:
    """Return the first value, and what follows it. Raises ValueError: X.690, sections 8.1.2 and 8.1.3."""
    size, start = (data[1], 2) if len(data) > 1 else (0x80, 0)
    if size > 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    elif size == 0x80:
        raise ValueError("a value without a length")
    if len(data) < start + size:
        raise ValueError("a value that is cut off")
    return Value(data[0], data[start : start + size]), data[start + size :]


def kind_of(data: bytes) -> str | None:
    """Say what a file in DER holds; None for one that is not in DER, or holds something else."""
    if data.startswith(b"\x30\x80\x02\x01\x03"):  # without a length, as Java and macOS write these archives
        return "a PKCS#12 archive"
    try:
        value, rest = read(data)
        if value.tag != SEQUENCE or rest.strip(b"\0\r\n"):
            return None
        if value.starts_with(SEQUENCE, SEQUENCE, BIT_STRING):
            # A request has no serial number, but the subject, behind the version.
            return "a certificate request (CSR)" if _is_request(value.values[0]) else "a certificate"
        return next((kind for tags, kind in _KINDS if value.starts_with(*tags)), None)
    except ValueError:
        return None


def _is_request(signed: Value) -> bool:
    return signed.starts_with(INTEGER, SEQUENCE, SEQUENCE, TAG_0) and len(signed.values) == 4


def subject_key_of(certificate: bytes) -> bytes:
    """Return the content of the SubjectPublicKeyInfo of a certificate in DER. Raises ValueError or IndexError."""
    return _certified(certificate)[5].content


def names_in(certificate: bytes) -> tuple[bytes, bytes]:
    """Return the issuer and the subject of a certificate, both in DER. Raises ValueError or IndexError."""
    values = _certified(certificate)
    return values[2].content, values[4].content


def _certified(certificate: bytes) -> list[Value]:
    """Return what a certificate certifies, RFC 5280, section 4.1: its version, which may be left out, is left out."""
    values = read(certificate)[0].values[0].values
    return values[1:] if values[0].tag == TAG_0 else values
