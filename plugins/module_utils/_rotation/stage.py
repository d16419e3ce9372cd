# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rotation stands, which the keys themselves say: also one that was begun by hand.

The record only breaks ties: a key that is published and accepted while another one signs may be the next or the former.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.refused_keys import is_refused
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    ACCEPT,
    PREPARE,
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    SIGN,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """The parts that keys have in a rotation.

    :ivar current: the key that signs; while servers are switched, the one that the last of them still signs with; None
        if no server could be read
    :ivar next: the key to come
    :ivar old: keys that signed before and are still published or accepted, and keys that will never sign
    :ivar lost: those among them that were to sign next, and whose private half was found on no host
    :ivar unrelated: keys that are published or accepted and that nothing shows to be part of a rotation
    :ivar others: further keys that servers sign with besides current and next, which should not be
    :ivar due: the phase that comes now; prepare if there is no rotation
    """

    current: str | None
    next: str | None = None
    old: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unrelated: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    due: str = PREPARE

    @property
    def is_under_way(self) -> bool:
        """Whether a rotation was begun and has not ended."""
        return bool(self.next or self.old)


def stage_of(facts: Facts, record: Record, *, revoked: str | None = None) -> Stage:
    """Return where the rotation stands. A key that is revoked is on its way out, unless it signs."""
    signing = _by_arrival(facts, record)
    if not signing:
        return Stage(current=None, unrelated=tuple(sorted(published(facts))))
    current, following, others = _who_signs(signing, facts)
    candidates = sorted((published(facts) | accepted_anywhere(facts) | set(facts.staged)) - {current, *signing})
    parts = {kid: _part(kid, current, facts=facts, record=record) for kid in candidates}
    if revoked in parts:
        parts[revoked] = "old"
    upcoming = [kid for kid in candidates if parts[kid] == "next"]
    if following is None and upcoming:
        following = min(upcoming, key=lambda kid: _precedence(kid, facts, record))
    # Of two keys that were prepared at once, one goes on; the other never signs.
    surplus = [kid for kid in upcoming if kid != following]
    present = published(facts) | accepted_anywhere(facts)
    old = tuple(kid for kid in candidates if kid in present and (parts[kid] in ("old", "lost") or kid in surplus))
    lost = tuple(kid for kid in old if parts[kid] == "lost")
    unrelated = tuple(kid for kid in candidates if kid in present and parts[kid] == "unrelated")
    found = Stage(current=current, next=following, old=old, lost=lost, unrelated=unrelated, others=others)
    return dataclasses.replace(found, due=_due(found, facts))


def published(facts: Facts) -> frozenset[str]:
    """Return the key IDs in the JWKS."""
    return frozenset(key.kid for key in facts.published)


def accepted_anywhere(facts: Facts) -> frozenset[str]:
    """Return the key IDs that any server accepts, as far as servers could be read."""
    return frozenset().union(*(server.accepted or () for server in facts.servers))


def not_accepting(kid: str, facts: Facts) -> list[ServerKeys]:
    """Return the servers that do not accept a key, or of which that is not known."""
    return [server for server in facts.servers if server.accepted is None or kid not in server.accepted]


def cut_off(kid: str, facts: Facts) -> list[ServerKeys]:
    """Return the servers that do not accept a published key, and sign with one that another server refuses: such as one
    that comes back with the files of before a rotation. To sign with that key ends both at once.
    """
    if kid not in published(facts):
        return []
    lacking = [server for server in not_accepting(kid, facts) if server.managed and server.signing != kid]
    return [
        server
        for server in lacking
        if is_refused(server.signing, [other.accepted for other in facts.servers if other is not server])
    ]


def left_behind(stage: Stage, facts: Facts) -> list[ServerKeys]:
    """Return the servers that sign with the new key, while kube-controller-manager on their node may still make tokens
    with the old one: a run was cut off there, or people changed the key.
    """
    has_switched = stage.next is None and stage.old != stage.lost
    return [server for server in facts.servers if server.can_be_changed and server.is_behind] if has_switched else []


def not_signing(kid: str, facts: Facts) -> list[ServerKeys]:
    """Return the servers that do not sign with a key, or of which that is not known."""
    return [server for server in facts.servers if server.signing != kid]


def _by_arrival(facts: Facts, record: Record) -> list[str]:
    """Return the keys that servers sign with, the one that came last at the end."""
    kids = {server.signing for server in facts.servers if server.signing}
    return sorted(kids, key=lambda kid: (*_arrival(kid, facts, record), kid))


def _arrival(kid: str, facts: Facts, record: Record) -> tuple[float, float, float]:
    """Return what orders keys by when they came. A server reads its keys only when it starts, so that of two keys that
    nothing is known of, the one came last that the youngest server signs with.
    """
    starts = [server.started or 0 for server in facts.servers if server.signing == kid]
    return (
        _or(record.signed_from(kid), math.inf),
        _or(record.published_since(kid), math.inf),
        max(starts, default=0),
    )


def _who_signs(signing: t.Sequence[str], facts: Facts) -> tuple[str, str | None, tuple[str, ...]]:
    """Return the present key, the next one if servers sign with it already, and what else they sign with."""
    if len(signing) == 1:
        return signing[0], None, ()
    if len(signing) == 2:
        return signing[0], signing[1], ()
    used = [server.signing for server in facts.servers]
    current = max(signing, key=used.count)
    return current, None, tuple(kid for kid in signing if kid != current)


def _part(kid: str, current: str, *, facts: Facts, record: Record) -> str:
    """Return what a key is that no server signs with: "next", "old", "lost" or "unrelated"; "" for a key that only lies
    in a folder after it was retired.
    """
    is_published, is_accepted = kid in published(facts), kid in accepted_anywhere(facts)
    if record.withdrawn_at(kid) is not None and not is_published:
        return "old" if is_accepted else ""
    if record.signed_from(kid) is not None:
        came_later = _arrival(kid, facts, record) > _arrival(current, facts, record)
        return "next" if came_later and kid in facts.staged else "old"
    if kid in facts.staged:
        return "old" if has_legacy_tokens(kid, facts) else "next"
    if _was_prepared(kid, current, record):
        # The host that it is staged on may be one that could not be read.
        return "lost" if all(server.accepted is not None for server in facts.servers) else "next"
    if is_published and is_accepted:
        return "old"
    return "old" if record.is_ours(kid) or (is_accepted and has_legacy_tokens(kid, facts)) else "unrelated"


def has_legacy_tokens(kid: str, facts: Facts) -> bool:
    """Whether a Secret has a token that is signed with a key."""
    return any(token.kid == kid for token in facts.legacy_tokens or ())


def _was_prepared(kid: str, current: str, record: Record) -> bool:
    """Whether a run published a key after the one that signs, to sign next."""
    if not record.is_ours(kid):
        return False
    since, before = record.published_since(kid), record.published_since(current)
    return since is not None and before is not None and since > before


def _precedence(kid: str, facts: Facts, record: Record) -> tuple[t.Any, ...]:
    """Return what orders keys that may be the next: the one that is further on comes first."""
    accepting = sum(kid in (server.accepted or ()) for server in facts.servers)
    return (-accepting, kid not in published(facts), _or(record.published_since(kid), math.inf), kid)


def _due(stage: Stage, facts: Facts) -> str:
    """Return the phase that comes now."""
    present = published(facts)
    if stage.next:
        if stage.next not in present:
            return PREPARE
        return SIGN if not_accepting(stage.next, facts) == cut_off(stage.next, facts) else ACCEPT
    if stage.current and (stage.current not in present):
        return PREPARE
    if stage.current and any(server.accepted is not None for server in not_accepting(stage.current, facts)):
        return ACCEPT
    if stage.old == stage.lost:
        return PREPARE
    if left_behind(stage, facts):
        return SIGN
    if any(kid in present for kid in stage.old):
        return RETIRE_PUBLISHED
    return RETIRE_ACCEPTED


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
