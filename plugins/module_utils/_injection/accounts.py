# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service accounts of a cluster: which have a role, and which of those still lack the label."""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.cluster_changes import ClusterChange
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

ACCOUNTS_PATH = "/api/v1/serviceaccounts"
_LABELS = {names.INJECT_LABEL: constants.INJECT_VALUE}

# Each labelled account of a namespace is tried for each of its pods: 3 ms for a hundred, 15 ms for 500.
_MANY = 300


class Accounts:
    """The service accounts with a role, all of which must have the label.

    Those that were written before the policy that labels them was active lack it, and would silently get nothing.
    """

    def __init__(self, api: ApiServer, settings: Settings) -> None:
        self._api = api
        self._role = settings.annotation("role-arn")
        self.warnings: list[str] = []

    def plan(self) -> list[ClusterChange]:
        """Read all accounts, and list the labels to add."""
        with_role = [each["metadata"] for each in self._api.list_items(ACCOUNTS_PATH) if self._has_role(each)]
        counts = collections.Counter(str(each["namespace"]) for each in with_role)
        self.warnings = [
            f"Namespace {namespace} has {count} service accounts with an IAM role. For each pod, the API server tries "
            "them all, which takes about 3 ms for each hundred. Spread them over several namespaces."
            for namespace, count in sorted(counts.items())
            if count > _MANY
        ]
        return [_labelling(each) for each in with_role if not _is_labelled(each)]

    def _has_role(self, account: t.Mapping[str, t.Any]) -> bool:
        return bool((account["metadata"].get("annotations") or {}).get(self._role))

    def before_write(self, change: ClusterChange) -> ClusterChange | None:
        return change

    def after_write(self, change: ClusterChange, answer: t.Mapping[str, t.Any]) -> None:
        """Do nothing: the result names the accounts only."""

    def recheck(self, made: t.Sequence[ClusterChange]) -> list[ClusterChange]:
        return []

    def overwritten(self) -> list[ClusterChange]:
        return []

    def outcome(self, changes: list[ClusterChange]) -> Outcome[ClusterChange]:
        return Outcome(changes=changes, warnings=self.warnings)


def account_names(changes: t.Iterable[ClusterChange]) -> list[str]:
    """Return the accounts of changes, as NAMESPACE/NAME."""
    return [change.target.partition("/")[2] for change in changes]


def _is_labelled(metadata: t.Mapping[str, t.Any]) -> bool:
    return bool((metadata.get("labels") or {}).get(names.INJECT_LABEL) == constants.INJECT_VALUE)


def _labelling(metadata: t.Mapping[str, t.Any]) -> ClusterChange:
    namespace, name = metadata["namespace"], metadata["name"]
    value = (metadata.get("labels") or {}).get(names.INJECT_LABEL)
    return ClusterChange(
        verb="label",
        target=f"ServiceAccount/{namespace}/{name}",
        part="labels",
        path=f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
        body=_LABELS,
        before=None if value is None else {names.INJECT_LABEL: value},
        after=_LABELS,
    )
