# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What API servers make of service accounts and pods, asked many times, and the EKS pod identity webhook beside it."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import ipaddress
import json
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from control_plane import LOOPBACK, ApiServer, free_ports, running, wait_until
from pod_shapes import BROKEN_CSV, EKS, PODS, ROLE, Object

REGION = "eu-west-1"
GROUP = "/apis/admissionregistration.k8s.io/v1"
WEBHOOKS = f"{GROUP}/mutatingwebhookconfigurations"
_WEBHOOK = "pod-identity-webhook"
_FLAGS = ("--in-cluster=false", f"--aws-default-region={REGION}", "--sts-regional-endpoint=true")
_MERGE, _APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
# kube-apiserver closes a connection that is idle for 90 seconds (IdleTimeout in k8s.io/apiserver/pkg/server).
_IDLE_SECONDS = 30.0


class Client:
    """One kept connection to an API server, so for one thread. ``user`` is impersonated."""

    def __init__(self, server: ApiServer, user: str | None = None) -> None:
        self._server = server
        self._user = user
        self._connection: http.client.HTTPSConnection | None = None
        self._used = 0.0
        self.warnings: list[str] = []

    def again(self, user: str | None = None) -> Client:
        """Another connection to the same server."""
        return Client(self._server, user)

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> tuple[int, Any]:
        """Status and document of an answer; ``warnings`` are those of the last one."""
        headers = {"Authorization": f"Bearer {self._server.administrator}", "Content-Type": kind}
        if self._user:
            headers["Impersonate-User"] = self._user
        connection = self._connected()
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        # Kept for the next call only after a whole answer.
        self._connection, self._used = connection, time.monotonic()
        self.warnings = answer.headers.get_all("Warning") or []
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {"message": text.decode(errors="replace")}

    def _connected(self) -> http.client.HTTPSConnection:
        """The kept connection, or a new one if the server may have closed it."""
        kept, self._connection = self._connection, None
        if kept is not None and time.monotonic() - self._used < _IDLE_SECONDS:
            return kept
        trust = ssl.create_default_context(cafile=str(self._server.certificate))
        return http.client.HTTPSConnection(urlsplit(self._server.url).netloc, context=trust, timeout=120)

    def must(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        """The document of an answer that is no failure; what exists already or is gone already is none."""
        status, answer = self.call(method, path, body, kind=kind)
        assert status < 300 or status in (404, 409), (method, path, answer)
        return answer

    def add_namespace(self, name: str, labels: Object | None = None) -> None:
        self.must("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels or {}}})
        self.add_account(name, "default")

    def add_account(self, namespace: str, name: str, **annotations: str) -> Any:
        metadata = {
            "name": name,
            "annotations": {EKS + key.replace("_", "-"): each for key, each in annotations.items()},
        }
        return self.must("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": metadata})

    def apply(self, path: str, document: Object, *, dry_run: bool = False) -> Any:
        """The object that a document becomes, if the API server knows all its fields and warns of none."""
        query = "fieldManager=test&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        status, answer = self.call("PATCH", f"{path}?{query}", document, kind=_APPLY)
        assert status < 300 and self.warnings == [], (path, answer, self.warnings)
        return answer

    def change(self, path: str, metadata: Object) -> Any:
        """Change the metadata of an object."""
        return self.must("PATCH", path, {"metadata": metadata}, kind=_MERGE)

    def try_pod(self, namespace: str, pod: Object) -> tuple[int, Any]:
        """What would become of a pod: status and pod, or the refusal."""
        return self.call("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)


def is_injected(pod: Any) -> bool:
    return any(each["name"] == "aws-iam-token" for each in pod.get("spec", {}).get("volumes", []))


def plainly(status: int, pod: Any) -> Any:
    """What a pod came out as, without what differs by chance."""
    if status >= 300:
        return f"{status}: " + re.sub(r'"?p-?[a-z0-9]*"? (is|in)', "p is", pod["message"])
    kept = {"spec": pod["spec"], **{name: pod["metadata"].get(name) for name in ("annotations", "labels")}}
    return json.loads(re.sub(r"kube-api-access-\w+", "kube-api-access", json.dumps(kept)))


def differences(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{at}.{key}")
    elif ours != theirs:
        yield f"{at or 'answer'}: {json.dumps(ours)[:300]} is not {json.dumps(theirs)[:300]}"


@contextlib.contextmanager
def webhook_program(
    binary: Path, server: ApiServer, folder: Path, *, flags: Sequence[str] = _FLAGS, token: str | None = None
) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """A running EKS pod identity webhook with the certificate in a folder: its port, process and log.

    What ``flags`` say of ports and files is replaced. The webhook asks as the administrator, or with a token.
    """
    port, metrics = free_ports(2)
    user = ApiServer(server.url, token or server.administrator, server.certificate)
    user.write_kubeconfig(folder / "kubeconfig")
    command = [
        str(binary),
        *flags,
        # Of a flag that is given twice, the last one counts.
        f"--kubeconfig={folder / 'kubeconfig'}",
        f"--kube-api={server.url}",
        f"--port={port}",
        f"--metrics-port={metrics}",
        f"--tls-cert={folder / 'tls.crt'}",
        f"--tls-key={folder / 'tls.key'}",
    ]
    log = folder / "webhook.log"
    with running(command, log) as process:
        yield port, process, log


@contextlib.contextmanager
def webhook(
    binary: Path,
    server: ApiServer,
    folder: Path,
    *,
    configure: Callable[[str, bytes], Object] | None = None,
    **program: Any,
) -> Iterator[str]:
    """A running EKS pod identity webhook, which the API server has begun to ask; yields its URL.

    ``configure`` makes a MutatingWebhookConfiguration of the webhook's URL and certificate, whose file is tls.crt in
    the folder. What else is given is for the program.
    """
    folder.mkdir()
    certificate, client = _certificate(folder), Client(server)
    with webhook_program(binary, server, folder, **program) as (port, process, log):
        url = f"https://{LOOPBACK}:{port}"
        configuration = (configure or _configuration)(f"{url}/mutate", certificate)
        client.must("POST", WEBHOOKS, configuration)
        client.add_namespace("webhook-ready")
        client.add_account("webhook-ready", "app", role_arn=ROLE)

        def answers() -> bool:
            # The container that a policy beside it would skip.
            status, pod = client.try_pod("webhook-ready", PODS[BROKEN_CSV])
            return status < 300 and "AWS_ROLE_ARN" in json.dumps(pod["spec"]["containers"][1])

        try:
            wait_until(answers, process, log)
            yield url
        finally:
            client.must("DELETE", f"{WEBHOOKS}/{configuration['metadata']['name']}")


def _configuration(url: str, certificate: bytes) -> Object:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    opted_out = {"key": f"{EKS}skip-pod-identity-webhook", "operator": "DoesNotExist"}
    return {
        "metadata": {"name": _WEBHOOK},
        "webhooks": [
            {
                "name": "pod-identity-webhook.amazonaws.com",
                "failurePolicy": "Fail",
                "sideEffects": "None",
                # Releases of the webhook up to 0.6.17 answer v1beta1 only.
                "admissionReviewVersions": ["v1beta1", "v1"],
                "reinvocationPolicy": "IfNeeded",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate).decode()},
                "objectSelector": {"matchExpressions": [opted_out]},
                "rules": [rule],
            }
        ],
    }


def _certificate(folder: Path) -> bytes:
    """A certificate of its own for loopback, written with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    (folder / "tls.crt").write_bytes(text)
    (folder / "tls.key").touch(mode=0o600)
    (folder / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return text
