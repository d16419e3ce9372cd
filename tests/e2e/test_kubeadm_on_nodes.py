# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kubeadm does on the nodes of a real cluster after it: the servers still sign for the issuer, and new ones do."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from endpoint import setting
from kubeadm_nodes import ISSUER, Nodes, actions_of
from polling import Server
from runs import Run
from tokens import claims_of

_PATCHES = "/etc/kubernetes/patches"
_FOLDER = "/root/irsa-e2e-kubeadm"


@dataclass(frozen=True)
class Signing:
    """A cluster that signs for the issuer."""

    nodes: Nodes
    run: Run
    issuers: dict[str, list[str]]

    @property
    def patches(self) -> str | None:
        """The folder that kubeadm must be told of, if what survives is written there."""
        return _PATCHES if "patches" in {server["persisted_in"] for server in self.run.result.values()} else None

    def require_signing(self, host: str) -> None:
        """The server has the issuers that it had, in their order, and signs with the first one."""
        assert self.nodes.issuers()[host] == self.issuers[host]
        server = Server(self.run.result[host]["address"], self.nodes.cluster.kubeconfig)
        token = server.mint()
        assert claims_of(token)["iss"] == ISSUER
        assert server.status(token) == 200


@pytest.fixture(scope="module")
def signing(nodes: Nodes) -> Iterator[Signing]:
    assert ISSUER not in str(nodes.issuers()), "an earlier run was not undone"
    try:
        run = nodes.run()
        yield Signing(nodes, run, nodes.issuers())
    finally:
        # With the nodes that have joined meanwhile.
        Nodes(nodes.ansible.folder).go_back()
    assert ISSUER not in str(nodes.issuers()) + json.dumps(_configuration(nodes))


def _configuration(nodes: Nodes) -> dict[str, str]:
    return dict(nodes.cluster.core.read_namespaced_config_map("kubeadm-config", "kube-system").data)


def test_an_upgrade_of_each_node_keeps_the_issuer(signing: Signing) -> None:
    patches = f"--patches {signing.patches}" if signing.patches else ""
    command = f"kubeadm upgrade node phase control-plane --certificate-renewal=false --etcd-upgrade=false {patches}"
    for host in signing.nodes.hosts:
        printed = signing.nodes.shell(host, f"{command} 2>&1")
        assert "The control plane instance for this node was successfully" in printed, printed
        signing.require_signing(host)


def test_a_manifest_that_kubeadm_writes_again_keeps_the_issuer(signing: Signing) -> None:
    """With the configuration in the cluster, and this node's own address."""
    nodes, host = signing.nodes, signing.nodes.hosts[0]
    configuration = _configuration(nodes)["ClusterConfiguration"]
    local = {
        "apiVersion": yaml.safe_load(configuration)["apiVersion"],
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": signing.run.result[host]["address"].rpartition(":")[0]},
        **({"patches": {"directory": signing.patches}} if signing.patches else {}),
    }
    nodes.ansible.module("ansible.builtin.file", host, path=_FOLDER, state="directory", mode="0700")
    nodes.ansible.module(
        "ansible.builtin.copy",
        host,
        content=f"{configuration}\n---\n{json.dumps(local)}\n",
        dest=f"{_FOLDER}/kubeadm.yaml",
        mode="0600",
    )
    nodes.shell(host, f"kubeadm init phase control-plane apiserver --config {_FOLDER}/kubeadm.yaml; rm -r {_FOLDER}")
    # It waits until what runs is what the manifest says, and finds nothing to do.
    again = nodes.run()
    assert actions_of(again) == []
    signing.require_signing(host)


def test_a_control_plane_node_that_joins_signs_for_the_issuer(signing: Signing, tmp_path: Path) -> None:
    """Last, since there is one node more afterwards."""
    command = setting("IRSA_E2E_NODES_JOIN", "a command that joins one more control-plane node and lists it, too")
    before = set(signing.nodes.hosts)
    subprocess.run(shlex.split(command), check=True, stdin=subprocess.DEVNULL)
    nodes = Nodes(tmp_path)
    (host,) = set(nodes.hosts) - before
    assert nodes.issuers()[host] == next(iter(signing.issuers.values()))
    again = nodes.run()
    assert actions_of(again) == []
    token = Server(again.result[host]["address"], nodes.cluster.kubeconfig).mint()
    assert claims_of(token)["iss"] == ISSUER
    for server in again.result.values():
        assert Server(server["address"], nodes.cluster.kubeconfig).status(token) == 200
