# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods that are made through every API server of a cluster, one after the other, while something is changed."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import kubernetes

from running_cluster import RunningCluster

_ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes"
_VOLUME = "aws-iam-token"
# Each server is asked about ten times a second.
_PAUSE_SECONDS = 0.1


class PodMaker:
    """Makes pods of one account at one API server."""

    def __init__(self, kubeconfig: str, address: str, *, namespace: str, account: str) -> None:
        client = kubernetes.config.new_client_from_config(kubeconfig)
        client.configuration.host = self._url = f"https://{address}"
        self._pool = kubernetes.client.ApiClient(client.configuration).rest_client.pool_manager
        self.address, self._namespace, self._account = address, namespace, account

    def make(self, *, dry_run: bool = True, **spec: Any) -> Any:
        """What became of a pod. Without ``dry_run``, no node takes it unless its spec says otherwise."""
        container = {"name": "app", "image": "registry.k8s.io/pause:3.10"}
        scheduler = {} if dry_run else {"schedulerName": "nobody"}
        pod = {
            "metadata": {"generateName": "made-"},
            "spec": {"serviceAccountName": self._account, "containers": [container], **scheduler, **spec},
        }
        query = "?dryRun=All" if dry_run else ""
        answer = self._pool.request(
            "POST",
            f"{self._url}/api/v1/namespaces/{self._namespace}/pods{query}",
            body=json.dumps(pod),
            headers={"Content-Type": "application/json"},
            timeout=30,
            retries=False,
        )
        assert answer.status == 201, answer.data
        return json.loads(answer.data)


@dataclass
class Made:
    """How many pods each API server admitted, when those were admitted that got no credentials, and the regions."""

    counts: dict[str, int] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    regions: set[str] = field(default_factory=set)
    slowest: float = 0.0

    def note(self, address: str, pod: Any, *, since: float, took: float) -> None:
        self.counts[address] = self.counts.get(address, 0) + 1
        self.slowest = max(self.slowest, took)
        if not is_injected(pod):
            self.missed.append(f"{address} after {since:.1f} s")
        self.regions |= {
            each["value"] for each in pod["spec"]["containers"][0].get("env", []) if each["name"] == "AWS_REGION"
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{number} at {address}" for address, number in sorted(self.counts.items()))
        return f"{sum(self.counts.values())} pods ({counts}), {len(self.missed)} missed, slowest {self.slowest:.2f} s"


def is_injected(pod: Any) -> bool:
    return any(each["name"] == _VOLUME for each in pod["spec"].get("volumes", []))


def makers(cluster: RunningCluster, namespace: str, account: str) -> list[PodMaker]:
    """One for each API server that the cluster lists."""
    (subset,) = cluster.get(_ENDPOINTS)["subsets"]
    port = subset["ports"][0]["port"]
    addresses = [f"{each['ip']}:{port}" for each in subset["addresses"]]
    return [PodMaker(cluster.kubeconfig, address, namespace=namespace, account=account) for address in addresses]


@contextlib.contextmanager
def stream(each_server: list[PodMaker]) -> Iterator[Made]:
    """Within it, pods are made as dry runs through every API server at the same time."""
    made, over, failures, begun = Made(), threading.Event(), [], time.monotonic()
    lock = threading.Lock()

    def run(maker: PodMaker) -> None:
        try:
            while not over.is_set():
                asked = time.monotonic()
                pod = maker.make()
                now = time.monotonic()
                with lock:
                    made.note(maker.address, pod, since=now - begun, took=now - asked)
                over.wait(_PAUSE_SECONDS)
        except Exception as failure:  # noqa: BLE001  # raised below, in the test's thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(maker,)) for maker in each_server]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
