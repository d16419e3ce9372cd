# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What injection costs a pod, in namespaces with few and with many accounts.

Nothing here depends on how fast the machine is. The table is printed (``-s``).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from admission import REGION, Client, is_injected
from control_plane import NewApiServer, signing_flags
from endpoint import eventually
from pod_shapes import ROLE, pod
from runs import Ansible

# How many accounts a namespace has, and how many of them have a role.
SIZES = [(1, 1), (100, 10), (int(os.environ.get("IRSA_E2E_COST_ACCOUNTS", "1000")), 10)]
PODS = 200
WORKERS = 8


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("cost"))


@pytest.fixture(scope="module")
def client(new_api_server: NewApiServer, ansible: Ansible) -> Iterator[Client]:
    """A connection to an API server that has all the accounts."""
    with new_api_server(*signing_flags(ansible.folder)) as server:
        server.write_kubeconfig(ansible.folder / "kubeconfig")
        client = Client(server)
        client.add_namespace("default")
        for accounts, with_role in SIZES:
            _fill(client, _namespace(accounts), accounts, with_role)
        yield client


def test_the_cost_of_a_pod_is_printed(client: Client, ansible: Ansible) -> None:
    rows = {"no policy": _row(client, injected=False)}
    ansible.injection(region=REGION)
    rows["policy"] = _row(client, injected=True)
    rows["policy, no role"] = _row(client, "default", injected=False)
    ansible.injection(region=REGION, guard="deny")
    rows["policy and guard"] = _row(client, injected=True)
    ansible.injection(state="absent")
    rows["no policy again"] = _row(client, injected=False)

    print(f"\nms a pod, median (least), accounts/with a role: {'  '.join(f'{all_}/{some}' for all_, some in SIZES)}")
    for name, row in rows.items():
        print(f"{name:16}", "  ".join(f"{statistics.median(took):5.1f} ({min(took):.1f})" for took in row))


def _namespace(accounts: int) -> str:
    return f"cost-{accounts}"


def _fill(client: Client, namespace: str, accounts: int, with_role: int) -> None:
    """Add accounts a0, a1, …; the first of them have a role, and default has none."""
    client.add_namespace(namespace)

    def fill(worker: int) -> None:
        mine = client.again()
        for number in range(worker, accounts, WORKERS):
            mine.add_account(namespace, f"a{number}", **({"role_arn": ROLE} if number < with_role else {}))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(fill, range(WORKERS)))


def _row(client: Client, account: str = "a0", *, injected: bool) -> list[list[float]]:
    """The times of an account's pods in each namespace, once the API server does with them what it should."""

    def followed() -> None:
        assert is_injected(client.try_pod(_namespace(1), pod(account))[1]) == injected

    eventually(followed, AssertionError)
    return [_times(client, _namespace(accounts), account, injected=injected) for accounts, dummy in SIZES]


def _times(client: Client, namespace: str, account: str, *, injected: bool) -> list[float]:
    """How long each pod takes, in milliseconds. The least is what the API server needs if nothing disturbs it."""
    took = []
    for dummy in range(PODS):
        start = time.perf_counter()
        status, made = client.try_pod(namespace, pod(account))
        took.append((time.perf_counter() - start) * 1000)
        assert status == 201 and is_injected(made) == injected
    return took
