# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EKS pod identity webhook behind a Service, with the objects that controllers of a cluster would keep."""

from __future__ import annotations

import base64
import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from admission import GROUP, Client, webhook_program
from control_plane import ApiServer

_SPACE, _NAME = "webhook", "pod-identity-webhook"
_CONFIGURATION = f"{GROUP}/mutatingwebhookconfigurations/{_NAME}"
_CORE = f"/api/v1/namespaces/{_SPACE}"
_SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{_SPACE}/endpointslices"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{_SPACE}/deployments"
_MERGE = "application/merge-patch+json"
_LABELS = {"app": _NAME}
NOT_OWN_OR_SYSTEM = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [_SPACE, "kube-system"]}]
}


def own_address() -> str:
    """An IPv4 address of this machine that is not loopback, which Kubernetes keeps in no endpoint. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.254", 9))
        return str(probe.getsockname()[0])


class Behind:
    """A webhook behind a Service, and ways to break it."""

    def __init__(self, client: Client, process: subprocess.Popen[bytes], *, ca: bytes, other_ca: bytes) -> None:
        self._client = client
        self._process = process
        self.ca = ca
        self.other_ca = other_ca

    def client_config(self, ca: bytes) -> dict[str, Any]:
        service = {"namespace": _SPACE, "name": _NAME, "path": "/mutate", "port": 443}
        return {"service": service, "caBundle": base64.b64encode(ca).decode()}

    def set(self, **members: Any) -> None:
        """Change members of the webhook in its configuration."""
        webhooks = self._client.must("GET", _CONFIGURATION)["webhooks"]
        webhooks[0].update(members)
        self._client.must("PATCH", _CONFIGURATION, {"webhooks": webhooks}, kind=_MERGE)

    def kill(self) -> None:
        """End the program; its endpoint still counts as ready, as in the moment after."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Let the endpoint and the Deployment say that nothing is ready, as controllers would."""
        [endpoint] = self._client.must("GET", f"{_SLICES}/{_NAME}")["endpoints"]
        endpoint["conditions"] = {"ready": False}
        self._client.must("PATCH", f"{_SLICES}/{_NAME}", {"endpoints": [endpoint]}, kind=_MERGE)


@contextlib.contextmanager
def webhook_behind_service(binary: Path, server: ApiServer, folder: Path) -> Iterator[Behind]:
    """A running webhook of which API servers learn by a Service, with failurePolicy Ignore."""
    from ansible_collections.selfhosted.irsa.tests.unit.plugins import https_server as web  # noqa: PLC0415

    folder.mkdir()
    leaf = web.certify("webhook", web.ROOT, [f"{_NAME}.{_SPACE}.svc"])
    (folder / "tls.crt").write_bytes(leaf.pem)
    (folder / "tls.key").touch(mode=0o600)
    (folder / "tls.key").write_bytes(
        leaf.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    client = Client(server)
    with webhook_program(binary, server, folder) as (port, process, _log):
        behind = Behind(client, process, ca=web.ROOT.pem, other_ca=web.certify("Another CA").pem)
        image = f"public.ecr.aws/eks/amazon-eks-pod-identity-webhook:{'v0.6.17' if '0.6.17' in binary.name else 'main'}"
        made = [f"{path}/{document['metadata']['name']}" for path, document in _objects(folder, port, image)]
        for path, document in _objects(folder, port, image):
            client.must("POST", path, document)
        status = {"replicas": 1, "readyReplicas": 1}
        client.must("PATCH", f"{_DEPLOYMENTS}/{_NAME}/status", {"status": status}, kind=_MERGE)
        webhook = {
            "name": "pod-identity-webhook.amazonaws.com",
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1beta1", "v1"],
            "clientConfig": behind.client_config(behind.ca),
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        }
        try:
            client.must("POST", _CONFIGURATION.rpartition("/")[0], {"metadata": {"name": _NAME}, "webhooks": [webhook]})
            yield behind
        finally:
            # Without a controller, a namespace that was deleted would never be gone.
            for path in (_CONFIGURATION, *reversed(made[1:])):
                client.must("DELETE", path)


def _objects(folder: Path, port: int, image: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the API server has of the webhook, with the path that each is created at."""
    metadata = {"name": _NAME, "namespace": _SPACE}
    yield "/api/v1/namespaces", {"metadata": {"name": _SPACE}}
    data = {name: base64.b64encode((folder / name).read_bytes()).decode() for name in ("tls.crt", "tls.key")}
    yield f"{_CORE}/secrets", {"metadata": metadata, "type": "kubernetes.io/tls", "data": data}
    ports = [{"port": 443, "targetPort": port}]
    yield f"{_CORE}/services", {"metadata": metadata, "spec": {"selector": _LABELS, "ports": ports}}
    container = {
        "name": "webhook",
        "image": image,
        "command": ["/webhook", "--tls-cert=/etc/webhook/certs/tls.crt"],
        "volumeMounts": [{"name": "cert", "mountPath": "/etc/webhook/certs"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "cert", "secret": {"secretName": _NAME}}]}
    template = {"metadata": {"labels": _LABELS}, "spec": pod}
    yield (
        _DEPLOYMENTS,
        {"metadata": metadata, "spec": {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": template}},
    )
    yield (
        _SLICES,
        {
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": _NAME}},
            "addressType": "IPv4",
            "ports": [{"port": port, "protocol": "TCP", "name": ""}],
            "endpoints": [{"addresses": [own_address()], "conditions": {"ready": True}}],
        },
    )
