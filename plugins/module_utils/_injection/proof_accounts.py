# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service accounts that proofs are made with. One stays behind if its run is killed or cannot delete it."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands, names, ownership, paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterResource,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_NAME = "irsa-proof-"
# Longer than the proof of another run can last. Both times are of API servers, not of this host.
_AGE = datetime.timedelta(days=1)


class ProofAccount(t.NamedTuple):
    """A service account of a proof, and when it was created (RFC 3339)."""

    namespace: str
    name: str
    created_at: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        return paths.account(self.namespace, self.name)

    def was_left_before(self, other: ProofAccount) -> bool:
        """Whether it is so much older than another that its run has ended."""
        try:
            return _time(self.created_at) + _AGE < _time(other.created_at)
        except ValueError:
            return False


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


def document(settings: Settings) -> dict[str, t.Any]:
    """Return a service account with a role."""
    metadata = {
        "generateName": _NAME,
        "labels": dict(ownership.LABELS),
        "annotations": {settings.annotation("role-arn"): names.PROOF_ROLE},
    }
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def create(api: ApiServer, namespace: str, settings: Settings) -> ProofAccount:
    """Create one. Raises RequestFailed."""
    return _proof_account(api.post(paths.accounts_in(namespace), document(settings)))


def remove(api: ApiServer, account: ProofAccount) -> list[str]:
    """Remove one, and those that others left long before. Returns warnings, and raises nothing: this comes last."""
    warnings = _removed(api, account)
    try:
        left = [each for each in _all(api) if each.was_left_before(account)]
    except RequestFailed as failure:
        return [*warnings, f"Whether earlier runs left service accounts of proofs is unknown: {failure.cause}."]
    return [*warnings, *(warning for each in left for warning in _removed(api, each))]


class Leftovers(ClusterResource):
    """All service accounts of proofs, which are superfluous."""

    def plan(self) -> list[ClusterChange]:
        return [
            ClusterChange(
                verb="delete",
                target=f"ServiceAccount/{each}",
                part="object",
                path=each.path,
                before={"annotation": names.PROOF_ROLE, "creationTimestamp": each.created_at},
            )
            for each in self.found()
        ]

    def found(self) -> list[ProofAccount]:
        return _all(self._api)


def _all(api: ApiServer) -> list[ProofAccount]:
    found = map(_proof_account, api.list_items(paths.ALL_ACCOUNTS, ownership.SELECTOR))
    return [each for each in found if each.name.startswith(_NAME)]


def _proof_account(service_account: t.Any) -> ProofAccount:
    return ProofAccount(
        *(text_at(service_account, "metadata", each) for each in ("namespace", "name", "creationTimestamp"))
    )


def _removed(api: ApiServer, account: ProofAccount) -> list[str]:
    try:
        api.delete(account.path)
    except RequestFailed as failure:
        if failure.status != 404:
            command = commands.kubectl(account.namespace, "delete", "serviceaccount", account.name)
            warning = (
                f"Service account {account}, which was made for a proof, could not be removed: {failure.cause}. No "
                f"pod gets credentials by it. To remove it: {command}"
            )
            return [warning]
    return []
