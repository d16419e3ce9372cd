# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the cluster's key on nodes of kubeadm by its own files: no flag changes.

--service-account-key-file names a file that may hold several keys, so a new key joins it there, and the private key is
replaced in its place. kubeadm copies both files to control-plane nodes that join, and leaves them alone in an upgrade:
https://kubernetes.io/docs/setup/best-practices/certificates/
The kubelet starts a static pod again when its manifest changes, which gets an annotation for that.

Whatever a run that was cut off left: each step is made of what the files hold and of what the servers do.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    key_files_node,
    key_preflight,
    kubeadm_node,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_files_node import KeyNode
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_files_steps import Planner
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_walk import planned, walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    Cluster,
    Findings,
    Plan,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

METHOD = "files"


def limits(cluster: Cluster, issuer: str) -> list[str]:
    """Return why the keys of this cluster cannot be changed, whatever state they are in."""
    return key_files_node.limits(key_files_node.node_of(server, issuer) for server in cluster.servers)


def behind(cluster: Cluster, issuer: str) -> frozenset[str]:
    """Return the servers on whose node kube-controller-manager may still sign with another key."""
    nodes = [key_files_node.node_of(server, issuer) for server in cluster.servers]
    return frozenset(node.server.name for node in nodes if node.is_behind)


def plan(cluster: Cluster, goal: KeyGoal, *, issuer: str) -> Plan:
    """Return the steps of one phase. Never raises for what was read of the cluster: that is a problem."""
    nodes = [key_files_node.node_of(server, issuer) for server in cluster.servers]
    phases, findings = walk(cluster.servers, goal)
    findings = _preflight(cluster, nodes, goal, issuer=issuer) + findings
    return planned(phases, findings, method=METHOD, steps_of=lambda walked: Planner(nodes, goal).plan(walked))


def _preflight(cluster: Cluster, nodes: t.Sequence[KeyNode], goal: KeyGoal, *, issuer: str) -> Findings:
    of_kubeadm = [node.node for node in nodes]
    general = key_preflight.general(goal, issuer)
    views = [kubeadm_node.node_of(key_preflight.as_meant(server, goal), general).view for server in cluster.servers]
    return (
        key_preflight.check(cluster, views, goal, issuer=issuer)
        + Findings(
            problems=tuple(kubeadm_node.problems(of_kubeadm, persists=False)),
            warnings=tuple(kubeadm_node.warnings(of_kubeadm, persists=False)),
        )
        + Findings(
            problems=(
                *key_files_node.limits(nodes),
                *key_files_node.problems(nodes, goal),
                *_emptied(nodes, goal),
            )
        )
    )


def _emptied(nodes: t.Iterable[KeyNode], goal: KeyGoal) -> t.Iterator[str]:
    """Yield files that would hold no key, with which no API server starts."""
    for node in nodes:
        path = key_files_node.retired_file(node, goal) if node.server.managed else None
        if path:
            yield (
                f"{node.server.name}: {quoted(path)} of its --service-account-key-file holds nothing but keys to be "
                "retired, and with an empty file no API server starts. Take that flag out of its manifest and of "
                "ClusterConfiguration, and run this again."
            )
