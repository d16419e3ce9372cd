# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that cert-manager makes: its resources, and whom API servers trust until its certificate is served.

https://cert-manager.io/docs/configuration/selfsigned/ and https://cert-manager.io/docs/concepts/ca-injector/
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import certificates, new_certificates
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.own_tls import host_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import (
    CA_CERTIFICATE,
    CERT_MANAGER,
    TLS_CERTIFICATE,
    Found,
    Tls,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, document

_SELF_SIGNED = f"{NAME}-self-signed"
_OTHER_CA = (
    f"The certificate in Secret {TLS_CERTIFICATE} was not issued by the CA in Secret {CA_CERTIFICATE}, so API servers "
    f"do not trust it. Delete Secret {TLS_CERTIFICATE}: cert-manager then issues a new one."
)


def cert_manager_tls(webhook: WebhookSettings, found: Found, now: datetime.datetime) -> Tls:
    """Return what makes cert-manager issue the certificate, and its injector tell API servers its CA.

    The injector may remove the CA of a certificate that is still served. So it is told of the configuration only
    when no other certificate is served. From then on the configuration has the text that it writes, so that applying
    it changes nothing. Raises IrsaError if the certificate that is there is of another CA.
    """
    ca = found.text(CA_CERTIFICATE, "ca.crt")
    leaf = found.text(TLS_CERTIFICATE, "tls.crt")
    injected = found.configuration is None or found.is_injected or (bool(ca) and found.serves_only(TLS_CERTIFICATE))
    warnings = _warnings(leaf, now)
    if ca and leaf and not certificates.is_issued_by(leaf, ca):
        if not found.is_injected:
            raise IrsaError(f"{_OTHER_CA} Nothing was changed.")
        warnings = [_OTHER_CA]
    both = "".join(certificates.trusted(f"{found.ca_bundle}\n{ca}", now))
    return Tls(
        kind=CERT_MANAGER,
        secret=TLS_CERTIFICATE,
        authority=authority_documents(webhook),
        leaf=leaf_documents(webhook),
        ca_bundle=(ca or None) if injected else both,
        injected=injected,
        pending=not ca,
        warnings=warnings,
        ca_ends=certificates.end_of(ca),
        certificate_ends=certificates.end_of(leaf),
    )


def authority_documents(webhook: WebhookSettings) -> list[Document]:
    """Return the issuer that signs the CA, the CA, and the issuer that it is."""
    spec = {
        "isCA": True,
        "commonName": f"{NAME}-ca",
        # Injectors before cert-manager 1.19 replace the old CA at once. A renewed one with the same key accepts what
        # the old one issued.
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
    }
    days = new_certificates.ca_days(webhook.certificate_days)
    return [
        document("Issuer", _SELF_SIGNED, namespace=webhook.namespace, spec={"selfSigned": {}}),
        _certificate(webhook, CA_CERTIFICATE, days=days, issuer=_SELF_SIGNED, spec=spec),
        document("Issuer", NAME, namespace=webhook.namespace, spec={"ca": {"secretName": CA_CERTIFICATE}}),
    ]


def leaf_documents(webhook: WebhookSettings) -> list[Document]:
    """Return the webhook's own certificate."""
    spec = {
        "dnsNames": host_names(webhook),
        "usages": ["digital signature", "server auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
    }
    return [_certificate(webhook, TLS_CERTIFICATE, days=webhook.certificate_days, issuer=NAME, spec=spec)]


def _certificate(
    webhook: WebhookSettings, name: str, *, days: int, issuer: str, spec: t.Mapping[str, t.Any]
) -> Document:
    whole = {
        **spec,
        "duration": f"{24 * days}h0m0s",
        "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": issuer},
        "secretName": name,
        # So that the Secret counts as ours when it is removed.
        "secretTemplate": {"labels": dict(ownership.LABELS)},
    }
    return document("Certificate", name, namespace=webhook.namespace, spec=whole)


def _warnings(leaf: str, now: datetime.datetime) -> list[str]:
    """Warn of a certificate that cert-manager should have renewed: it does so when a third of its life is left."""
    if not certificates.is_nearly_over(leaf, now):
        return []
    warning = (
        f"cert-manager has not renewed the certificate in Secret {TLS_CERTIFICATE}, which ends "
        f"{certificates.end_of(leaf):%Y-%m-%d %H:%M} UTC. The status of the Certificate of this name says why."
    )
    return [warning]
