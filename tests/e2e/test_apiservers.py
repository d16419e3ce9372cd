# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API servers of a real cluster of kubeadm are changed one after the other, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kubeadm_nodes import ISSUER, MANIFESTS, Nodes, actions_of
from polling import Polls, polling
from runs import Run


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
    with nodes.left_as_found():
        with polling(addresses, nodes.cluster.kubeconfig) as polls:
            first = nodes.run("-vvv")
        second, signing = nodes.run(), nodes.issuers()
        yield Walk(nodes, manifests, issuers, planned=planned, first=first, second=second, polls=polls, signing=signing)


def test_check_mode_lists_what_the_run_does(walk: Walk) -> None:
    assert actions_of(walk.planned) == actions_of(walk.first)
    restarts = [action for action in actions_of(walk.first) if action.endswith(":restart kube-apiserver")]
    number = len(walk.nodes.hosts)
    assert len(restarts) == (1 if number == 1 else 2 * number)


def test_every_server_signs_and_still_accepts_the_former_issuer(walk: Walk) -> None:
    assert walk.signing == {node: [ISSUER, *former] for node, former in walk.issuers.items()}
    for server in walk.first.result.values():
        assert server["restarted"] is True
        assert {check["status"] for check in server["checks"]} == {"ok"}


def test_a_second_run_changes_nothing(walk: Walk) -> None:
    assert walk.second.changed == 0
    assert actions_of(walk.second) == []


def test_no_token_is_refused_at_any_time(walk: Walk) -> None:
    polls = walk.polls
    assert polls.refused == []
    servers = {server["address"] for server in walk.first.result.values()}
    urls = {f"https://{address}" for address in servers}
    assert polls.answered.total() >= 50 * len(urls) ** 2
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
