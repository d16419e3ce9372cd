# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plan for a list of service accounts returns: the result of the role, and the work of its tasks."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import ClusterPlan
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.manifest import Manifest
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_plan import RolePlan
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change, diff_entry

Values = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListPlan:
    """The plans of all parts: of roles, of service accounts in the cluster, and of the file with the manifests."""

    roles: t.Sequence[RolePlan]
    clusters: t.Mapping[Account, ClusterPlan]
    manifest: Manifest | None

    @property
    def accounts(self) -> list[Account]:
        return list(self.clusters)

    def result(self, *, check_mode: bool) -> Values:
        """Return the plan as the module returns it. In check mode it lists nothing to be done, only what would be."""
        changes = {account: self._changes(account) for account in self.accounts}
        everything = [change for each in changes.values() for change in each]
        results = [{**self._account(account), **_report(changes[account])} for account in self.accounts]
        of_file = list(self.manifest.changes) if self.manifest else []
        if results:
            results[0].update(_report([*changes[self.accounts[0]], *of_file]))
        everything += of_file
        return {
            "accounts": results,
            # The file changes without any account, too, when the last one has left the list.
            "without_accounts": _report([] if results else of_file),
            "actions": [change.action for change in everything],
            "diff": [diff_entry(change) for change in everything],
            "warnings": [warning for result in results for warning in result["warnings"]],
            **(_work([], [], None) if check_mode else _work(self.roles, self.clusters.values(), self.manifest)),
        }

    def _changes(self, account: Account) -> list[Change]:
        """Return the changes for a service account. Those of a role are for the first one that has it."""
        role = next((plan for plan in self.roles if plan.spec.accounts[0] is account), None)
        of_cluster, of_role = self.clusters[account].changes, role.changes if role else []
        is_former = role is not None and not role.spec.is_needed
        return [*of_cluster, *of_role] if is_former else [*of_role, *of_cluster]

    def _account(self, account: Account) -> Values:
        role = next((plan for plan in self.roles if account in plan.spec.accounts), None)
        return {
            "namespace": account.namespace,
            "name": account.name,
            "state": account.state,
            "audience": account.audience,
            "role_name": account.role_name,
            "role_arn": role.arn_afterwards if role else account.role_arn,
            "warnings": [*self.clusters[account].warnings, *(role.warnings(account) if role else [])],
        }


def _report(changes: t.Sequence[Change]) -> Values:
    return {"changed": bool(changes), "actions": [change.action for change in changes]}


def _work(roles: t.Sequence[RolePlan], clusters: t.Iterable[ClusterPlan], manifest: Manifest | None) -> Values:
    """Return what the tasks of the role are to do."""
    planned = [plan for plan in roles if plan.iam_role]
    return {
        "roles": [plan.iam_role for plan in planned if plan.spec.is_needed],
        "inline_policies": [plan.iam_policy for plan in roles if plan.iam_policy],
        "documents": [document for plan in clusters for document in plan.documents],
        "former_roles": [plan.iam_role for plan in planned if not plan.spec.is_needed],
        "manifest": {"path": manifest.path, "text": manifest.text} if manifest and manifest.changes else None,
    }
