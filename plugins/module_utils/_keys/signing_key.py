# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing keys as text: read, generate and write them.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import functools
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, key_syntax, odd_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.pem import (
    Damaged,
    PemBlock,
    armored,
    der_of,
    holds_private_key,
    pem_blocks,
)

if t.TYPE_CHECKING:
    PrivateKeyObject = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# What cluster nodes have: the packages of Ubuntu 22.04 and RHEL 9.
CRYPTOGRAPHY_REQUIREMENT = "cryptography>=3.4"

_PRIVATE_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
_PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")

# OpenSSL tests the primes of each RSA key that it reads, which takes 25 ms for 2048 bits and 150 ms for 4096.
# _check_rsa_numbers finds what can be wrong in a damaged file. The option exists since cryptography 39.
_WITHOUT_PRIMALITY_TESTS = (
    {"unsafe_skip_rsa_key_validation": True}
    if CRYPTOGRAPHY_IMPORT_ERROR is None and int(cryptography.__version__.partition(".")[0]) >= 39
    else {}
)


class PrivateKey(t.NamedTuple):
    """What a private key file has: the key object that signs, and its format (``traditional`` or ``pkcs8``).

    ``further_public_keys`` belong to what else is in the file, such as the previous key behind the current one;
    ``unused`` says what is in it that is none of the keys; ``shows_public_keys`` is whether --service-account-key-file
    reads the public keys of all of them from this file.
    """

    key: PrivateKeyObject
    format: str
    further_public_keys: tuple[key_facts.PublicKey, ...] = ()
    unused: tuple[str, ...] = ()
    shows_public_keys: bool = True

    @property
    def public_key(self) -> key_facts.PublicKey:
        """The public key of the one that signs."""
        return self.key.public_key()

    @property
    def public_keys(self) -> list[key_facts.PublicKey]:
        """The public keys of all keys in the file, that of the one that signs first."""
        return [self.public_key, *self.further_public_keys]


def load_private(text: bytes) -> PrivateKey:
    """Read a private key file in PEM: the first private key signs, as kube-apiserver reads such a file.

    Accepts PKCS#1 (``RSA PRIVATE KEY``), SEC1 (``EC PRIVATE KEY``) and PKCS#8 (``PRIVATE KEY``)
    (https://github.com/kubernetes/client-go/blob/master/util/keyutil/key.go). Raises Fault with the reason for
    everything else; the message quotes nothing of the key.
    """
    # openssl ecparam -genkey writes the curve's parameters before the key.
    blocks = [block for block in pem_blocks(text) if block.label != "EC PARAMETERS"]
    first = next((block for block in blocks if block.label.endswith("PRIVATE KEY")), None)
    if first is None:
        raise Fault(odd_files.instead_of_private(text))
    key = _load_private_block(first)
    return _with_others(key, [block for block in blocks if block is not first]) if len(blocks) > 1 else key


def _load_private_block(block: PemBlock) -> PrivateKey:
    _refuse_unsupported_form(block)
    content = key_syntax.check_private(block.label, der_of(block))
    try:
        loaded = serialization.load_pem_private_key(
            armored(block.label, content), password=None, backend=default_backend(), **_WITHOUT_PRIMALITY_TESTS
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
    is_pkcs8 = block.label == "PRIVATE KEY"
    # As a file of public keys, client-go reads ECDSA keys in SEC1 only (parseECPrivateKey in the source above).
    shows_public_key = isinstance(key, rsa.RSAPrivateKey) or not is_pkcs8
    return PrivateKey(key, "pkcs8" if is_pkcs8 else "traditional", shows_public_keys=shows_public_key)


def _with_others(first: PrivateKey, blocks: t.Sequence[PemBlock]) -> PrivateKey:
    """Return a key with what is in the other blocks of its file.

    Certificates are no reason to publish a key: a chain has those of its authorities, which sign no tokens.
    """
    found = {key_facts.kid(first.public_key): first.public_key}
    shown = set(found) if first.shows_public_keys else set()
    unused = []
    for block in sorted(blocks, key=lambda block: block.label == "CERTIFICATE"):
        try:
            key, is_shown = _public_key_in(block)
        except Fault as fault:
            unused.append(f"{block.label}: {fault}")
            continue
        kid = key_facts.kid(key)
        shown |= {kid} if is_shown else set()
        if block.label != "CERTIFICATE":
            found.setdefault(kid, key)
        elif kid not in found:
            unused.append("CERTIFICATE: it is of another key")
    return first._replace(
        further_public_keys=tuple(found.values())[1:], unused=tuple(unused), shows_public_keys=shown >= set(found)
    )


def _public_key_in(block: PemBlock) -> tuple[key_facts.PublicKey, bool]:
    """Return the public key of a block, and whether --service-account-key-file reads it from that. Raises Fault."""
    if block.label.endswith("PRIVATE KEY"):
        private = _load_private_block(block)
        return private.public_key, private.shows_public_keys
    return _load_public_block(block), block.label != "RSA PUBLIC KEY"


def _refuse_unsupported_form(block: PemBlock) -> None:
    """Raise Fault for a private key that kube-apiserver cannot read, or whose kind cannot sign tokens."""
    if _is_encrypted(block):
        raise Fault("it is encrypted, and kube-apiserver cannot ask for a passphrase; decrypt it first")
    if block.label == "OPENSSH PRIVATE KEY":
        raise Fault(
            "it is in OpenSSH's own format, which kube-apiserver does not read; convert it with 'ssh-keygen -p -m pem'"
        )
    if block.label not in _PRIVATE_LABELS:
        raise Fault(f"it is a {block.label}, which cannot sign service account tokens; {key_facts.EXPECTED}")


def _is_encrypted(block: PemBlock) -> bool:
    # RFC 1421 headers mark a traditional key as encrypted; PKCS#8 has a label of its own for that.
    return block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.text


def _check_rsa_numbers(numbers: rsa.RSAPrivateNumbers) -> None:
    """Raise Fault for numbers that Go, and so kube-apiserver, refuses.

    Source: https://pkg.go.dev/crypto/rsa#PrivateKey.Validate
    """
    key_syntax.check_exponent(numbers.public_numbers.e)
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
    keys = load_public_keys(text)
    if len(keys) > 1:
        raise Fault(f"it contains {len(keys)} public keys; expected exactly one")
    return keys[0]


def load_public_keys(text: bytes) -> list[key_facts.PublicKey]:
    """Read all public keys in PEM text (SPKI, PKCS#1 or certificates) or in OpenSSH lines, each of them once.

    Raises Fault with the reason if there is none, if one of them cannot be used, and for a private key.
    """
    if holds_private_key(text):
        raise Fault(
            "it contains a private key, where a public key belongs; treat that key as disclosed if this text was "
            "stored or sent anywhere"
        )
    blocks = [block for block in pem_blocks(text) if block.label in _PUBLIC_LABELS]
    lines = [] if blocks else odd_files.openssh_lines(text)
    if not blocks and not lines:
        raise Fault(odd_files.instead_of_public(text))
    key_syntax.refuse_chain([der_of(block) for block in blocks if block.label == "CERTIFICATE"])
    readers = [functools.partial(_load_public_block, block) for block in blocks]
    readers += [functools.partial(_load_openssh_line, line) for line in lines]
    found: dict[str, key_facts.PublicKey] = {}
    for number, read in enumerate(readers, start=1):
        try:
            key = read()
        except Fault as fault:
            where = f"public key {number} of {len(readers)}: " if len(readers) > 1 else ""
            raise type(fault)(f"{where}{fault}") from None
        found.setdefault(key_facts.kid(key), key)
    return list(found.values())


def _load_public_block(block: PemBlock) -> key_facts.PublicKey:
    key: object
    content, is_certificate = der_of(block), block.label == "CERTIFICATE"
    if block.label != "RSA PUBLIC KEY":
        key_syntax.check_public(content, is_certificate=is_certificate)
    try:
        if is_certificate:
            key = x509.load_der_x509_certificate(content, backend=default_backend()).public_key()
        else:
            key = serialization.load_pem_public_key(armored(block.label, content), backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(f"this cryptography library cannot read its type or curve; {key_facts.EXPECTED}") from None
    except (ValueError, x509.InvalidVersion):
        raise Damaged("it is damaged: the PEM block does not decode to a public key") from None
    return _with_usable_exponent(key_facts.require_usable(key))


def _with_usable_exponent(key: key_facts.PublicKey) -> key_facts.PublicKey:
    if isinstance(key, rsa.RSAPublicKey):
        key_syntax.check_exponent(key.public_numbers().e)
    return key


def _load_openssh_line(text: bytes) -> key_facts.PublicKey:
    try:
        key = serialization.load_ssh_public_key(text, backend=default_backend())
    except UnsupportedAlgorithm:
        raise Fault(f"it is an OpenSSH public key of an unsupported type; {key_facts.EXPECTED}") from None
    except (ValueError, NotImplementedError):  # cryptography 3.4 raises the latter for encodings that it does not know
        raise Damaged("it is damaged: it is not a valid OpenSSH public key") from None
    return _with_usable_exponent(key_facts.require_usable(key))


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
