# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing keys as text: read, generate and write them.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import base64
import typing as t

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.backends import default_backend
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    CRYPTOGRAPHY_IMPORT_ERROR: ImportError | None = None
except ImportError as import_error:
    CRYPTOGRAPHY_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.pem import (
    Damaged,
    PemBlock,
    holds_private_key,
    pem_blocks,
)

if t.TYPE_CHECKING:
    PrivateKeyObject = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# What cluster nodes have: the packages of Ubuntu 22.04 and RHEL 9.
CRYPTOGRAPHY_REQUIREMENT = "cryptography>=3.4"

_PRIVATE_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
_PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")

# DER of the object identifiers of keys that a library may read but that cannot be used.
_UNUSABLE_KINDS = {
    # id-ml-dsa-44, -65 and -87, RFC 9881
    **{
        b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03" + bytes([last]): "an ML-DSA key, which AWS STS does not verify"
        for last in (0x11, 0x12, 0x13)
    },
    # id-RSASSA-PSS, RFC 4055; Go's crypto/x509 knows only rsaEncryption
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a": "an RSASSA-PSS key, which kube-apiserver does not read",
}

# OpenSSL tests the primes of each RSA key that it reads, which takes 25 ms for 2048 bits and 150 ms for 4096.
# _check_rsa_numbers finds what can be wrong in a damaged file. The option exists since cryptography 39.
_WITHOUT_PRIMALITY_TESTS = (
    {"unsafe_skip_rsa_key_validation": True}
    if CRYPTOGRAPHY_IMPORT_ERROR is None and int(cryptography.__version__.partition(".")[0]) >= 39
    else {}
)


class PrivateKey(t.NamedTuple):
    """A usable private key: the key object, and the format of its file (``traditional`` or ``pkcs8``)."""

    key: PrivateKeyObject
    format: str

    @property
    def public_key(self) -> key_facts.PublicKey:
        """Its public key."""
        return self.key.public_key()


def load_private(text: bytes) -> PrivateKey:
    """Read the one private key in PEM text.

    Accepts PKCS#1 (``RSA PRIVATE KEY``), SEC1 (``EC PRIVATE KEY``) and PKCS#8 (``PRIVATE KEY``), which are what
    kube-apiserver reads (https://github.com/kubernetes/client-go/blob/master/util/keyutil/key.go). Raises Fault
    with the reason for everything else; the message quotes nothing of the key.
    """
    block = _only_private_block(text)
    _refuse_unsupported_form(block)
    try:
        loaded = serialization.load_pem_private_key(
            block.text, password=None, backend=default_backend(), **_WITHOUT_PRIMALITY_TESTS
        )
    except UnsupportedAlgorithm:
        raise Fault(f"this cryptography library cannot read its type or curve; {key_facts.EXPECTED}") from None
    except (ValueError, TypeError):
        raise Damaged("it is damaged: the PEM block does not decode to a private key") from None
    key_facts.require_usable(loaded.public_key())
    # No other type has a usable public key.
    key = t.cast("PrivateKeyObject", loaded)
    if isinstance(key, rsa.RSAPrivateKey):
        _check_rsa_numbers(key.private_numbers())
    else:
        _check_public_point(key)
    return PrivateKey(key, "pkcs8" if block.label == "PRIVATE KEY" else "traditional")


def _only_private_block(text: bytes) -> PemBlock:
    # openssl ecparam -genkey writes the curve's parameters before the key.
    blocks = [block for block in pem_blocks(text) if block.label != "EC PARAMETERS"]
    if not blocks:
        raise Fault("it contains no PEM block; a private key begins with '-----BEGIN … PRIVATE KEY-----'")
    private = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if not private:
        raise Fault(f"it contains only a public part ({blocks[0].label}); expected the private key")
    if len(blocks) > 1:
        raise Fault(f"it contains {len(blocks)} PEM blocks; expected exactly one private key")
    return private[0]


def _refuse_unsupported_form(block: PemBlock) -> None:
    """Raise Fault for a private key that kube-apiserver cannot read, or whose kind cannot sign tokens."""
    if _is_encrypted(block):
        raise Fault("it is encrypted, and kube-apiserver cannot ask for a passphrase; decrypt it first")
    if block.label == "OPENSSH PRIVATE KEY":
        raise Fault(
            "it is in OpenSSH's own format, which kube-apiserver does not read; convert it with 'ssh-keygen -p -m pem'"
        )
    _refuse_unusable_kind(block)
    if block.label not in _PRIVATE_LABELS:
        raise Fault(f"it is a {block.label}, which cannot sign service account tokens; {key_facts.EXPECTED}")


def _is_encrypted(block: PemBlock) -> bool:
    # RFC 1421 headers mark a traditional key as encrypted; PKCS#8 has a label of its own for that.
    return block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.text


def _refuse_unusable_kind(block: PemBlock) -> None:
    if block.label not in ("PRIVATE KEY", "PUBLIC KEY"):
        return  # only these name the kind of their key at the start; a certificate starts with that of its signature
    body = b"".join(line for line in block.text.splitlines() if not line.startswith(b"-----"))
    try:
        start = base64.b64decode(body, validate=True)[:40]
    except ValueError:
        return
    for identifier, kind in _UNUSABLE_KINDS.items():
        if identifier in start:
            raise Fault(f"it is {kind}; {key_facts.EXPECTED}")


def _check_rsa_numbers(numbers: rsa.RSAPrivateNumbers) -> None:
    """Raise Fault for numbers that Go, and so kube-apiserver, refuses.

    Source: https://pkg.go.dev/crypto/rsa#PrivateKey.Validate
    """
    p, q, e, n = numbers.p, numbers.q, numbers.public_numbers.e, numbers.public_numbers.n
    is_sound = (
        p > 1
        and q > 1
        and p * q == n
        and all(numbers.d * e % (prime - 1) == 1 for prime in (p, q))
        and (numbers.dmp1, numbers.dmq1) == (numbers.d % (p - 1), numbers.d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
    if not is_sound:
        raise Damaged("it is damaged: its parameters do not belong together")


def _check_public_point(key: ec.EllipticCurvePrivateKey) -> None:
    # Libraries trust the public point that the file gives in addition to the private number; Go, and so kube-apiserver,
    # computes it.
    derived = ec.derive_private_key(key.private_numbers().private_value, key.curve, default_backend())
    if derived.public_key().public_numbers() != key.public_key().public_numbers():
        raise Damaged("it is damaged: its public point does not belong to its private number")


def load_public(text: bytes) -> key_facts.PublicKey:
    """Read the one public key in PEM text (SPKI, PKCS#1 or a certificate) or in an OpenSSH line.

    Raises Fault with the reason for everything else, a private key included.
    """
    if holds_private_key(text):
        raise Fault(
            "it contains a private key, where a public key belongs; treat that key as disclosed if this text was "
            "stored or sent anywhere"
        )
    if text.lstrip().startswith((b"ssh-", b"ecdsa-sha2-")):
        return _load_openssh_line(text)
    blocks = [block for block in pem_blocks(text) if block.label in _PUBLIC_LABELS]
    if len(blocks) != 1:
        raise Fault(f"it contains {len(blocks)} public keys in PEM; expected exactly one ({', '.join(_PUBLIC_LABELS)})")
    _refuse_unusable_kind(blocks[0])
    return _load_public_block(blocks[0])


def _load_public_block(block: PemBlock) -> key_facts.PublicKey:
    key: object
    try:
        if block.label == "CERTIFICATE":
            key = x509.load_pem_x509_certificate(block.text, backend=default_backend()).public_key()
        else:
            key = serialization.load_pem_public_key(block.text, backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(f"this cryptography library cannot read its type or curve; {key_facts.EXPECTED}") from None
    except (ValueError, x509.InvalidVersion):
        raise Damaged("it is damaged: the PEM block does not decode to a public key") from None
    return key_facts.require_usable(key)


def _load_openssh_line(text: bytes) -> key_facts.PublicKey:
    try:
        key = serialization.load_ssh_public_key(text.strip(), backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(f"it is an OpenSSH public key of an unsupported type; {key_facts.EXPECTED}") from None
    except (ValueError, NotImplementedError):  # cryptography 3.4 raises the latter for encodings that it does not know
        raise Damaged("it is damaged: it is not a valid OpenSSH public key") from None
    return key_facts.require_usable(key)


def generate(key_type: str, size: int | None = None, curve: str | None = None) -> PrivateKeyObject:
    """Generate a private key: ``RSA`` of ``size`` bits (2048) or ``ECDSA`` on ``curve`` (P-256)."""
    if key_type == "RSA":
        bits = size or key_facts.MIN_RSA_BITS
        return rsa.generate_private_key(public_exponent=65537, key_size=bits, backend=default_backend())
    return ec.generate_private_key(key_facts.named_curve(curve or key_facts.DEFAULT_CURVE), backend=default_backend())


def private_pem(key: PrivateKeyObject, key_format: str) -> bytes:
    """Return the unencrypted PEM of a private key: PKCS#1 or SEC1 for ``traditional``, PKCS#8 for ``pkcs8``."""
    formats = {
        "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
        "pkcs8": serialization.PrivateFormat.PKCS8,
    }
    return key.private_bytes(serialization.Encoding.PEM, formats[key_format], serialization.NoEncryption())
