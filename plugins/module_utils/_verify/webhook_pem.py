# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of a webhook in PEM, as an API server judges them: who signed them, for which host, and until when."""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import re
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.certificates import (
    dns_names,
    extension,
    validity,
)

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)

# cert-manager renews when a third of the life is left, and role irsa_injection when less than 30 % is left. What ends
# sooner than this has missed its renewal: https://cert-manager.io/docs/usage/certificate/#renewal
_LATE_DAYS, _LATE_SHARE = 30, 0.3


class Certificate:
    """One certificate."""

    def __init__(self, pem: bytes) -> None:
        """Raises Fault if it cannot be read."""
        try:
            self._x509 = x509.load_pem_x509_certificate(pem)
            self.begin, self.end = validity(self._x509)
            self.hosts = _hosts(self._x509)
            self.subject = self._x509.subject.rfc4514_string()
        except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise Fault(f"a certificate in it cannot be read ({type(error).__name__})") from None

    def is_valid(self, now: datetime.datetime) -> bool:
        return self.begin <= now <= self.end

    def is_late(self, now: datetime.datetime) -> bool:
        """Whether it should have been renewed by now."""
        left = self.end - now
        return left < datetime.timedelta(days=_LATE_DAYS) and left < _LATE_SHARE * (self.end - self.begin)

    def covers(self, host: str) -> bool:
        """Whether it is for a host (or an address), by its alternative names: Go looks at no other ones."""
        parent = host.partition(".")[2]
        return any(name.lower() in (host, f"*.{parent}") for name in self.hosts)

    def is_issued_by(self, other: Certificate) -> bool:
        """Whether another one vouches for it, or is the same."""
        if self._x509 == other._x509:
            return True
        if not hasattr(self._x509, "verify_directly_issued_by"):  # before cryptography 40
            return self._x509.issuer == other._x509.subject
        try:
            self._x509.verify_directly_issued_by(other._x509)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def certificates_in(pem: bytes) -> list[Certificate]:
    """Return the certificates of a PEM text. Raises Fault if there is none, or if one cannot be read."""
    found = [Certificate(block) for block in _BLOCK.findall(pem)]
    if not found:
        raise Fault("it contains no certificate in PEM")
    return found


def certificates_in_base64(text: str) -> list[Certificate]:
    """Return the certificates of a member of a Secret. Raises Fault as ``certificates_in`` does."""
    try:
        return certificates_in(base64.b64decode(text))
    except ValueError:
        raise Fault("it is not Base64") from None


def leads_to(chain: t.Sequence[Certificate], authorities: t.Sequence[Certificate], now: datetime.datetime) -> bool:
    """Whether the first certificate of a chain leads to an authority that is valid now, by way of the others."""
    valid = [each for each in authorities if each.is_valid(now)]
    reached, ahead = [chain[0]], [chain[0]]
    while ahead:
        current = ahead.pop()
        if any(current.is_issued_by(authority) for authority in valid):
            return True
        found = [each for each in chain if each not in reached and current.is_issued_by(each)]
        reached += found
        ahead += found
    return False


def _hosts(certificate: x509.Certificate) -> list[str]:
    names = extension(certificate, x509.SubjectAlternativeName)
    addresses = names.get_values_for_type(x509.IPAddress) if names else []
    return [
        *dns_names(certificate),
        *(str(each) for each in addresses if isinstance(each, (ipaddress.IPv4Address, ipaddress.IPv6Address))),
    ]
