# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API servers of a real cluster of kubeadm are changed one after the other, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from polling import Polls, polling
from running_cluster import RunningCluster
from runs import Ansible, Run

ISSUER = "https://irsa-e2e-apiservers.example.com"
MANIFESTS = "/etc/kubernetes/manifests"
MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
FLAG = "--service-account-issuer="

# Keeps the port of an API server from the next one, until the manifest is again what it was.
TAKE_PORT = f"""
import hashlib, socket, sys, time
def digest():
    with open("{MANIFEST}", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
before, port = digest(), int(sys.argv[1])
while digest() == before:
    time.sleep(0.05)
taken = None
while digest() != before:
    if taken is None:
        taken = socket.socket(socket.AF_INET6)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("::", port))
            taken.listen()
        except OSError:
            taken.close()
            taken = None
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class Nodes:
    """The cluster and its hosts."""

    cluster: RunningCluster
    ansible: Ansible
    hosts: tuple[str, ...]

    def run(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        given = {
            "irsa_apiserver_issuer": ISSUER,
            **{f"irsa_apiserver_{name}": value for name, value in variables.items()},
        }
        return self.ansible.apiserver(given, *options, fails=fails)

    def shell(self, host: str, command: str) -> str:
        return str(self.ansible.module("ansible.builtin.shell", host, cmd=command)["stdout"])

    def manifests(self) -> dict[str, str]:
        results = self.ansible.modules("ansible.builtin.command", "control_plane", cmd=f"cat {MANIFEST}")
        return {host: str(result["stdout"]) for host, result in results.items()}

    def issuers(self) -> dict[str, list[str]]:
        """The issuers that run, by node, as the mirror pods say."""
        pods = self.cluster.core.list_namespaced_pod("kube-system", label_selector="component=kube-apiserver").items
        commands = {pod.spec.node_name: pod.spec.containers[0].command for pod in pods}
        return {
            name: [part.removeprefix(FLAG) for part in command if part.startswith(FLAG)]
            for name, command in commands.items()
        }


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    cluster = RunningCluster()
    ansible = Ansible(tmp_path_factory.mktemp("apiservers"), cluster.inventory.read_text(encoding="utf-8"))
    hosts = re.findall(r"^(\S+) ansible_host=", cluster.inventory.read_text(encoding="utf-8"), re.MULTILINE)
    return Nodes(cluster, ansible, tuple(hosts))


@dataclass(frozen=True)
class Walk:
    """The role was run in check mode, for real while clients polled, and once more; then twice for the way back."""

    nodes: Nodes
    manifests: dict[str, str]
    issuers: dict[str, list[str]]
    planned: Run
    first: Run
    second: Run
    polls: Polls
    signing: dict[str, list[str]]


@pytest.fixture(scope="module")
def walk(nodes: Nodes) -> Iterator[Walk]:
    manifests, issuers = nodes.manifests(), nodes.issuers()
    planned = nodes.run("--check")
    assert nodes.manifests() == manifests
    addresses = [server["address"] for server in planned.result.values()]
    with polling(addresses, nodes.cluster.kubeconfig) as polls:
        first = nodes.run("-vvv")
    second = nodes.run()
    yield Walk(
        nodes, manifests, issuers, planned=planned, first=first, second=second, polls=polls, signing=nodes.issuers()
    )
    nodes.run(state="absent")
    nodes.run(state="absent", forget_after=0)
    assert nodes.manifests() == manifests


def _actions(run: Run) -> list[str]:
    return [action for server in run.result.values() for action in server["actions"]]


def test_check_mode_lists_what_the_run_does(walk: Walk) -> None:
    assert _actions(walk.planned) == _actions(walk.first)
    restarts = [action for action in _actions(walk.first) if action.endswith(":restart kube-apiserver")]
    number = len(walk.nodes.hosts)
    assert len(restarts) == (1 if number == 1 else 2 * number)


def test_every_server_signs_and_still_accepts_the_former_issuer(walk: Walk) -> None:
    assert walk.signing == {node: [ISSUER, *former] for node, former in walk.issuers.items()}
    for server in walk.first.result.values():
        assert server["restarted"] is True
        assert {check["status"] for check in server["checks"]} == {"ok"}


def test_a_second_run_changes_nothing(walk: Walk) -> None:
    assert walk.second.changed == 0
    assert _actions(walk.second) == []


def test_no_token_is_refused_at_any_time(walk: Walk) -> None:
    polls = walk.polls
    assert polls.refused == []
    assert polls.answered.total() >= 500
    servers = {server["address"] for server in walk.first.result.values()}
    urls = {f"https://{address}" for address in servers}
    [old] = {issuers[0] for issuers in walk.issuers.values()}
    # Every server was asked with old and new tokens of every server.
    assert set(polls.answered) == {
        (asked, minted, issuer) for asked in urls for minted in urls for issuer in (old, ISSUER)
    }


def test_no_token_is_printed(walk: Walk) -> None:
    assert not re.search(r"eyJ[\w-]+\.eyJ", walk.planned.output + walk.first.output + walk.second.output)


def test_only_the_flag_changes_in_the_manifest(walk: Walk) -> None:
    manifests = walk.nodes.manifests()
    for host, before in walk.manifests.items():
        after = manifests[host].splitlines()
        assert [line for line in after if ISSUER not in line] == before.splitlines()
        assert sum(ISSUER in line for line in after) == 1


def test_the_folder_of_static_pods_gets_no_copy(walk: Walk) -> None:
    for host in walk.nodes.hosts:
        names = walk.nodes.shell(host, f"ls -A {MANIFESTS}").split()
        assert sorted(names) == [
            f"{name}.yaml" for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
        ]
        assert walk.nodes.shell(host, "stat -c %a /etc/kubernetes/irsa-backup") == "700"


def test_an_upgrade_keeps_the_issuer(walk: Walk) -> None:
    patches = "--patches /etc/kubernetes/patches" if "patches" in str(walk.first.result) else ""
    command = (
        "kubeadm upgrade node phase control-plane --dry-run --certificate-renewal=false --etcd-upgrade=false "
        f"{patches} 2>&1"
    )
    for host in walk.nodes.hosts:
        printed = walk.nodes.shell(host, command)
        # Before the manifest that it would write, it prints the pod that runs.
        number = len(walk.signing[host])
        assert re.findall(rf"{FLAG}(\S+)", printed)[-number:] == walk.signing[host], printed


def test_a_manifest_that_kubeadm_writes_again_keeps_the_issuer(walk: Walk) -> None:
    """With the configuration in the cluster, and this node's own address."""
    host = walk.nodes.hosts[0]
    configuration = walk.nodes.cluster.core.read_namespaced_config_map("kubeadm-config", "kube-system").data
    address = walk.first.result[host]["address"].rpartition(":")[0]
    local = {
        "apiVersion": yaml.safe_load(configuration["ClusterConfiguration"])["apiVersion"],
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": address},
        "patches": {"directory": "/etc/kubernetes/patches"},
    }
    if "patches" not in str(walk.first.result):
        del local["patches"]
    text = f"{configuration['ClusterConfiguration']}\n---\n{json.dumps(local)}\n"
    folder = "/root/irsa-e2e-kubeadm"
    walk.nodes.ansible.module("ansible.builtin.file", host, path=folder, state="directory", mode="0700")
    walk.nodes.ansible.module("ansible.builtin.copy", host, content=text, dest=f"{folder}/kubeadm.yaml", mode="0600")
    rendering = f"KUBEADM_INIT_DRYRUN_DIR={folder} kubeadm init phase control-plane apiserver --dry-run"
    rendered = walk.nodes.shell(
        host, f"{rendering} --config {folder}/kubeadm.yaml >&2; cat {folder}/kube-apiserver.yaml; rm -r {folder}"
    )
    assert re.findall(rf"{FLAG}(\S+)", rendered) == walk.signing[host], rendered


def test_a_server_that_fails_is_put_back_and_the_next_run_goes_on(nodes: Nodes, tmp_path: Path) -> None:
    if len(nodes.hosts) < 2:
        pytest.skip("IRSA_E2E_NODES_INVENTORY has one control-plane node, and this needs two")
    before = nodes.manifests()
    nodes.run(phase="accept")
    accepting, (first, second, *later) = nodes.issuers(), nodes.hosts
    accepted = nodes.manifests()
    nodes.ansible.module("ansible.builtin.copy", second, content=TAKE_PORT, dest="/root/take-port.py", mode="0600")
    nodes.shell(second, "setsid nohup python3 /root/take-port.py 6443 > /dev/null 2>&1 < /dev/null &")
    failed = nodes.run(phase="sign", fails=True)
    now = nodes.issuers()
    assert "address already in use" in failed.output
    assert "Its files were put back, and it runs as before." in failed.output
    assert now[first] == [ISSUER, *(issuer for issuer in accepting[first] if issuer != ISSUER)]
    assert {host: now[host] for host in (second, *later)} == {host: accepting[host] for host in (second, *later)}
    signed = nodes.manifests()
    assert signed == {**accepted, first: signed[first]}
    went_on = nodes.run()
    assert {issuers[0] for issuers in nodes.issuers().values()} == {ISSUER}
    assert all(not action.startswith(f"{first}:") for action in _actions(went_on))
    refused = nodes.run(state="absent", phase="auto")
    assert {issuers[0] for issuers in nodes.issuers().values()} == {accepting[first][0]}
    too_early = nodes.run(state="absent", fails=True)
    assert "irsa_apiserver_forget_after" in too_early.output
    assert refused.changed > 0
    nodes.run(state="absent", forget_after=0)
    assert nodes.manifests() == before


def test_a_part_of_a_cluster_does_not_sign(nodes: Nodes) -> None:
    if len(nodes.hosts) < 2:
        pytest.skip("IRSA_E2E_NODES_INVENTORY has one control-plane node, and this needs two")
    before = nodes.manifests()
    refused = nodes.run("--limit", nodes.hosts[0], phase="sign", fails=True)
    assert nodes.hosts[1] in refused.output
    assert nodes.manifests() == before
