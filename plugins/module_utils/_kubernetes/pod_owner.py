# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a pod, and how to have it make the pod again."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_subdomain
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

_APPS = "apps/v1"
_RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")


class Owner(t.NamedTuple):
    """What makes a pod, and the arguments of kubectl that have it do so again; all empty if that is unknown."""

    kind: str = ""
    name: str = ""
    restart: tuple[str, ...] = ()


def owner_of(metadata: t.Any) -> Owner:
    """Return the controller of a pod. A ReplicaSet of a Deployment counts as the Deployment.

    The creator of a pod names its owner. Kubernetes does not check that such an object can exist.
    """
    owner = next((each for each in items_at(metadata, "ownerReferences") if at(each, "controller") is True), None)
    is_of_apps, kind, name = text_at(owner, "apiVersion") == _APPS, text_at(owner, "kind"), text_at(owner, "name")
    suffix = f"-{text_at(metadata, 'labels', 'pod-template-hash')}"
    if is_of_apps and kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        kind, name = "Deployment", name.removesuffix(suffix)
    if not is_subdomain(name):
        return Owner()
    is_restartable = is_of_apps and kind in _RESTARTABLE
    return Owner(kind, name, ("rollout", "restart", f"{kind.lower()}/{name}") if is_restartable else ())
