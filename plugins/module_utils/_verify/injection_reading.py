# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What injects credentials into pods: the policies of this collection, the EKS pod identity webhook, or both.

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/deploy/mutatingwebhook.yaml
"""

from __future__ import annotations

import base64
import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import BINDING, KINDS, MUTATING
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import (
    at,
    items_at,
    text_at,
)

_POLICIES = KINDS[MUTATING].list_path
_BINDINGS = KINDS[MUTATING + BINDING].list_path
_WEBHOOKS = KINDS["MutatingWebhookConfiguration"].list_path

# The names of the webhook in its own manifests, in charts and at EKS: pod-identity-webhook.amazonaws.com and
# iam-for-pods.amazonaws.com.
_WEBHOOK_NAME = re.compile(r"pod-identity|iam-for-pods", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policies:
    """Our policies: the objects, None if there is none; and whether a binding makes each of them active."""

    inject: t.Any = None
    inject_bound: bool = False
    label: t.Any = None
    label_bound: bool = False

    def faults(self) -> list[str]:
        """Return what keeps every pod from its credentials, as sentences."""
        if self.inject is not None and not self.inject_bound:
            return [f"The policy {names.INJECT_POLICY} has no binding, so it is not active."]
        return []

    def doubts(self) -> list[str]:
        """Return what keeps some pods from their credentials."""
        found = []
        policy = text_at(self.inject, "spec", "failurePolicy")
        if policy and policy != "Fail":
            found.append(
                f"The failurePolicy of {names.INJECT_POLICY} is {policy}, so pods start without credentials if it "
                "fails."
            )
        if self.inject is not None and (self.label is None or not self.label_bound):
            state = "is missing" if self.label is None else "has no binding"
            found.append(
                f"The policy {names.LABEL_POLICY} {state}, so service accounts that get a role from now on are not "
                "found."
            )
        return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook of a configuration: its name, the versions of reviews that it is sent, and its CA bundle (PEM)."""

    name: str
    review_versions: tuple[str, ...]
    has_service: bool
    ca_bundle: bytes

    def doubts(self) -> list[str]:
        """Return what keeps pods from their credentials with the usual builds of the webhook."""
        found = []
        if self.review_versions[:1] == ("v1",):
            found.append(
                f"The webhook {self.name} is sent reviews of version v1 first (admissionReviewVersions), which its "
                "releases up to v0.6.17 do not answer."
            )
        if self.has_service and not self.ca_bundle:
            found.append(f"The webhook {self.name} has no caBundle, so the API server cannot trust its certificate.")
        return found


def read_policies(servers: t.Iterable[ApiServer]) -> Policies:
    """Return our policies from the first of these API servers that knows their kind, which Kubernetes 1.36 and newer
    do; none if no server does. Raises RequestFailed.
    """
    for server in servers:
        try:
            bindings = server.list_items(_BINDINGS)
        except RequestFailed as failure:
            if failure.status == 404:
                continue
            raise
        bound = {text_at(binding, "spec", "policyName") for binding in bindings}
        return Policies(
            inject=server.find(f"{_POLICIES}/{names.INJECT_POLICY}"),
            inject_bound=names.INJECT_POLICY in bound,
            label=server.find(f"{_POLICIES}/{names.LABEL_POLICY}"),
            label_bound=names.LABEL_POLICY in bound,
        )
    return Policies()


def read_webhooks(api: ApiServer) -> list[Webhook]:
    """Return the EKS pod identity webhooks of a cluster. Raises RequestFailed."""
    return [
        _webhook(each)
        for configuration in api.list_items(_WEBHOOKS)
        for each in items_at(configuration, "webhooks")
        if _is_for_pods(each) and _is_of_eks(configuration, each)
    ]


def _is_for_pods(webhook: t.Any) -> bool:
    return any(
        {"pods", "*"} & set(map(str, items_at(rule, "resources")))
        and {"CREATE", "*"} & set(map(str, items_at(rule, "operations")))
        for rule in items_at(webhook, "rules")
    )


def _is_of_eks(configuration: t.Any, webhook: t.Any) -> bool:
    """Whether a webhook is the EKS pod identity webhook, by its names and by the label that opts pods out."""
    known = (
        text_at(webhook, "name"),
        text_at(configuration, "metadata", "name"),
        text_at(webhook, "clientConfig", "service", "name"),
    )
    keys = {text_at(each, "key") for each in items_at(webhook, "objectSelector", "matchExpressions")}
    return names.SKIP_POD in keys or any(map(_WEBHOOK_NAME.search, known))


def _webhook(webhook: t.Any) -> Webhook:
    try:
        bundle = base64.b64decode(text_at(webhook, "clientConfig", "caBundle"))
    except ValueError:
        bundle = b""
    return Webhook(
        name=text_at(webhook, "name"),
        review_versions=tuple(map(str, items_at(webhook, "admissionReviewVersions"))),
        has_service=at(webhook, "clientConfig", "service") is not None,
        ca_bundle=bundle,
    )
