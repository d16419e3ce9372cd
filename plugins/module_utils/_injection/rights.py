# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of a kubeconfig must be allowed to do, asked before anything is written."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, webhook_documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import SECRETS
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import ClusterChange
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    KINDS,
    POLICY_KINDS,
    Document,
    document,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.rights import Right, missing_rights

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


def rights_to_install(namespace: str) -> list[Right]:
    """Return what a run needs for policies; the pod that proves them is made in ``namespace``, and only as a dry run.

    The author of a policy with a parameter must be allowed to get all its objects, that of its binding to list them:
    https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
    """
    return [
        *_on_kinds(POLICY_KINDS, "get", "create", "patch", "delete"),
        *(Right(verb, "serviceaccounts") for verb in ("get", "list", "patch")),
        *_rights_to_prove(namespace),
        *_rights_to_look_for_webhooks(),
    ]


def rights_to_install_webhook(settings: Settings, webhook: WebhookSettings, namespace: str) -> list[Right]:
    """Return what a run needs for the webhook, besides certificates that are no Secrets.

    No one may give the webhook's account rights that they do not have themselves:
    https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
    """
    applied = [
        *webhook_documents.workload(settings, webhook),
        *(document("Secret", name, namespace=webhook.namespace) for name in SECRETS),
        *documents.guard_documents(settings),
    ]
    return [
        *rights_to_apply(applied),
        *_on_kinds([webhook_documents.CONFIGURATION], "create", "patch"),
        *_on_kinds(POLICY_KINDS, "get"),
        *(Right(verb, "serviceaccounts") for verb in ("get", "list", "watch")),
        *_rights_to_prove(namespace),
        *_rights_to_look_for_webhooks(),
        *rights_to_find_webhook(),
        Right("list", "pods", namespace=webhook.namespace),
        Right("create", "pods/proxy", namespace=webhook.namespace),
    ]


def rights_to_apply(applied: t.Iterable[Document]) -> list[Right]:
    """Return what it needs to apply documents."""
    return [right for verb in ("get", "create", "patch") for right in _on_documents(applied, verb)]


def rights_to_read(present: t.Iterable[Document]) -> list[Right]:
    """Return what it needs to see whether documents are there."""
    return _on_documents(present, "get")


def rights_to_find_webhook() -> list[Right]:
    """Return what it needs to find the webhook and the namespaces where it is."""
    return [
        *_on_kinds(["Deployment", "Namespace"], "list"),
        *_on_kinds([webhook_documents.CONFIGURATION, "ClusterRoleBinding"], "get"),
    ]


def rights_to_remove() -> list[Right]:
    """Return what a removal needs, besides the rights to delete what there is besides policies."""
    return [
        *_on_kinds(POLICY_KINDS, "get", "delete"),
        Right("list", "serviceaccounts"),
        *_rights_to_look_for_webhooks(),
    ]


def rights_to_delete_accounts(namespaces: t.Iterable[str]) -> list[Right]:
    return [Right("delete", "serviceaccounts", namespace=namespace) for namespace in sorted(set(namespaces))]


def rights_for_removals(changes: t.Iterable[ClusterChange]) -> list[Right]:
    """Return what those of these changes need that remove something."""
    return [_right_to_delete(change.path) for change in changes if change.verb == "delete"]


def require(api: ApiServer, rights: t.Iterable[Right]) -> None:
    """Raise IrsaError with all rights that the user of the kubeconfig lacks."""
    missing = missing_rights(api, dict.fromkeys(rights))
    if missing:
        raise IrsaError(
            "The user of the kubeconfig lacks rights that the role needs, so nothing was changed: "
            f"{', '.join(map(str, missing))}. Bind a ClusterRole with them to the user."
        )


def _rights_to_prove(namespace: str) -> list[Right]:
    return [
        Right("list", "serviceaccounts"),
        *(Right(verb, "serviceaccounts", namespace=namespace) for verb in ("create", "delete")),
        Right("create", "pods", namespace=namespace),
    ]


def _rights_to_look_for_webhooks() -> list[Right]:
    """Those of others, and whether there is one of ours."""
    return [*_on_kinds([webhook_documents.CONFIGURATION], "list"), *_on_kinds(["ClusterRole"], "get")]


def _on_kinds(kinds: t.Iterable[str], *verbs: str) -> list[Right]:
    return [Right(verb, KINDS[kind].plural, KINDS[kind].group) for kind in kinds for verb in verbs]


def _on_documents(desired: t.Iterable[Document], verb: str) -> list[Right]:
    found = {(each["kind"], each["metadata"].get("namespace", "")): None for each in desired}
    return [Right(verb, KINDS[kind].plural, KINDS[kind].group, namespace) for kind, namespace in found]


def _right_to_delete(path: str) -> Right:
    """Return the right for the object at a path: /api/VERSION/… or /apis/GROUP/VERSION/…, with its namespace if any."""
    dummy, root, *parts = path.split("/")
    group, names = ("", parts[1:]) if root == "api" else (parts[0], parts[2:])
    namespace = names[1] if len(names) > 2 else ""
    return Right("delete", names[-2], group, namespace)
