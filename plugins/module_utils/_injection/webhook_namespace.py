# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of the webhook: removed only with what is ours in it."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import SECRETS
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterResource,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import document, path_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# What every namespace has, or what Kubernetes makes of objects that are ours.
_OF_KUBERNETES = {
    ("configmaps", "kube-root-ca.crt"),
    ("configmaps", "openshift-service-ca.crt"),
    ("serviceaccounts", "default"),
    ("endpoints", NAME),
    *(("secrets", name) for name in SECRETS),
}
_TOKEN = "kubernetes.io/service-account-token"
_SHOWN = 5


class OwnNamespace(ClusterResource):
    """A namespace that is superfluous if it is ours and nothing of others is in it."""

    def __init__(self, api: ApiServer, name: str) -> None:
        super().__init__(api)
        self._name = name

    def plan(self) -> list[ClusterChange]:
        """List the removal, unless the namespace must be kept, of which there is a warning then."""
        desired = document("Namespace", self._name)
        if _is_terminating(self._api.find(path_of(desired))):
            return []
        removal = Documents(self._api, superfluous=[desired])
        changes = removal.plan()
        self.warnings = removal.warnings
        return [change for change in changes if self.before_write(change)]

    def before_write(self, change: ClusterChange) -> ClusterChange | None:
        """Return the removal, unless others have put something into the namespace since it was planned."""
        kept_for = self._kept_for()
        if kept_for is None:
            return change
        self.warnings = [f"Namespace {self._name} is kept, since {kept_for}."]
        return None

    def _kept_for(self) -> str | None:
        try:
            others = [name for resource in _resources(self._api) for name in self._others(*resource)]
        except RequestFailed as failure:
            return f"what else is in it could not be read: {failure.cause}"
        if not others:
            return None
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        return f"it has objects that this role did not create: {listed(others[:_SHOWN])}{more}"

    def _others(self, folder: str, plural: str) -> t.Iterator[str]:
        for each in self._api.list_items(f"{folder}/namespaces/{self._name}/{plural}"):
            name = text_at(each, "metadata", "name")
            if not (_is_ours(each) or (plural, name) in _OF_KUBERNETES):
                yield f"{plural}/{name}"


def wait_until_not_terminating(api: ApiServer, name: str, patience: Patience) -> None:
    """Wait while a namespace is being removed, as an earlier run may have told it. Raises IrsaError."""
    path = path_of(document("Namespace", name))
    left = patience.until_none(
        lambda: "it" if _is_terminating(api.find(path)) else None, f"until the former namespace {name} is gone"
    )
    if left:
        raise IrsaError(
            f"Namespace {name} is being removed, and still was after {patience.seconds:g} seconds. Its status says "
            f"what it waits for. Run again when it is gone, or set irsa_injection_webhook_namespace to another one."
        )


def _is_terminating(present: t.Any) -> bool:
    return bool(text_at(present, "metadata", "deletionTimestamp"))


def _is_ours(present: t.Any) -> bool:
    """Whether an object is ours, or goes with one that is listed itself, or is the token of one of the accounts."""
    if ownership.is_ours(present) or items_at(present, "metadata", "ownerReferences"):
        return True
    account = text_at(present, "metadata", "annotations", "kubernetes.io/service-account.name")
    return text_at(present, "type") == _TOKEN and account in ("default", NAME)


def _resources(api: ApiServer) -> t.Iterator[tuple[str, str]]:
    """Yield the path of the API group and the plural of all kinds that a namespace may hold. Raises RequestFailed.

    https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
    """
    groups = [text_at(each, "preferredVersion", "groupVersion") for each in items_at(api.find("/apis"), "groups")]
    for folder in ("/api/v1", *(f"/apis/{group}" for group in groups)):
        # Metrics are no objects.
        if "metrics.k8s.io/" in folder:
            continue
        for each in items_at(api.get(folder), "resources"):
            plural, verbs = text_at(each, "name"), items_at(each, "verbs")
            if each.get("namespaced") and "list" in verbs and "/" not in plural and plural != "events":
                yield folder, plural
