# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a cluster made by kubeadm: what irsa_apiserver calls.

state = Cluster(servers=(Server(name="node1", manifest=…, running=…, …), …), configuration=…, now=…)
result = plan(state, Goal(issuer="https://…", published_kids=…), Options())
result.findings.problems      all at once: fail before any write
for step in result.steps:     one server after the other
    for file in step.files:   write file.after if the present content is file.before
    …                         if step.restarts: wait until step.arguments run, and prove step.issuers and so on
    step.manager              then kube-controller-manager: write it, and wait until its arguments run
    step.configuration        (before, after): write it into ConfigMap kubeadm-config by resourceVersion
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    kubeadm_node,
    kubeadm_versions,
    planning,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_configuration import (
    API_SERVER,
    ClusterConfiguration,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_node import Node, own_key_paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_persistence import (
    AUTO,
    CLUSTER_CONFIGURATION,
    NONE,
    PATCHES,
    Persistence,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_steps import Planner
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Findings, Goal, Plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed

__all__ = ("Options", "own_key_paths", "plan")

_CONFIG_MAP = "ClusterConfiguration in ConfigMap kube-system/kubeadm-config"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The variables of the role that only kubeadm's clusters have."""

    persist: str = AUTO
    patches_dir: str = "/etc/kubernetes/patches"


def plan(cluster: Cluster, goal: Goal, options: Options) -> Plan:
    """Return the steps that lead to the goal. Never raises for what was read of the cluster: that is a problem."""
    nodes = [kubeadm_node.node_of(server, goal) for server in cluster.servers]
    persistence, problems = _persistence(cluster.configuration, nodes, options)
    problems += [] if goal.force else _conflicts(persistence, nodes, goal)
    persists = persistence.method != NONE
    return planning.plan(
        [node.view for node in nodes],
        goal,
        cluster,
        findings=Findings(
            problems=(*kubeadm_node.problems(nodes, persists=persists), *problems),
            warnings=tuple(kubeadm_node.warnings(nodes, persists=persists)),
        ),
        planner=lambda: Planner(nodes, goal, persistence),
        method=persistence.method,
    )


def _persistence(text: str | None, nodes: t.Sequence[Node], options: Options) -> tuple[Persistence, list[str]]:
    """Return how the change survives, and why it could not."""
    problems: list[str] = []
    configuration = None
    if text is not None:
        try:
            configuration = ClusterConfiguration(text)
        except Fault as fault:
            if options.persist != NONE:
                problems.append(
                    f"{_CONFIG_MAP} cannot be used: {fault}. With irsa_apiserver_persist none, it is left alone."
                )
    versions = [node.server.tool_version for node in nodes if node.server.tool_version]
    sorting = [version for version in versions if not _keeps_order(version)]
    keeps_order = bool(versions) and not sorting
    able = configuration is not None and configuration.has_lists and keeps_order
    patched = _perhaps_patched(nodes, configuration)
    method = options.persist
    if method == AUTO:
        method = CLUSTER_CONFIGURATION if able and not patched else PATCHES
    elif method == CLUSTER_CONFIGURATION and not problems:
        problems += _refusal(configuration, sorting, able=able, patched=patched)
    return Persistence(
        method=method,
        configuration=configuration,
        keeps_order=keeps_order,
        patches_dir=options.patches_dir,
        outside=tuple(node.server.name for node in nodes if not node.server.managed),
    ), problems


def _perhaps_patched(nodes: t.Iterable[Node], configuration: ClusterConfiguration | None) -> list[str]:
    """Return the servers outside the play that may have a patch of ours: what they accept is not all rendered.

    With that patch and the same issuer in ClusterConfiguration, the next upgrade would render it twice.
    """
    rendered = configuration.rendered(API_SERVER, ISSUER, keeps_order=True) if configuration else ()
    return [
        node.server.name
        for node in nodes
        if not node.server.managed
        and (node.view.running is None or not set(node.view.running.values(ISSUER)) <= set(rendered))
    ]


def _refusal(
    configuration: ClusterConfiguration | None, sorting: t.Sequence[str], *, able: bool, patched: t.Sequence[str]
) -> t.Iterator[str]:
    """Yield why ClusterConfiguration cannot be used although the user chose it."""
    if not able:
        yield (
            f"irsa_apiserver_persist cannot be {CLUSTER_CONFIGURATION} here: {_obstacle(configuration, sorting)}. Use "
            f"{AUTO} or {PATCHES}."
        )
    elif patched:
        names = ", ".join(patched)
        yield (
            f"irsa_apiserver_persist cannot be {CLUSTER_CONFIGURATION} in this run: {names} may have a patch that "
            "names an issuer of ClusterConfiguration again, and a repeated issuer stops the API server. Add "
            f"{names} to the hosts of this play (no --limit)."
        )


def _keeps_order(version: str) -> bool:
    try:
        return kubeadm_versions.keeps_order(version)
    except Fault:
        return False  # the preflight says so


def _obstacle(configuration: ClusterConfiguration | None, sorting: t.Sequence[str]) -> str:
    if configuration is None:
        return "there is no ConfigMap kube-system/kubeadm-config with a ClusterConfiguration"
    if not configuration.has_lists:
        return "ClusterConfiguration is of version v1beta3, which holds one value for each flag"
    if sorting:
        return (
            f"kubeadm {listed(dict.fromkeys(sorting))} sorts repeated flags, so the issuer might not be the first one"
        )
    return "the version of kubeadm is not known"


def _conflicts(persistence: Persistence, nodes: t.Sequence[Node], goal: Goal) -> list[str]:
    """Return issuers that the next upgrade would bring and that do not run today."""
    if persistence.configuration is None or persistence.method == NONE:
        return []
    running = [node.view.written for node in nodes if node.view.written]
    meant = persistence.configuration.own(API_SERVER, ISSUER)
    lost = [
        issuer
        for issuer in meant
        if issuer != goal.issuer and any(issuer not in arguments.values(ISSUER) for arguments in running)
    ]
    if not lost:
        return []
    message = (
        f"{_CONFIG_MAP} sets --{ISSUER} to {listed(meant)}, but {listed(lost)} does not run. Make both "
        "the same, or set irsa_apiserver_force to have what runs written there."
    )
    return [message]
