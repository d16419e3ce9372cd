# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates with their keys, which may be anything: read, and judged as a CA or as what a server shows."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.backends import default_backend
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID

    CRYPTOGRAPHY_IMPORT_ERROR: ImportError | None = None
    # What a certificate or a key raises that cannot be read, or that holds something that cannot be.
    _UNREADABLE = (
        ValueError,
        TypeError,
        OverflowError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )
except ImportError as import_error:
    CRYPTOGRAPHY_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.certificates import (
    dns_names,
    extension,
    validity,
)

CRYPTOGRAPHY_REQUIREMENT = "cryptography>=3.4"

# A certificate is renewed when less than this part of its life is left.
_RENEWAL = 0.3
# Certificates begin a while before they are made, so that an API server whose clock is late accepts them at once.
BACKDATED = datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)
# Clients in Go refuse shorter ones: https://go.dev/doc/go1.24#cryptorsapkgcryptorsa
_MIN_RSA_BITS = 2048

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s[^-]*-----END CERTIFICATE-----")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both in PEM."""

    certificate: str
    key: str = dataclasses.field(repr=False)

    @property
    def begins(self) -> datetime.datetime:
        """When the certificate was made."""
        return validity(load(self.certificate))[0] + BACKDATED

    @property
    def ends(self) -> datetime.datetime:
        return validity(load(self.certificate))[1]


def require_authority(pair: Pair, now: datetime.datetime) -> None:
    """Raise Fault if a pair cannot issue certificates."""
    certificate = _usable(pair, now)
    if not _is_ca(certificate):
        raise Fault("its certificate is not that of a CA")
    if not _is_issued_by(certificate, certificate):
        raise Fault("its certificate is not signed with its own key, as a root CA's is")


def outlives(authority: Pair, days: int, now: datetime.datetime) -> bool:
    """Whether a CA is valid as long as a certificate of this many days that it issues now."""
    return authority.ends >= now + datetime.timedelta(days=days)


def require_leaf(pair: Pair, authority: Pair, *, hosts: t.Sequence[str], now: datetime.datetime) -> None:
    """Raise Fault if a pair is not a server's certificate for these host names that the CA has issued."""
    certificate = _usable(pair, now)
    found = sorted(set(dns_names(certificate)))
    if found != sorted(set(hosts)):
        raise Fault(f"its certificate is for {listed(found)}, and not for {listed(hosts)}")
    if not _serves(certificate):
        raise Fault("its certificate is not for a server")
    if not _is_issued_by(certificate, load(authority.certificate)):
        raise Fault("its certificate was issued by another CA")


def is_due(leaf: Pair, days: int, now: datetime.datetime) -> bool:
    """Whether a certificate is to be renewed: most of its life is over, or it is valid for longer than is desired."""
    begin, end = validity(load(leaf.certificate))
    too_long = end - begin > datetime.timedelta(days=days) + BACKDATED + _DAY
    return too_long or is_nearly_over(leaf.certificate, now)


def is_nearly_over(text: str, now: datetime.datetime) -> bool:
    """Whether a certificate, the first in a text, should have been renewed; not if there is none."""
    try:
        begin, end = validity(load(text))
    except Fault:
        return False
    return end - now < (end - begin) * _RENEWAL


def is_issued_by(text: str, issuer: str) -> bool:
    """Whether the first certificate in a text was issued by the first one in another."""
    try:
        return _is_issued_by(load(text), load(issuer))
    except Fault:
        return False


def trusted(text: str, now: datetime.datetime) -> list[str]:
    """Return the certificates in a text, each once and in PEM, that have not ended; what cannot be read is left out."""
    found: dict[str, None] = {}
    for match in _PEM.findall(text):
        try:
            certificate = load(match)
            if now <= validity(certificate)[1]:
                found[certificate.public_bytes(serialization.Encoding.PEM).decode()] = None
        except Fault:
            continue
    return list(found)


def end_of(text: str) -> datetime.datetime | None:
    """Return when the first certificate in a text ends; None if it cannot be read."""
    try:
        return validity(load(text))[1]
    except Fault:
        return None


def _usable(pair: Pair, now: datetime.datetime) -> t.Any:
    """Return the certificate of a pair that is valid and belongs to its key. Raises Fault."""
    certificate, key = load(pair.certificate), load_key(pair.key)
    if _public(certificate) != _public(key):
        raise Fault("its certificate does not belong to its key")
    begin, end = validity(certificate)
    if not begin <= now <= end:
        raise Fault(
            f"its certificate is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, and the API server's "
            f"clock says {now:%Y-%m-%d %H:%M}"
        )
    return certificate


def _public(holder: t.Any) -> bytes:
    encoded: bytes = holder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def load(text: str) -> t.Any:
    """Return the first certificate in a text. Raises Fault."""
    found = _PEM.search(text)
    if not found:
        raise Fault("it has no certificate in PEM")
    try:
        certificate = x509.load_pem_x509_certificate(found[0].encode(), default_backend())
        # These are decoded only when they are asked for.
        validity(certificate), _public(certificate), list(certificate.extensions), certificate.subject.rdns
    except _UNREADABLE:
        raise Fault("its certificate cannot be read") from None
    return certificate


def load_key(text: str) -> t.Any:
    """Return a private key that can sign a certificate with SHA-256. Raises Fault."""
    try:
        key = serialization.load_pem_private_key(text.encode(), None, default_backend())
    except _UNREADABLE:
        raise Fault("its key cannot be read") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise Fault(f"its RSA key has {key.key_size} bits, which is too few")
    elif not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Fault("its key is neither an RSA key nor one of an elliptic curve")
    return key


def _is_ca(certificate: t.Any) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    return bool(constraints and constraints.ca and (usage is None or usage.key_cert_sign))


def _serves(certificate: t.Any) -> bool:
    """Whether a client lets a server show a certificate: RFC 5280, sections 4.2.1.3 and 4.2.1.12."""
    extended, usage = extension(certificate, x509.ExtendedKeyUsage), extension(certificate, x509.KeyUsage)
    purposes = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    is_for_servers = extended is None or not purposes.isdisjoint(extended)
    return is_for_servers and (usage is None or bool(usage.digital_signature))


def _is_issued_by(certificate: t.Any, issuer: t.Any) -> bool:
    key, algorithm = issuer.public_key(), certificate.signature_hash_algorithm
    if certificate.issuer != issuer.subject or algorithm is None:
        return False
    scheme = (ec.ECDSA(algorithm),) if isinstance(key, ec.EllipticCurvePublicKey) else (padding.PKCS1v15(), algorithm)
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, *scheme)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True
