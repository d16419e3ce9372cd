# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook of earlier runs: where a cluster has it, and the steps that remove it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import rights, webhook_documents, webhook_tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_namespace import OwnNamespace
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import ClusterResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    KINDS,
    Document,
    document,
    path_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_CONFIGURATION = document(webhook_documents.CONFIGURATION, NAME)
# The first to be installed and the last to be removed, so one of them is there as long as anything is.
_ROLE, _ROLE_BINDING = document("ClusterRole", NAME), document("ClusterRoleBinding", NAME)


def of_all(api: ApiServer, webhook: WebhookSettings) -> list[ClusterResource]:
    """Return the steps that remove all of the webhook, in order; none if there is nothing. Raises IrsaError.

    API servers stop asking it first.
    """
    if not any(_is_there(api, each) for each in (_CONFIGURATION, _ROLE)):
        return []
    rights.require(api, rights.rights_to_find_webhook())
    places = sorted({webhook.namespace, *_namespaces(api)})
    in_namespaces = [step for each in places for step in _of_namespace(api, webhook, each)]
    return [
        Documents(api, superfluous=[_CONFIGURATION]),
        *in_namespaces,
        Documents(api, superfluous=[_ROLE_BINDING, _ROLE]),
    ]


def of_other_namespaces(api: ApiServer, webhook: WebhookSettings) -> list[ClusterResource]:
    """Return the steps that remove the webhook from where an earlier run put it. Raises IrsaError."""
    places = sorted(_namespaces(api) - {webhook.namespace})
    return [step for each in places for step in _of_namespace(api, webhook, each)]


def _of_namespace(api: ApiServer, webhook: WebhookSettings, namespace: str) -> list[ClusterResource]:
    there = dataclasses.replace(webhook, namespace=namespace)
    own = [each for each in webhook_documents.workload(Settings(), there) if KINDS[each["kind"]].namespaced]
    superfluous = [*own[::-1], *webhook_tls.removable(api, there)]
    rights.require(api, rights.rights_to_read(superfluous))
    return [Documents(api, superfluous=superfluous), OwnNamespace(api, namespace)]


def _namespaces(api: ApiServer) -> set[str]:
    """Return where the webhook runs, or has run: where its Deployment is, and where its account got its rights."""
    deployments = api.list_items(KINDS["Deployment"].list_path, ownership.SELECTOR)
    found = {
        text_at(each, "metadata", "namespace") for each in deployments if text_at(each, "metadata", "name") == NAME
    }
    binding = api.find(path_of(_ROLE_BINDING))
    if binding is not None and ownership.is_ours(binding):
        found |= {text_at(each, "namespace") for each in items_at(binding, "subjects")}
    return found - {""}


def _is_there(api: ApiServer, desired: Document) -> bool:
    present = api.find(path_of(desired))
    return present is not None and ownership.is_ours(present)
