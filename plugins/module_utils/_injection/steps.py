# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runs that install injection share: plans before the first write, then one step after the other."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import planned, reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, rights
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof import Injector, Proof
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.replicas import Replicas
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import not_proved, recorded
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterResource,
    ClusterWriter,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
    from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.method import Servers
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


@dataclasses.dataclass(frozen=True, kw_only=True)
class InjectionSpec:
    """The desired injection of a cluster; the proof is made in namespace ``proof_namespace``."""

    settings: Settings
    method: str = "auto"
    webhook: WebhookSettings = dataclasses.field(default_factory=WebhookSettings)
    proof_namespace: str = "default"
    patience: Patience = dataclasses.field(default_factory=lambda: Patience(60))


class Steps:
    """The steps of a run at a cluster. All are planned before the first one writes, so a problem changes nothing."""

    def __init__(self, api: ApiServer, spec: InjectionSpec, *, servers: Servers, ledger: Ledger) -> None:
        self.api = api
        self.spec = spec
        self.servers = servers
        self.ledger = ledger
        self._writer = ClusterWriter(api)
        self._pending: dict[ClusterResource, list[ClusterChange]] = {}
        self._changing: set[ClusterResource] = set()

    @property
    def is_real(self) -> bool:
        return not self.ledger.check_mode

    def proof(self, injector: Injector, replicas: Replicas | None = None) -> Proof:
        return Proof(
            servers=self.servers.answering,
            settings=self.spec.settings,
            namespace=self.spec.proof_namespace,
            patience=self.spec.patience,
            warn=self.ledger.warn,
            injector=injector,
            replicas=replicas,
        )

    def plan(self, *resources: ClusterResource) -> None:
        """Plan steps. Raises IrsaError, also if the user of the kubeconfig may not remove what they remove."""
        plans: dict[ClusterResource, list[ClusterChange]] = {resource: planned(resource) for resource in resources}
        rights.require(self.api, rights.rights_for_removals(change for plan in plans.values() for change in plan))
        self._pending.update(plans)
        self._changing.update(resource for resource, plan in plans.items() if plan)

    def changes(self, *resources: ClusterResource) -> bool:
        """Whether a step that is planned, or was made, changes anything."""
        return not self._changing.isdisjoint(resources)

    def ensure(self, *resources: ClusterResource) -> None:
        """Make steps as they were planned. One that was made already has nothing left to do."""
        for resource in resources:
            plan, self._pending[resource] = self._pending[resource], []
            reconcile(resource, self._writer, self.ledger, plan=plan)

    def reconcile(self, resource: ClusterResource) -> list[ClusterChange]:
        """Plan and make a step at once; returns its changes."""
        return reconcile(resource, self._writer, self.ledger)

    def result(self, proof: Proof, **values: t.Any) -> dict[str, t.Any]:
        """Return the result with these values, after the last proof."""
        proved = proof.prove() if self.is_real else not_proved("check mode")
        made = {"certificates": {}, "labelled": [], "unlabelled": [], **values, "proof": proved}
        return {**made, **recorded(self.ledger), "method": self.servers.method}


def superfluous_guards(api: ApiServer, desired: t.Sequence[Document]) -> Documents:
    """Return the step that removes the guards if none is desired, bindings first."""
    superfluous = [] if desired else documents.guard_documents(Settings(guard="deny"))[::-1]
    return Documents(api, superfluous=superfluous)
