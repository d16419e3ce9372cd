# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a phase may be done now, what it does with which keys, and when the next one may be done."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import key_refusals, server_refusals
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.observed import events_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import BEGAN, Event, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import Refusal, earliest
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    ACCEPT,
    AUTO,
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    REVOKE,
    SIGN,
    STATUS,
    STEPS,
    Settings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import Stage, stage_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.work import (
    Work,
    emergency_work,
    mistyped,
    work_of,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be done now.

    :ivar asked: the phase that was asked for
    :ivar phase: the phase that it comes to: for auto and revoke, the one that is due
    :ivar stage: where the rotation stands
    :ivar work: what the phase does
    :ivar refusals: why it is not done
    :ivar forced: refusals that irsa_rotate_force overrules: each is a warning
    :ivar warnings: what else to look at while it is done
    :ivar next_phase: the phase after it, or the same one if it is refused or only the status was asked for; None if
        there is none
    :ivar next_at: when that may be done; None: at once, or at a time that is not known yet
    :ivar reasons: sentences that say why there is nothing to do, and what to know besides
    :ivar events: what the record must remember, written before the work and also when the phase is refused; a
        phase's own changes are read at the next step
    """

    asked: str
    phase: str
    stage: Stage
    work: Work
    refusals: tuple[Refusal, ...] = ()
    forced: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    next_phase: str | None = None
    next_at: float | None = None
    reasons: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return self.work.is_nothing and not self.refusals

    @property
    def may_go_on(self) -> bool:
        """Whether there is something to do and it may be done now."""
        return not self.work.is_nothing and not self.refusals


def decide(phase: str, facts: Facts, record: Record, *, settings: Settings) -> Decision:
    """Return what a run of a phase may do now. For status, what the phase that is due could do."""
    stage = stage_of(facts, record, revoked=settings.revoke_kid)
    if phase == REVOKE:
        found = mistyped(facts, record, settings) or emergency_work(facts, stage, settings)
        stage = found.stage or stage
    else:
        due = stage.due if phase in (AUTO, STATUS) else phase
        found = work_of(due, facts, record, stage=stage, settings=settings, begins=phase not in (AUTO, STATUS))
    refused, forced = _refused(phase, facts, record, stage=stage, work=found, settings=settings)
    decision = Decision(
        asked=phase,
        phase=found.phase,
        stage=stage,
        work=found,
        refusals=refused,
        forced=forced,
        warnings=_warnings(phase, facts, record, settings=settings),
        reasons=found.reasons,
        events=events_of(facts, record, stage=stage, settings=settings),
    )
    next_phase, next_at = _next(decision, facts, record, settings=settings)
    decision = dataclasses.replace(decision, next_phase=next_phase, next_at=next_at)
    if phase != STATUS and decision.may_go_on:
        return _with_beginning(decision, facts, record, settings=settings)
    return decision


def _with_beginning(decision: Decision, facts: Facts, record: Record, *, settings: Settings) -> Decision:
    """Return the decision with the event that tells other runs of this one.

    It is new also if a run of this name did not end: in containers, that may be another one that is dead.
    """
    if not settings.by:
        return decision
    at = max(facts.now, record.ended_at(settings.by) + 1)
    began = Event(kind=BEGAN, kid=decision.work.kid or "", at=at, by=settings.by)
    return dataclasses.replace(decision, events=(*decision.events, began))


def _refused(
    asked: str, facts: Facts, record: Record, *, stage: Stage, work: Work, settings: Settings
) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
    """Return the refusals that hold, and those that are overruled."""
    found = list(work.obstacles)
    if not work.is_nothing and asked == REVOKE:
        found += server_refusals.of_platform(REVOKE, facts, stage)
    elif not work.is_nothing:
        found += refusals_of(work, facts, record, stage=stage, settings=settings)
    forced = tuple(refusal for refusal in found if refusal.name in settings.force)
    return tuple(refusal for refusal in found if refusal.name not in settings.force), forced


def _warnings(asked: str, facts: Facts, record: Record, *, settings: Settings) -> tuple[str, ...]:
    """Return what a revocation does not wait for: a run that died blocks others for an hour, and one that goes on ends
    when it finds that another one has begun. What both change at once is written conditionally.
    """
    if asked != REVOKE:
        return ()
    others = server_refusals.of_other_rotation(facts, record, settings)
    return tuple(
        f"{other.read} The revocation does not wait for it. If it still runs, end it, and if this run then stops at "
        "something that has changed meanwhile, run it again."
        for other in others
    )


def refusals_of(work: Work, facts: Facts, record: Record, *, stage: Stage, settings: Settings) -> t.Iterator[Refusal]:
    """Yield each reason not to do the work of a phase now."""
    yield from server_refusals.of_clock(facts, record)
    yield from server_refusals.of_other_rotation(facts, record, settings)
    if work.repairs:
        return
    yield from server_refusals.of_platform(work.phase, facts, stage)
    yield from server_refusals.of_disagreement(work.phase, facts, stage)
    if work.phase == SIGN:
        yield from key_refusals.of_acceptance(facts, stage)
        yield from key_refusals.of_caches(facts, record, stage=stage, settings=settings)
        yield from key_refusals.of_parties(stage.next, record, settings)
    if work.phase in (RETIRE_PUBLISHED, RETIRE_ACCEPTED):
        kids = work.withdraw or work.drop
        yield from key_refusals.of_token_life(facts, record, kids=kids, settings=settings)
        if stage.next is None and set(kids) - set(stage.lost):
            yield from key_refusals.of_parties(stage.current, record, settings)
    if work.phase == RETIRE_ACCEPTED:
        yield from key_refusals.of_legacy_tokens(facts, kids=work.drop)
        yield from key_refusals.of_extended_tokens(facts, record, kids=work.drop, settings=settings)


def _next(decision: Decision, facts: Facts, record: Record, *, settings: Settings) -> tuple[str | None, float | None]:
    """Return the phase after a decision, and when it may be done, as far as that is known."""
    if decision.refusals:
        return decision.phase, earliest(decision.refusals)
    if decision.work.is_nothing:
        stage = decision.stage
        if not stage.is_under_way or decision.asked in (AUTO, STATUS):
            return None, None
        following = decide(AUTO, facts, record, settings=settings)
        return following.phase, following.next_at if following.refusals else None
    if decision.asked == STATUS:  # which does nothing, so that the phase is still to be done
        return decision.phase, None
    if decision.asked == REVOKE:
        return next(iter(decision.work.then), None), None
    if decision.phase not in STEPS[:-1]:
        return None, None
    following_phase = STEPS[STEPS.index(decision.phase) + 1]
    return following_phase, _earliest(following_phase, decision, facts, record=record, settings=settings)


def _earliest(phase: str, decision: Decision, facts: Facts, *, record: Record, settings: Settings) -> float | None:
    """Return when a phase may be done if the one before it is done now."""
    if phase == ACCEPT:
        return None
    if phase == RETIRE_PUBLISHED:
        return facts.now + key_refusals.token_seconds(facts, settings)
    if phase == SIGN:
        waits = list(key_refusals.of_caches(facts, record, stage=decision.stage, settings=settings))
    else:
        kids = decision.stage.old
        waits = list(key_refusals.of_legacy_tokens(facts, kids=kids))
        waits += key_refusals.of_extended_tokens(facts, record, kids=kids, settings=settings)
    return earliest(waits)
