# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run that removes injection from a cluster, however it was installed."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import planned, reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    documents,
    other_webhooks,
    rights,
    webhook_removal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof_accounts import Leftovers
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import nothing_installed, recorded
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterResource,
    ClusterWriter,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


def remove(api: ApiServer, webhook: WebhookSettings | None = None, *, check_mode: bool) -> dict[str, t.Any]:
    """Remove policies, guards and webhook that we created and what proofs left, and return the result.

    The guards go first, since they would refuse the pods that get nothing any more. Accounts keep their labels and
    annotations: without something that injects, these mean nothing. Raises IrsaError.
    """
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        rights.require(api, rights.rights_to_remove())
        everything = documents.all_documents(Settings(guard="deny"))
        leftovers = Leftovers(api)
        rights.require(api, rights.rights_to_delete_accounts(each.namespace for each in leftovers.found()))
        steps: list[ClusterResource] = [
            Documents(api, superfluous=everything[::-1]),
            *webhook_removal.of_all(api, webhook or WebhookSettings(), other_webhooks.configurations(api)),
            leftovers,
        ]
        plans = [planned(step) for step in steps]
        rights.require(api, rights.rights_for_removals(change for plan in plans for change in plan))
        for step, plan in zip(steps, plans, strict=True):
            reconcile(step, ClusterWriter(api), ledger, plan=plan)
    return {**nothing_installed("none", "state is absent"), **recorded(ledger)}
