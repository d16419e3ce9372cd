# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record need not remember any longer, so that it does not outgrow what is read of it.

No wait of a rotation is longer than a year. What decides later than that stays: that a key was withdrawn, which key
signed before, and what tells since when a server signs with its key.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import EXTENDED_SECONDS
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import (
    BEGAN,
    ENDED,
    GONE,
    MEASURED,
    SIGNING,
    WITHDRAWN,
    Event,
    Record,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import accepted_anywhere, published


def unused(facts: Facts, record: Record) -> list[str]:
    """Return the keys of the record that nothing uses: not published, not accepted, not signing, and staged nowhere.
    None of them while a server cannot be read.
    """
    if not facts.servers or any(server.accepted is None or server.signing is None for server in facts.servers):
        return []
    signing = {server.signing for server in facts.servers}
    used = {*published(facts), *accepted_anywhere(facts), *signing, *facts.staged, ""}
    return sorted({event.kid for event in record.events} - used)


def pruned(record: Record, kids: t.Collection[str], now: float) -> Record:
    """Return the record without what no decision needs, given the keys that nothing uses."""
    limit = now - EXTENDED_SECONDS
    stale = _stale(record, kids, limit)
    signing = [event for event in record.events if event.kind == SIGNING and event.kid not in stale]
    last = {event.server: event for event in record.events if event.kind in (SIGNING, GONE)}

    def is_needed(event: Event) -> bool:
        if event.kind in (BEGAN, ENDED) and not event.kid:
            return event.at >= limit
        if event.kid not in stale or event.kind == MEASURED:
            return True
        if event.kind == WITHDRAWN:
            return event.at >= (record.withdrawn_at(event.kid) or 0)
        if event.kind in (SIGNING, GONE):
            # What came before it on the same server does not count for the keys that stay.
            ends_another = any(each.server == event.server and each.at <= event.at for each in signing)
            return ends_another or event == last[event.server]
        return False

    return Record.of(filter(is_needed, record.events))


def _stale(record: Record, kids: t.Collection[str], limit: float) -> set[str]:
    """Return those of the keys of which nothing has happened for a year, except for the one that signed last."""
    recent = {event.kid for event in record.events if event.at >= limit}
    found = {kid for kid in kids if kid not in recent and record.published_since(kid) is None}
    signed = [event for event in record.events if event.kind == SIGNING and event.kid in found]
    return found - {signed[-1].kid} if signed else found
