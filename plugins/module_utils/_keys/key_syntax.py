# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forms of keys that a library may read, but kube-apiserver does not: Go's crypto/x509 is the measure.

Sources: https://pkg.go.dev/crypto/x509#ParsePKCS1PrivateKey, #ParseECPrivateKey, #ParsePKCS8PrivateKey and
#ParsePKIXPublicKey. Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import der, key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.der import Value
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.pem import Damaged

# Contents of object identifiers. Those of keys that a library may read but that cannot be used:
_UNUSABLE_KINDS = {
    # id-ml-dsa-44, -65 and -87, RFC 9881
    **{
        b"\x60\x86\x48\x01\x65\x03\x04\x03" + bytes([last]): "an ML-DSA key, which AWS STS does not verify"
        for last in (0x11, 0x12, 0x13)
    },
    # id-RSASSA-PSS, RFC 4055; Go's crypto/x509 knows only rsaEncryption
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a": "an RSASSA-PSS key, which kube-apiserver does not read",
}
# rsaEncryption of RFC 8017, and id-ecPublicKey of RFC 5480
_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
_EC = b"\x2a\x86\x48\xce\x3d\x02\x01"

# Go keeps an exponent in 31 bits: https://pkg.go.dev/crypto/rsa#PublicKey
_MAX_EXPONENT = (1 << 31) - 1

_UNCOMPRESSED = 0x04

_DAMAGED = "it is damaged: the PEM block does not decode to a {} key"


def check_private(label: str, content: bytes) -> bytes:
    """Return a private key in DER without what Go passes over behind it.

    Raises Fault for one that is not in the form that its label says, or in one that Go does not know.
    """
    try:
        outer, rest = der.read(content)
        _check_label(label, outer)
        _FORMS[label].check(outer)
    except (ValueError, IndexError):
        raise Damaged(_DAMAGED.format("private")) from None
    if rest and label == "RSA PRIVATE KEY":
        raise Damaged("it is damaged: there is something behind the key in the PEM block")
    return content[: len(content) - len(rest)]


def check_public(content: bytes, *, is_certificate: bool = False) -> None:
    """Raise Fault for a SubjectPublicKeyInfo, or that in a certificate, in a form that Go does not know."""
    try:
        info = der.subject_key_of(content) if is_certificate else der.read(content)[0].content
        algorithm, key = Value(der.SEQUENCE, info).values[:2]
        _check_algorithm(algorithm)
    except (ValueError, IndexError):
        raise Damaged(_DAMAGED.format("public")) from None
    if algorithm.values[0].content == _EC and key.content[1:2] != bytes([_UNCOMPRESSED]):
        raise Fault(
            "the point of its elliptic curve is compressed, which kube-apiserver does not read; write it again with "
            "'openssl ec -pubin -conv_form uncompressed'"
        )


def refuse_chain(certificates: t.Sequence[bytes]) -> None:
    """Raise Fault if one of the certificates in DER has issued another: an authority signs no tokens."""
    parts = []
    for certificate in certificates:
        with contextlib.suppress(ValueError, IndexError):  # one that is damaged is refused when its key is read
            parts.append(der.names_in(certificate))
    subjects = {subject for _issuer, subject in parts}
    if any(issuer != subject and issuer in subjects for issuer, subject in parts):
        raise Fault(
            "it contains a certificate with that of its authority, whose key would count as one that signs tokens; "
            "leave only the certificate of the signing key"
        )


def check_exponent(exponent: int) -> None:
    """Raise Fault for a public exponent of RSA that Go refuses."""
    if exponent > _MAX_EXPONENT:
        raise Fault(
            f"its public exponent has {exponent.bit_length()} bits, and kube-apiserver reads at most 31; the usual one "
            f"is 65537; {key_facts.EXPECTED}"
        )
    if exponent < 3 or exponent % 2 == 0:
        raise Fault(f"its public exponent is {exponent}, which kube-apiserver refuses; the usual one is 65537")


def _check_label(label: str, outer: Value) -> None:
    if outer.starts_with(*_FORMS[label].tags):
        return
    for actual, form in _FORMS.items():
        if outer.starts_with(*form.tags):
            raise Fault(
                f"its label is '{label}', but the key in it has the form of '{actual}', so kube-apiserver does not "
                "read it; correct the label in both lines"
            )
    raise ValueError("none of the three forms")


def _check_pkcs8(outer: Value) -> None:
    algorithm, key = outer.values[1:3]
    _check_algorithm(algorithm)
    kind = algorithm.values[0].content
    if kind == _EC:
        _check_sec1(der.read(key.content)[0], is_named=len(algorithm.values) > 1)
    elif kind == _RSA:
        _check_pkcs1(der.read(key.content)[0])


def _check_algorithm(algorithm: Value) -> None:
    kind = _UNUSABLE_KINDS.get(algorithm.values[0].content)
    if kind:
        raise Fault(f"it is {kind}; {key_facts.EXPECTED}")
    if algorithm.values[0].content == _EC:
        _check_curve(algorithm.values[1:])


def _check_pkcs1(outer: Value) -> None:
    if outer.values[0].content == b"\x01":  # RFC 8017, section A.1.2
        raise Fault(
            "it is an RSA key of more than two primes, which the cryptography library does not read; expected one of "
            "two primes"
        )


def _check_sec1(outer: Value, *, is_named: bool = False) -> None:
    """Check an ECPrivateKey of RFC 5915; ``is_named`` says that its curve has been named already."""
    parameters = [value for value in outer.values if value.tag == der.TAG_0]
    if parameters or not is_named:
        _check_curve(parameters[0].values if parameters else [])


def _check_curve(parameters: list[Value]) -> None:
    """Raise Fault for a curve that is not given by its name, RFC 5480, section 2.1.1."""
    if parameters and parameters[0].tag == der.IDENTIFIER:
        return
    what = "gives its elliptic curve by explicit parameters" if parameters else "does not name its elliptic curve"
    raise Fault(
        f"it {what}, and kube-apiserver reads named curves only (x509: unknown elliptic curve); write the "
        "key to another file with 'openssl ec -param_enc named_curve'"
    )


class _Form(t.NamedTuple):
    """The form of a private key: the first values in it, and what else is asked of it."""

    tags: tuple[int, ...]
    check: t.Callable[[Value], None]


_FORMS = {
    "PRIVATE KEY": _Form((der.INTEGER, der.SEQUENCE), _check_pkcs8),
    "RSA PRIVATE KEY": _Form((der.INTEGER, der.INTEGER), _check_pkcs1),
    "EC PRIVATE KEY": _Form((der.INTEGER, der.OCTET_STRING), _check_sec1),
}
