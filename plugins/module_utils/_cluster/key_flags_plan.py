# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of keys by flags: the new key is installed as a key of our own beside the one that signs, as irsa_apiserver
installs an issuer's own key, and the flags of the former one are taken away at the end.

For k3s, RKE2, k0s and MicroK8s, and for kubeadm if a key of our own signs.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    kubeadm,
    planning,
    service,
    service_node,
    service_steps,
    steps,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import PURPOSES, KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_walk import refused, retirement_refusals
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import PLANNED
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    AUTO,
    RETIRE_KEY,
    SIGN,
    Cluster,
    Findings,
    Goal,
    Plan,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault


def plan(
    cluster: Cluster, goal: KeyGoal, *, distribution: Distribution | None, options: kubeadm.Options, issuer: str
) -> Plan:
    """Return the steps of one phase. Never raises for what was read of the cluster: that is a problem."""
    of_issuer = _goal(goal, issuer, cluster.servers)
    servers = dataclasses.replace(cluster, legacy_tokens=None)
    if distribution is None:
        made = kubeadm.plan(servers, of_issuer, options)
    else:
        made = service.plan(servers, of_issuer, distribution)
    findings = made.findings
    if goal.phase == RETIRE_KEY:
        findings += Findings(problems=tuple(retirement_refusals(cluster.servers, goal)))
    if findings.problems:
        return Plan(findings=findings, method=made.method)
    # What planning says of an issuer is not meant here.
    said = len(list(planning.next_steps(made.steps, of_issuer)))
    return dataclasses.replace(made, summary=steps.summary(made.steps, PURPOSES), next=made.next[said:])


def _goal(goal: KeyGoal, issuer: str, servers: t.Sequence[Server]) -> Goal:
    """Return the same as an issuer's goal: what accepts and signs with its issuer today gets another key."""
    return Goal(
        issuer=issuer,
        # A server that does not verify the key yet, such as one that was down, does so before another one signs.
        phase=AUTO if goal.phase == SIGN else goal.phase,
        own_kid=goal.kid,
        retired_kids=goal.retired_kids,
        cut_off=frozenset(_cut_off(servers, goal) if goal.phase == SIGN else ()),
        force=goal.force,
    )


def _cut_off(servers: t.Sequence[Server], goal: KeyGoal) -> t.Iterator[str]:
    """Yield the servers that sign with a key that others refuse, such as one that was down until it was retired."""
    for server in refused(servers):
        if server.managed and server.signing_kid != goal.kid:
            yield server.name


def limits(cluster: Cluster, distribution: Distribution | None, *, issuer: str) -> list[str]:
    """Return why the flags of the key that signs today could not be taken away once another one signs."""
    if distribution is None:
        return []
    found: dict[str, list[str]] = {}
    for server in cluster.servers:
        fault = _limit(server, distribution, issuer) if server.managed else None
        if fault:
            found.setdefault(fault, []).append(server.name)
    return [f"{', '.join(names)}: {fault}." for fault, names in found.items()]


def _limit(server: Server, distribution: Distribution, issuer: str) -> str | None:
    """Return what stands in the way of going all three phases, as a predicate."""
    kid = server.signing_kid
    goal = Goal(issuer=issuer, own_kid=PLANNED, retired_kids=frozenset({kid} if kid else ()))
    node = service_node.node_of(server, goal, distribution)
    if node.programs is None:
        return None  # a plan says so
    files, programs = dict(server.files), node.programs
    try:
        for phase in (SIGN, RETIRE_KEY):
            expected = service_steps.programs_after(phase, programs, node.view.target)
            after = node.distribution.files_after(files, node.unit, expected)
            files = {path: content for path, content in {**files, **after}.items() if content is not None}
            programs = node.distribution.programs(files, node.unit)
    except Fault as fault:
        return str(fault)
    return None
