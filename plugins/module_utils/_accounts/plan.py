# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a list of service accounts: roles, annotations or manifests, and the result of the role."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts import environment
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import Account, accounts_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import (
    Annotations,
    ClusterPlan,
    ClusterPlanner,
    namespace,
    service_account,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_plan import RolePlan, plan_roles
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import role_specs
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change, diff_entry
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import (
    MAX_CHARACTERS,
    checked_limit,
    is_provider_arn,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import ANNOTATION_PREFIX
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifests import to_yaml
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_subdomain
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

PREFIX = "irsa_service_accounts_"
MANIFEST = "irsa-service-accounts.yaml"

_HEADER = f"""\
# Written by role selfhosted.irsa.irsa_service_accounts, which overwrites changes. To apply it by hand:
#
#   kubectl apply --server-side --filename {MANIFEST}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is not about one service account. Without a folder for manifests, the cluster itself is changed.

    ``audience`` is that of service accounts without one of their own.
    """

    provider_arn: str | None
    cluster: str | None = None
    audience: str = DEFAULT_AUDIENCE
    annotation_prefix: str = ANNOTATION_PREFIX
    kubeconfig: str | None = None
    manifests_path: str | None = None
    create_namespaces: bool = False
    force_conflicts: bool = False
    trust_policy_limit: int = MAX_CHARACTERS

    @property
    def annotations(self) -> Annotations:
        return Annotations(self.annotation_prefix)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileWrite(Change):
    """A file that is written."""

    @property
    def action(self) -> str:
        return f"file:write {self.target}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """The file with the documents of all service accounts, and the change of it, if any."""

    path: str
    text: str
    changes: t.Sequence[FileWrite]


def accounts_for(items: t.Sequence[t.Mapping[str, t.Any]], settings: Settings) -> list[Account]:
    """Return the service accounts of the list. Raises IrsaError with everything that is wrong, before any request."""
    accounts, problems = accounts_of(items, settings.cluster, settings.audience)
    problems = [*problems, *_problems(items, settings)]
    if problems:
        raise _refused(problems)
    return accounts


def _problems(items: t.Sequence[t.Mapping[str, t.Any]], settings: Settings) -> t.Iterator[str]:
    arn = settings.provider_arn
    needs_provider = any(item.get("role_name") or (settings.cluster and not item.get("role_arn")) for item in items)
    if arn and not is_provider_arn(arn):
        yield f"{PREFIX}provider_arn is {quoted(arn)}, which is not the ARN of an OIDC provider."
    if needs_provider and not arn:
        yield (
            f"{PREFIX}provider_arn is not set, and irsa_issuer_result has no provider_arn. Run role irsa_issuer "
            "before, or set the variable to the ARN of the cluster's OIDC provider."
        )
    if not is_subdomain(settings.annotation_prefix):
        yield (
            f"irsa_injection_annotation_prefix must be a domain name in lower case, such as {ANNOTATION_PREFIX}, not "
            f"{quoted(settings.annotation_prefix)}."
        )
    try:
        checked_limit(settings.trust_policy_limit)
    except Fault as fault:
        yield f"{PREFIX}trust_policy_limit {fault}."
    if items and not settings.kubeconfig and not settings.manifests_path:
        yield "Neither irsa_kubeconfig nor irsa_manifests_path is set. Set one of them."
    if items and not settings.manifests_path:
        yield from environment.problems(os.environ)
    if settings.manifests_path and not os.path.isdir(settings.manifests_path):
        yield f"irsa_manifests_path is {files.shown(settings.manifests_path)}, which is not a folder. Create it."


def _refused(problems: t.Iterable[str]) -> IrsaError:
    intro = "The service accounts cannot get their roles; nothing was changed."
    return IrsaError("\n- ".join([intro, *problems]))


class Planner:
    """Plans for a list of service accounts. ``api`` is None if manifests are written."""

    def __init__(self, aws: Aws, api: ApiServer | None, settings: Settings) -> None:
        self._aws = aws
        self._api = api
        self._settings = settings

    def plan(self, accounts: t.Sequence[Account], *, check_mode: bool) -> dict[str, t.Any]:
        """Return the plan as the module returns it. In check mode it lists nothing to be done, only what would be.

        Raises IrsaError with everything that stands in the way.
        """
        specs = role_specs(accounts, self._settings.provider_arn or "")
        roles, problems = plan_roles(self._aws, specs, self._settings.trust_policy_limit)
        arns = {plan.spec.name: plan.arn for plan in roles}
        clusters, cluster_problems = self._cluster_plans(accounts, arns)
        problems += cluster_problems
        if problems:
            raise _refused(problems)
        manifest = self._manifest(accounts, arns) if self._settings.manifests_path else None
        changes = _in_order(accounts, roles, clusters)
        results = [
            {
                **_account_result(account, _arn(account, arns), changes[str(account)]),
                "warnings": list(clusters[str(account)].warnings),
            }
            for account in accounts
        ]
        everything = [change for account in accounts for change in changes[str(account)]]
        if manifest:
            everything += manifest.changes
        work = _work([], [], None) if check_mode else _work(roles, clusters.values(), manifest)
        return {**_result(results, everything, clusters.values()), **work}

    def _cluster_plans(
        self, accounts: t.Iterable[Account], arns: t.Mapping[str, str | None]
    ) -> tuple[dict[str, ClusterPlan], list[str]]:
        """Return the plan of each account, and what stands in the way."""
        if self._api is None:
            return {str(account): self._without_cluster(account) for account in accounts}, []
        settings = self._settings
        planner = ClusterPlanner(
            self._api,
            create_namespaces=settings.create_namespaces,
            force=settings.force_conflicts,
            annotations=settings.annotations,
        )
        plans, problems = {}, []
        for account in accounts:
            try:
                plans[str(account)] = planner.plan(account, _arn(account, arns))
            except Fault as fault:
                problems.append(f"Service account {account}: {fault}.")
        missing = planner.missing_rights()
        if missing:
            problems.append(
                f"The user of the kubeconfig lacks rights: {', '.join(map(str, missing))}. Bind a Role or ClusterRole "
                "with them to the user."
            )
        return plans, problems

    def _manifest(self, accounts: t.Sequence[Account], arns: t.Mapping[str, str | None]) -> Manifest:
        """Return the file with all documents. Raises IrsaError if the present one cannot be read."""
        present = [account for account in accounts if account.is_present]
        namespaces = dict.fromkeys(each.namespace for each in present) if self._settings.create_namespaces else {}
        documents = [namespace(name) for name in namespaces] + [
            service_account(each, self._settings.annotations.desired(each, _arn(each, arns))) for each in present
        ]
        path = os.path.join(self._settings.manifests_path or "", MANIFEST)
        text = to_yaml(_HEADER, documents)
        content = files.read(path)
        before = None if content is None else content.decode("utf-8", "replace")
        changes = [] if before == text else [FileWrite(target=path, part="file", before=before, after=text)]
        return Manifest(path=path, text=text, changes=changes)

    def _without_cluster(self, account: Account) -> ClusterPlan:
        """Return the plan of an account whose documents are written to a file. A file removes nothing."""
        if account.is_present:
            return ClusterPlan()
        keys = (f"{self._settings.annotations.role_arn}-", f"{self._settings.annotations.audience}-")
        command = commands.kubectl(account.namespace, "annotate", "serviceaccount", account.name, *keys)
        kept = f"Service account {account} may keep its annotations, which this run does not manage."
        return ClusterPlan(warnings=[f"{kept} Remove them: {command}"])


def _arn(account: Account, arns: t.Mapping[str, str | None]) -> str | None:
    return account.role_arn or arns.get(account.role_name or "")


def _in_order(
    accounts: t.Iterable[Account], roles: t.Iterable[RolePlan], clusters: t.Mapping[str, ClusterPlan]
) -> dict[str, list[Change]]:
    """Return the changes for each account. Those of a role are for the first account that has it."""
    of_roles = {str(plan.spec.accounts[0]): plan for plan in roles}
    changes: dict[str, list[Change]] = {}
    for account in accounts:
        role = of_roles.get(str(account))
        of_cluster, of_role = clusters[str(account)].changes, role.changes if role else []
        is_former = role is not None and not role.spec.is_needed
        changes[str(account)] = [*of_cluster, *of_role] if is_former else [*of_role, *of_cluster]
    return changes


def _result(
    results: t.Sequence[dict[str, t.Any]], changes: t.Iterable[Change], clusters: t.Iterable[ClusterPlan]
) -> dict[str, t.Any]:
    changes = list(changes)
    return {
        "accounts": results,
        "actions": [change.action for change in changes],
        "diff": [diff_entry(change) for change in changes],
        "warnings": [warning for plan in clusters for warning in plan.warnings],
    }


def _account_result(account: Account, arn: str | None, changes: t.Sequence[Change]) -> dict[str, t.Any]:
    return {
        "namespace": account.namespace,
        "name": account.name,
        "state": account.state,
        "audience": account.audience,
        "role_name": account.role_name,
        "role_arn": arn,
        "changed": bool(changes),
        "actions": [change.action for change in changes],
    }


def _work(
    roles: t.Iterable[RolePlan], clusters: t.Iterable[ClusterPlan], manifest: Manifest | None
) -> dict[str, t.Any]:
    """Return what the tasks of the role are to do."""
    roles = list(roles)
    planned = [plan for plan in roles if plan.iam_role]
    return {
        "roles": [plan.iam_role for plan in planned if plan.spec.is_needed],
        "inline_policies": [plan.iam_policy for plan in roles if plan.iam_policy],
        "documents": [document for plan in clusters for document in plan.documents],
        "former_roles": [plan.iam_role for plan in planned if not plan.spec.is_needed],
        "manifest": {"path": manifest.path, "text": manifest.text} if manifest and manifest.changes else None,
    }
