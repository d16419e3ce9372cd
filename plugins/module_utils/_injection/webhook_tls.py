# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates the EKS pod identity webhook gets: cert-manager's where it works, else our own."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import certificates, tls_state
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.cert_manager_tls import (
    authority_documents,
    cert_manager_tls,
    leaf_documents,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.own_tls import own_tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import CERT_MANAGER, OWN, Found, Tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import CA_SECRET, TLS_SECRET
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import applied
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    KINDS,
    Document,
    document,
    path_of,
    title_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import names_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.libraries import missing

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_OPTION = "irsa_injection_webhook_certificates"


def tls_for(api: ApiServer, webhook: WebhookSettings, now: datetime.datetime) -> Tls:
    """Return the certificates of the webhook for what is in the cluster at a time, that of the API server.

    Nothing is written. Keys that are made for the plan are lost with it. Raises IrsaError.
    """
    _require_cryptography()
    found = tls_state.find(api, webhook)
    served = serves_cert_manager(api)
    kind, warnings = _kind(api, webhook, found, served=served)
    if kind == OWN:
        tls = own_tls(webhook, found, now)
        others = _theirs(webhook, served=served)
    else:
        _require_ours(api, webhook)
        tls = cert_manager_tls(webhook, found, now)
        others = _secrets(webhook, TLS_SECRET, CA_SECRET)
    if warnings and kind == CERT_MANAGER:
        # Its webhook would refuse even what changes nothing.
        tls = dataclasses.replace(tls, authority=[], leaf=[])
    return dataclasses.replace(
        tls,
        superfluous=others,
        serves_alone=found.serves_only(tls.secret) and not tls.pending,
        warnings=[*warnings, *tls.warnings],
    )


def tls_for_manifests(webhook: WebhookSettings) -> Tls:
    """Return the certificates for a cluster that is not asked: cert-manager's, since keys do not belong into files.

    Raises IrsaError if others are set.
    """
    if webhook.certificates == OWN:
        raise IrsaError(
            f"{_OPTION} is own, and irsa_manifests_path is set. The manifests would have private keys in them. Set "
            f"{_OPTION} to cert_manager, or let the role install the webhook: leave out irsa_manifests_path."
        )
    return cert_manager_tls(webhook, Found(), datetime.datetime.now(datetime.timezone.utc))


def removable(api: ApiServer, webhook: WebhookSettings) -> list[Document]:
    """Return all that a cluster may have of both kinds, in the order in which it is removed. Raises RequestFailed."""
    return _theirs(webhook, served=serves_cert_manager(api)) + _secrets(webhook, TLS_SECRET, CA_SECRET)


def serves_cert_manager(api: ApiServer) -> bool:
    """Whether an API server has cert-manager's Certificates. Raises RequestFailed."""
    kind = KINDS["Certificate"]
    return kind.plural in names_at(api.find(kind.api_path), "resources")


def _require_cryptography() -> None:
    error = certificates.CRYPTOGRAPHY_IMPORT_ERROR
    if error is not None:
        raise IrsaError(missing({certificates.CRYPTOGRAPHY_REQUIREMENT: error}))


def _kind(api: ApiServer, webhook: WebhookSettings, found: Found, *, served: bool) -> tuple[str, list[str]]:
    """Return the kind of certificates, with a warning if cert-manager is there and does not work."""
    if webhook.certificates == OWN:
        return OWN, []
    cause = _obstacle(api, webhook) if served else "the API server does not serve Certificates of cert-manager.io/v1"
    if cause is None:
        return CERT_MANAGER, []
    if webhook.certificates == CERT_MANAGER:
        raise IrsaError(
            f"{_OPTION} is cert_manager, and cert-manager cannot be used: {cause}. Install or repair it, or set "
            f"{_OPTION} to own."
        )
    if not served:
        return OWN, []
    if found.is_injected:
        return CERT_MANAGER, [f"Whether cert-manager still has what it was told could not be compared: {cause}."]
    return OWN, [f"cert-manager cannot be used, so the webhook gets certificates of an own CA: {cause}."]


def _obstacle(api: ApiServer, webhook: WebhookSettings) -> str | None:
    """Return why cert-manager does not take our documents, by a dry run, which its webhook has to answer."""
    is_there = api.find(path_of(document("Namespace", webhook.namespace))) is not None
    trial = dataclasses.replace(webhook, namespace=webhook.namespace if is_there else "default")
    certificate = leaf_documents(trial)[0]
    try:
        applied(api, path_of(certificate), certificate, dry_run=True)
    except RequestFailed as failure:
        return failure.cause
    return None


def _require_ours(api: ApiServer, webhook: WebhookSettings) -> None:
    """Raise IrsaError if cert-manager would overwrite a Secret of others."""
    for desired in _secrets(webhook, tls_state.CA_CERTIFICATE, tls_state.TLS_CERTIFICATE):
        present = api.find(path_of(desired))
        if present is not None and not ownership.is_ours(present):
            raise IrsaError(
                f"There is a {title_of(desired)} that this role did not create: it lacks the label "
                f"{ownership.MANAGED_BY_LABEL}={ownership.MANAGED_BY}. Remove it, or add the label to let cert-manager "
                "overwrite it. Nothing was changed."
            )


def _theirs(webhook: WebhookSettings, *, served: bool) -> list[Document]:
    """Return what cert-manager was told, if it is there, and its Secrets.

    The certificate goes before its CA: cert-manager would keep one that is there and give it a new CA.
    """
    leaf, leaf_secret = leaf_documents(webhook), _secrets(webhook, tls_state.TLS_CERTIFICATE)
    authority, ca_secret = authority_documents(webhook)[::-1], _secrets(webhook, tls_state.CA_CERTIFICATE)
    if not served:
        return [*leaf_secret, *ca_secret]
    return [*leaf, *leaf_secret, *authority, *ca_secret]


def _secrets(webhook: WebhookSettings, *names: str) -> list[Document]:
    return [tls_state.secret(webhook, name) for name in names]
