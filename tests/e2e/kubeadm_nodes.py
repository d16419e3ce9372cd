# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control-plane nodes of a real cluster of kubeadm, which role irsa_apiserver changes and what it leaves there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from running_cluster import RunningCluster
from runs import Ansible, Run

ISSUER = "https://irsa-e2e-apiservers.example.com"
MANIFESTS = "/etc/kubernetes/manifests"
MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
FLAG = "--service-account-issuer="


class Nodes:
    """The cluster of the environment, and the hosts of its inventory as that is now."""

    def __init__(self, folder: Path) -> None:
        self.cluster = RunningCluster()
        inventory = self.cluster.inventory.read_text(encoding="utf-8")
        self.ansible = Ansible(folder, inventory)
        self.hosts = tuple(re.findall(r"^(\S+) ansible_host=", inventory, re.MULTILINE))

    def run(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        """Run role irsa_apiserver, with variables that are named without its prefix."""
        given = {
            "irsa_apiserver_issuer": ISSUER,
            **{f"irsa_apiserver_{name}": value for name, value in variables.items()},
        }
        return self.ansible.apiserver(given, *options, fails=fails)

    @contextlib.contextmanager
    def left_as_found(self) -> Iterator[None]:
        """Have the API servers go back at the end, from wherever they are then."""
        before = self.manifests()
        assert not any(ISSUER in manifest for manifest in before.values()), "an earlier run was not undone"
        try:
            yield
        finally:
            self.go_back()
        assert self.manifests() == before

    def go_back(self, **variables: Any) -> None:
        """Have the API servers sign with the former issuer again, and forget ours."""
        for dummy in range(2):  # the first is not needed if none signs
            self.run(state="absent", forget_after=0, **variables)

    def shell(self, host: str, command: str) -> str:
        return str(self.ansible.module("ansible.builtin.shell", host, cmd=command)["stdout"])

    def manifests(self) -> dict[str, str]:
        results = self.ansible.modules("ansible.builtin.command", "control_plane", cmd=f"cat {MANIFEST}")
        return {host: str(result["stdout"]) for host, result in results.items()}

    def pods(self, component: str = "kube-apiserver") -> dict[str, Any]:
        """The mirror pods of a component, by node."""
        pods = self.cluster.core.list_namespaced_pod("kube-system", label_selector=f"component={component}").items
        return {pod.spec.node_name: pod for pod in pods}

    def issuers(self) -> dict[str, list[str]]:
        """The issuers that run, by node, as the mirror pods say."""
        commands = {name: pod.spec.containers[0].command for name, pod in self.pods().items()}
        return {
            name: [part.removeprefix(FLAG) for part in command if part.startswith(FLAG)]
            for name, command in commands.items()
        }


def actions_of(run: Run) -> list[str]:
    """What a run says that it did or would do, on all servers."""
    return [action for server in run.result.values() for action in server["actions"]]
