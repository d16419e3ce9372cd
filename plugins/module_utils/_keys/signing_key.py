# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing keys: from PEM to what Kubernetes and STS say of a key.

Runs on control-plane nodes, so Python 3.9 and cryptography 3.4 have to do.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.backends import default_backend
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives import serialization

    CRYPTOGRAPHY_IMPORT_ERROR: t.Optional[ImportError] = None
except ImportError as import_error:
    CRYPTOGRAPHY_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.pem import PemBlock, holds_private_key, pem_blocks

MINIMAL_CRYPTOGRAPHY_VERSION = "3.4"

MINIMAL_RSA_BITS = 2048

# The algorithm follows from the key, as in kube-apiserver:
# https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
EC_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
EC_CURVES = {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}

PRIVATE_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")

# DER of the object identifiers of keys that a library may well read, and that are of no use all the same.
_UNUSABLE_KINDS = {
    # id-ml-dsa-44, -65 and -87, RFC 9881
    **{
        b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03" + bytes([last]): "an ML-DSA key, which AWS STS does not verify"
        for last in (0x11, 0x12, 0x13)
    },
    # id-RSASSA-PSS, RFC 4055; Go's crypto/x509 knows rsaEncryption alone
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a": "an RSASSA-PSS key, which kube-apiserver does not read",
}

# OpenSSL tests the primes of each RSA key that it reads, which takes 25 ms for 2048 bits and 150 ms for 4096, each time.
# What a damaged file can have wrong, its arithmetic tells. The option is there since cryptography 39.
_WITHOUT_PRIMALITY_TESTS = (
    {"unsafe_skip_rsa_key_validation": True}
    if CRYPTOGRAPHY_IMPORT_ERROR is None and int(cryptography.__version__.partition(".")[0]) >= 39
    else {}
)

_USABLE = "RSA of at least 2048 bits, or ECDSA on P-256, P-384 or P-521"


class PrivateKey(t.NamedTuple):
    """A usable private key: the key object, and how its file wrote it (``traditional`` or ``pkcs8``)."""

    key: t.Any
    format: str


def _is_encrypted(block: PemBlock) -> bool:
    # RFC 1421 headers mark a traditional key as encrypted, an own label a PKCS#8 one.
    return block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.text


def _refuse_unusable_kind(block: PemBlock) -> None:
    if block.label not in ("PRIVATE KEY", "PUBLIC KEY"):
        return  # only these say of what kind their key is; a certificate begins with the kind of its signature
    body = b"".join(line for line in block.text.splitlines() if not line.startswith(b"-----"))
    try:
        start = base64.b64decode(body, validate=True)[:40]
    except ValueError:
        return
    for identifier, kind in _UNUSABLE_KINDS.items():
        if identifier in start:
            raise Fault(f"it is {kind}; wanted is {_USABLE}")


def load_private(text: bytes) -> PrivateKey:
    """Read the one private key in PEM text.

    Takes PKCS#1 (``RSA PRIVATE KEY``), SEC1 (``EC PRIVATE KEY``) and PKCS#8 (``PRIVATE KEY``), which are what
    kube-apiserver reads (https://github.com/kubernetes/client-go/blob/master/util/keyutil/key.go). Raises Fault
    with the reason for everything else; the message quotes nothing of the key.
    """
    # openssl ecparam -genkey writes the curve's parameters before the key.
    blocks = [block for block in pem_blocks(text) if block.label != "EC PARAMETERS"]
    if not blocks:
        raise Fault("it holds no PEM block; a private key begins with '-----BEGIN … PRIVATE KEY-----'")
    private = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if not private:
        raise Fault(f"it holds a public part only ({blocks[0].label}), where the private key belongs")
    if len(blocks) > 1:
        raise Fault(f"it holds {len(blocks)} PEM blocks, and one private key alone is wanted")
    block = private[0]
    if _is_encrypted(block):
        raise Fault("it is encrypted, and kube-apiserver cannot ask for a passphrase; decrypt it first")
    if block.label == "OPENSSH PRIVATE KEY":
        raise Fault(
            "it is in OpenSSH's own format, which kube-apiserver does not read; convert it with 'ssh-keygen -p -m pem'"
        )
    _refuse_unusable_kind(block)
    if block.label not in PRIVATE_LABELS:
        raise Fault(f"it is a {block.label}, which cannot sign service account tokens; wanted is {_USABLE}")
    try:
        key = serialization.load_pem_private_key(
            block.text, password=None, backend=default_backend(), **_WITHOUT_PRIMALITY_TESTS
        )
    except UnsupportedAlgorithm:
        raise Fault(
            f"it is of a type or curve that this cryptography library cannot read; wanted is {_USABLE}"
        ) from None
    except (ValueError, TypeError):
        raise Fault("it is damaged: the PEM block does not decode to a private key") from None
    algorithm(key.public_key())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        _check_public_point(key)
    else:
        _check_rsa_numbers(key.private_numbers())
    return PrivateKey(key, "pkcs8" if block.label == "PRIVATE KEY" else "traditional")


def _check_rsa_numbers(numbers: t.Any) -> None:
    """What Go, and so kube-apiserver, checks of a key that it reads: https://pkg.go.dev/crypto/rsa#PrivateKey.Validate"""
    p, q, e, n = numbers.p, numbers.q, numbers.public_numbers.e, numbers.public_numbers.n
    sound = (
        p > 1
        and q > 1
        and p * q == n
        and all(numbers.d * e % (prime - 1) == 1 for prime in (p, q))
        and (numbers.dmp1, numbers.dmq1) == (numbers.d % (p - 1), numbers.d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
    if not sound:
        raise Fault("it is damaged: its numbers do not belong to one another")


def _check_public_point(key: t.Any) -> None:
    # Libraries believe the public point that the file gives beside the private number; Go, and so kube-apiserver,
    # computes it.
    derived = ec.derive_private_key(key.private_numbers().private_value, key.curve, default_backend())
    if derived.public_key().public_numbers() != key.public_key().public_numbers():
        raise Fault("it is damaged: its public point does not belong to its private number")


def load_public(text: bytes) -> t.Any:
    """Read the one public key in PEM text (SPKI, PKCS#1 or a certificate) or in an OpenSSH line.

    Raises Fault with the reason, a private key among them.
    """
    if holds_private_key(text):
        raise Fault(
            "it holds a private key, where a public one belongs; treat that key as disclosed if this text was stored "
            "or sent anywhere"
        )
    if text.lstrip().startswith((b"ssh-", b"ecdsa-sha2-")):
        return _load_openssh_line(text)
    blocks = [block for block in pem_blocks(text) if block.label in PUBLIC_LABELS]
    if len(blocks) != 1:
        raise Fault(f"it holds {len(blocks)} public keys in PEM, and one is wanted ({', '.join(PUBLIC_LABELS)})")
    block = blocks[0]
    _refuse_unusable_kind(block)
    try:
        if block.label == "CERTIFICATE":
            key = x509.load_pem_x509_certificate(block.text, backend=default_backend()).public_key()
        else:
            key = serialization.load_pem_public_key(block.text, backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(
            f"it is of a type or curve that this cryptography library cannot read; wanted is {_USABLE}"
        ) from None
    except ValueError:
        raise Fault("it is damaged: the PEM block does not decode to a public key") from None
    algorithm(key)
    return key


def _load_openssh_line(text: bytes) -> t.Any:
    try:
        key = serialization.load_ssh_public_key(text.strip(), backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(f"it is an OpenSSH public key of a type that cannot be used; wanted is {_USABLE}") from None
    except (ValueError, NotImplementedError):  # the latter is what cryptography 3.4 says of forms that it does not know
        raise Fault("it is damaged: it is no OpenSSH public key") from None
    algorithm(key)
    return key


def algorithm(public_key: t.Any) -> str:
    """The JWS algorithm that Kubernetes signs with for this key: RS256, ES256, ES384 or ES512.

    Raises Fault for a key that Kubernetes or STS cannot use.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        if public_key.key_size < MINIMAL_RSA_BITS:
            raise Fault(
                f"it is an RSA key of {public_key.key_size} bits, which AWS STS refuses as too short; wanted is "
                f"{_USABLE}"
            )
        return "RS256"
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        if public_key.curve.name not in EC_ALGORITHMS:
            raise Fault(
                f"it is an ECDSA key on the curve {public_key.curve.name}, which AWS STS does not verify; wanted is "
                f"{_USABLE}"
            )
        return EC_ALGORITHMS[public_key.curve.name]
    kind = type(public_key).__name__.strip("_").replace("PublicKey", "")
    raise Fault(f"it is a key of type {kind}, which cannot sign service account tokens; wanted is {_USABLE}")


def spki(public_key: t.Any) -> bytes:
    """The DER SubjectPublicKeyInfo of a public key, RFC 5280."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def kid(public_key: t.Any) -> str:
    """The key ID that Kubernetes puts into tokens: unpadded base64url of SHA-256 of the SPKI, 43 characters.

    Source: keyIDFromPublicKey in https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
    """
    return base64.urlsafe_b64encode(hashlib.sha256(spki(public_key)).digest()).rstrip(b"=").decode()


def describe(public_key: t.Any) -> dict[str, t.Any]:
    """What may be said of a key in a result: ``kid``, ``algorithm``, ``fingerprint``, both public forms, ``size``
    (bits) or ``curve``.
    """
    facts = {
        "kid": kid(public_key),
        "algorithm": algorithm(public_key),
        "fingerprint": hashlib.sha256(spki(public_key)).hexdigest(),
        "public_key": public_pem(public_key),
        "openssh_public_key": openssh_line(public_key),
        "size": None,
        "curve": None,
    }
    if isinstance(public_key, rsa.RSAPublicKey):
        facts["size"] = public_key.key_size
    else:
        facts["curve"] = curve_name(public_key)
    return facts


def curve_name(public_key: t.Any) -> str:
    """NIST's name of an elliptic-curve key's curve, as P-256."""
    return next(name for name, sec_name in EC_CURVES.items() if sec_name == public_key.curve.name)


def public_pem(public_key: t.Any) -> str:
    """PKIX PEM (``PUBLIC KEY``), which --service-account-key-file reads."""
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def openssh_line(public_key: t.Any) -> str:
    """The OpenSSH line (``ssh-rsa …``, ``ecdsa-sha2-nistp256 …``), without comment and newline."""
    return public_key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def generate(key_type: str, size: t.Optional[int] = None, curve: t.Optional[str] = None) -> t.Any:
    """A new private key: ``RSA`` of ``size`` bits (2048) or ``ECDSA`` on ``curve`` (P-256)."""
    if key_type == "RSA":
        return rsa.generate_private_key(
            public_exponent=65537, key_size=size or MINIMAL_RSA_BITS, backend=default_backend()
        )
    curves = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
    return ec.generate_private_key(curves[curve or "P-256"](), backend=default_backend())


def private_pem(key: t.Any, key_format: str) -> bytes:
    """A private key's unencrypted PEM: PKCS#1 or SEC1 for ``traditional``, PKCS#8 for ``pkcs8``."""
    formats = {
        "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
        "pkcs8": serialization.PrivateFormat.PKCS8,
    }
    return key.private_bytes(serialization.Encoding.PEM, formats[key_format], serialization.NoEncryption())


def mismatch(
    public_key: t.Any, key_type: t.Optional[str], size: t.Optional[int], curve: t.Optional[str]
) -> t.Optional[str]:
    """In what a key differs from the wanted type, size (bits) and curve, in words; None where it does not."""
    present_type = "RSA" if isinstance(public_key, rsa.RSAPublicKey) else "ECDSA"
    if key_type and key_type != present_type:
        return f"its type is {present_type}, wanted is {key_type}"
    if size and present_type == "RSA" and public_key.key_size != size:
        return f"its size is {public_key.key_size} bits, wanted are {size}"
    if curve and present_type == "ECDSA" and curve_name(public_key) != curve:
        return f"its curve is {curve_name(public_key)}, wanted is {curve}"
    return None
