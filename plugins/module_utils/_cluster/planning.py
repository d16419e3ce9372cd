# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the servers of a cluster to a plan, whatever their distribution is."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import preflight, steps
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    SIGN,
    SIGN_BACK,
    Cluster,
    Findings,
    Goal,
    Plan,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.steps import Walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import View
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted


class Planner(t.Protocol):
    """What a distribution makes of a walk."""

    def plan(self, walk: Walk) -> list[Step]:
        """Return all steps, in order. Raises IrsaError if it cannot go on."""

    def advice(self) -> t.Iterable[str]:
        """Return what else its operator must know after the steps, in sentences."""

    def new_node_needs(self) -> t.Iterable[str]:
        """Return the files that a server must have before it joins."""


def plan(
    views: t.Sequence[View],
    goal: Goal,
    cluster: Cluster,
    *,
    findings: Findings,
    planner: t.Callable[[], Planner],
    method: str,
) -> Plan:
    """Return the plan, given what the distribution finds. It has no steps if there is a problem."""
    findings = preflight.check(views, goal, cluster) + findings
    if not findings.problems:
        walk, found = steps.walk(views, goal, cluster.now)
        findings += found
    if findings.problems:
        return Plan(findings=findings, method=method)
    made = planner()
    try:
        planned = made.plan(walk)
    except IrsaError as error:
        return Plan(findings=findings + Findings(problems=(str(error),)), method=method)
    return Plan(
        steps=tuple(planned),
        findings=findings,
        summary=steps.summary(planned),
        next=(*next_steps(planned, goal), *made.advice()),
        method=method,
        new_node_needs=tuple(made.new_node_needs()),
    )


def next_steps(planned: t.Sequence[Step], goal: Goal) -> t.Iterator[str]:
    """Yield what may or must be done after the steps."""
    last = planned[-1] if planned else None
    if last and last.phase == ACCEPT:
        yield "When every API server accepts the issuer, run this again with irsa_apiserver_phase auto or sign."
    if last and last.phase == SIGN and len(last.issuers) > 1:
        yield (
            f"Whatever trusts this cluster's tokens by the issuer {quoted(last.issuers[1])} must trust "
            f"{quoted(last.issuers[0])}, too: Vault, other clusters and clouds, service meshes."
        )
    if last and last.phase == SIGN_BACK:
        yield (
            f"The API servers still accept {quoted(goal.issuer)}. Run this again with irsa_apiserver_state absent "
            f"after {goal.forget_after} seconds (irsa_apiserver_forget_after) to have it forgotten."
        )
