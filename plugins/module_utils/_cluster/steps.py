# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order the API servers of a cluster change, and which changes are refused.

A token that one server signs must be accepted by all others. So every server accepts the issuer before any signs with
it, and every server signs with the former issuer again, for long enough, before any forgets ours.
"""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, restarts
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import EXTEND_TOKEN_EXPIRATION, ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    ACCEPT,
    AUTO,
    FORGET,
    RETIRE_KEY,
    SIGN,
    SIGN_BACK,
    Findings,
    Goal,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import View
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# A phase, and the servers that change in it.
Walk = list[tuple[str, list[View]]]

_PURPOSES = {
    ACCEPT: "to accept the issuer",
    SIGN: "to sign with the issuer",
    SIGN_BACK: "to sign with the former issuer again",
    FORGET: "to forget the issuer",
    RETIRE_KEY: "to refuse the former key",
}


def walk(views: t.Sequence[View], goal: Goal, now: float) -> tuple[Walk, Findings]:
    """Return the phases in order, each with its servers in order, and what speaks against them."""
    if goal.state == ABSENT:
        return _back(views, goal, now)
    if goal.phase == RETIRE_KEY:
        left = [view for view in views if not _has_retired(view)]
        return [(RETIRE_KEY, _managed(left))], Findings(warnings=_left_out(left, "refuse the retired key"))
    # One that is cut off could not prove a token before it signs, and then it accepts, too.
    accepting = [view for view in views if view.name not in goal.cut_off and not view.has_reached(ACCEPT)]
    signing = [view for view in views if not view.has_reached(SIGN)]
    signing.sort(key=lambda view: view.name not in goal.cut_off)
    if goal.phase == ACCEPT:
        return [(ACCEPT, _managed(accepting))], Findings(warnings=_left_out(accepting, "accept the issuer"))
    if len(views) == 1 and goal.phase in (AUTO, SIGN):
        return [(SIGN, _managed(signing))], Findings(warnings=_left_out(signing, "sign with the issuer"))
    missing = accepting if goal.phase == SIGN else [view for view in accepting if not view.server.managed]
    if missing:
        return [], Findings(problems=(_refusal(missing, goal),))
    # One that a run left between the write and the restart may sign as soon as it is restarted.
    accepting.sort(key=lambda view: view.is_pending and view.signs)
    return [(ACCEPT, accepting), (SIGN, _managed(signing))], Findings(
        warnings=_left_out(signing, "sign with the issuer")
    )


def _has_retired(view: View) -> bool:
    """Whether a server refuses the retired keys. One that signs with them cannot, which a planner says."""
    try:
        return view.has_reached(RETIRE_KEY)
    except Fault:
        return False


def _managed(views: t.Iterable[View]) -> list[View]:
    return [view for view in views if view.server.managed]


def _left_out(views: t.Iterable[View], purpose: str) -> tuple[str, ...]:
    return tuple(
        f"{view.name} is an API server of this cluster, but not a host of this play. It does not {purpose} yet. Run "
        "this for it, too."
        for view in views
        if not view.server.managed
    )


def _refusal(missing: t.Sequence[View], goal: Goal) -> str:
    names = ", ".join(view.name for view in missing)
    outside = [view.name for view in missing if not view.server.managed]
    remedy = (
        f"Add {', '.join(outside)} to the hosts of this play (no --limit)"
        if outside
        else "Run this with irsa_apiserver_phase accept or auto first"
    )
    return (
        f"No API server may sign with {quoted(goal.issuer)} yet: it is not known of {names} that it accepts this "
        f"issuer, so it could refuse the tokens of the others. {remedy}."
    )


def _back(views: t.Sequence[View], goal: Goal, now: float) -> tuple[Walk, Findings]:
    """Return the walk away from an issuer: this run signs with the former one again, a later run forgets ours."""
    signing = [view for view in views if view.signs]
    if signing:
        problems = [problem for view in signing for problem in _former_problems(view, views)]
        warnings = (*_long_tokens(views), *_left_out(signing, "sign with the former issuer"))
        return [(SIGN_BACK, _managed(signing))], Findings(problems=tuple(problems), warnings=warnings)
    unknown = [view.name for view in views if view.running is None]
    left = [view for view in views if view.running is None or not view.has_reached(FORGET)]
    if not left:
        return [], Findings()
    problems = [
        f"{name} may still sign with {quoted(goal.issuer)}: its arguments are not known. Add it to the hosts of this "
        "play."
        for name in unknown
    ]
    refusal = None if _is_being_forgotten(views, goal) else _too_early(views, goal, now)
    problems += [refusal] if refusal else []
    warnings = (*_long_tokens(views), *_left_out(left, "forget the issuer"))
    return [(FORGET, _managed(left))], Findings(problems=tuple(problems), warnings=warnings)


def _long_tokens(views: t.Sequence[View]) -> t.Iterator[str]:
    """Warn of tokens that outlive any wait before an issuer is forgotten."""
    if all(arguments.value(EXTEND_TOKEN_EXPIRATION) == "false" for view in views for arguments in view.known):
        return
    yield (
        f"Clients that read their token only once may use it for a year (--{EXTEND_TOKEN_EXPIRATION}). The API "
        "servers' metric serviceaccount_stale_tokens_total counts them. Restart such pods before the issuer is "
        "forgotten."
    )


def _former_problems(view: View, views: t.Sequence[View]) -> t.Iterator[str]:
    """Yield why a server cannot sign with the former issuer again."""
    for arguments in view.known:
        try:
            former = phases.sign_back(arguments, view.target).values(ISSUER)[0]
        except Fault as fault:
            yield f"{view.name}: it cannot sign with a former issuer again: {fault}."
            return
        if phases.has_retired_clusters_key(arguments):
            yield (
                f"{view.name}: it cannot sign with a former issuer again: it does not verify the cluster's own key any "
                "more, since that was retired."
            )
            return
        for other in views:
            if other is not view and (not other.running or former not in other.running.values(ISSUER)):
                yield (
                    f"{view.name}: it cannot sign with {quoted(former)} again, since it is not known of {other.name} "
                    "that it accepts that issuer. Run this with irsa_apiserver_state present and that issuer in "
                    "irsa_apiserver_accepted_issuers first."
                )
                return


def _is_being_forgotten(views: t.Sequence[View], goal: Goal) -> bool:
    """Whether a server forgot the issuer when another one, which still accepts it, had waited for long enough: an
    earlier run stopped halfway. What it put back started again, and must not wait for that.
    """
    started: dict[bool, list[float]] = {True: [], False: []}
    for view in views:
        if view.server.started is not None:
            started[view.has_reached(FORGET)].append(view.server.started)
    return any(waiting + goal.forget_after <= forgot for forgot in started[True] for waiting in started[False])


def _too_early(views: t.Sequence[View], goal: Goal, now: float) -> str | None:
    """Return why the issuer may not be forgotten yet. Tokens of it are in use for as long after the last restart."""
    unknown = [view.name for view in views if view.server.started is None]
    if unknown:
        return (
            f"The issuer {quoted(goal.issuer)} cannot be forgotten: it is not known when {', '.join(unknown)} started."
        )
    youngest = max(views, key=lambda view: view.server.started or 0)
    allowed = (youngest.server.started or 0) + goal.forget_after
    if now >= allowed:
        return None
    # Such a server may also have joined without it, and then its tokens are in use.
    without = ", ".join(view.name for view in views if view.has_reached(FORGET))
    hint = (
        f" It is not accepted by {without}. If an earlier run had it forgotten there, the wait was over then: set "
        "irsa_apiserver_forget_after to 0, and run this again at once."
    )
    return (
        f"The issuer {quoted(goal.issuer)} may be forgotten from {moment(allowed)} on, not yet: pods may still use "
        f"tokens of it. {youngest.name} started at {moment(youngest.server.started or 0)}, and "
        f"irsa_apiserver_forget_after is {goal.forget_after} seconds. Run this again then.{hint if without else ''}"
    )


def summary(steps: t.Sequence[Step], why: t.Mapping[str, str] = MappingProxyType(_PURPOSES)) -> str:
    """Return what restarts: "3 API servers restart, one at a time, …"; empty if nothing does. ``why`` names the purpose
    of each phase.
    """
    restarting = [step for step in steps if step.restarts]
    managers = len({step.server for step in steps if step.manager})
    count, sentences = len({step.server for step in restarting}), []
    if count:
        purposes = [why[phase] for phase in dict.fromkeys(step.phase for step in restarting)]
        sentences.append(f"{restarts.of_servers(count)}, {' and then '.join(purposes)}.")
    if managers:
        sentences.append(f"{restarts.of_managers(managers)}{', too' if count else ''}.")
    return " ".join(sentences)
