# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service accounts of a cluster: which have a role, and which of those still lack the label."""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names, paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterResource,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import (
    RoleAccount,
    role_accounts,
)

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_LABELS = {names.INJECT_LABEL: names.INJECT_VALUE}

# Each labelled account of a namespace is tried for each of its pods: 3 ms for a hundred, 15 ms for 500.
_MANY = 300


class Accounts(ClusterResource):
    """The service accounts with a role, all of which must have the label.

    Those that were written before the policy that labels them was active lack it, and would silently get nothing.
    """

    def __init__(self, api: ApiServer, settings: Settings) -> None:
        super().__init__(api)
        self._annotation = settings.annotation("role-arn")

    def plan(self) -> list[ClusterChange]:
        """Read all accounts, and list the labels to add."""
        with_role = role_accounts(self._api.list_items(paths.ALL_ACCOUNTS), self._annotation)
        counts = collections.Counter(account.namespace for account in with_role)
        self.warnings = [
            f"Namespace {namespace} has {count} service accounts with an IAM role. For each pod, the API server tries "
            "them all, which takes about 3 ms for each hundred. Spread them over several namespaces."
            for namespace, count in sorted(counts.items())
            if count > _MANY
        ]
        return [_labelling(account) for account in with_role if not account.labelled]


def account_names(changes: t.Iterable[ClusterChange]) -> list[str]:
    """Return the accounts of changes, as NAMESPACE/NAME."""
    return [change.target.partition("/")[2] for change in changes]


def _labelling(account: RoleAccount) -> ClusterChange:
    return ClusterChange(
        verb="label",
        target=f"ServiceAccount/{account}",
        part="labels",
        path=paths.account(account.namespace, account.name),
        body=_LABELS,
        before={names.INJECT_LABEL: account.label} if account.label else None,
        after=_LABELS,
    )
