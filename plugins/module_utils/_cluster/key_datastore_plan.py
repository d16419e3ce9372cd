# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the cluster's key in its datastore, on k3s and RKE2: no flag changes, and a server that joins later gets
the same keys.

The distribution's command replaces the keys in the datastore, and each server takes them when it starts. So before each
command all servers must be ready for whichever of them starts first, be it by a crash: the old key before the new one
(accept), the new one before the old one when all verify both (sign), and the new one alone when all sign with it
(retire_key). The documented recipe puts the new key first at once, and then the first server that restarts signs with a
key that the others refuse.
https://docs.k3s.io/cli/certificate#service-account-issuer-key-rotation
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    key_datastore_node,
    key_preflight,
    service_node,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_datastore_node import KeyNode
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_datastore_steps import Planner
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_walk import planned, walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Findings, Goal, Plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.service_steps import ServicePlanner
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed

METHOD = "datastore"


def is_possible(cluster: Cluster, distribution: Distribution) -> bool:
    """Whether the keys of all servers come from the datastore, can be replaced there, and can be read."""
    if any(key_datastore_node.has_own_key(server, distribution) for server in cluster.servers):
        return False
    nodes = _nodes(cluster, Goal(issuer=""), distribution)
    managed = [server for server in cluster.servers if server.managed]
    # One that cannot be read among others is a problem, not another way.
    return len(nodes) == len(managed) and any(node.kids for node in nodes)


def _nodes(cluster: Cluster, goal: Goal, distribution: Distribution) -> list[KeyNode]:
    found = (key_datastore_node.node_of(server, goal, distribution) for server in cluster.servers)
    return [node for node in found if node is not None]


def plan(cluster: Cluster, goal: KeyGoal, *, distribution: Distribution, issuer: str) -> Plan:
    """Return the steps of one phase. Never raises for what was read of the cluster: that is a problem."""
    nodes = _nodes(cluster, key_preflight.general(goal, issuer), distribution)
    phases, findings = walk(cluster.servers, goal)
    findings = _preflight(cluster, nodes, goal, distribution=distribution, issuer=issuer) + findings
    found = planned(phases, findings, method=METHOD, steps_of=lambda walked: Planner(nodes, goal).plan(walked))
    if found.findings.problems:
        return found
    needs = tuple(ServicePlanner([node.node for node in nodes], Goal(issuer=issuer)).new_node_needs())
    return dataclasses.replace(found, next=tuple(_advice(needs)), new_node_needs=needs)


def _advice(needs: tuple[str, ...]) -> t.Iterator[str]:
    """Yield what a server must have that joins: not the keys, but our flags for the issuer."""
    if needs:
        yield (
            f"Give a server that joins this cluster {listed(needs)} with its mode, or run role irsa_apiserver as soon "
            "as it has joined: the keys come from the cluster's datastore, the issuer does not. Until then, it refuses "
            "the tokens of the others."
        )


def _preflight(
    cluster: Cluster, nodes: list[KeyNode], goal: KeyGoal, *, distribution: Distribution, issuer: str
) -> Findings:
    general = key_preflight.general(goal, issuer)
    meant = [key_preflight.as_meant(server, goal) for server in cluster.servers]
    views = [service_node.node_of(server, general, distribution).view for server in meant]
    of_service = [node.node for node in nodes]
    return key_preflight.check(cluster, views, goal, issuer=issuer) + Findings(
        problems=(*service_node.problems(of_service), *key_datastore_node.problems(nodes, goal)),
        warnings=tuple(service_node.warnings(of_service)),
    )
