# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a phase does with which keys, given where the rotation stands; not yet whether it may be done now."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import SIGNING, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import Refusal, named
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    ACCEPT,
    PREPARE,
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    SIGN,
    Settings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import (
    Stage,
    accepted_anywhere,
    cut_off,
    has_legacy_tokens,
    left_behind,
    not_accepting,
    not_signing,
    published,
)

_UNKNOWN = ("What signs tokens is not known.", "No API server could be read.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What a phase does.

    :ivar phase: the phase
    :ivar kid: the key that it is about; None for one that is yet to be made
    :ivar makes_key: a new key is made, or the one that is handed over is staged
    :ivar publish: keys to be added to the JWKS, besides the one that is made
    :ivar withdraw: keys to be taken from the JWKS
    :ivar drop: keys that no server may accept afterwards
    :ivar changes_servers: servers are to be changed
    :ivar repairs: it only publishes the key that signs already
    :ivar obstacles: why the phase cannot be done at all
    :ivar reasons: why there is nothing to do
    :ivar stage: where the rotation stands if a revoked key makes that another place
    :ivar then: the phases that follow at once, to be rid of a leaked key
    """

    phase: str
    kid: str | None = None
    makes_key: bool = False
    publish: tuple[str, ...] = ()
    withdraw: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    changes_servers: bool = False
    repairs: bool = False
    obstacles: tuple[Refusal, ...] = ()
    reasons: tuple[str, ...] = ()
    stage: Stage | None = None
    then: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether the phase changes nothing."""
        return not (self.makes_key or self.publish or self.withdraw or self.drop or self.changes_servers)


def work_of(phase: str, facts: Facts, record: Record, *, stage: Stage, settings: Settings, begins: bool) -> Work:
    """Return what a phase does. ``begins``: a rotation is begun if none is under way; else only if there is cause."""
    if stage.current is None:
        return _impossible(phase, *_UNKNOWN)
    if phase == PREPARE:
        is_wanted = begins or has_cause(facts, record, stage=stage, settings=settings)
        given = settings.key_kid
        if given and given not in (stage.current, stage.next) and record.withdrawn_at(given) is not None:
            return _comes_back(given)
        return _prepare(facts, stage, settings=settings, begins=is_wanted)
    if phase == ACCEPT:
        return _accept(facts, record, stage)
    if phase == SIGN:
        return _sign(facts, record, stage)
    return _retire(phase, facts, stage)


def has_cause(facts: Facts, record: Record, *, stage: Stage, settings: Settings) -> bool:
    """Whether auto begins a rotation: not after one has ended, unless another key or type of key is asked for; again if
    the key of the last one was lost.
    """
    if stage.lost:
        return True
    if settings.key_kid:
        return settings.key_kid != stage.current
    algorithm = next((key.algorithm for key in facts.published if key.kid == stage.current), None)
    if settings.key_type and algorithm and settings.key_type[:1] != algorithm[:1]:
        return True
    return not came_by_rotation(record, stage)


def came_by_rotation(record: Record, stage: Stage) -> bool:
    """Whether the record knows of another key that signed before the present one."""
    return any(event.kind == SIGNING and event.kid != stage.current for event in record.events)


def _impossible(phase: str, breaks: str, read: str, *, until: str = "") -> Work:
    return Work(phase=phase, obstacles=(Refusal(name=None, breaks=breaks, read=read, until=until),))


def _comes_back(kid: str) -> Work:
    read = f"{kid} in irsa_rotate_key_path was withdrawn, or is being revoked."
    breaks = "A key that was given up may be known to others, and never signs again."
    return _impossible(PREPARE, breaks, read, until="irsa_rotate_key_path is another key, or not set")


def _prepare(facts: Facts, stage: Stage, *, settings: Settings, begins: bool) -> Work:
    present = published(facts)
    if stage.current and stage.current not in present:
        return Work(phase=PREPARE, kid=stage.current, publish=(stage.current,), repairs=True)
    given = settings.key_kid
    if stage.next:
        if given and given not in (stage.next, stage.current):
            read = f"The rotation to {stage.next} is under way, and irsa_rotate_key_path is {given}."
            return _impossible(PREPARE, "A rotation leads to one key.", read, until="that rotation has ended")
        if stage.next not in present:
            return Work(phase=PREPARE, kid=stage.next, publish=(stage.next,))
        return Work(phase=PREPARE, kid=stage.next, reasons=(f"{stage.next} is published.",))
    if given == stage.current and given:
        return Work(phase=PREPARE, kid=given, reasons=(f"{given}, which is handed over, signs already.",))
    if not begins:
        text = f"No rotation is under way; {stage.current} signs. irsa_rotate_phase=prepare begins the next one."
        return Work(phase=PREPARE, kid=stage.current, reasons=(text,))
    return Work(phase=PREPARE, kid=given, makes_key=True)


def _accept(facts: Facts, record: Record, stage: Stage) -> Work:
    kid = stage.next or stage.current
    missing = not_accepting(kid, facts) if kid else []
    if missing and any(server.accepted is not None for server in missing):
        return Work(phase=ACCEPT, kid=kid, changes_servers=True)
    unread = [server.name for server in missing]
    if unread and stage.next:
        read = f"What {named(unread)} accepts could not be read; all others accept {kid}."
        return _impossible(ACCEPT, "The new key cannot be brought to a server that does not answer.", read)
    if stage.next or _was_done(record, stage):
        return Work(phase=ACCEPT, kid=kid, reasons=(f"Every API server accepts {kid}.",))
    return _nothing_prepared(ACCEPT, stage)


def _sign(facts: Facts, record: Record, stage: Stage) -> Work:
    kid = stage.next
    if kid is None:
        if left_behind(stage, facts):
            return Work(phase=SIGN, kid=stage.current, changes_servers=True)
        if _was_done(record, stage):
            return Work(phase=SIGN, kid=stage.current, reasons=(f"Every API server signs with {stage.current}.",))
        return _nothing_prepared(SIGN, stage)
    if not any(server.signing is not None for server in not_signing(kid, facts)):
        unread = [server.name for server in not_signing(kid, facts)]
        return _impossible(SIGN, "A server that does not answer cannot be changed.", f"{named(unread)} did not answer.")
    if kid not in facts.staged and all(server.signing != kid for server in facts.servers):
        read = f"The private half of {kid} was found on no host."
        return _impossible(
            SIGN, "No server can sign with a key that is lost.", read, until="prepare has made another key"
        )
    return Work(phase=SIGN, kid=kid, changes_servers=True)


def _was_done(record: Record, stage: Stage) -> bool:
    """Whether the phase was done earlier, and a second run says so."""
    return stage.old != stage.lost or came_by_rotation(record, stage)


def _nothing_prepared(phase: str, stage: Stage) -> Work:
    lost = f"The private half of {named(stage.lost)} was found on no host." if stage.lost else ""
    return _impossible(phase, "There is no new key.", lost or "No rotation is under way.", until="prepare has made one")


def _retire(phase: str, facts: Facts, stage: Stage) -> Work:
    present, accepted = published(facts), accepted_anywhere(facts)
    out = tuple(kid for kid in stage.old if kid in present)
    drop = tuple(kid for kid in stage.old if kid in accepted)
    if phase == RETIRE_PUBLISHED and out:
        return Work(phase=phase, kid=stage.current, withdraw=out)
    if phase == RETIRE_ACCEPTED and out:
        read = f"{named(out)} is in the JWKS."
        return _impossible(phase, "An old key leaves the JWKS first.", read, until=f"{RETIRE_PUBLISHED} was done")
    if phase == RETIRE_ACCEPTED and drop:
        return Work(phase=phase, kid=stage.current, drop=drop, changes_servers=True)
    if stage.next and not stage.old:
        names = named(server.name for server in not_signing(stage.next, facts))
        breaks = "Every token would be refused."
        return _impossible(phase, breaks, f"{stage.current} still signs on {names}.", until="the phase sign was done")
    place = "published" if phase == RETIRE_PUBLISHED else "accepted"
    return Work(phase=phase, kid=stage.current, reasons=(f"No old key is {place} any longer.", *_unrelated(stage)))


def _unrelated(stage: Stage) -> t.Iterator[str]:
    for kid in stage.unrelated:
        yield (
            f"{kid} is published or accepted, and nothing shows that it was ever part of a rotation: it stays. To "
            "retire it, set irsa_rotate_revoke_kid to it in the retire phases."
        )


def mistyped(facts: Facts, record: Record, settings: Settings) -> Work | None:
    """Return what refuses to revoke a key that nothing shows: who did would take the leaked one for gone."""
    kid = settings.revoke_kid
    is_known = any(event.kid == kid for event in record.events)
    if not kid or is_known or kid in published(facts) | accepted_anywhere(facts) | {*facts.staged}:
        return None
    signed = any(server.signing == kid for server in facts.servers) or has_legacy_tokens(kid, facts)
    read = (
        "It is not published, no API server that answers accepts it, it lies on no host, and the rotation's record "
        "does not have it. Compare irsa_rotate_revoke_kid with the table that irsa_rotate_phase=status shows."
    )
    return None if signed else _impossible(PREPARE, f"The key {quoted(kid)} is not known; nothing was revoked.", read)


def emergency_work(facts: Facts, stage: Stage, settings: Settings) -> Work:
    """Return the next thing to do to be rid of a leaked key, without any wait."""
    kid = settings.revoke_kid
    if not kid:
        return _impossible(PREPARE, "Nothing says which key has leaked.", "irsa_rotate_revoke_kid is not set.")
    if stage.current is None:
        return _impossible(PREPARE, *_UNKNOWN)
    # The others are left as they are: nothing may wait for them.
    of_play = dataclasses.replace(facts, servers=tuple(each for each in facts.servers if each.can_be_changed))
    if not of_play.servers:
        return _impossible(PREPARE, "No API server can be changed.", "No host of this play runs one that was read.")
    is_signing = any(server.signing == kid for server in of_play.servers)
    stage = _without(kid, stage, is_signing=is_signing)
    if is_signing:
        work = _replacement(of_play, stage, settings)
    elif kid in published(facts):
        work = Work(phase=RETIRE_PUBLISHED, kid=stage.current, withdraw=(kid,))
    elif kid in accepted_anywhere(of_play):
        work = Work(phase=RETIRE_ACCEPTED, kid=stage.current, drop=(kid,), changes_servers=True)
    elif kid in facts.staged:
        # It was made, and nobody has heard of it yet.
        work = Work(phase=RETIRE_ACCEPTED, kid=stage.current, drop=(kid,))
    else:
        text = (
            f"{kid} is neither published nor accepted by any API server that this run can change, and lies ready on no "
            "host."
        )
        return Work(phase=RETIRE_ACCEPTED, kid=stage.current, reasons=(text,), stage=stage)
    to_come = _emergency_phases(kid, of_play, stage, is_signing=is_signing)
    return dataclasses.replace(work, stage=stage, then=tuple(phase for phase in to_come if phase != work.phase))


def _without(kid: str, stage: Stage, *, is_signing: bool) -> Stage:
    """Return the stage in which another key is the one to stay than the leaked one."""
    if is_signing and kid == stage.next:
        return dataclasses.replace(stage, current=kid, next=stage.current)
    if not is_signing and kid == stage.current:
        # Only servers that are left as they are sign with it.
        return dataclasses.replace(stage, current=stage.next or next(iter(stage.others), None), next=None)
    return stage


def _emergency_phases(kid: str, facts: Facts, stage: Stage, *, is_signing: bool) -> list[str]:
    """Return the phases that are still to come until a leaked key is gone."""
    lacks_key = stage.next is None or bool(not_accepting(stage.next, facts))
    to_come = {
        PREPARE: is_signing and stage.next not in published(facts),
        ACCEPT: is_signing and lacks_key,
        SIGN: is_signing,
        RETIRE_PUBLISHED: kid in published(facts),
        RETIRE_ACCEPTED: kid in accepted_anywhere(facts),
    }
    return [phase for phase, comes in to_come.items() if comes]


def _replacement(facts: Facts, stage: Stage, settings: Settings) -> Work:
    """Return what brings a new key in place of the one that signs: each step as soon as the one before it is done."""
    if stage.next is None and settings.key_kid and settings.key_kid == settings.revoke_kid:
        return _comes_back(settings.key_kid)
    if stage.next is None:
        return Work(phase=PREPARE, makes_key=True)
    if stage.next not in published(facts):
        return Work(phase=PREPARE, kid=stage.next, publish=(stage.next,))
    left = cut_off(stage.next, facts)
    if any(server not in left for server in not_accepting(stage.next, facts)):
        return Work(phase=ACCEPT, kid=stage.next, changes_servers=True)
    return Work(phase=SIGN, kid=stage.next, changes_servers=True)
