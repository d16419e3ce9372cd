# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove injection by a dry run: an API server admits a pod as it would, and stores nothing.

Admission policies and webhooks take part in it. https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, names_at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount

_NAME = "irsa-dry-run"

INJECTED, MISSED, REFUSED, UNKNOWN = "injected", "missed", "refused", "unknown"


class Proof(t.NamedTuple):
    """What an API server did with the pod, and what it said if it did not admit it."""

    result: str
    said: str = ""


def prove(server: ApiServer, account: RoleAccount) -> Proof:
    """Have an API server admit a pod of a service account in a dry run."""
    path = f"/api/v1/namespaces/{account.namespace}/pods"
    try:
        pod = server.post(path, dry_run_pod(account), {"dryRun": "All"})
    except RequestFailed as failure:
        ours = failure.status in (403, 422, 500) and _blames_injection(str(failure))
        return Proof(REFUSED if ours else UNKNOWN, str(failure))
    return Proof(INJECTED if is_injected(pod, account.role_arn) else MISSED)


def is_injected(pod: t.Any, role_arn: str) -> bool:
    """Whether the first container of a pod has a role, a token file, and the volume with the token."""
    container = next(iter(items_at(pod, "spec", "containers")), None)
    variables = {text_at(each, "name"): text_at(each, "value") for each in items_at(container, "env")}
    return (
        variables.get(names.ROLE_VARIABLE) == role_arn
        and names.TOKEN_FILE_VARIABLE in variables
        and names.VOLUME in names_at(pod, "spec", "volumes")
    )


def dry_run_pod(account: RoleAccount) -> dict[str, t.Any]:
    """Return a pod that the strictest of the Pod Security Standards admits, and quotas that ask for resources.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    resources = {"cpu": "1m", "memory": "1Mi"}
    container = {
        "name": _NAME,
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": f"{_NAME}-", "namespace": account.namespace},
        "spec": {
            "serviceAccountName": account.name,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def _blames_injection(message: str) -> bool:
    """Whether a refusal comes from our policies, or from the webhook."""
    return any(each in message for each in (names.INJECT_POLICY, "irsa-guard", "pod-identity", "iam-for-pods"))
