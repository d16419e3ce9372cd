# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server answers about an EKS pod identity webhook in its cluster, for tests of the checks of it."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster as fake
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import ROOT, Certified, certify

NAME, NAMESPACE = "pod-identity-webhook.amazonaws.com", "aws"
HOST = f"pod-identity-webhook.{NAMESPACE}.svc"
LEAF = certify("webhook", ROOT, [HOST])
IMAGE = "public.ecr.aws/eks/amazon-eks-pod-identity-webhook"

SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/pod-identity-webhook"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
OWN_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
TLS_SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/webhook-tls"
HEALTHZ = f"/api/v1/namespaces/{NAMESPACE}/services/https:pod-identity-webhook:443/proxy/healthz"
METRICS = "/metrics"

PATHS = (SERVICE, SLICES, DEPLOYMENTS, OWN_PODS, TLS_SECRET, HEALTHZ, METRICS)

_LABELS = {"app": "pod-identity-webhook"}


def encoded(*certificates: Certified) -> str:
    return base64.b64encode(b"".join(each.pem for each in certificates)).decode()


def configuration(annotations: t.Mapping[str, str] | None = None, **changes: t.Any) -> dict[str, t.Any]:
    """A configuration as https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/deploy has it."""
    service = {"namespace": NAMESPACE, "name": "pod-identity-webhook", "path": "/mutate"}
    entry = {
        "name": NAME,
        "failurePolicy": "Ignore",
        "admissionReviewVersions": ["v1beta1", "v1"],
        "clientConfig": {"service": service, "caBundle": encoded(ROOT)},
        "rules": [{"operations": ["CREATE"], "resources": ["pods"]}],
        **changes,
    }
    return {"metadata": {"name": "pod-identity-webhook", "annotations": dict(annotations or {})}, "webhooks": [entry]}


def bundle(*certificates: Certified) -> dict[str, t.Any]:
    """The clientConfig of a configuration with another caBundle; without one if there is no certificate."""
    config = configuration()["webhooks"][0]["clientConfig"]
    return {"clientConfig": {**config, "caBundle": encoded(*certificates)}}


def deployment(image: str = f"{IMAGE}:v0.6.17", *, ready: int = 2, replicas: int = 2) -> dict[str, t.Any]:
    container = {
        "name": "webhook",
        "image": image,
        "command": ["/webhook", "--in-cluster=false", "--tls-cert=/etc/webhook/certs/tls.crt"],
        "volumeMounts": [{"name": "cert", "mountPath": "/etc/webhook/certs"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "cert", "secret": {"secretName": "webhook-tls"}}]}
    return {
        "metadata": {"namespace": NAMESPACE, "name": "pod-identity-webhook"},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": _LABELS}, "spec": spec}},
        "status": {"readyReplicas": ready} if ready else {},
    }


def slices(*ready: bool) -> list[dict[str, t.Any]]:
    return [{"endpoints": [{"conditions": {"ready": each}} for each in ready]}]


def secret(*chain: Certified) -> dict[str, t.Any]:
    # The key is not one that anybody could use.
    return {"data": {"tls.crt": encoded(*chain), "tls.key": "VEhFIFBSSVZBVEUgS0VZ"}}


def metrics(admitted: int = 0, refused: int = 0, *, name: str = NAME) -> str:
    """The lines of kube-apiserver 1.37 about failed calls among others."""
    labels = f'name="{name}",operation="CREATE",rejection_code="0",type="admit"'
    return "\n".join(
        [
            "# TYPE apiserver_admission_webhook_fail_open_count counter",
            f'apiserver_admission_webhook_fail_open_count{{name="{name}",type="admit"}} {admitted}',
            'apiserver_admission_webhook_fail_open_count{name="other.example.com",type="admit"} 700',
            f'apiserver_admission_webhook_rejection_count{{error_type="calling_webhook_error",{labels}}} {refused}',
            f'apiserver_admission_webhook_rejection_count{{error_type="no_error",{labels}}} 900',
            "process_start_time_seconds 1.79e+09",
        ]
    )


def with_webhook(address: str = "10.0.0.1:6443", **changes: t.Any) -> fake.FakeServer:
    """A server of a cluster in which nothing but a webhook injects.

    ``changes`` replace answers, by the names of this module or of ``fake_cluster`` in lower case.
    """
    answers: dict[str, t.Any] = {
        "bindings": [],
        "webhooks": [configuration()],
        "service": {"spec": {"selector": _LABELS, "ports": [{"port": 443, "targetPort": 8443}]}},
        "slices": slices(True, True),
        "deployments": [deployment()],
        "own_pods": [],
        "tls_secret": secret(LEAF),
        "healthz": "ok",
        "metrics": metrics(),
        **changes,
    }
    ours = {name: globals()[name.upper()] for name in answers if name.upper() in globals()}
    api = fake.sound(address, **{name: answers[name] for name in answers if name not in ours})
    api.answers.update({path: answers[name] for name, path in ours.items()})
    for policy in ("irsa-inject", "irsa-label"):
        del api.answers[f"{fake.POLICIES}/{policy}"]
    return api
