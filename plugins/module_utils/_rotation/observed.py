# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record must remember of facts that it does not know yet. No event twice: a second run adds none."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import signing_since
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import (
    ACCEPTED,
    DROPPED,
    GONE,
    MEASURED,
    PUBLISHED,
    SIGNING,
    WITHDRAWN,
    Event,
    Record,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import Stage, published


def events_of(facts: Facts, record: Record, *, stage: Stage, settings: Settings) -> tuple[Event, ...]:
    """Return what is true and not in the record. A fact without a time was so at the latest when it was read.

    A key does not become part of the rotation because someone asks to revoke it, perhaps by mistake.
    """
    kids = [kid for kid in (stage.current, stage.next, *stage.old, *stage.others) if kid]
    kids = [kid for kid in kids if kid != settings.revoke_kid or kid == stage.current or record.is_ours(kid)]
    ours = {stage.next: settings.by or None}
    found = [*_of_publication(facts, record, kids=kids, ours=ours), *_of_departures(facts, record)]
    for server in facts.servers:
        found += _of_server(server, facts, record=record, kids=kids)
        if stage.old:
            found += _of_counter(server, facts, record)
    return tuple(found)


def _of_publication(
    facts: Facts, record: Record, *, kids: t.Sequence[str], ours: t.Mapping[str | None, str | None]
) -> t.Iterator[Event]:
    present = published(facts)
    for kid in kids:
        if kid in present and record.published_since(kid) is None:
            at = facts.now if facts.modified is None or record.withdrawn_at(kid) is not None else facts.modified
            yield Event(kind=PUBLISHED, kid=kid, at=at, by=ours.get(kid))
    for kid in sorted({event.kid for event in record.events if event.kind == PUBLISHED} - present):
        if record.published_since(kid) is not None:
            yield Event(kind=WITHDRAWN, kid=kid, at=facts.now)


def _of_departures(facts: Facts, record: Record) -> t.Iterator[Event]:
    """Yield servers that signed and are no longer part of the cluster."""
    if not facts.servers:
        return
    present = {server.name for server in facts.servers}
    for name, kid in sorted(record.last_signers().items()):
        if name not in present:
            yield Event(kind=GONE, kid=kid, at=facts.now, server=name)


def _of_server(server: ServerKeys, facts: Facts, *, record: Record, kids: t.Sequence[str]) -> t.Iterator[Event]:
    if server.accepted is not None:
        for kid in kids:
            since = record.accepted_since(kid, server.name)
            if kid in server.accepted and since is None:
                yield Event(kind=ACCEPTED, kid=kid, at=facts.now, server=server.name)
        known = {event.kid for event in record.events if event.kind == ACCEPTED and event.server == server.name}
        for kid in sorted(known - server.accepted):
            if record.accepted_since(kid, server.name) is not None:
                yield Event(kind=DROPPED, kid=kid, at=facts.now, server=server.name)
    if server.signing and record.signing_since(server.signing, server.name) is None:
        event = Event(kind=SIGNING, kid=server.signing, at=signing_since(server, facts, record), server=server.name)
        is_later = record.after([event]).signing_since(server.signing, server.name) is not None
        yield event if is_later else Event(kind=SIGNING, kid=server.signing, at=facts.now, server=server.name)


def _of_counter(server: ServerKeys, facts: Facts, record: Record) -> t.Iterator[Event]:
    value, started = server.stale_tokens, server.started
    if value is None or started is None or server.signing is None:
        return
    if record.quiet_since(server.name, value=value, started=started) is None:
        yield Event(kind=MEASURED, kid=server.signing, at=facts.now, server=server.name, value=value, started=started)
