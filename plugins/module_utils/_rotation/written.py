# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record gets when something is written to the store."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record

# What a run knows better than the decision on it: it sees the answers of the writes.
_OWN_KINDS = (record.PUBLISHED, record.WITHDRAWN)

Times = t.Mapping[str, float]


def events_of(
    before: Record,
    given: t.Iterable[t.Mapping[str, t.Any]],
    *,
    published: Times,
    withdrawn: Times,
    by: str | None,
    now: float,
) -> list[Event]:
    """Return the events of a write, given those that it was told to remember, as dicts.

    ``published`` and ``withdrawn`` say of keys when that happened. Raises Fault for what is no event.
    """
    came = [
        Event(kind=record.PUBLISHED, kid=kid, at=_later(at, before.withdrawn_at(kid)), by=by)
        for kid, at in published.items()
        if before.published_since(kid) is None
    ]
    left = [
        Event(kind=record.WITHDRAWN, kid=kid, at=_later(at, before.published_since(kid)), by=by)
        for kid, at in withdrawn.items()
        if before.withdrawn_at(kid) is None
    ]
    own = {*published, *withdrawn}
    return [*came, *left, *(_given(each, by=by, now=now) for each in given if not _is_own(each, own))]


def _is_own(members: t.Mapping[str, t.Any], own: t.Container[str]) -> bool:
    return members.get("kind") in _OWN_KINDS and members.get("kid") in own


def _given(members: t.Mapping[str, t.Any], *, by: str | None, now: float) -> Event:
    needs_name = "by" in record.KINDS.get(str(members.get("kind")), ())
    name = {"by": members.get("by") or by} if needs_name else {}
    return Event.from_dict({**members, **name}, now=now)


def _later(at: float, than: float | None) -> float:
    """Return a time that is later than another one also in whole seconds, as the record has it."""
    return at if than is None else max(at, than + 1)
