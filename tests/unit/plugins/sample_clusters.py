# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of kubeadm as they are read, and as the steps of a plan leave them."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Plan, Server
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import CONTROLLER_MANAGER, KUBEADM, OLD

SIGNING_KID = "kid-of-the-cluster"
STARTED = 1_000_000.0

CONFIGURATION = """\
apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
certificatesDir: /etc/kubernetes/pki
controllerManager: {}
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
networking:
  dnsDomain: cluster.local
"""


def command_of(manifest: bytes) -> tuple[str, ...]:
    return tuple(yaml.safe_load(manifest)["spec"]["containers"][0]["command"])


def server(name: str = "node1", manifest: bytes = KUBEADM.encode(), **known: t.Any) -> Server:
    """A server that runs what its manifest says."""
    values: dict[str, t.Any] = {
        "name": name,
        "manifest": manifest,
        "running": command_of(manifest) if b"command:" in manifest else None,
        "controller_manager": CONTROLLER_MANAGER.encode(),
        "ready": True,
        "started": STARTED,
        "kids": frozenset({SIGNING_KID}),
        "signing_kid": SIGNING_KID,
        "folder": ("etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", ".hidden"),
        "tool_version": "v1.37.2",
    }
    return Server(**{**values, **known})


def cluster(count: int = 3, **known: t.Any) -> Cluster:
    """A cluster whose servers are alike."""
    return Cluster(
        servers=tuple(server(f"node{number}", **known) for number in range(1, count + 1)),
        configuration=CONFIGURATION,
        now=STARTED + 10,
    )


def with_server(before: Cluster, name: str, **known: t.Any) -> Cluster:
    """A cluster in which one server is different."""
    servers = [dataclasses.replace(each, **known) if each.name == name else each for each in before.servers]
    return dataclasses.replace(before, servers=tuple(servers))


def walked(before: Cluster, plan: Plan, now: float = STARTED + 100) -> Cluster:
    """The cluster after the steps of a plan, each of which must find what it expects."""
    assert plan.findings.problems == ()
    servers = {each.name: each for each in before.servers}
    configuration = before.configuration
    for step in plan.steps:
        here = servers[step.server]
        for write in step.writes:
            here = _written(here, write.path, before=write.before, after=write.after)
        if step.restarts:
            assert step.arguments == command_of(here.manifest or b"")
            here = dataclasses.replace(here, running=step.arguments, started=now)
        servers[step.server] = here
        if step.configuration:
            assert step.configuration[0] == configuration
            configuration = step.configuration[1]
    return dataclasses.replace(before, servers=tuple(servers.values()), configuration=configuration, now=now)


def _written(here: Server, path: str, *, before: bytes | None, after: bytes | None) -> Server:
    if path == here.manifest_path:
        assert before == here.manifest
        return dataclasses.replace(here, manifest=after)
    if path == here.controller_manager_path:
        assert before == here.controller_manager
        return dataclasses.replace(here, controller_manager=after)
    name = posixpath.basename(path)
    patches = dict(here.patches)
    assert before == patches.pop(name, None)
    return dataclasses.replace(here, patches=patches if after is None else {**patches, name: after})


def issuers(after: Cluster) -> list[tuple[str, ...]]:
    """The issuers that each server runs with."""
    flag = "--service-account-issuer="
    return [
        tuple(text.removeprefix(flag) for text in each.running or () if text.startswith(flag)) for each in after.servers
    ]


ONLY_OLD = [(OLD,)] * 3
