# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection as a whole: the run that installs it in a cluster, and the one that removes it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import planned, reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, rights
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.accounts import Accounts, account_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.method import servers_for_policies
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof import Patience, Proof
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof_accounts import Leftovers
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterWriter,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


@dataclasses.dataclass(frozen=True, kw_only=True)
class InjectionSpec:
    """The desired injection of a cluster; the proof is made in namespace ``proof_namespace``."""

    settings: Settings
    method: str = "auto"
    proof_namespace: str = "default"
    patience: Patience = dataclasses.field(default_factory=lambda: Patience(60))


class Installation:
    """Ensures the policies and the labels of the accounts, each step proved before the next depends on it."""

    def __init__(self, api: ApiServer, spec: InjectionSpec, *, check_mode: bool) -> None:
        self._api = api
        self._spec = spec
        self._writer = ClusterWriter(api)
        self._ledger = Ledger(check_mode)

    def run(self) -> dict[str, t.Any]:
        """Return the result. Raises IrsaError, with what was done before."""
        with self._ledger.reported_on_failure():
            servers = servers_for_policies(self._api, self._spec.method)
            self._ledger.warn(servers.warnings)
            rights.require(self._api, rights.rights_to_install(self._spec.proof_namespace))
            proof = Proof(
                servers=servers.serving,
                settings=self._spec.settings,
                namespace=self._spec.proof_namespace,
                patience=self._spec.patience,
                warn=self._ledger.warn,
            )
            return self._install(proof)

    def _install(self, proof: Proof) -> dict[str, t.Any]:
        settings, is_real = self._spec.settings, not self._ledger.check_mode
        guards = documents.guard_documents(settings)
        unguard = Documents(self._api, superfluous=_superfluous_guards(guards))
        label = Documents(self._api, desired=documents.label_documents(settings))
        inject = Documents(self._api, desired=documents.inject_documents(settings))
        guard = Documents(self._api, desired=guards)
        accounts = Accounts(self._api, settings)
        # All plans before the first write: a problem with one of them changes nothing.
        plans = {resource: planned(resource) for resource in (unguard, label, inject, guard)}
        self._ensure(unguard, plans)
        # Each step is proved whether or not this run made it: an earlier one may have ended before it was.
        self._ensure(label, plans)
        if is_real:
            proof.wait_for_label()
        # Planned only now. One that is written before the last API server follows does not label itself.
        labelled = reconcile(accounts, self._writer, self._ledger)
        self._ensure(inject, plans)
        if is_real and plans[guard]:
            # A guard would refuse all pods of a policy that is not followed.
            proof.prove()
        self._ensure(guard, plans)
        return self._result(proof, accounts, labelled)

    def _ensure(self, resource: Documents, plans: t.Mapping[Documents, list[ClusterChange]]) -> None:
        reconcile(resource, self._writer, self._ledger, plan=plans[resource])

    def _result(self, proof: Proof, accounts: Accounts, labelled: list[ClusterChange]) -> dict[str, t.Any]:
        unlabelled: list[str] = []
        if self._ledger.check_mode:
            proved = not_proved("check mode")
        else:
            proved = proof.prove()
            unlabelled = account_names(planned(accounts)) if labelled else []
        if unlabelled:
            self._ledger.warn(
                [f"These service accounts have an IAM role and still lack the label: {listed(unlabelled)}. Run again."]
            )
        return {
            **_result_of(self._ledger),
            "method": "policy",
            "manifests": documents.all_documents(self._spec.settings),
            "labelled": account_names(labelled),
            "unlabelled": unlabelled,
            "proof": proved,
        }


def remove(api: ApiServer, *, check_mode: bool) -> dict[str, t.Any]:
    """Remove the policies and guards that we created and what proofs left, and return the result.

    The guards go first, since they would refuse the pods that get nothing any more. Accounts keep their labels and
    annotations: without a policy, these mean nothing. Raises IrsaError.
    """
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        rights.require(api, rights.rights_to_remove())
        everything = documents.all_documents(Settings(guard="deny"))
        leftovers = Leftovers(api)
        rights.require(api, rights.rights_to_delete_accounts(each.namespace for each in leftovers.found()))
        for resource in (Documents(api, superfluous=everything[::-1]), leftovers):
            reconcile(resource, ClusterWriter(api), ledger)
    return {**nothing_installed("policy", "state is absent"), **_result_of(ledger)}


def nothing_installed(method: str, reason: str) -> dict[str, t.Any]:
    """Return the result of a run that has nothing to install."""
    return {
        "changed": False,
        "actions": [],
        "diff": [],
        "warnings": [],
        "method": method,
        "manifests": [],
        "labelled": [],
        "unlabelled": [],
        "proof": not_proved(reason),
    }


def not_proved(reason: str) -> dict[str, t.Any]:
    """Return what stands for a proof that was not made."""
    return {"injected": None, "reason": reason, "servers": [], "volumes": [], "volumeMounts": [], "env": []}


def _result_of(ledger: Ledger) -> dict[str, t.Any]:
    return {"changed": ledger.changed, "actions": ledger.actions, "diff": ledger.diff, "warnings": ledger.warnings}


def _superfluous_guards(desired: t.Sequence[Document]) -> list[Document]:
    """Return the guards that are not desired, bindings first."""
    return [] if desired else documents.guard_documents(Settings(guard="deny"))[::-1]
