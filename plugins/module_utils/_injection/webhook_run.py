# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection by the EKS pod identity webhook: its certificate, its pods, its configuration; and policies go."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    documents,
    other_webhooks,
    rights,
    rollout,
    webhook_documents,
    webhook_namespace,
    webhook_removal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.method import know_sleep, require_guards
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.proof import Injector
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.replicas import Replicas
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import without_secrets
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import Steps, superfluous_guards
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import CERT_MANAGER
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_tls import tls_for
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names, ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, path_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, text_at

# What is applied once the certificate is there, which the pods mount.
_PODS = ("Deployment", "PodDisruptionBudget")


def install(steps: Steps) -> dict[str, t.Any]:
    """Ensure the webhook and return the result. Raises IrsaError."""
    api, settings, webhook = steps.api, steps.spec.settings, steps.spec.webhook
    if settings.guard != "off":
        require_guards(steps.servers.answering)
    needed = rights.rights_to_install_webhook(settings, webhook, steps.spec.proof_namespace)
    rights.require(api, needed)
    steps.ledger.warn(other_webhooks.warnings(other_webhooks.configurations(api)))
    webhook_namespace.wait_until_not_terminating(api, webhook.namespace, steps.spec.patience)
    parts = _Webhook(steps)
    proof = steps.proof(_injector(webhook.namespace), Replicas(api, webhook))
    guards = documents.guard_documents(settings, labelled_only=False)
    unguard, guard = superfluous_guards(api, guards), Documents(api, desired=guards)
    policies = Documents(api, superfluous=documents.policy_documents(settings)[::-1])
    updated = Documents(api, desired=_policy_to_update(steps))
    elsewhere = webhook_removal.of_other_namespaces(api, webhook)
    steps.plan(unguard, guard, policies, updated, *elsewhere)
    steps.ensure(unguard, updated)
    if steps.is_real and steps.changes(updated) and not parts.is_asked:
        left = proof.wait_until_left_alone(names.ONLY_WEBHOOK)
        if left is not None:
            steps.ledger.warn(
                [f"At {left}, pods get credentials from elsewhere, too, so nothing shows that the webhook works alone."]
            )
    parts.ensure()
    if steps.is_real and steps.changes(*elsewhere):
        # An API server that has not heard of the new webhook yet would still ask the former one.
        steps.spec.patience.let_servers_follow("the webhook's new configuration")
    if steps.is_real and steps.changes(policies):
        proof.prove(only=names.ONLY_WEBHOOK)
    elif steps.is_real and steps.changes(guard, *elsewhere):
        # A guard would refuse all pods of a webhook that is not asked.
        proof.prove()
    steps.ensure(policies, *elsewhere, guard)
    return steps.result(proof, manifests=without_secrets([*parts.documents, *guards]), certificates=parts.tls.dates)


class _Webhook:
    """The documents of the webhook as steps, all planned."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._api = steps.api
        self._webhook = steps.spec.webhook
        self.tls = tls_for(self._api, self._webhook, self._api.time())
        can_sleep = know_sleep(steps.servers.answering)
        workload = webhook_documents.workload(
            steps.spec.settings, self._webhook, can_sleep=can_sleep, tls_secret=self.tls.secret
        )
        # The ClusterRole is the first to come and the last to go: it tells whether there is anything.
        self._foundation = sorted(
            (each for each in workload if each["kind"] not in _PODS), key=lambda each: each["kind"] != "ClusterRole"
        )
        self._pods = [each for each in workload if each["kind"] in _PODS]
        present = self._api.find(path_of(self._configuration()))
        # Whether API servers ask the webhook of this namespace already.
        self.is_asked = self._webhook.namespace in _namespaces_of(present)
        rights.require(self._api, rights.rights_to_apply([*self.tls.authority, *self.tls.leaf]))
        self._foundation_step = Documents(self._api, desired=[*self._foundation, *self.tls.authority])
        self._pod_step = Documents(self._api, desired=self._pods)
        self._plan_what_depends_on_the_ca()
        steps.plan(self._foundation_step, self._pod_step)

    @property
    def documents(self) -> list[Document]:
        return [*self._foundation, *self.tls.authority, *self.tls.leaf, *self._pods, self._configuration()]

    def ensure(self) -> None:
        """Bring the webhook to where each API server asks it, and can trust it all the while. Raises IrsaError."""
        steps = self._steps
        steps.ensure(self._foundation_step)
        if steps.is_real and self.tls.pending:
            self._wait_for_cert_manager()
        if self.is_asked:
            # What is to be served must be trusted before.
            steps.ensure(self._configuration_step)
            # The run before may have been killed right after it wrote the configuration.
            is_served_anew = steps.changes(self._leaf_step) or (
                steps.changes(self._configuration_step) and steps.changes(self._pod_step)
            )
            if steps.is_real and is_served_anew:
                steps.spec.patience.let_servers_follow("the webhook's new configuration")
        steps.ensure(self._leaf_step, self._pod_step)
        if steps.is_real:
            rollout.wait(self._api, self._pods[0], steps.spec.patience)
        steps.ensure(self._configuration_step)
        if steps.is_real:
            self._finish()
        else:
            self._plan_finish()

    def _finish(self) -> None:
        """Trust only what is served from now on, and remove certificates of another kind."""
        steps = self._steps
        self.tls = self._read_again()
        self._plan_what_depends_on_the_ca()
        steps.ensure(self._configuration_step)
        if steps.changes(self._leaf_step):
            # Another run has written its own CA meanwhile.
            steps.spec.patience.let_servers_follow("the webhook's new configuration")
            steps.ensure(self._leaf_step)
        if self.tls.serves_alone:
            steps.ensure(self._superfluous_step)

    def _plan_finish(self) -> None:
        """Plan what ``_finish`` will do, as far as it can be known before."""
        if self.tls.kind == CERT_MANAGER and not self.tls.injected:
            self.tls = dataclasses.replace(self.tls, injected=True)
            self._plan_what_depends_on_the_ca()
        self._steps.ensure(self._configuration_step, self._superfluous_step)

    def _wait_for_cert_manager(self) -> None:
        patience = self._steps.spec.patience
        if patience.until_none(lambda: self._read_again().pending or None, "until cert-manager has made a CA"):
            raise IrsaError(
                f"cert-manager has not made the CA of the webhook within {patience.seconds:g} seconds. The status of "
                f"the Certificates in namespace {self._webhook.namespace} says why. Run again when it has, or set "
                "irsa_injection_webhook_certificates: own."
            )
        self.tls = self._read_again()
        self._plan_what_depends_on_the_ca()

    def _read_again(self) -> t.Any:
        return tls_for(self._api, self._webhook, self._api.time())

    def _plan_what_depends_on_the_ca(self) -> None:
        self._leaf_step = Documents(self._api, desired=self.tls.leaf)
        self._configuration_step = Documents(self._api, desired=[self._configuration()])
        self._superfluous_step = Documents(self._api, superfluous=self.tls.superfluous)
        self._steps.plan(self._leaf_step, self._configuration_step, self._superfluous_step)
        self._steps.ledger.warn(self.tls.warnings)

    def _configuration(self) -> Document:
        return webhook_documents.configuration(
            self._steps.spec.settings, self._webhook, self.tls.ca_bundle, injected=self.tls.injected
        )


def _namespaces_of(configuration: t.Any) -> set[str]:
    return {text_at(each, "clientConfig", "service", "namespace") for each in items_at(configuration, "webhooks")}


def _policy_to_update(steps: Steps) -> list[Document]:
    """Return the policy that injects if the cluster has one of ours that would give pods their credentials even if
    they are to get them from the webhook alone. The proof of the webhook needs one that does not.
    """
    policy = documents.inject_documents(steps.spec.settings)[0]
    present = steps.api.find(path_of(policy))
    if present is None or not ownership.is_ours(present):
        return []
    selectors = items_at(present, "spec", "matchConstraints", "objectSelector", "matchExpressions")
    knows = names.ONLY_LABEL in (text_at(each, "key") for each in selectors)
    return [] if knows else [policy]


def _injector(namespace: str) -> Injector:
    return Injector(
        f"webhook {NAME}",
        "until every API server asks the webhook",
        f" API servers must be able to reach Service {NAME} in namespace {namespace}: see what they log about it. "
        "Where they cannot reach Services or pods, set irsa_injection_webhook_host_network: true.",
    )
