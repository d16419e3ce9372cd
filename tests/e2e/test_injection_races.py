# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods that are created at once with their accounts, at three API servers.

Nothing here depends on how fast the machine is. The counts are printed (``-s``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from admission import REGION, Client, is_injected
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_credentials import (
    pods_without_credentials,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import role_accounts
from control_plane import NewApiServer, signing_flags
from endpoint import eventually
from pod_shapes import EKS, ROLE, Object, pod
from runs import Ansible

COUNT = int(os.environ.get("IRSA_E2E_RACE_PODS", "100"))
WORKERS = 9


@dataclass(frozen=True)
class Cluster:
    """Three API servers on one etcd, which the role has made inject."""

    clients: tuple[Client, Client, Client]

    def pods_in(self, namespace: str) -> dict[str, Object]:
        found = self.clients[0].must("GET", f"/api/v1/namespaces/{namespace}/pods?limit=10000")["items"]
        return {each["metadata"]["name"]: each for each in found}

    def named_as_missed(self, namespace: str) -> set[str]:
        """The pods that the check of the collection would name."""
        accounts = self.clients[0].must("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts?limit=10000")["items"]
        found = pods_without_credentials(self.pods_in(namespace).values(), role_accounts(accounts))
        return {each.name for each in found}


@pytest.fixture(scope="module")
def cluster(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("race")
    flags = signing_flags(folder)
    with ExitStack() as stack:
        servers = [stack.enter_context(new_api_server(*flags)) for dummy in range(3)]
        servers[0].write_kubeconfig(folder / "kubeconfig")
        first, second, third = map(Client, servers)
        made = Cluster((first, second, third))
        first.add_namespace("default")
        # The guard of accounts would refuse some of those that are missed.
        Ansible(folder).injection(region=REGION, guard="warn")
        first.add_namespace("ready")
        first.add_account("ready", "app", role_arn=ROLE)

        def followed() -> None:
            assert all(is_injected(client.try_pod("ready", pod())[1]) for client in made.clients)

        eventually(followed, AssertionError)
        yield made


Worker = Callable[[int, Client, Client], tuple[int, Object]]


def at_once(cluster: Cluster, work: Worker) -> dict[str, int]:
    """Do something ``COUNT`` times, each at two servers of three, and count what became of the pods."""

    def turn(worker: int) -> list[str]:
        clients = [client.again() for client in cluster.clients]
        seen = []
        for number in range(worker, COUNT, WORKERS):
            status, made = work(number, clients[number % 3], clients[(number + 1) % 3])
            assert status in (201, 422), made
            seen.append("refused" if status == 422 else "injected" if is_injected(made) else "missed")
        return seen

    with ThreadPoolExecutor(WORKERS) as pool:
        seen = [each for part in pool.map(turn, range(WORKERS)) for each in part]
    counts = {name: seen.count(name) for name in ("injected", "missed", "refused")}
    assert sum(counts.values()) == COUNT
    return counts


def new_account(namespace: str) -> Worker:
    """An account with a role at one server, and its pod at the next straight away."""

    def work(number: int, maker: Client, poster: Client) -> tuple[int, Object]:
        maker.add_account(namespace, f"new{number}", role_arn=ROLE)
        return poster.call("POST", f"/api/v1/namespaces/{namespace}/pods", pod(f"new{number}", {"name": f"p{number}"}))

    return work


def new_annotation(namespace: str) -> Worker:
    """The same with an account that the servers have known for long, whose annotation is new."""

    def work(number: int, maker: Client, poster: Client) -> tuple[int, Object]:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/late{number}"
        maker.change(path, {"annotations": {f"{EKS}role-arn": ROLE}})
        return poster.call("POST", f"/api/v1/namespaces/{namespace}/pods", pod(f"late{number}", {"name": f"p{number}"}))

    return work


@pytest.mark.parametrize("race", [new_account, new_annotation])
@pytest.mark.parametrize("guarded", [False, True], ids=["unguarded", "guarded"])
def test_a_pod_that_is_missed_is_named_and_in_a_guarded_namespace_refused(
    cluster: Cluster, race: Callable[[str], Worker], guarded: bool
) -> None:
    namespace = f"{race.__name__.replace('_', '-')}-{'guarded' if guarded else 'open'}"
    first = cluster.clients[0]
    first.add_namespace(namespace, {"irsa.selfhosted.example/guard": "deny"} if guarded else {})
    if race is new_annotation:
        for number in range(COUNT):
            first.add_account(namespace, f"late{number}")

    def known() -> None:
        for client in cluster.clients:
            status, dummy = client.try_pod(namespace, pod("default"))
            assert status == (422 if guarded else 201)

    eventually(known, AssertionError)
    counts = at_once(cluster, race(namespace))
    print(f"{namespace}: {counts}")
    missed = {name for name, each in cluster.pods_in(namespace).items() if not is_injected(each)}
    assert len(missed) == counts["missed"] and cluster.named_as_missed(namespace) == missed
    if guarded:
        assert missed == set()
