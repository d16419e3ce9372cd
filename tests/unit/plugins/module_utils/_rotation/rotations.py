# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts and records of rotations that stand at each place: three servers, keys OLD and NEW."""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, PublishedKey, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record

OLD, NEW, FOREIGN = "old-kid", "new-kid", "foreign-kid"
DAY = 86400
NOW = 1_800_000_000
SERVERS = ("cp1", "cp2", "cp3")


def published(*kids):
    return tuple(PublishedKey(kid=kid, algorithm="RS256") for kid in kids)


def server(name, *accepted, signing=OLD, started=NOW - 2 * DAY, stale=0, **more):
    return ServerKeys(
        name=name, accepted=frozenset(accepted), signing=signing, started=started, stale_tokens=stale, **more
    )


def unread(name):
    return ServerKeys(name=name)


def cluster(*accepted, signing=OLD, **more):
    return tuple(server(name, *accepted, signing=signing, **more) for name in SERVERS)


def with_server(facts, changed):
    """The facts with another server in the place of the one of its name."""
    servers = tuple(changed if each.name == changed.name else each for each in facts.servers)
    return dataclasses.replace(facts, servers=servers)


def events(kind, kid, at, *, on=SERVERS, **more):
    return [Event(kind=kind, kid=kid, at=at, server=name, **more) for name in on]


def event(kind, kid, at, **more):
    return Event(kind=kind, kid=kid, at=at, **more)


BASE = Facts(
    now=NOW,
    controller=NOW,
    published=published(OLD),
    modified=NOW - 30 * DAY,
    max_age=60,
    servers=cluster(OLD),
    legacy_tokens=(),
    token_seconds=DAY,
)
BEFORE = Record.of([event("published", OLD, NOW - 30 * DAY), *events("signing", OLD, NOW - 30 * DAY)])

IDLE = (BASE, BEFORE)
PREPARED = (
    dataclasses.replace(BASE, published=published(OLD, NEW), modified=NOW - 7200, staged={NEW: "cp1"}),
    BEFORE.after([event("published", NEW, NOW - 7200, by="us")]),
)
ACCEPTED = (dataclasses.replace(PREPARED[0], servers=cluster(OLD, NEW)), PREPARED[1])
SIGNED = (
    dataclasses.replace(ACCEPTED[0], servers=cluster(OLD, NEW, signing=NEW)),
    ACCEPTED[1].after(events("signing", NEW, NOW - 2 * DAY)),
)
# The counters of stale tokens were read an hour ago, too.
QUIET = SIGNED[1].after(events("measured", NEW, NOW - 3600, value=0, started=NOW - 2 * DAY))
WITHDRAWN = (
    dataclasses.replace(SIGNED[0], published=published(NEW), modified=NOW - 60),
    QUIET.after([event("withdrawn", OLD, NOW - 60)]),
)
DONE = (
    dataclasses.replace(WITHDRAWN[0], servers=cluster(NEW, signing=NEW), staged={OLD: "cp1"}),
    WITHDRAWN[1],
)
