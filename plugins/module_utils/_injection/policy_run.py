# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection by policies: they, the labels of accounts, and the guards; and the webhook of an earlier run goes."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import planned
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    documents,
    other_webhooks,
    rights,
    webhook_removal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.accounts import Accounts, account_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof import Injector
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import Steps, superfluous_guards
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import ClusterChange
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents

_INJECTOR = Injector(f"policy {names.INJECT_POLICY}", "until every API server follows the new policies")


def install(steps: Steps) -> dict[str, t.Any]:
    """Ensure the policies and the labels of the accounts, and return the result. Raises IrsaError."""
    api, settings = steps.api, steps.spec.settings
    rights.require(api, rights.rights_to_install(steps.spec.proof_namespace))
    asked = other_webhooks.configurations(api)
    steps.ledger.warn(other_webhooks.warnings(asked))
    proof = steps.proof(_INJECTOR)
    guards = documents.guard_documents(settings)
    unguard = superfluous_guards(api, guards)
    label = Documents(api, desired=documents.label_documents(settings))
    inject = Documents(api, desired=documents.inject_documents(settings))
    guard = Documents(api, desired=guards)
    webhook = webhook_removal.of_all(api, steps.spec.webhook, asked)
    steps.plan(unguard, label, inject, guard, *webhook)
    steps.ensure(unguard)
    # Each step is proved whether or not this run made it: an earlier one may have ended before it was.
    steps.ensure(label)
    if steps.is_real:
        proof.wait_for_label()
    # Planned only now. One that is written before the last API server follows does not label itself.
    accounts = Accounts(api, settings)
    labelled = steps.reconcile(accounts)
    steps.ensure(inject)
    if steps.is_real and steps.changes(*webhook):
        proof.prove(only=names.ONLY_POLICY)
    elif steps.is_real and steps.changes(guard):
        # A guard would refuse all pods of a policy that is not followed.
        proof.prove()
    steps.ensure(*webhook)
    steps.ensure(guard)
    result = steps.result(proof, manifests=documents.all_documents(settings), labelled=account_names(labelled))
    return {**result, **_unlabelled(steps, accounts, labelled)}


def _unlabelled(steps: Steps, accounts: Accounts, labelled: list[ClusterChange]) -> dict[str, t.Any]:
    """Return which accounts still lack the label at the end, and all warnings."""
    unlabelled = account_names(planned(accounts)) if steps.is_real and labelled else []
    if unlabelled:
        steps.ledger.warn(
            [f"These service accounts have an IAM role and still lack the label: {listed(unlabelled)}. Run again."]
        )
    return {"unlabelled": unlabelled, "warnings": steps.ledger.warnings}
