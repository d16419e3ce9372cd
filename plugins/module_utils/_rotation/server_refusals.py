# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals that come from servers, clocks, the platform and other runs, whatever the keys' ages are."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import (
    CLOCK,
    OTHER_ROTATION,
    PLATFORM,
    SERVERS_DISAGREE,
    Refusal,
    is_or_are,
    named,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    ACCEPT,
    PREPARE,
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    REVOKE,
    SIGN,
    STEPS,
    Settings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import Stage, cut_off, not_accepting

# AWS refuses requests whose time differs by more; STS allows as much in the times of a token.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
CLOCK_SECONDS = 300
# A run that has recorded nothing for so long is taken for dead. No step of a rotation takes as long.
RUN_SECONDS = 3600


def of_clock(facts: Facts, record: Record) -> t.Iterator[Refusal]:
    """Yield a refusal if a clock is far off: waits that are counted from its times would be too short or endless."""
    found = []
    ahead = facts.controller - facts.now
    if abs(ahead) > CLOCK_SECONDS:
        found.append(
            f"This machine's clock says {moment(facts.controller)}, and the servers' clocks {moment(facts.now)}: a "
            f"difference of {duration(abs(ahead))}."
        )
    late = facts.now + CLOCK_SECONDS
    if facts.modified is not None and facts.modified > late:
        found.append(f"The JWKS was written at {moment(facts.modified)}, which is after {moment(facts.now)}.")
    found += [
        f"{quoted(server.name)} started at {moment(server.started)}, which is after {moment(facts.now)}."
        for server in facts.servers
        if server.started is not None and server.started > late
    ]
    found += [
        f"The clock of {quoted(server.name)} says {moment(server.now)}, and the store's {moment(facts.now)}."
        for server in facts.servers
        if server.now is not None and abs(server.now - facts.now) > CLOCK_SECONDS
    ]
    last = max((event.at for event in record.events), default=0.0)
    if last > late:
        found.append(f"The rotation's record has an event at {moment(last)}, which is after {moment(facts.now)}.")
    if found:
        yield Refusal(
            name=CLOCK,
            breaks="A clock is far off, so that a wait could end too early and valid tokens be refused.",
            read=" ".join(found),
            until=f"all clocks agree within {duration(CLOCK_SECONDS)}",
        )


def of_platform(phase: str, facts: Facts, stage: Stage) -> t.Iterator[Refusal]:
    """Yield a refusal for each phase that the platform cannot do without refused tokens: all of them at prepare, so
    that no rotation is stuck in the middle.
    """
    phases = STEPS if phase in (PREPARE, REVOKE) else (phase,)
    for each in phases:
        if each in facts.limits:
            yield Refusal(
                name=PLATFORM,
                breaks=f"On this platform, the phase {each} cannot be done without refused tokens.",
                read=facts.limits[each],
            )
    left = [server for server in facts.servers if not server.managed]
    if phase == ACCEPT:
        kid = stage.next or stage.current
        left = [server for server in left if kid is None or kid not in (server.accepted or ())]
    if left and phase in (PREPARE, ACCEPT, REVOKE):
        yield Refusal(
            name=PLATFORM,
            breaks="A server that cannot be changed would refuse the new key's tokens, and go on with the old key.",
            read=f"{named(server.name for server in left)} {is_or_are(left)} no host of this play.",
            until="each API server is a host of the play",
        )


def of_other_rotation(facts: Facts, record: Record, settings: Settings) -> t.Iterator[Refusal]:
    """Yield a refusal for each other run that began, and has recorded something within the last hour."""
    for run, last in record.open_runs():
        if run.by == settings.by or run.by in settings.dead_runs or facts.now - last >= RUN_SECONDS:
            continue
        yield Refusal(
            name=OTHER_ROTATION,
            breaks="Two rotations at once would each undo what the other waits for.",
            read=f"{quoted(run.by)} began at {moment(run.at)}, and last recorded something at {moment(last)}.",
            at=last + RUN_SECONDS,
            until="that run has ended",
        )


def of_disagreement(phase: str, facts: Facts, stage: Stage) -> t.Iterator[Refusal]:
    """Yield a refusal if servers refuse each other's tokens, unless the phase is what ends that."""
    sentences = [*_too_many_signers(stage), *_lacking(phase, facts, stage)]
    if not any(_pairs(facts)):
        sentences += [sentence for server in facts.servers for sentence in server.refusals]
    if sentences:
        yield Refusal(
            name=SERVERS_DISAGREE,
            breaks="The API servers disagree about keys: tokens are refused already, and more would be.",
            read=" ".join(sentences),
            until="all of them accept the keys that any of them signs with",
        )
    unread = [server.name for server in facts.servers if server.signing is None or server.accepted is None]
    if unread and phase in (RETIRE_PUBLISHED, RETIRE_ACCEPTED):
        yield Refusal(
            name=SERVERS_DISAGREE,
            breaks="Tokens that are signed with the old key would be refused, if a server still makes such.",
            read=f"What {named(unread)} signs with and accepts could not be read.",
            until="each API server answers",
        )


def _too_many_signers(stage: Stage) -> t.Iterator[str]:
    if stage.others:
        kids = [kid for kid in (stage.current, *stage.others) if kid]
        yield f"They sign with {len(kids)} keys: {named(kids)}."


def _lacking(phase: str, facts: Facts, stage: Stage) -> t.Iterator[str]:
    """Yield who does not accept what, without that which the phase ends: accept where the goal's key is lacking, sign
    where the key is lacking that nothing signs with any longer afterwards.
    """
    ended: set[str | None] = set()
    if phase == ACCEPT:
        ended = {stage.next or stage.current}
    elif phase == SIGN and stage.next and not_accepting(stage.next, facts) == cut_off(stage.next, facts):
        ended = {stage.current, stage.next}
    for kid, signer, other in _pairs(facts):
        if kid not in ended:
            yield f"{quoted(other)} does not accept {kid}, which {quoted(signer)} signs with."


def _pairs(facts: Facts) -> t.Iterator[tuple[str, str, str]]:
    """Yield each key that a server signs with and another one does not accept."""
    for signer in facts.servers:
        for other in facts.servers:
            if signer.signing and other.accepted is not None and signer.signing not in other.accepted:
                yield signer.signing, signer.name, other.name
