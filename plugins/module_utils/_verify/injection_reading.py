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
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_identity_webhooks import webhooks_of

_POLICIES = KINDS[MUTATING].list_path
_BINDINGS = KINDS[MUTATING + BINDING].list_path
_WEBHOOKS = KINDS["MutatingWebhookConfiguration"].list_path

# https://cert-manager.io/docs/concepts/ca-injector/
_CA_SOURCES = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)
# https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference
_USUAL_PORT = 443


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


class ServicePort(t.NamedTuple):
    """The Service that a webhook is called by, and the port of it."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def host(self) -> str:
        """The name that API servers look for in its certificate."""
        return f"{self.name}.{self.namespace}.svc"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook of a configuration: what API servers know of it.

    It is called by a Service, or at a URL. ``review_versions`` are those that it is sent, and ``ca_bundle`` is PEM.
    ``ca_source`` is where cert-manager takes the bundle from, empty if it does not write it.
    """

    name: str
    configuration: str
    review_versions: tuple[str, ...]
    service: ServicePort | None
    url: str
    ca_bundle: bytes
    ca_source: str
    failure_policy: str
    namespace_selector: t.Any
    object_selector: t.Any
    has_conditions: bool

    def __str__(self) -> str:
        return f"The webhook {self.name}"


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
        _webhook(configuration, each)
        for configuration in api.list_items(_WEBHOOKS)
        for each in webhooks_of(configuration)
    ]


def _webhook(configuration: t.Any, webhook: t.Any) -> Webhook:
    try:
        bundle = base64.b64decode(text_at(webhook, "clientConfig", "caBundle"))
    except ValueError:
        bundle = b""
    return Webhook(
        name=text_at(webhook, "name"),
        configuration=text_at(configuration, "metadata", "name"),
        review_versions=tuple(map(str, items_at(webhook, "admissionReviewVersions"))),
        service=_service(at(webhook, "clientConfig", "service")),
        url=text_at(webhook, "clientConfig", "url"),
        ca_bundle=bundle,
        ca_source=next(
            filter(None, (text_at(configuration, "metadata", "annotations", key) for key in _CA_SOURCES)), ""
        ),
        failure_policy=text_at(webhook, "failurePolicy") or "Fail",
        namespace_selector=at(webhook, "namespaceSelector"),
        object_selector=at(webhook, "objectSelector"),
        has_conditions=bool(items_at(webhook, "matchConditions")),
    )


def _service(service: t.Any) -> ServicePort | None:
    if service is None:
        return None
    port = at(service, "port")
    return ServicePort(
        text_at(service, "namespace"), text_at(service, "name"), port if isinstance(port, int) else _USUAL_PORT
    )
