# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods that run without the credentials that their service account's annotation promises.

Credentials are injected when a pod is created. A pod that is older than the annotation or the injection, or that was
missed, does not get them later, and nothing in the cluster says so.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import (
    at,
    items_at,
    names_at,
    text_at,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_owner import owner_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount

_ENDED = ("Succeeded", "Failed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodWithoutCredentials:
    """A pod that must be restarted to get credentials.

    ``owner_kind`` and ``owner_name`` are what makes such pods, such as Deployment and cart; empty if nothing does.
    ``containers`` are those that lack credentials. ``is_older`` says whether the pod was created before its account
    got the role; None if that is unknown. ``restart`` is the command that replaces the pod, and all others of its
    owner.
    """

    namespace: str
    name: str
    service_account: str
    role_arn: str
    owner_kind: str
    owner_name: str
    containers: tuple[str, ...]
    created: str
    is_older: bool | None
    restart: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def as_data(self) -> dict[str, t.Any]:
        """Return the pod as a result has it."""
        return {**dataclasses.asdict(self), "containers": list(self.containers)}


def running_pods(api: ApiServer, accounts: t.Iterable[RoleAccount]) -> list[t.Any]:
    """Return the pods in the namespaces of these service accounts. Raises RequestFailed."""
    query = {"fieldSelector": ",".join(f"status.phase!={phase}" for phase in _ENDED)}
    namespaces = sorted({account.namespace for account in accounts})
    return [pod for namespace in namespaces for pod in api.list_items(f"/api/v1/namespaces/{namespace}/pods", query)]


def pods_of(pods: t.Iterable[t.Any], accounts: t.Iterable[RoleAccount]) -> list[tuple[t.Any, RoleAccount]]:
    """Return those among pods that run, or soon will, as one of these accounts and want its role, with the account."""
    by_name = {(account.namespace, account.name): account for account in accounts}
    found = []
    for pod in pods:
        account = by_name.get((text_at(pod, "metadata", "namespace"), text_at(pod, "spec", "serviceAccountName")))
        ends = text_at(pod, "status", "phase") in _ENDED or at(pod, "metadata", "deletionTimestamp") is not None
        if account is not None and not ends and names.SKIP_POD not in names_at(pod, "metadata", "labels"):
            found.append((pod, account))
    return found


def pods_without_credentials(pods: t.Iterable[t.Any], accounts: t.Iterable[RoleAccount]) -> list[PodWithoutCredentials]:
    """Return the pods that lack the credentials of their account, in the order of their names."""
    found = []
    for pod, account in pods_of(pods, accounts):
        lacking = containers_without_credentials(pod)
        if lacking:
            found.append(_lacking(pod, account, lacking))
    return sorted(found, key=lambda each: (each.namespace, each.name))


def containers_without_credentials(pod: t.Any) -> tuple[str, ...]:
    """Return the containers that were meant to get credentials and have not got them.

    One with a role or a token file of its own is left alone, as the webhook and our policy do.
    """
    skipped = {name.strip() for name in text_at(pod, "metadata", "annotations", names.SKIP_CONTAINERS).split(",")}
    own = {names.ROLE_VARIABLE, names.TOKEN_FILE_VARIABLE}
    return tuple(
        text_at(container, "name")
        for container in [*items_at(pod, "spec", "initContainers"), *items_at(pod, "spec", "containers")]
        if text_at(container, "name") not in skipped and not own & names_at(container, "env")
    )


def _lacking(pod: t.Any, account: RoleAccount, containers: tuple[str, ...]) -> PodWithoutCredentials:
    metadata = at(pod, "metadata")
    name, owner = text_at(metadata, "name"), owner_of(metadata)
    created = text_at(metadata, "creationTimestamp")
    # Both are in UTC and in one format, so that they compare as texts.
    known = bool(created and account.annotated_at)
    return PodWithoutCredentials(
        namespace=account.namespace,
        name=name,
        service_account=account.name,
        role_arn=account.role_arn,
        owner_kind=owner.kind,
        owner_name=owner.name,
        containers=containers,
        created=created,
        is_older=created < account.annotated_at if known else None,
        restart=commands.kubectl(account.namespace, *(owner.restart or ("delete", "pod", name))),
    )
