# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a list of service accounts: roles, annotations or manifests, and the result of the role."""

from __future__ import annotations

import collections
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.manifest import Manifest, manifest_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.plan_result import ListPlan
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_plan import plan_roles
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import role_specs
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import is_provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.role_rules import is_same_role, role_arn_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import (
    MAX_CHARACTERS,
    check_issuer_of,
    checked_limit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import ANNOTATION_PREFIX
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands, manifest_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_subdomain
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import usual_audience

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

PREFIX = "irsa_service_accounts_"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is not about one service account. Without a folder for manifests, the cluster itself is changed.

    The first of ``issuer_audiences`` is the audience of service accounts without one of their own.
    """

    provider_arn: str | None
    cluster: str | None = None
    issuer_audiences: t.Sequence[str] | None = None
    annotation_prefix: str = ANNOTATION_PREFIX
    kubeconfig: str | None = None
    manifests_path: str | None = None
    create_namespaces: bool = False
    force_conflicts: bool = False
    trust_policy_limit: int = MAX_CHARACTERS

    @property
    def annotations(self) -> Annotations:
        return Annotations(self.annotation_prefix)


def accounts_for(items: t.Sequence[t.Mapping[str, t.Any]], settings: Settings) -> list[Account]:
    """Return the service accounts of the list. Raises IrsaError with everything that is wrong, before any request."""
    accounts, problems = accounts_of(items, settings.cluster, usual_audience(settings.issuer_audiences))
    problems = [*problems, *_problems(items, settings)]
    if problems:
        raise _refused(problems)
    return accounts


def _problems(items: t.Sequence[t.Mapping[str, t.Any]], settings: Settings) -> t.Iterator[str]:
    arn = settings.provider_arn
    needs_provider = any(item.get("role_name") or (settings.cluster and not item.get("role_arn")) for item in items)
    if arn and not is_provider_arn(arn):
        yield f"{PREFIX}provider_arn is {quoted(arn)}, which is not the ARN of an OIDC provider."
    elif arn:
        try:
            check_issuer_of(arn)
        except IrsaError as error:
            yield f"{PREFIX}provider_arn: {error}"
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
    if settings.manifests_path and (problem := manifest_files.folder_problem(settings.manifests_path)):
        yield problem


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
        return ListPlan(roles=roles, clusters=clusters, manifest=manifest).result(check_mode=check_mode)

    def _cluster_plans(
        self, accounts: t.Sequence[Account], arns: t.Mapping[str, str | None]
    ) -> tuple[dict[Account, ClusterPlan], list[str]]:
        """Return the plan of each account, and what stands in the way."""
        settings = self._settings
        planner = self._api and ClusterPlanner(
            self._api,
            create_namespaces=settings.create_namespaces,
            force=settings.force_conflicts,
            annotations=settings.annotations,
        )
        with_role = {str(account): account for account in accounts if account.is_present}
        counts = collections.Counter(map(str, accounts))
        plans, problems = {}, []
        for account in accounts:
            try:
                if not account.is_present and str(account) in with_role:
                    self._check_other_role(account, with_role[str(account)])
                    plans[account] = ClusterPlan()  # the annotations are those of the role that it has
                elif planner:
                    is_alone = counts[str(account)] == 1
                    plans[account] = planner.plan(account, self._arn(account, arns), is_alone=is_alone)
                else:
                    plans[account] = self._without_cluster(account)
            except Fault as fault:
                problems.append(f"Service account {account}: {fault}.")
        missing = planner.missing_rights() if planner else []
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
            service_account(each, self._settings.annotations.desired(each, self._arn(each, arns))) for each in present
        ]
        return manifest_of(self._settings.manifests_path or "", documents)

    def _without_cluster(self, account: Account) -> ClusterPlan:
        """Return the plan of an account whose documents are written to a file. A file removes nothing."""
        if account.is_present:
            return ClusterPlan()
        keys = (f"{self._settings.annotations.role_arn}-", f"{self._settings.annotations.audience}-")
        command = commands.kubectl(account.namespace, "annotate", "serviceaccount", account.name, *keys)
        kept = f"Service account {account} may keep its annotations, which this run does not manage."
        return ClusterPlan(warnings=[f"{kept} If they name role {account.role}, remove them: {command}"])

    def _check_other_role(self, left: Account, present: Account) -> None:
        """Raise Fault if an account is to leave a role that it is to have, which is managed elsewhere."""
        name, arn = left.role_name, present.role_arn
        if name and arn and is_same_role(arn, role_arn_of(self._settings.provider_arn or "", name)):
            raise Fault(
                f"one item gives it the role {arn}, which is managed elsewhere, and one with state absent takes role "
                f"{name} from it, which is the same; leave one of the items"
            )

    def _arn(self, account: Account, arns: t.Mapping[str, str | None]) -> str | None:
        """Return the ARN of an account's role. A role that does not exist any more had the one of a new role."""
        if account.role_arn or not account.role_name:
            return account.role_arn
        return arns.get(account.role_name) or role_arn_of(self._settings.provider_arn or "", account.role_name)
