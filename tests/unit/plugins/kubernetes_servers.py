# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API servers of a cluster on loopback ports, with the answers of real ones, and a kubeconfig for them."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import INTERMEDIATE, ROOT, HttpsServer, certify

BEARER = "a-bearer-token-of-the-administrator"
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/openid/v1/jwks"
ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes"

# The certificate of an API server, whose names are those under which kubeadm and others let clients reach it.
NAMES = ("kubernetes.default.svc", "kubernetes.default", "kubernetes", "localhost")


def serve_json(server: HttpsServer, path: str, document: t.Any, *, status: int = 200) -> None:
    """Let a server answer a path with a JSON document."""
    server.serve(path, json.dumps(document).encode(), status)


def status_object(code: int, reason: str, message: str) -> dict[str, t.Any]:
    """An error as kube-apiserver answers it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def endpoints_of(*addresses: str) -> dict[str, t.Any]:
    """The Endpoints that API servers write, for those at these addresses (IPv4 and port)."""
    pairs = [address.rpartition(":")[::2] for address in addresses]
    return {
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [
            {"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": int(port), "protocol": "TCP"}]}
            for ip, port in pairs
        ],
    }


class Servers:
    """API servers, started one by one; ``stop`` ends all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[HttpsServer] = []

    def start(
        self, issuer: str | None = None, keys: t.Sequence[t.Any] = (), *, names: t.Sequence[str] = NAMES
    ) -> HttpsServer:
        """A server with an issuer and keys; without an issuer it serves nothing yet."""
        folder = self._folder / f"server-{len(self._running)}"
        folder.mkdir()
        server = HttpsServer(folder, [certify("kube-apiserver", INTERMEDIATE, names), INTERMEDIATE])
        self._running.append(server)
        if issuer is not None:
            serve_json(server, DISCOVERY, {"issuer": issuer})
            serve_json(server, JWKS, {"keys": list(keys)})
        return server

    def kubeconfig(self, front: HttpsServer, **changes: t.Any) -> str:
        """Write a kubeconfig for a server, with members of the cluster's entry changed, or without those that are None.
        Return its path.
        """
        ca = self._folder / "kube-ca.pem"
        ca.write_bytes(ROOT.pem)
        port = front.address.rpartition(":")[2]
        entry = {"server": f"https://localhost:{port}", "certificate-authority": str(ca), **changes}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {name: value for name, value in entry.items() if value is not None}}],
            "users": [{"name": "u", "user": {"token": BEARER}}],
        }
        path = self._folder / "kubeconfig"
        path.write_text(json.dumps(config), encoding="utf-8")
        return str(path)

    def stop(self) -> None:
        """Stop all."""
        for server in self._running:
            server.stop()
