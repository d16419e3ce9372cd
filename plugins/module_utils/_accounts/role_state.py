# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM roles of service accounts: what is desired, and the roles as they are."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import SETTINGS, Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_merge import Trust
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.ownership import MANAGED_BY, MANAGED_BY_LABEL

# Under this name a role has the inline policy of its item; those of other names are left alone.
INLINE_POLICY = "selfhosted.irsa"
# Only a role with this tag or description is ever deleted. A role gets them when it is created, but the tag at AWS
# only: Ceph's STS refuses all tokens for a role with tags, unless its trust policy also allows sts:TagSession.
OWN_TAG = (MANAGED_BY_LABEL, MANAGED_BY)
DESCRIPTION = "Assumed by Kubernetes service accounts, managed by the Ansible collection selfhosted.irsa"

_ABSENT = ("NoSuchEntity",)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoleSpec:
    """A role, the service accounts that have it, and those that no longer have it.

    ``settings`` are those of all its items, and are set on it only if an item is present.
    """

    name: str
    accounts: t.Sequence[Account]
    trust: Trust
    settings: t.Mapping[str, t.Any]

    @property
    def is_needed(self) -> bool:
        return bool(self.trust.audiences)

    @property
    def is_of_one_account(self) -> bool:
        """Whether the role has a default name, which is that of its only service account."""
        return self.accounts[0].named_here


def role_specs(accounts: t.Iterable[Account], provider_arn: str) -> list[RoleSpec]:
    """Return the roles that are managed here, in the order in which the accounts first name them."""
    by_name: dict[str, list[Account]] = {}
    for account in accounts:
        if account.role_name:
            by_name.setdefault(account.role_name, []).append(account)
    return [_spec(name, of_role, provider_arn) for name, of_role in by_name.items()]


def _spec(name: str, accounts: t.Sequence[Account], provider_arn: str) -> RoleSpec:
    present = [each for each in accounts if each.is_present]
    settings: dict[str, t.Any] = {}
    for member in SETTINGS:
        values = [each.settings[member] for each in present if member in each.settings]
        if values:
            settings[member] = values[0]
    managed = [arn for each in present for arn in each.settings.get("managed_policies", ())]
    if managed:
        settings["managed_policies"] = list(dict.fromkeys(managed))
    return RoleSpec(
        name=name,
        accounts=accounts,
        trust=Trust(
            provider_arn=provider_arn,
            audiences={each.subject: each.audience for each in present},
            former=_former(accounts),
            leaving={each.subject for each in accounts if not each.is_present and not each.has_audience},
        ),
        settings=settings,
    )


def _former(accounts: t.Iterable[Account]) -> dict[str, set[str]]:
    """Return the audiences for which service accounts leave their role."""
    former: dict[str, set[str]] = {}
    for account in accounts:
        if not account.is_present:
            former.setdefault(account.subject, set()).add(account.audience)
    return former


def own_tags(aws: Aws) -> dict[str, str]:
    """Return the tags that a new role gets besides those of its items."""
    return dict([OWN_TAG]) if endpoint_of(aws.client("iam")).is_aws else {}


class PresentRole:
    """A role as it is, read with as few calls as the plan needs. The reads of all roles are made at once."""

    def __init__(self, aws: Aws, spec: RoleSpec) -> None:
        self.spec = spec
        self._aws = aws
        self._name = spec.name
        self._role = self._read("GetRole")
        self._attached = self._read("ListAttachedRolePolicies")
        self._inline = self._read("GetRolePolicy", PolicyName=INLINE_POLICY)
        self._role.start()
        if spec.settings.get("managed_policies"):
            self._attached.start()
        if spec.settings.get("inline_policy"):
            self._inline.start()

    def _read(self, operation: str, **params: t.Any) -> Read:
        return self._aws.read(
            "iam", operation, f"role {self._name}", absent_codes=_ABSENT, RoleName=self._name, **params
        )

    @functools.cached_property
    def role(self) -> dict[str, t.Any] | None:
        """What GetRole says, None if there is no such role. Raises CallFailed."""
        answer = self._role.result()
        return None if answer is None else answer["Role"]

    def tags(self, role: t.Mapping[str, t.Any]) -> dict[str, str]:
        """Return the tags of the role that GetRole answered with; {} if they cannot be read. Raises CallFailed."""
        entries = role.get("Tags")
        if entries is None:  # stores other than AWS leave them out
            try:
                answer = self._aws.call("iam", "ListRoleTags", f"role {self._name}", RoleName=self._name) or {}
            except CallFailed as failure:
                if failure.unsupported or failure.denied:
                    return {}
                raise
            entries = answer.get("Tags", [])
        # Ceph puts name and value of a tag into two entries, one after the other.
        names, values = ([entry[part] for entry in entries if part in entry] for part in ("Key", "Value"))
        return dict(zip(names, values, strict=True))

    def was_created_here(self, role: t.Mapping[str, t.Any]) -> bool:
        """Return whether the role that GetRole answered with was created by this collection."""
        name, value = OWN_TAG
        return role.get("Description") == DESCRIPTION or self.tags(role).get(name) == value

    def attached(self) -> list[str]:
        """Return the ARNs of its managed policies. A role has twenty at most, so there is one page."""
        answer = self._attached.result() or {"AttachedPolicies": []}
        return [each["PolicyArn"] for each in answer["AttachedPolicies"]]

    def inline_policy(self) -> t.Any:
        """Return the inline policy under our name, None if there is none."""
        answer = self._inline.result()
        return None if answer is None else answer["PolicyDocument"]

    def has_policy(self, arn: str) -> bool:
        """Return whether there is a managed policy; true if that cannot be found out."""
        try:
            return self._aws.call("iam", "GetPolicy", arn, absent_codes=_ABSENT, PolicyArn=arn) is not None
        except CallFailed as failure:
            if failure.unsupported or failure.denied:
                return True
            raise

    def inline_names(self) -> list[str]:
        """Return the names of all its inline policies."""
        pages = self._aws.pages("iam", "ListRolePolicies", f"role {self._name}", RoleName=self._name)
        return [name for page in pages for name in page["PolicyNames"]]

    def instance_profiles(self) -> list[str]:
        """Return the names of the instance profiles that it is in."""
        pages = self._aws.pages("iam", "ListInstanceProfilesForRole", f"role {self._name}", RoleName=self._name)
        return [each["InstanceProfileName"] for page in pages for each in page["InstanceProfiles"]]
