# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority of one run: root, intermediate, and leaves made when a host is first asked for.

The private keys of root and intermediate never leave the process. The server sends leaf and intermediate, as AWS does.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .hosts import parse_host

CLOCK_SKEW = datetime.timedelta(hours=1)
CA_LIFETIME = datetime.timedelta(days=365)
LEAF_LIFETIME = datetime.timedelta(days=90)


class CertificateAuthority:
    """Makes the certificates of one run.

    :param folder: an existing folder that only its owner can read
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        root_key = ec.generate_private_key(ec.SECP256R1())
        self._issuer_key = ec.generate_private_key(ec.SECP256R1())
        # P-256 keys are quick to make, and one for all leaves is quicker still: it is the names that matter here.
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        root_name = _name("Embedded AWS Root CA")
        self.root = _certificate(
            root_name, root_name, key=root_key, issuer_key=root_key, lifetime=CA_LIFETIME, path_length=1
        )
        self.intermediate = _certificate(
            _name("Embedded AWS Intermediate CA"),
            root_name,
            key=self._issuer_key,
            issuer_key=root_key,
            lifetime=CA_LIFETIME,
            path_length=0,
        )
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(self.root.public_bytes(Encoding.PEM))

    @property
    def thumbprint(self) -> str:
        """:return: SHA-1 of the top intermediate, which is what IAM stores for a provider that brings none."""
        return hashlib.sha1(self.intermediate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()

    def context(self, host: str) -> ssl.SSLContext:
        """:return: a server context that presents leaf and intermediate for `host`"""
        known = parse_host(host)
        names = known.certificate_names if known else [host]
        with self._lock:
            if names[0] not in self._contexts:
                self._contexts[names[0]] = self._make_context(names)
            return self._contexts[names[0]]

    def server_context(self, fallback_host: str) -> ssl.SSLContext:
        """:return: a server context that follows SNI, and presents `fallback_host` to a client that sends none"""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fallback = self.context(fallback_host)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _initial: ssl.SSLContext) -> None:
            connection.context = self.context(name) if name else fallback

        context.sni_callback = choose
        return context

    def _make_context(self, names: list[str]) -> ssl.SSLContext:
        leaf = _certificate(
            _name(names[0]),
            self.intermediate.subject,
            key=self._leaf_key,
            issuer_key=self._issuer_key,
            lifetime=LEAF_LIFETIME,
            alternative_names=names,
        )
        # The ssl module loads a chain from a file alone.
        path = self._folder / f"{hashlib.sha256(names[0].encode()).hexdigest()[:16]}.pem"
        private = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private + leaf.public_bytes(Encoding.PEM) + self.intermediate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path)
        return context


def _name(common_name: str) -> x509.Name:
    # RFC 5280 allows 64 characters, bucket hosts can be longer: clients read the alternative names anyway.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    *,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    lifetime: datetime.timedelta,
    path_length: int | None = None,
    alternative_names: list[str] | None = None,
) -> x509.Certificate:
    """:param path_length: for a CA, how many CAs may follow; None makes a leaf"""
    now = datetime.datetime.now(datetime.UTC)
    is_ca = path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_ca,
                crl_sign=is_ca,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if alternative_names:
        names = [_alternative_name(name) for name in alternative_names]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
