# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd and kube-apiserver on loopback: enough of a control plane to sign, publish and check service account tokens."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LOOPBACK = "127.0.0.1"
# A busy machine takes its time.
_PATIENCE = 300.0


class NotReady(Exception):
    """A program that ended, or did not answer in time, with the end of its log."""


def free_ports(count: int) -> list[int]:
    """Distinct ports on which nothing listens."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for dummy in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the answer is yes; raises NotReady as soon as the process has ended, or when it takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not ready():
        # Waiting for its end is the pause between two questions.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            raise NotReady(f"{process.args!r} ended with {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise NotReady(f"{process.args!r} is not ready:\n{_tail(log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if not line.startswith("I")][-20:])


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is stopped at the end, whatever happens."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def etcd(assets: Path, folder: Path, *, address: str = LOOPBACK) -> Iterator[str]:
    """A running etcd with its data in the folder; yields its URL."""
    url, peer = (f"http://{address}:{port}" for port in free_ports(2))
    command = [
        str(assets / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def healthy() -> bool:
        try:
            with opener.open(f"{url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    log = folder / "etcd.log"
    with running(command, log) as process:
        wait_until(healthy, process, log)
        yield url


class ApiServer:
    """A running kube-apiserver, asked as its administrator or with a token of one's own."""

    def __init__(self, url: str, administrator: str, certificate: Path) -> None:
        self.url = url
        self.administrator = administrator
        self.certificate = certificate
        # Programs of this machine only: no proxy stands between.
        self._opener: urllib.request.OpenerDirector | None = None

    def _open(self, request: urllib.request.Request) -> Any:
        if self._opener is None:
            trust = ssl.create_default_context(cafile=str(self.certificate))
            self._opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
            )
        return self._opener.open(request, timeout=30)

    def ask(self, path: str, body: Any = None, bearer: str | None = None) -> tuple[int, bytes]:
        """The status and body of one request, a POST where there is something to send."""
        request = self._request(path, body, bearer)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        return self._answer(request)

    def change(self, method: str, path: str, body: Any = None) -> None:
        """One PATCH (RFC 7386) or DELETE as the administrator, which must be fulfilled."""
        request = self._request(path, body, None)
        request.method = method
        request.add_header("Content-Type", "application/merge-patch+json")
        status, answer = self._answer(request)
        assert 200 <= status < 300, answer

    def _request(self, path: str, body: Any, bearer: str | None) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {bearer or self.administrator}"}
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(self.url + path, data, headers)

    def _answer(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with self._open(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def is_ready(self) -> bool:
        try:
            return self.certificate.exists() and self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def write_kubeconfig(self, path: Path) -> None:
        """A kubeconfig of its administrator."""
        server = {"server": self.url, "certificate-authority": str(self.certificate)}
        config = {
            "current-context": "e2e",
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "admin"}}],
            "clusters": [{"name": "e2e", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": self.administrator}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")

    def get(self, path: str) -> Any:
        """A JSON document, as the administrator reads it."""
        status, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def token(self, namespace: str, service_account: str, audience: str) -> str:
        """A token for a service account, by the TokenRequest API, as the kubelet asks for one."""
        for path, kind, name in (
            ("/api/v1/namespaces", "Namespace", namespace),
            (f"/api/v1/namespaces/{namespace}/serviceaccounts", "ServiceAccount", service_account),
        ):
            status, body = self.ask(path, {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
            assert status in (201, 409), body
        request = {"audiences": [audience], "expirationSeconds": 3600}
        status, body = self.ask(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": request},
        )
        assert status == 201, body
        return str(json.loads(body)["status"]["token"])


def signing_flags(folder: Path) -> list[str]:
    """Flags that every API server needs, with a key of its own, for tests in which nothing depends on it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "service-account.key"
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return [
        "--service-account-issuer=https://issuer.example.com",
        f"--service-account-signing-key-file={file}",
        f"--service-account-key-file={file}",
    ]


@contextlib.contextmanager
def api_server(
    assets: Path, etcd_url: str, *, folder: Path, flags: Sequence[str], administrator: str | None = None
) -> Iterator[ApiServer]:
    """A running kube-apiserver with these flags beside those that any needs; raises NotReady where it does not start.

    The folder is made, and takes its certificate and its log. The servers of one cluster have one ``administrator``.
    """
    folder.mkdir()
    [port], administrator = free_ports(1), administrator or secrets.token_hex(24)
    tokens = folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{administrator},admin,admin,system:masters\n", encoding="utf-8")
    command = [
        str(assets / "kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--cert-dir={folder}",
        f"--token-auth-file={tokens}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--endpoint-reconciler-type=none",
        *flags,
    ]
    server = ApiServer(f"https://{LOOPBACK}:{port}", administrator, folder / "apiserver.crt")
    log = folder / "kube-apiserver.log"
    with running(command, log) as process:
        wait_until(server.is_ready, process, log)
        yield server


# Starts an API server with further flags, and stops it.
NewApiServer = Callable[..., contextlib.AbstractContextManager[ApiServer]]
