# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a cluster whose API servers are started by services of systemd: k3s, RKE2, k0s, MicroK8s."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, planning, service_node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import SIGNING_KEY_FILE, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    Cluster,
    Findings,
    Goal,
    Plan,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import KeyFiles
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.service_steps import ServicePlanner


def own_key_paths(server: Server, distribution: Distribution, kid: str) -> tuple[KeyFiles, str | None]:
    """Return the paths of an own key's files on a server, and that of the cluster's key, whose owner they get.

    Not every API server runs as root. Raises Fault if the server's files cannot be used.
    """
    unit = server.unit or Unit()
    arguments = distribution.programs(server.files, unit).api_server
    return phases.key_files_in(distribution.own_key_folder(server.files, unit), kid), cluster_key(arguments)


def cluster_key(arguments: Arguments) -> str | None:
    """Return the path of the cluster's private key, None if an API server's arguments do not name it."""
    return next((path for path in arguments.values(SIGNING_KEY_FILE) if not phases.is_own_key(path)), None)


def plan(cluster: Cluster, goal: Goal, distribution: Distribution) -> Plan:
    """Return the plan. Never raises Fault for what was read of the cluster: that is a problem."""
    nodes = [service_node.node_of(server, goal, distribution) for server in cluster.servers]
    return planning.plan(
        [node.view for node in nodes],
        goal,
        cluster,
        findings=Findings(problems=tuple(service_node.problems(nodes)), warnings=tuple(service_node.warnings(nodes))),
        planner=lambda: ServicePlanner(nodes, goal),
        method=distribution.keeps,
    )
