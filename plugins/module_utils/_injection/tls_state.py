# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of the EKS pod identity webhook: what a cluster has of them, and what it is to have."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_documents as webhook_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, document, path_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

OWN, CERT_MANAGER = "own", "cert_manager"

INJECT_ANNOTATION = "cert-manager.io/inject-ca-from"
# cert-manager writes into these Secrets, which are named as its Certificates are. They are not those of the own CA, so
# that the certificates of both kinds are there until no pod uses the old one.
CA_CERTIFICATE = webhook_names.CA_CERTIFICATE
TLS_CERTIFICATE = f"{webhook_names.TLS_SECRET}-certificate"
SECRETS = (webhook_names.CA_SECRET, webhook_names.TLS_SECRET, CA_CERTIFICATE, TLS_CERTIFICATE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tls:
    """Certificates as documents, in the order in which a cluster gets them.

    A new installation gets ``authority`` and ``leaf`` before the Deployment, which mounts the Secret ``secret``, and
    the configuration with ``ca_bundle`` and ``injected`` last. One that exists gets the authority, then this
    configuration, which trusts what is served and what will be, and, once all API servers follow it, the leaf and the
    Deployment. Once that is rolled out, ``tls_for`` says what the configuration becomes then. What is there of another
    kind of certificates is ``superfluous``. It is removed last, and only if ``serves_alone``: no pod has that any more.

    While ``pending``, cert-manager has yet to make what ``authority`` asks for: write that, then ask again.

    The documents hold private keys: they go into a cluster, and into no result.
    """

    kind: str
    secret: str
    authority: t.Sequence[Document] = dataclasses.field(repr=False)
    leaf: t.Sequence[Document] = dataclasses.field(repr=False)
    ca_bundle: str | None
    injected: bool = False
    pending: bool = False
    superfluous: t.Sequence[Document] = ()
    serves_alone: bool = False
    warnings: t.Sequence[str] = ()
    ca_ends: datetime.datetime | None = None
    certificate_ends: datetime.datetime | None = None

    @property
    def dates(self) -> dict[str, str | None]:
        """The kind, and when the CA and the certificate end (RFC 3339); None if that is not known yet."""
        return {
            "kind": self.kind,
            "ca_ends": _rfc3339(self.ca_ends),
            "certificate_ends": _rfc3339(self.certificate_ends),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What a cluster has: the texts in each Secret that exists, the configuration and the Deployment."""

    secrets: t.Mapping[str, t.Mapping[str, str]] = dataclasses.field(default_factory=dict, repr=False)
    configuration: Document | None = None
    deployment: Document | None = None

    def text(self, secret: str, name: str) -> str:
        """Return what a Secret has under a name; empty if there is none, or no text."""
        return self.secrets.get(secret, {}).get(name, "")

    @property
    def ca_bundle(self) -> str:
        """What API servers trust now; empty for nothing."""
        hooks = items_at(self.configuration, "webhooks")
        return "\n".join(_decoded(text_at(hook, "clientConfig", "caBundle")) for hook in hooks)

    @property
    def is_injected(self) -> bool:
        """Whether cert-manager writes what API servers trust."""
        return bool(text_at(self.configuration, "metadata", "annotations", INJECT_ANNOTATION))

    def serves_only(self, secret: str) -> bool:
        """Whether no pod of the Deployment has another Secret than this one."""
        if self.deployment is None:
            return True
        volumes = items_at(self.deployment, "spec", "template", "spec", "volumes")
        mounted = {text_at(volume, "secret", "secretName") for volume in volumes} & set(SECRETS)
        observed = at(self.deployment, "status", "observedGeneration")
        is_observed = observed is not None and observed == at(self.deployment, "metadata", "generation")
        pods, new = (at(self.deployment, "status", name) or 0 for name in ("replicas", "updatedReplicas"))
        return mounted == {secret} and is_observed and pods == new


def find(api: ApiServer, webhook: WebhookSettings) -> Found:
    """Read what a cluster has. Raises RequestFailed."""
    secrets = {name: api.find(path_of(secret(webhook, name))) for name in SECRETS}
    configuration = document(webhook_names.CONFIGURATION, webhook_names.NAME)
    deployment = document("Deployment", webhook_names.NAME, namespace=webhook.namespace)
    return Found(
        secrets={name: _texts(present) for name, present in secrets.items() if present is not None},
        configuration=api.find(path_of(configuration)),
        deployment=api.find(path_of(deployment)),
    )


def secret(webhook: WebhookSettings, name: str, texts: t.Mapping[str, str] | None = None) -> Document:
    """Return a Secret for a certificate with these texts."""
    data = {each: base64.b64encode(text.encode()).decode() for each, text in (texts or {}).items()}
    return document("Secret", name, namespace=webhook.namespace, type="kubernetes.io/tls", data=data)


def _texts(present: t.Any) -> dict[str, str]:
    data = at(present, "data")
    return {name: _decoded(value) for name, value in data.items()} if isinstance(data, dict) else {}


def _decoded(value: t.Any) -> str:
    """Return what is in a Base64 text; empty if it is none, or no text is in it."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (TypeError, ValueError, binascii.Error):
        return ""


def _rfc3339(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
