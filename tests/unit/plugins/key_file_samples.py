# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files in unusual forms, with what kube-apiserver does with each of them: tests/e2e/test_key_files.py asks it.

Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples


class KeyFile(t.NamedTuple):
    """The content of a file, whether kube-apiserver starts with it, and what a refusal says."""

    content: bytes
    is_read: bool
    refusal: str | None = None


def body_of(text: bytes) -> bytes:
    """Return what a single PEM block encodes."""
    return base64.b64decode(b"".join(line for line in text.splitlines() if not line.startswith(b"-----")))


def pem(label: str, content: bytes) -> bytes:
    """Return a PEM block."""
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), base64.encodebytes(content), label.encode())


def der(tag: int, content: bytes) -> bytes:
    """Return one value in DER."""
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 + len(octets)]) + octets) + content


def with_exponent(exponent: int) -> bytes:
    """Return an RSA key (PKCS#1) with this public exponent."""
    listed = samples.openssl(
        f"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:{exponent}"
    )
    return samples.traditional(listed)


def sec1_without_curve(text: bytes) -> bytes:
    """Return a SEC1 key that does not name its curve: RFC 5915 allows it where something else does."""
    content = body_of(text)
    size = content[6]
    version_and_number, rest = content[2 : 7 + size], content[7 + size :]
    return pem("EC PRIVATE KEY", der(0x30, version_and_number + rest[2 + rest[1] :]))


RSA, P256 = samples.RSA, samples.P256
_EXPLICIT = "explicit parameters"
_LABEL = "but the key in it has the form of"
_PKCS1, _PKCS8, _SEC1, _EC_PKCS8 = (
    body_of(text) for text in (RSA.traditional, RSA.pkcs8, P256.traditional, P256.pkcs8)
)
_FIRST_LINE = b"-----BEGIN RSA PRIVATE KEY-----\n"

PRIVATE = {
    "PKCS#1": KeyFile(RSA.traditional, True),
    "PKCS#8": KeyFile(RSA.pkcs8, True),
    "SEC1": KeyFile(P256.traditional, True),
    "SEC1 behind its parameters": KeyFile(samples.self_made_ec("secp384r1"), True),
    "PKCS#8 of P-521": KeyFile(samples.P521.pkcs8, True),
    "explicit parameters": KeyFile(
        samples.openssl("ecparam -name prime256v1 -genkey -param_enc explicit"), False, _EXPLICIT
    ),
    "explicit parameters of P-384": KeyFile(
        samples.openssl("ecparam -name secp384r1 -genkey -noout -param_enc explicit"), False, _EXPLICIT
    ),
    "explicit parameters in PKCS#8": KeyFile(
        samples.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit"),
        False,
        _EXPLICIT,
    ),
    "SEC1 without a curve": KeyFile(sec1_without_curve(P256.traditional), False, "does not name its elliptic curve"),
    "PKCS#8 called PKCS#1": KeyFile(pem("RSA PRIVATE KEY", _PKCS8), False, _LABEL),
    "PKCS#8 called SEC1": KeyFile(pem("EC PRIVATE KEY", _EC_PKCS8), False, _LABEL),
    "PKCS#1 called PKCS#8": KeyFile(pem("PRIVATE KEY", _PKCS1), False, _LABEL),
    "SEC1 called PKCS#8": KeyFile(pem("PRIVATE KEY", _SEC1), False, _LABEL),
    "SEC1 called PKCS#1": KeyFile(pem("RSA PRIVATE KEY", _SEC1), False, _LABEL),
    "exponent 3": KeyFile(with_exponent(3), True),
    "exponent of 31 bits": KeyFile(with_exponent(2**31 - 1), True),
    "exponent of 33 bits": KeyFile(with_exponent(2**32 + 15), False, "exponent has 33 bits"),
    "RSA-PSS": KeyFile(
        samples.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"), False, "RSASSA-PSS"
    ),
    "P-224": KeyFile(samples.self_made_ec("secp224r1"), False, "secp224r1"),
    "secp256k1": KeyFile(samples.self_made_ec("secp256k1"), False, "secp256k1"),
    "brainpool": KeyFile(samples.self_made_ec("brainpoolP256r1"), False, "brainpoolP256r1"),
    "Ed25519": KeyFile(samples.openssl("genpkey -algorithm ed25519"), False, "Ed25519"),
    "Ed25519 before RSA": KeyFile(samples.openssl("genpkey -algorithm ed25519") + RSA.pkcs8, False, "Ed25519"),
    # kube-apiserver reads the next three; AWS STS or the library does not.
    "three primes": KeyFile(samples.openssl("genrsa -primes 3 -traditional 2048"), True, "more than two primes"),
    "three primes in PKCS#8": KeyFile(samples.openssl("genrsa -primes 3 2048"), True, "more than two primes"),
    "1024 bits": KeyFile(samples.openssl("genrsa 1024"), True, "1024 bits"),
    "headers": KeyFile(RSA.traditional.replace(_FIRST_LINE, _FIRST_LINE + b"Comment: sa\nX: y\n\n"), True),
    "text before it": KeyFile(b"Bag Attributes\n    friendlyName: sa\n" + RSA.traditional, True),
    "text before it in the line": KeyFile(b"key: " + RSA.traditional, False, "before '-----BEGIN'"),
    "a certificate before it": KeyFile(samples.certificate(RSA.pkcs8) + RSA.pkcs8, True),
    "two keys": KeyFile(RSA.traditional + P256.traditional, True),
    "CRLF": KeyFile(RSA.traditional.replace(b"\n", b"\r\n"), True),
    "CR": KeyFile(RSA.traditional.replace(b"\n", b"\r"), False, "CR alone"),
    "one long line": KeyFile(_FIRST_LINE + base64.b64encode(_PKCS1) + b"\n-----END RSA PRIVATE KEY-----", True),
    "indented lines within": KeyFile(
        RSA.traditional.replace(b"\n", b"\n  ").replace(b"\n  -", b"\n-").rstrip() + b"\n", True
    ),
    "an indented block": KeyFile(b"  " + RSA.traditional.replace(b"\n", b"\n  "), False, "indented"),
    "a byte order mark": KeyFile(b"\xef\xbb\xbf" + RSA.traditional, False, "byte order mark"),
    "UTF-16": KeyFile(RSA.traditional.decode().encode("utf-16"), False, "UTF-16"),
    "no padding": KeyFile(pem("EC PRIVATE KEY", _SEC1).replace(b"=", b""), False, "not base64"),
    "something behind PKCS#1": KeyFile(pem("RSA PRIVATE KEY", _PKCS1 + b"\0\0"), False, "something behind the key"),
    "something behind PKCS#8": KeyFile(pem("PRIVATE KEY", _PKCS8 + b"\0\0"), True),
    "something behind the END line": KeyFile(RSA.traditional.rstrip() + b" x\n", False, "truncated"),
    "null bytes behind it": KeyFile(RSA.traditional + bytes(100), True),
}

_RSA_PUBLIC, _P256_PUBLIC = samples.public_pem(RSA.pkcs8), samples.public_pem(P256.pkcs8)

PUBLIC = {
    "PKIX of RSA": KeyFile(_RSA_PUBLIC, True),
    "PKIX of ECDSA": KeyFile(_P256_PUBLIC, True),
    "a certificate": KeyFile(samples.certificate(RSA.pkcs8), True),
    "a bundle": KeyFile(_RSA_PUBLIC + b"# the former key\n" + _P256_PUBLIC, True),
    "explicit parameters": KeyFile(
        samples.openssl("ec -pubout -param_enc explicit", P256.traditional), False, _EXPLICIT
    ),
    "a compressed point": KeyFile(
        samples.openssl("ec -pubout -conv_form compressed", P256.traditional), False, "compressed"
    ),
    # Go refuses it only when it verifies a token.
    "an exponent of 33 bits": KeyFile(samples.public_pem(with_exponent(2**32 + 15)), True, "exponent has 33 bits"),
    "a byte order mark": KeyFile(b"\xef\xbb\xbf" + _RSA_PUBLIC, False, "byte order mark"),
    "an indented block": KeyFile(b" " + _RSA_PUBLIC.replace(b"\n", b"\n "), False, "indented"),
}
