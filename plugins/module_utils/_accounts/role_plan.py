# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the writes to IAM: those that amazon.aws.iam_role and iam_policy make, in the same order.

The modules of amazon.aws make them, but in check mode they cannot plan for a role that does not exist yet. So what is
done is planned here, and they are called for those roles only that a write is planned for.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import (
    DESCRIPTION,
    INLINE_POLICY,
    OWN_TAG,
    PresentRole,
    RoleSpec,
    own_tags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import known_account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import account_in, is_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.role_rules import role_arn_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_merge import (
    merged,
    older_audiences,
    others_trusted,
    read_policy,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import Policy, as_json, check_length
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import policy_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class RolePlan:
    """What is to be done to a role.

    ``changes`` are in order. ``iam_role`` and ``iam_policy`` are options of these modules, None for nothing to do. A
    role that no service account of the list has any more is changed last, so that no pod is given what is gone.
    ``older_audiences`` are those for which it also trusts subjects that are to have another one.
    """

    spec: RoleSpec
    arn: str | None
    changes: t.Sequence[ApiCall] = ()
    iam_role: dict[str, t.Any] | None = None
    iam_policy: dict[str, t.Any] | None = None
    older_audiences: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)

    @property
    def arn_afterwards(self) -> str | None:
        """Its ARN when the plan has been carried out; None if there is no such role then."""
        return None if self.iam_role and self.iam_role["state"] == "absent" else self.arn

    def warnings(self, account: Account) -> list[str]:
        """Return what one of its service accounts should know."""
        audiences = self.older_audiences.get(account.subject) if account.is_present else None
        if not audiences:
            return []
        item = f"namespace: {account.namespace}, name: {account.name}, role_name: {self.spec.name}"
        return [
            f"Role {self.spec.name} trusts service account {account} for audience {quoted(audience)}, too, since pods "
            "that were started before have such tokens. When they have been restarted, withdraw it by another item: "
            f"{{{item}, audience: {audience}, state: absent}}"
            for audience in audiences
        ]


def plan_roles(aws: Aws, specs: t.Sequence[RoleSpec], limit: int) -> tuple[list[RolePlan], list[str]]:
    """Return the plans for roles, and everything that stands in their way. Raises CallFailed.

    ``limit`` is the number of characters that a trust policy may have.
    """
    if not specs:
        return [], []
    tags = own_tags(aws)
    present = [PresentRole(aws, spec) for spec in specs]
    plans, problems = [], _account_problems(aws, present)
    for spec, state in zip(specs, present, strict=True):
        try:
            plans.append(_Planner(spec, state, limit=limit, own_tags=tags).plan())
        except Fault as fault:
            problems.append(f"Role {spec.name}: {fault}.")
    return plans, problems


def _account_problems(aws: Aws, roles: t.Sequence[PresentRole]) -> list[str]:
    """Return what is wrong if the provider is not in the account of the roles that are to trust it.

    STS looks for the provider of a token in the account of the role. All roles are in the account of the credentials,
    which is asked for only if none of them exists. Accounts whose form is unknown are not compared.
    """
    needed = [each for each in roles if each.spec.is_needed]
    if not needed:
        return []
    provider_arn = needed[0].spec.trust.provider_arn
    arn = next((each.role["Arn"] for each in needed if each.role), None)
    account, owner = account_in(arn) if arn else known_account(aws, "iam") or "", account_in(provider_arn)
    if account == owner or not (is_account_id(account) and is_account_id(owner)):
        return []
    problem = (
        f"The provider {provider_arn} is in account {owner}, but the credentials are of account {account}. A role "
        f"there cannot trust it. Use credentials of account {owner} (AWS_PROFILE, or assume a role there), or the "
        f"provider of account {account}. If the roles are managed by others, set role_arn in place of role_name."
    )
    return [problem]


class _Planner:
    """Plans one role."""

    def __init__(self, spec: RoleSpec, state: PresentRole, *, limit: int, own_tags: t.Mapping[str, str]) -> None:
        self._spec = spec
        self._state = state
        self._limit = limit
        self._own_tags = own_tags
        self._changes: list[ApiCall] = []

    def plan(self) -> RolePlan:
        """Return the plan. Raises Fault that says why there is none."""
        role = self._state.role
        if role is None:
            return self._creation() if self._spec.is_needed else RolePlan(spec=self._spec, arn=None)
        before = read_policy(role["AssumeRolePolicyDocument"])
        after = merged(before, self._spec.trust)
        others = others_trusted(before, self._spec.trust)
        if self._spec.is_needed:
            return self._update(role, after, others)
        return self._withdrawal(role, after)

    # --- a role that is needed

    def _creation(self) -> RolePlan:
        settings = self._spec.settings
        policy = merged(None, self._spec.trust)
        check_length(policy, self._limit)
        options = {
            **self._options(policy),
            "description": DESCRIPTION,
            "tags": {**settings.get("tags", {}), **self._own_tags},
        }
        shown = {name: value for name, value in options.items() if name not in ("name", "trust_policy", "state")}
        self._add("CreateRole", "role", after={**shown, "trust_policy": policy})
        return self._planned(
            role_arn_of(self._spec.trust.provider_arn, self._spec.name), options, attached=[], inline=None
        )

    def _update(self, role: dict[str, t.Any], after: Policy, others: t.Sequence[str]) -> RolePlan:
        if others and self._spec.is_of_one_account:
            raise Fault(
                f"by its default name it is of {self._spec.accounts[0]} only, but it is trusted for {listed(others)}, "
                "too; set role_name to another name, or to this one if they are to share it"
            )
        settings = self._spec.settings
        tags = self._state.tags(role) if "tags" in settings else {}
        new_tags = {name: value for name, value in settings.get("tags", {}).items() if tags.get(name) != value}
        if new_tags:
            old_tags = {name: tags[name] for name in new_tags if name in tags}
            self._add("TagRole", "tags", before=old_tags or None, after=new_tags)
        self._change_trust(role, after)
        self._change_setting("UpdateRole", "max_session_duration", role.get("MaxSessionDuration"))
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        self._change_setting("PutRolePermissionsBoundary", "permissions_boundary", boundary)
        attached = self._state.attached() if settings.get("managed_policies") else []
        inline = self._state.inline_policy() if settings.get("inline_policy") else None
        options = {**self._options(after), **({"tags": settings["tags"]} if "tags" in settings else {})}
        planned = self._planned(role["Arn"], options, attached=attached, inline=inline)
        return dataclasses.replace(planned, older_audiences=older_audiences(after, self._spec.trust))

    def _change_trust(self, role: dict[str, t.Any], after: Policy) -> None:
        before = read_policy(role["AssumeRolePolicyDocument"])
        if compare_policies(before, after):
            self._check_length(after)
            self._add("UpdateAssumeRolePolicy", "trust policy", before=before, after=after)

    def _check_length(self, policy: Policy) -> None:
        try:
            check_length(policy, self._limit)
        except Fault as fault:
            older = older_audiences(policy, self._spec.trust)
            if not older:
                raise
            raise Fault(
                f"{fault}; it would also trust {len(older)} service accounts for earlier audiences, which items with "
                "these audiences and state absent withdraw"
            ) from None

    def _change_setting(self, operation: str, setting: str, before: t.Any) -> None:
        after = self._spec.settings.get(setting)
        if after is not None and before != after:
            self._add(operation, setting, before=before, after=after)

    def _planned(self, arn: str, options: dict[str, t.Any], *, attached: list[str], inline: t.Any) -> RolePlan:
        """Return the plan, with the policies of the role added to what was planned for it."""
        settings = self._spec.settings
        for policy_arn in settings.get("managed_policies", ()):
            if policy_arn not in attached:
                self._require_policy(policy_arn)
                self._add("AttachRolePolicy", "managed policies", after=policy_arn)
        of_role = list(self._changes)
        desired = settings.get("inline_policy")
        iam_policy = None
        if desired and (inline is None or compare_policies(policy_of(inline), desired)):
            self._add("PutRolePolicy", f"inline policy {INLINE_POLICY}", before=inline, after=desired)
            iam_policy = {"name": self._spec.name, "policy_name": INLINE_POLICY, "policy": as_json(desired)}
        return RolePlan(
            spec=self._spec,
            arn=arn,
            changes=self._changes,
            iam_role=options if of_role else None,
            iam_policy=iam_policy,
        )

    def _require_policy(self, arn: str) -> None:
        if not self._state.has_policy(arn):
            raise Fault(f"there is no managed policy {arn}; create it, or correct its ARN")

    def _options(self, policy: Policy) -> dict[str, t.Any]:
        """Return the options of iam_role, without those that are not set."""
        settings = self._spec.settings
        names = ("managed_policies", "permissions_boundary", "max_session_duration")
        return {
            "name": self._spec.name,
            "state": "present",
            "trust_policy": as_json(policy),
            **{name: settings[name] for name in names if name in settings},
        }

    # --- a role that no service account of the list has any more

    def _withdrawal(self, role: dict[str, t.Any], after: Policy) -> RolePlan:
        before = read_policy(role["AssumeRolePolicyDocument"])
        if after == before:
            return RolePlan(spec=self._spec, arn=role["Arn"])
        if after["Statement"]:
            self._add("UpdateAssumeRolePolicy", "trust policy", before=before, after=after)
            return RolePlan(spec=self._spec, arn=role["Arn"], changes=self._changes, iam_role=self._options(after))
        if not self._state.was_created_here(role):
            raise Fault(
                "it would be trusted by no one, which IAM does not accept, and it is not deleted since this role did "
                f"not create it: it has no tag {': '.join(OWN_TAG)}; delete it, give its trust policy another "
                "statement, or set the tag"
            )
        self._delete(before)
        return RolePlan(
            spec=self._spec,
            arn=role["Arn"],
            changes=self._changes,
            iam_role={"name": self._spec.name, "state": "absent"},
        )

    def _delete(self, before: Policy) -> None:
        for profile in self._state.instance_profiles():
            self._add("RemoveRoleFromInstanceProfile", "instance profiles", before=profile)
        for arn in self._state.attached():
            self._add("DetachRolePolicy", "managed policies", before=arn)
        for name in self._state.inline_names():
            self._add("DeleteRolePolicy", f"inline policy {name}", before={"name": name})
        self._add("DeleteRole", "role", before={"trust_policy": before})

    def _add(self, operation: str, part: str, *, before: t.Any = None, after: t.Any = None) -> None:
        self._changes.append(
            ApiCall(
                service="iam",
                operation=operation,
                params={},
                target=f"role {self._spec.name}",
                part=part,
                before=before,
                after=after,
            )
        )
