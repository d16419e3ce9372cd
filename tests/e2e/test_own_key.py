# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuer's own key beside the cluster's, on a real cluster, where all servers sign with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from endpoint import Endpoint, Site
from kubeadm_nodes import Nodes
from polling import Server
from runs import Run
from tokens import header_of

NAMESPACE = "irsa-e2e-own-key"
PLANNED = "the-ID-of-the-key-that-is-yet-to-be-created"
MANAGER = "kube-controller-manager"
HASH = "kubernetes.io/config.hash"
FLAG = "--service-account-private-key-file="


@dataclass(frozen=True)
class Own:
    """A cluster that playbook enable was run on with an own key: in check mode, for real, and once more."""

    nodes: Nodes
    site: Site
    planned: Run
    first: Run
    second: Run
    managers: dict[str, dict[str, Any]]

    @property
    def kid(self) -> str:
        return str(self.first.result["issuer"]["kid"])


@pytest.fixture(scope="module")
def own(endpoint: Endpoint, any_style: str, nodes: Nodes) -> Iterator[Own]:
    manifests = nodes.manifests()
    managers = {"before": nodes.pods(MANAGER)}
    with endpoint.site(any_style) as site, endpoint.role_removed(site.bucket):
        variables = {
            **site.variables,
            "irsa_kubeconfig": nodes.cluster.kubeconfig,
            "irsa_apiserver_key": "own",
            "irsa_injection_method": "none",
            "irsa_service_accounts_create_namespaces": True,
            "irsa_service_accounts_list": [{"namespace": NAMESPACE, "name": "app", "role_name": site.bucket}],
        }
        try:
            planned = nodes.ansible.enable(variables, "--check")
            first = nodes.ansible.enable(variables, "-vvv")
            managers["after"] = nodes.pods(MANAGER)
            second = nodes.ansible.enable(variables)
            yield Own(nodes, site, planned=planned, first=first, second=second, managers=managers)
        finally:
            nodes.go_back(issuer=site.issuer, key="own")
            nodes.cluster.delete_namespace(NAMESPACE)
            for host in nodes.hosts:
                nodes.shell(host, "rm -rf /etc/kubernetes/pki/irsa")
    assert nodes.manifests() == manifests
    assert {_private_keys(pod) for pod in nodes.pods(MANAGER).values()} == {
        _private_keys(pod) for pod in managers["before"].values()
    }


def _private_keys(pod: Any) -> tuple[str, ...]:
    command = pod.spec.containers[0].command
    return tuple(part.removeprefix(FLAG) for part in command if part.startswith(FLAG))


def test_check_mode_lists_what_the_run_does(own: Own) -> None:
    # Check mode does not create the key, so it does not know its ID.
    planned = [action.replace(PLANNED, own.kid) for action in own.planned.all_actions]
    assert planned == own.first.all_actions
    restarts = [action for action in own.first.all_actions if action.endswith(f":restart {MANAGER}")]
    assert restarts == [f"{host}:restart {MANAGER}" for host in own.nodes.hosts]


def test_restarts_are_announced(own: Own) -> None:
    number = len(own.nodes.hosts)
    sentence = "1 controller manager restarts" if number == 1 else f"{number} controller managers restart"
    assert sentence in " ".join(own.planned.output.split())


def test_a_second_run_changes_nothing(own: Own) -> None:
    assert own.second.changed == 0
    assert own.second.all_actions == []


def test_every_controller_manager_was_restarted_with_the_key(own: Own) -> None:
    before, after = own.managers["before"], own.managers["after"]
    assert set(before) == set(after) == set(own.nodes.hosts)
    for host, pod in after.items():
        assert pod.metadata.annotations[HASH] != before[host].metadata.annotations[HASH]
        assert _private_keys(pod)[-1] == f"/etc/kubernetes/pki/irsa/{own.kid}.key"
        [status] = pod.status.container_statuses
        assert status.ready and status.state.running.started_at > before[host].status.start_time
        [check] = [
            check for check in own.first.result["servers"][host]["checks"] if check["id"] == "controller-manager"
        ]
        assert (check["status"], pod.metadata.name in check["seen"]) == ("ok", True)


def test_every_server_signs_with_the_key_and_keeps_the_clusters(own: Own) -> None:
    for server in own.first.result["servers"].values():
        asked = Server(server["address"], own.nodes.cluster.kubeconfig)
        assert header_of(asked.mint())["kid"] == own.kid
        assert set(server["kids"]["after"]) == {own.kid, *server["kids"]["before"]}


def test_aws_accepts_a_token_of_the_key(own: Own) -> None:
    assert [key["kid"] for key in own.first.result["issuer"]["keys"]] == [own.kid]
    assert "STS accepts the token" in own.first.output


def test_the_key_is_roots_alone_and_in_no_output(own: Own) -> None:
    key = (own.nodes.ansible.folder / "sa-signer.key").read_text(encoding="utf-8")
    lines = [line for line in key.splitlines() if not line.startswith("-----")]
    # The first quarter is the modulus, which is published, and the last line may be a few letters.
    private = lines[len(lines) // 3 : -1]
    for host in own.nodes.hosts:
        path = f"/etc/kubernetes/pki/irsa/{own.kid}.key"
        assert own.nodes.shell(host, f"stat -c '%a %U' {path}") == "600 root"
        assert (
            own.nodes.shell(host, f"sha256sum < {path}")
            == own.nodes.ansible.module(
                "ansible.builtin.shell", cmd=f"sha256sum < {own.nodes.ansible.folder / 'sa-signer.key'}"
            )["stdout"]
        )
    for run in (own.planned, own.first, own.second):
        assert private and not any(line in run.output for line in private)
