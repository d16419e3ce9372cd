# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New objects by a dry run: an API server admits them as it would, and stores nothing.

Admission policies and webhooks take part in it. https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_NAME = "irsa-proof"


def created(server: ApiServer, path: str, document: t.Any) -> t.Any:
    """Return what would become of a new object. Raises RequestFailed."""
    return server.post(path, document, {"dryRun": "All"})


def created_pod(server: ApiServer, namespace: str, account: str, *, labels: t.Mapping[str, str] | None = None) -> t.Any:
    """Return what would become of a new pod of a service account. Raises RequestFailed."""
    new = pod(account)
    new["metadata"].update({"labels": dict(labels)} if labels else {})
    return created(server, f"/api/v1/namespaces/{namespace}/pods", new)


def own_container(pod: t.Any) -> t.Any:
    """Return the container that such a pod was asked for with; None if it has gone.

    It need not be the first one: admission webhooks put sidecars before it, such as Istio with
    holdApplicationUntilProxyStarts.
    """
    return next((each for each in items_at(pod, "spec", "containers") if text_at(each, "name") == _NAME), None)


def pod(account: str) -> dict[str, t.Any]:
    """Return a pod of a service account that the strictest of the Pod Security Standards admits, and quotas that
    ask for resources.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    resources = {"cpu": "1m", "memory": "1Mi"}
    container = {
        "name": _NAME,
        # Of Kubernetes' own registry, in case another policy says which registries are allowed.
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": f"{_NAME}-"}, "spec": spec}
