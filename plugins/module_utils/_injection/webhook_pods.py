# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods of the EKS pod identity webhook: its flags, and how it runs with the least that it needs.

https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/main.go
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document

PORT_NAME = "https"
_TLS_VOLUME, _TLS_FOLDER = "tls", "/etc/webhook/certs"
# Any user but root: the files of the image are readable by all.
_USER = 65532
_SECURITY = {"runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER}
# A pod that is created together with its account arrives before the account does. For this long the webhook waits for
# it, and asks the API server. By default it does not.
_GRACE = "500ms"
# The webhook answers as soon as it listens, and does not know all accounts by then.
_READY_AFTER_SECONDS = 10
# API servers and kube-proxies may take that long to learn that a pod is going.
_DRAIN_SECONDS = 10


def flags(settings: Settings, webhook: WebhookSettings) -> list[str]:
    """Return the webhook's flags."""
    return [
        # With true, it would ask for its certificate by an API that Kubernetes no longer has.
        "--in-cluster=false",
        f"--port={webhook.port}",
        f"--metrics-port={constants.METRICS_PORT}",
        f"--tls-cert={_TLS_FOLDER}/tls.crt",
        f"--tls-key={_TLS_FOLDER}/tls.key",
        f"--service-account-lookup-grace-period={_GRACE}",
        f"--annotation-prefix={settings.annotation_prefix}",
        f"--token-audience={settings.audience}",
        f"--token-expiration={settings.expiration}",
        f"--token-mount-path={settings.mount_path}",
        *([f"--aws-default-region={settings.region}"] if settings.region else []),
        f"--sts-regional-endpoint={str(settings.sts_regional_endpoints).lower()}",
    ]


def pod_spec(
    settings: Settings,
    webhook: WebhookSettings,
    *,
    account: str,
    tls_secret: str,
    labels: t.Mapping[str, str],
    can_sleep: bool,
) -> Document:
    """Return the spec of pods with these labels, which the Pod Security Standard restricted admits.

    With a host network, only privileged does. ``can_sleep`` is whether the API server knows the hook by which a
    container sleeps before it ends. https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": True,
        # While it is not there, other pods start without credentials.
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # A new cluster has no other nodes at first.
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}],
        "topologySpreadConstraints": [
            _spread(topology, labels) for topology in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ],
        # It resolves no names: the API server's address is in its environment. So it needs no DNS of the cluster.
        "dnsPolicy": "Default",
        "enableServiceLinks": False,
        **({"hostNetwork": True} if webhook.host_network else {}),
        **({"imagePullSecrets": [{"name": name} for name in webhook.pull_secrets]} if webhook.pull_secrets else {}),
        "securityContext": {**_SECURITY, "seccompProfile": {"type": "RuntimeDefault"}},
        # The drain, and the 10 seconds that the webhook gives to requests that it has begun to answer.
        "terminationGracePeriodSeconds": 30,
        "containers": [_container(settings, webhook, can_sleep=can_sleep)],
        "volumes": [{"name": _TLS_VOLUME, "secret": {"secretName": tls_secret, "defaultMode": 0o440}}],
    }


def _container(settings: Settings, webhook: WebhookSettings, *, can_sleep: bool) -> Document:
    # On the port that the API server asks, with its certificate. Older examples probe the port of the metrics.
    healthy = {"httpGet": {"path": "/healthz", "port": PORT_NAME, "scheme": "HTTPS"}, "timeoutSeconds": 5}
    # Without a drain, the webhook refuses connections before all API servers have stopped asking it.
    drain = {"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}}
    return {
        "name": "webhook",
        "image": webhook.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/webhook"],
        # Kubernetes replaces $(NAME) in arguments, and takes $$ for one $:
        # https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
        "args": [flag.replace("$", "$$") for flag in flags(settings, webhook)],
        "ports": [
            {"name": PORT_NAME, "containerPort": webhook.port, "protocol": "TCP"},
            {"name": "metrics", "containerPort": constants.METRICS_PORT, "protocol": "TCP"},
        ],
        "readinessProbe": {**healthy, "initialDelaySeconds": _READY_AFTER_SECONDS, "periodSeconds": 5},
        "livenessProbe": {**healthy, "initialDelaySeconds": _READY_AFTER_SECONDS, "periodSeconds": 10},
        **({"lifecycle": drain} if can_sleep else {}),
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": _TLS_VOLUME, "mountPath": _TLS_FOLDER, "readOnly": True}],
    }


def _spread(topology: str, labels: t.Mapping[str, str]) -> Document:
    """Return a wish. By a rule, a replica would not start while the nodes that are left have the others."""
    return {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
    }
