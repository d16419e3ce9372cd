# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of stand-in servers that role irsa_apiserver changes, and what its API servers say themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polling import Server as Client
from runs import Ansible, Run
from stand_in.cluster import Cluster, Server

ISSUER = "https://irsa-e2e-distributions.example.com"
FORMER_ISSUERS = {
    "k3s": "https://kubernetes.default.svc.cluster.local",
    "rke2": "https://kubernetes.default.svc.cluster.local",
    "k0s": "https://kubernetes.default.svc",
    "microk8s": "https://kubernetes.default.svc",
}


class Walked:
    """The cluster with Ansible for its hosts and a client for each of its API servers."""

    def __init__(self, servers: Cluster, folder: Path) -> None:
        self.servers = servers
        # What role irsa_issuer leaves, if it is to have run before.
        self.issuer_result: dict[str, Any] | None = None
        self.ansible = Ansible(folder, servers.inventory)
        self.clients = [Client(server.address, servers.kubeconfig) for server in servers.servers]

    def run(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        """Run role irsa_apiserver, with variables that are named without its prefix."""
        given: dict[str, Any] = {"irsa_apiserver_issuer": ISSUER}
        given |= {"irsa_issuer_result": self.issuer_result} if self.issuer_result else {}
        given |= {f"irsa_apiserver_{name}": value for name, value in variables.items()}
        return self.ansible.apiserver(given, *options, fails=fails)

    def minted(self) -> list[str]:
        """A token of each server."""
        return [client.mint() for client in self.clients]

    def server(self, number: int) -> Server:
        return self.servers.servers[number]


def actions_of(run: Run) -> list[str]:
    """What a run says that it did or would do, on all servers."""
    return [action for server in run.result.values() for action in server["actions"]]
