# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new CA of our own, and a new certificate that a server in the cluster gets from it; keys are random."""

from __future__ import annotations

import contextlib
import datetime
import typing as t

with contextlib.suppress(ImportError):  # certificates has the error
    from cryptography import x509
    from cryptography.hazmat.backends import default_backend
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.certificates import (
    BACKDATED,
    Pair,
    load,
    load_key,
)

_CA_DAYS = 3650


def ca_days(days: int) -> int:
    """Return how long a CA lives that issues certificates for this many days: it is good for several."""
    return max(_CA_DAYS, 2 * days)


def new_authority(name: str, days: int, now: datetime.datetime) -> Pair:
    """Return a CA that outlives certificates of this many days."""
    key = ec.generate_private_key(ec.SECP256R1(), default_backend())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two CAs are trusted side by side during a renewal, so each has its own name.
    subject = _common_name(f"{name} {identifier.digest.hex()[:8]}")
    usage = _usage(key_cert_sign=True, crl_sign=True, digital_signature=True)
    builder = (
        _builder(subject, subject, key.public_key(), days=ca_days(days), now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    return _pair(builder.sign(key, hashes.SHA256(), default_backend()), key)


def new_leaf(authority: Pair, name: str, *, hosts: t.Sequence[str], days: int, now: datetime.datetime) -> Pair:
    """Return a certificate for a server with these host names, issued by a CA that ``require_authority`` accepts."""
    issuer, issuer_key = load(authority.certificate), load_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1(), default_backend())
    alternative = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    from_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        _builder(_common_name(name), issuer.subject, key.public_key(), days=days, now=now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternative, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(from_issuer, critical=False)
    )
    return _pair(builder.sign(issuer_key, hashes.SHA256(), default_backend()), key)


def _builder(subject: t.Any, issuer: t.Any, public_key: t.Any, *, days: int, now: datetime.datetime) -> t.Any:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _common_name(name: str) -> t.Any:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(**allowed: bool) -> t.Any:
    usages = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{usage: allowed.get(usage, False) for usage in usages.split()})


def _pair(certificate: t.Any, key: t.Any) -> Pair:
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(certificate.public_bytes(encoding).decode(), private.decode())
