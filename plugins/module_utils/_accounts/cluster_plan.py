# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what service accounts get in the cluster: their annotations, by server-side apply, and missing namespaces.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.role_rules import is_same_role
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import ANNOTATION_PREFIX
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.ownership import FIELD_MANAGER
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.rights import Right, missing_rights

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

Document = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Applied(Change):
    """An object that is applied, whose kind and name are the ``target``."""

    @property
    def action(self) -> str:
        return f"k8s:apply {self.target}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """What is applied for a service account, in order, and what to warn of."""

    documents: t.Sequence[Document] = ()
    changes: t.Sequence[Applied] = ()
    warnings: t.Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Annotations:
    """The annotations of service accounts that the injection reads, after ``prefix``."""

    prefix: str = ANNOTATION_PREFIX

    @property
    def role_arn(self) -> str:
        return f"{self.prefix}/role-arn"

    @property
    def audience(self) -> str:
        return f"{self.prefix}/audience"

    def desired(self, account: Account, role_arn: str | None) -> dict[str, str]:
        """Return what a service account is to have.

        The audience is always written, since what injects has a default of its own: another one, and pods would get
        tokens that the role does not trust.
        """
        if not account.is_present or role_arn is None:
            return {}
        return {self.role_arn: role_arn, self.audience: account.audience}


def service_account(account: Account, annotations: t.Mapping[str, str]) -> Document:
    """Return the document of a service account that is applied; fields that it does not have are left to others."""
    metadata: Document = {"name": account.name, "namespace": account.namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def namespace(name: str) -> Document:
    """Return the document of a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


class ClusterPlanner:
    """Plans the service accounts of a cluster, one after the other."""

    def __init__(
        self, api: ApiServer, *, create_namespaces: bool, force: bool, annotations: Annotations | None = None
    ) -> None:
        self._api = api
        self._annotations = annotations or Annotations()
        self._create_namespaces = create_namespaces
        self._force = force
        self._namespaces: dict[str, bool] = {}  # whether they exist, or will
        self._rights: dict[Right, None] = {}

    def missing_rights(self) -> list[Right]:
        """Return what the user of the kubeconfig must be allowed to do for the plans, and is not."""
        return missing_rights(self._api, self._rights)

    def plan(self, account: Account, role_arn: str | None, *, is_alone: bool = True) -> ClusterPlan:
        """Return the plan for a service account. Raises Fault that says why there is none, or RequestFailed.

        ``role_arn`` is that of its role or, if it leaves the role, the one that the role has or had. If several items
        are about roles that it leaves, so that it is not ``is_alone``, its annotations are those of one at most.
        """
        desired = self._annotations.desired(account, role_arn)
        of_namespace = self._plan_namespace(account) if account.is_present else ClusterPlan()
        present = None if of_namespace.documents else self._api.find(paths.account(account.namespace, account.name))
        if present is None and not account.is_present:
            return ClusterPlan()
        metadata = (present or {}).get("metadata") or {}
        ours = (self._annotations.role_arn, self._annotations.audience)
        current = {key: value for key, value in _annotations(metadata).items() if key in ours}
        if not account.is_present and not self._names_role(account, current, role_arn):
            return ClusterPlan(warnings=[_kept_for_another_role(account, metadata, current)] if is_alone else [])
        self._check_owners(metadata, {key for key, value in current.items() if desired.get(key, value) != value})
        # An apply does not remove what others have set.
        kept = {key: current[key] for key in current.keys() - desired.keys() if _other_owners(metadata, [key])}
        warnings = [_kept_by_others(account, metadata, kept)] if kept else []
        after = {**desired, **kept}
        if current == after and present is not None:
            return dataclasses.replace(of_namespace, warnings=warnings)
        self._need(account, "patch", *(() if present else ("create",)))
        change = Applied(
            target=f"ServiceAccount/{account}", part="annotations", before=current or None, after=after or None
        )
        return ClusterPlan(
            documents=[*of_namespace.documents, service_account(account, desired)],
            changes=[*of_namespace.changes, change],
            warnings=warnings,
        )

    def _names_role(self, account: Account, current: t.Mapping[str, str], role_arn: str | None) -> bool:
        """Return whether the role of annotations, if they name one, is the one that a service account leaves."""
        arn, audience = (current.get(key) for key in (self._annotations.role_arn, self._annotations.audience))
        if account.has_audience and audience not in (None, account.audience):
            return False
        return arn is None or (role_arn is not None and is_same_role(arn, role_arn))

    def _need(self, account: Account, *verbs: str) -> None:
        for verb in ("get", *verbs):
            self._rights[Right(verb, "serviceaccounts", namespace=account.namespace)] = None

    def _plan_namespace(self, account: Account) -> ClusterPlan:
        """Plan the namespace of an account if it is missing. Raises Fault unless it may be created."""
        name = account.namespace
        if name not in self._namespaces:
            self._namespaces[name] = self._api.find(f"/api/v1/namespaces/{name}") is not None
        if self._namespaces[name]:
            return ClusterPlan()
        if not self._create_namespaces:
            raise Fault(
                f"there is no namespace {name}; create it, or set irsa_service_accounts_create_namespaces to true"
            )
        self._namespaces[name] = True
        for verb in ("get", "create", "patch"):
            self._rights[Right(verb, "namespaces")] = None
        change = Applied(target=f"Namespace/{name}", part="namespace", after={"name": name})
        return ClusterPlan(documents=[namespace(name)], changes=[change])

    def _check_owners(self, metadata: Document, changed: set[str]) -> None:
        """Raise Fault if the service account needs another value than the one that others set."""
        others = _other_owners(metadata, changed)
        if others and not self._force:
            raise Fault(
                f"it already has {_shown(metadata, changed)}, set by {others}; remove it there, or set "
                "irsa_service_accounts_force_conflicts to true to overwrite it"
            )


def _kept_by_others(account: Account, metadata: Document, kept: t.Iterable[str]) -> str:
    owners = _other_owners(metadata, kept)
    return f"Service account {account} keeps {_shown(metadata, kept)}, set by {owners}. Remove it there."


def _kept_for_another_role(account: Account, metadata: Document, current: t.Iterable[str]) -> str:
    of_audience = f" for audience {quoted(account.audience)}" if account.has_audience else ""
    item = f"its item with state absent is about role {account.role}{of_audience}"
    return f"Service account {account} keeps {_shown(metadata, current)}; {item}."


def _shown(metadata: Document, keys: t.Iterable[str]) -> str:
    return ", ".join(f"{key}: {quoted(_annotations(metadata)[key])}" for key in sorted(keys))


def _other_owners(metadata: Document, keys: t.Iterable[str]) -> str:
    """Return those who set annotations besides us, as text; empty if there are none."""
    owners = {owner for key in keys for owner in _owners(metadata, key)} - {FIELD_MANAGER}
    return listed(sorted(owners)) if owners else ""


def _annotations(metadata: Document) -> dict[str, str]:
    return metadata.get("annotations") or {}


def _owners(metadata: Document, annotation: str) -> list[str]:
    """Return who has set an annotation, as the API server records it; none for one that no one owns."""
    found = []
    for entry in metadata.get("managedFields") or []:
        fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
        if f"f:{annotation}" in fields:
            # Only what was applied under this name is removed when it is no longer applied.
            is_ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
            found.append(FIELD_MANAGER if is_ours else str(entry.get("manager")))
    return found
