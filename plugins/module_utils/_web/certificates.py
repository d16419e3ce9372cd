# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a chain of certificates was not accepted, as far as its certificates show."""

from __future__ import annotations

import contextlib
import datetime
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from cryptography import x509

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted


def cause_of(check: str, chain: t.Sequence[bytes]) -> str | None:
    """Return why a chain (DER, the leaf first) failed at ``tls-trust``, ``tls-expiry`` or ``tls-host``; None if it does
    not show why.
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        return _CAUSES[check](certificates) if certificates else None
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        # A certificate, or something in it, cannot be read.
        return None


def _cause_of_distrust(chain: t.Sequence[x509.Certificate]) -> str:
    first, last = chain[0], chain[-1]
    if first.issuer == first.subject:
        return "The certificate is self-signed: no CA vouches for it."
    if len(chain) == 1:
        return (
            f"The host presents only its own certificate, issued by {_name(first.issuer)}. Either it leaves out the "
            "intermediate certificates, or that CA is not trusted here."
        )
    if last.issuer == last.subject:
        return f"The chain ends with the root {_name(last.subject)}, which is not trusted here."
    return f"The chain of {len(chain)} certificates leads to {_name(last.issuer)}, which is not trusted here."


def _cause_of_expiry(chain: t.Sequence[x509.Certificate]) -> str | None:
    now = datetime.datetime.now(datetime.timezone.utc)
    for certificate in chain:
        begin, end = validity(certificate)
        if not begin <= now <= end:
            return (
                f"The certificate of {_name(certificate.subject)} is valid from {begin:%Y-%m-%d %H:%M} to "
                f"{end:%Y-%m-%d %H:%M} UTC; the time here is {now:%Y-%m-%d %H:%M} UTC."
            )
    return None


def validity(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    if hasattr(certificate, "not_valid_before_utc"):  # since cryptography 42, which deprecates the other names
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    begin, end = certificate.not_valid_before, certificate.not_valid_after
    return begin.replace(tzinfo=datetime.timezone.utc), end.replace(tzinfo=datetime.timezone.utc)


def _cause_of_name(chain: t.Sequence[x509.Certificate]) -> str:
    return f"The certificate is for {listed(dns_names(chain[0]))}."


def dns_names(certificate: x509.Certificate) -> list[str]:
    """Return the host names that a certificate is for. No one looks at other names of its subject any more."""
    names = extension(certificate, x509.SubjectAlternativeName)
    return list(names.get_values_for_type(x509.DNSName)) if names else []


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> t.Any:
    """Return the value of an extension; None if the certificate lacks it."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(name: x509.Name) -> str:
    return quoted(name.rfc4514_string())


_CAUSES: dict[str, t.Callable[[t.Sequence[t.Any]], str | None]] = {
    "tls-trust": _cause_of_distrust,
    "tls-expiry": _cause_of_expiry,
    "tls-host": _cause_of_name,
}
