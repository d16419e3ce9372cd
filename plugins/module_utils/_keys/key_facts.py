# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kubernetes and AWS STS say about a public key: whether they can use it, its algorithm, kid and public forms.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import typing as t

with contextlib.suppress(ImportError):  # signing_key tells a module when cryptography is missing
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MIN_RSA_BITS = 2048
DEFAULT_CURVE = "P-256"

# The algorithm follows from the key, as in kube-apiserver:
# https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

# NIST's names, which JWKs use, by those of SEC 2, which the cryptography library uses.
_NIST_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

# Stands for what follows from a key, in the preview of a run that would create it.
NOT_CREATED = "(not known until the key is created)"

EXPECTED = "expected RSA of at least 2048 bits, or ECDSA on P-256, P-384 or P-521"


def require_usable(key: object) -> PublicKey:
    """Return a public key that Kubernetes can sign for and STS can verify. Raises Fault for any other object."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size >= MIN_RSA_BITS:
            return key
        raise Fault(f"it is an RSA key of {key.key_size} bits, which AWS STS refuses as too short; {EXPECTED}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _NIST_NAMES:
            return key
        raise Fault(f"it is an ECDSA key on the curve {key.curve.name}, which AWS STS does not verify; {EXPECTED}")
    kind = type(key).__name__.strip("_").replace("PublicKey", "")
    raise Fault(f"it is a key of type {kind}, which cannot sign service account tokens; {EXPECTED}")


def algorithm(public_key: PublicKey) -> str:
    """Return the JWS algorithm that Kubernetes signs with for a usable key: RS256, ES256, ES384 or ES512."""
    return "RS256" if isinstance(public_key, rsa.RSAPublicKey) else EC_ALGORITHMS[curve_name(public_key)]


def curve_name(public_key: ec.EllipticCurvePublicKey) -> str:
    """Return NIST's name of the curve of a usable key, for example P-256."""
    return _NIST_NAMES[public_key.curve.name]


def nist_name(name: object) -> str | None:
    """Return what NIST calls a curve that has another name in other standards; None for no such name."""
    others = {"prime256v1": "P-256", "p256": "P-256", "p384": "P-384", "p521": "P-521", **_NIST_NAMES}
    return others.get(name.lower()) if isinstance(name, str) else None


def named_curve(name: str) -> ec.EllipticCurve:
    """Return the curve that NIST calls P-256, P-384 or P-521."""
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return curves[name]


def spki(public_key: CertificatePublicKeyTypes) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a public key, RFC 5280."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def kid(public_key: PublicKey) -> str:
    """Return the key ID that Kubernetes puts into tokens: unpadded base64url of SHA-256 of the SPKI, 43 characters.

    Source: keyIDFromPublicKey in https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
    """
    return base64.urlsafe_b64encode(hashlib.sha256(spki(public_key)).digest()).rstrip(b"=").decode()


def public_pem(public_key: PublicKey) -> str:
    """Return the PKIX PEM (``PUBLIC KEY``), which --service-account-key-file reads."""
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def openssh_line(public_key: PublicKey) -> str:
    """Return the OpenSSH line (``ssh-rsa …``, ``ecdsa-sha2-nistp256 …``) without comment and newline."""
    return public_key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def describe(public_key: PublicKey) -> dict[str, t.Any]:
    """Return what a result may say about a key: ``kid``, ``algorithm``, ``fingerprint``, both public forms, and
    ``size`` (bits) or ``curve``.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        size, curve = public_key.key_size, None
    else:
        size, curve = None, curve_name(public_key)
    return {
        "kid": kid(public_key),
        "algorithm": algorithm(public_key),
        "fingerprint": hashlib.sha256(spki(public_key)).hexdigest(),
        "public_key": public_pem(public_key),
        "openssh_public_key": openssh_line(public_key),
        "size": size,
        "curve": curve,
    }


def describe_all(public_keys: t.Sequence[PublicKey]) -> dict[str, t.Any]:
    """Return what a result may say about the keys in a file: what ``describe`` says of the first, and ``kids`` and
    ``public_keys`` of all.
    """
    first = describe(public_keys[0])
    others = public_keys[1:]
    return {
        **first,
        "kids": [first["kid"], *map(kid, others)],
        "public_keys": [first["public_key"], *map(public_pem, others)],
    }


def mismatch(
    public_key: PublicKey, *, key_type: str | None = None, size: int | None = None, curve: str | None = None
) -> str | None:
    """Say how a key differs from a type, a size in bits and a curve; None if it matches all that are given."""
    actual_type = "RSA" if isinstance(public_key, rsa.RSAPublicKey) else "ECDSA"
    if key_type and key_type != actual_type:
        return f"its type is {actual_type}, not {key_type}"
    if size and isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size != size:
        return f"its size is {public_key.key_size} bits, not {size}"
    if curve and isinstance(public_key, ec.EllipticCurvePublicKey) and curve_name(public_key) != curve:
        return f"its curve is {curve_name(public_key)}, not {curve}"
    return None


def kind_of_new(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the type of a key that is to be generated, and its size or its curve."""
    if options["type"] == "ECDSA":
        return {"type": "ECDSA", "curve": options["curve"] or DEFAULT_CURVE}
    return {"type": "RSA", "size": options["size"] or MIN_RSA_BITS}
