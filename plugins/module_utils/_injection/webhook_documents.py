# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents that run the EKS pod identity webhook in a cluster, and that make API servers ask it.

They are pure functions of the settings, so a run, check mode and the manifests in a folder cannot differ.
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_pods
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.inject_policy import pod_selector
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, document

# Of every object. The first Secret has the CA and its key, and no pod mounts it; the second one is the webhook's.
NAME = "irsa-pod-identity-webhook"
CA_SECRET, TLS_SECRET = f"{NAME}-ca", f"{NAME}-tls"
# The Certificate by which cert-manager makes the CA.
CA_CERTIFICATE = f"{CA_SECRET}-certificate"
CONFIGURATION = "MutatingWebhookConfiguration"
POD_SECURITY = "pod-security.kubernetes.io/enforce"
# Webhooks have names of at least three parts.
_WEBHOOK = f"pod-identity.{names.DOMAIN}"

_SELECTED = {"app.kubernetes.io/name": NAME}
# Of its pods, as requests select by labels.
SELECTOR = f"app.kubernetes.io/name={NAME}"
# API servers dial this port of a Service unless they are told another.
_SERVICE_PORT = 443
# How long a pod waits at most for its credentials, and, with all replicas gone, for nothing.
_TIMEOUT_SECONDS = 5


def workload(
    settings: Settings, webhook: WebhookSettings, *, can_sleep: bool = True, tls_secret: str = TLS_SECRET
) -> list[Document]:
    """Return what runs the webhook, in the order in which it is applied. Its certificate is in ``tls_secret``.

    ``can_sleep`` is whether the API server knows the hook by which a container sleeps before it ends, which it does by
    default from Kubernetes 1.30 on. Older ones refuse it: https://kep.k8s.io/3960
    """
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": webhook.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    # All that it asks for with its flags. Secrets and certificatesigningrequests, which examples grant, it does not.
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "watch"]}]
    return [
        _namespace(webhook),
        _ours("ServiceAccount", webhook, automountServiceAccountToken=False),
        document("ClusterRole", NAME, rules=rules),
        document("ClusterRoleBinding", NAME, roleRef=role, subjects=[account]),
        _ours("Service", webhook, spec=_service()),
        _ours("Deployment", webhook, spec=_deployment(settings, webhook, can_sleep=can_sleep, tls_secret=tls_secret)),
        # With one replica and no disruption allowed, a node could not be drained.
        _ours("PodDisruptionBudget", webhook, spec={"maxUnavailable": 1, "selector": {"matchLabels": dict(_SELECTED)}}),
    ]


def configuration(
    settings: Settings, webhook: WebhookSettings, ca_bundle: str | None, *, injected: bool = False
) -> Document:
    """Return what makes API servers ask the webhook about new pods.

    They trust the certificates in ``ca_bundle``, a text in PEM; with None, those that cert-manager writes there. With
    ``injected``, it does so, too, and finds the text there.
    """
    client: dict[str, t.Any] = {
        "service": {"namespace": webhook.namespace, "name": NAME, "path": "/mutate", "port": _SERVICE_PORT}
    }
    made = document(CONFIGURATION, NAME)
    if ca_bundle is None or injected:
        # https://cert-manager.io/docs/concepts/ca-injector/
        made["metadata"]["annotations"] = {"cert-manager.io/inject-ca-from": f"{webhook.namespace}/{CA_CERTIFICATE}"}
    if ca_bundle is not None:
        client["caBundle"] = base64.b64encode(ca_bundle.encode()).decode()
    return {**made, "webhooks": [_webhook(settings, webhook, client)]}


def _webhook(settings: Settings, webhook: WebhookSettings, client: Document) -> Document:
    # Its own pods must start without it. That kube-system is not excluded lets drivers and controllers there get
    # credentials; what has no account with a role is left alone, and what cannot be asked about is admitted.
    excluded = list(dict.fromkeys((webhook.namespace, *webhook.excluded_namespaces)))
    by_name = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": excluded}
    return {
        "name": _WEBHOOK,
        # In this order: API servers take the first that they know, and releases of the webhook up to 0.6.17 answer
        # v1beta1 only. https://github.com/aws/amazon-eks-pod-identity-webhook/pull/310
        "admissionReviewVersions": ["v1beta1", "v1"],
        "clientConfig": client,
        # With Fail, no pod could start while the webhook cannot, the webhook's network among them.
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchExpressions": [by_name]},
        "objectSelector": pod_selector(settings, not_only=names.ONLY_POLICY),
        # Containers that another webhook adds afterwards, such as a service mesh's, get theirs in a second round.
        "reinvocationPolicy": "IfNeeded",
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
                "scope": "Namespaced",
            }
        ],
        # So it is asked in dry runs, too.
        "sideEffects": "None",
        "timeoutSeconds": _TIMEOUT_SECONDS,
    }


def _ours(kind: str, webhook: WebhookSettings, **members: t.Any) -> Document:
    return document(kind, NAME, namespace=webhook.namespace, **members)


def _namespace(webhook: WebhookSettings) -> Document:
    made = document("Namespace", webhook.namespace)
    # Baseline, the level between the two, refuses host networks as well.
    level = "privileged" if webhook.host_network else "restricted"
    made["metadata"]["labels"][POD_SECURITY] = level
    return made


def _service() -> Document:
    port = {"name": "https", "port": _SERVICE_PORT, "protocol": "TCP", "targetPort": webhook_pods.PORT_NAME}
    return {"type": "ClusterIP", "ports": [port], "selector": dict(_SELECTED)}


def _deployment(settings: Settings, webhook: WebhookSettings, *, can_sleep: bool, tls_secret: str) -> Document:
    spec = webhook_pods.pod_spec(
        settings, webhook, account=NAME, tls_secret=tls_secret, labels=_SELECTED, can_sleep=can_sleep
    )
    # With a host network, the port of a node is taken until the old pod has gone, so a new one cannot come first.
    surge, unavailable = (0, 1) if webhook.host_network else (1, 0)
    return {
        "replicas": webhook.replicas,
        "selector": {"matchLabels": dict(_SELECTED)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
        },
        "template": {"metadata": {"labels": dict(_SELECTED)}, "spec": spec},
    }
