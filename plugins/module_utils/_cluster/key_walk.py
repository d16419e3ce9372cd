# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order the servers of a cluster change when a key is changed, and which changes are refused.

Every server verifies the new key before another one signs with it, and no server signs with a key that goes.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import steps
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import PURPOSES, KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    RETIRE_KEY,
    SIGN,
    Findings,
    Plan,
    Server,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.refused_keys import is_refused
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

Walk = list[tuple[str, list[str]]]


def planned(phases: Walk, findings: Findings, *, method: str, steps_of: t.Callable[[Walk], t.Sequence[Step]]) -> Plan:
    """Return the plan of a walk, without steps if something speaks against it: what was found, or an IrsaError of
    ``steps_of``, which returns the steps of the phases.
    """
    if findings.problems:
        return Plan(findings=findings, method=method)
    try:
        found = tuple(steps_of(phases))
    except IrsaError as error:
        return Plan(findings=findings + Findings(problems=(str(error),)), method=method)
    return Plan(steps=found, findings=findings, summary=steps.summary(found, PURPOSES), method=method)


def walk(servers: t.Sequence[Server], goal: KeyGoal) -> tuple[Walk, Findings]:
    """Return the phases in order, each with the names of its servers in order, and what speaks against them."""
    lacking = [server for server in servers if goal.kid not in (server.kids or ())]
    if goal.phase == ACCEPT:
        return [(ACCEPT, _managed(servers))], Findings(warnings=_left_out(lacking, "verify the new key"))
    if goal.phase == SIGN:
        return _to_sign(servers, lacking, goal)
    return _to_retire(servers, goal)


def _managed(servers: t.Iterable[Server]) -> list[str]:
    return [server.name for server in servers if server.managed]


def _to_sign(servers: t.Sequence[Server], lacking: t.Sequence[Server], goal: KeyGoal) -> tuple[Walk, Findings]:
    outside = [server.name for server in lacking if not server.managed]
    if outside:
        names = ", ".join(outside)
        refusal = (
            f"No API server may sign with the key {quoted(goal.kid)} yet: it is not known of {names} that it verifies "
            f"this key, so it could refuse the tokens of the others. Add {names} to the hosts of this play (no "
            "--limit)."
        )
        return [], Findings(problems=(refusal,))
    others = [server for server in servers if server.signing_kid != goal.kid]
    found = Findings(warnings=_left_out(others, "sign with the new key"))
    # One whose tokens the others refuse, such as one that joined with former keys, signs with the new key at once.
    broken = refused(servers)
    first = [server for server in lacking if server not in broken]
    ordered = [*broken, *(server for server in servers if server not in broken)]
    return [(ACCEPT, _managed(first)), (SIGN, _managed(ordered))], found


def refused(servers: t.Sequence[Server]) -> list[Server]:
    """Return the servers whose tokens another one refuses."""
    return [
        server
        for server in servers
        if is_refused(server.signing_kid, [other.kids for other in servers if other is not server])
    ]


def _to_retire(servers: t.Sequence[Server], goal: KeyGoal) -> tuple[Walk, Findings]:
    refusals = list(retirement_refusals(servers, goal))
    if refusals:
        return [], Findings(problems=tuple(refusals))
    accepting = [server for server in servers if goal.retired_kids & (server.kids or goal.retired_kids)]
    # kube-controller-manager signs legacy tokens. What a run that was cut off left of it must come first.
    managed = _managed(servers)
    return [(SIGN, managed), (RETIRE_KEY, managed)], Findings(warnings=_left_out(accepting, "refuse the retired key"))


def retirement_refusals(servers: t.Iterable[Server], goal: KeyGoal) -> t.Iterator[str]:
    """Yield why the former keys cannot be retired: tokens that are made with them would be refused."""
    signing = [server.name for server in servers if server.signing_kid in (None, *goal.retired_kids)]
    if signing:
        yield (
            f"The key {listed(sorted(goal.retired_kids))} cannot be retired: {', '.join(signing)} signs with it, or "
            "does not say with which key it signs. Have every API server sign with the new key first."
        )


def _left_out(servers: t.Iterable[Server], purpose: str) -> tuple[str, ...]:
    return tuple(
        f"{server.name} is an API server of this cluster, but not a host of this play. It does not {purpose} yet. Run "
        "this for it, too."
        for server in servers
        if not server.managed
    )
