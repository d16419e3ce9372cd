# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be read and must be remembered of a rotation: when something was first seen to be so.

A record is a set of events, so that records merge in any order and any number of times, and of two runs that write at
once neither loses anything. Facts always win: the record says since when a key is published, never whether it is.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment, seconds_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import json_type, quoted

VERSION = 1

PUBLISHED = "published"
WITHDRAWN = "withdrawn"
ACCEPTED = "accepted"
DROPPED = "dropped"
SIGNING = "signing"
# A server that signed with a key is no longer part of the cluster.
GONE = "gone"
# What a server's counter of stale tokens was.
MEASURED = "measured"
# A relying party that holds a copy of the keys was told about a key, or that it leaves.
TOLD = "told"
TOLD_REMOVAL = "told-removal"
# A run that changes something, from its first write to its end.
BEGAN = "began"
ENDED = "ended"
# What each kind of event must say besides kid and at.
KINDS: t.Mapping[str, tuple[str, ...]] = {
    PUBLISHED: (),
    WITHDRAWN: (),
    ACCEPTED: ("server",),
    DROPPED: ("server",),
    SIGNING: ("server",),
    GONE: ("server",),
    MEASURED: ("server", "value", "started"),
    TOLD: ("party",),
    TOLD_REMOVAL: ("party",),
    BEGAN: ("by",),
    ENDED: ("by",),
}

# Two readings of when a server started may differ by so many seconds.
SAME_START = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """Something that was so at a time, by the servers' clocks.

    :ivar kind: one of KINDS
    :ivar kid: the key; empty for a run that makes one, which begins before the key has an ID
    :ivar at: seconds since 1970
    :ivar server: the name of the API server's node
    :ivar party: the name of a relying party
    :ivar by: who ran the playbook
    :ivar value: what was measured
    :ivar started: when the server that was measured started
    """

    kind: str
    kid: str
    at: float
    server: str | None = None
    party: str | None = None
    by: str | None = None
    value: int | None = None
    started: float | None = None

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as JSON can say it, with times that people can read. Members without a value are left out."""
        members = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return {name: moment(value) if name in _TIMES else value for name, value in members.items()}

    @classmethod
    def from_dict(cls, members: t.Any, *, now: float | None = None) -> Event:
        """Return the event that ``as_dict`` returned the members of; times may be seconds, too.

        ``now`` is the time of an event that has none. Raises Fault if it is no such event.
        """
        if not isinstance(members, dict):
            raise Fault(f"an event is {json_type(members)}")
        kind = members.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise Fault(f"the event {quoted(kind)} is not known")
        unknown = next((name for name in members if name not in _MEMBERS), None)
        if unknown is not None:
            raise Fault(f"an event {kind} has the unknown member {quoted(unknown)}")
        given = {name: value for name, value in members.items() if value is not None}
        if now is not None:
            given.setdefault("at", now)
        missing = next((name for name in ("kid", "at", *KINDS[kind]) if name not in given), None)
        if missing:
            raise Fault(f"an event {kind} does not say {missing}")
        return cls(**{name: _member(kind, name, value) for name, value in given.items()})


_MEMBERS = frozenset(field.name for field in dataclasses.fields(Event))
_TIMES = frozenset({"at", "started"})


def _member(kind: str, name: str, value: t.Any) -> t.Any:
    """Return a member as Event has it. Raises Fault for another type."""
    if name in _TIMES:
        return seconds_of(value)
    expected = int if name == "value" else str
    if not isinstance(value, expected) or isinstance(value, bool):
        raise Fault(f"in an event {kind}, {name} is {json_type(value)}")
    return value


@dataclasses.dataclass(frozen=True)
class Record:
    """All events, in the order of their times. ``Record.of`` and ``after`` are the ways to make one."""

    events: tuple[Event, ...] = ()

    @classmethod
    def of(cls, events: t.Iterable[Event]) -> Record:
        """Return the record of events, in whatever order they come. Times are whole seconds in it."""
        kept: dict[tuple[t.Any, ...], Event] = {}
        for event in map(_whole, events):
            place = _place(event)
            if place not in kept or _rank(event) > _rank(kept[place]):
                kept[place] = event
        return cls(tuple(sorted(kept.values(), key=_order)))

    @classmethod
    def parse(cls, text: str | None) -> Record:
        """Return the record that a text says; an empty one for None. Raises Fault if the text is no record."""
        if text is None:
            return cls()
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise Fault("it is not JSON") from None
        if not isinstance(content, dict) or not isinstance(content.get("events"), list):
            raise Fault("it is not an object with a list of events")
        if content.get("version") != VERSION:
            raise Fault(f"its version is {quoted(content.get('version'))}, and this release knows {VERSION}")
        return cls.of(map(Event.from_dict, content["events"]))

    @property
    def text(self) -> str:
        """The record as JSON: the same text for the same events."""
        content = {"version": VERSION, "events": [event.as_dict() for event in self.events]}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    def after(self, events: t.Iterable[Event]) -> Record:
        """Return this record with more events."""
        return Record.of((*self.events, *events))

    def published_since(self, kid: str) -> float | None:
        """Return when a key that is published was published: the earliest time after it was withdrawn last."""
        return _since(self._of(PUBLISHED, kid=kid), self._of(WITHDRAWN, kid=kid))

    def withdrawn_at(self, kid: str) -> float | None:
        """Return when a key was withdrawn last, None if it was published again since."""
        return _since(self._of(WITHDRAWN, kid=kid), self._of(PUBLISHED, kid=kid))

    def withdrawn(self) -> tuple[str, ...]:
        """Return the keys that were published once and are no longer."""
        kids = sorted({event.kid for event in self._of(PUBLISHED)})
        return tuple(kid for kid in kids if self.withdrawn_at(kid) is not None)

    def accepted_since(self, kid: str, server: str) -> float | None:
        """Return since when a server that accepts a key has accepted it."""
        return _since(self._of(ACCEPTED, kid=kid, server=server), self._of(DROPPED, kid=kid, server=server))

    def signing_since(self, kid: str, server: str) -> float | None:
        """Return since when a server that signs with a key has done so. It stops when it signs with another key."""
        others = [event for event in self._of(SIGNING, server=server) if event.kid != kid]
        return _since(self._of(SIGNING, kid=kid, server=server), [*others, *self._of(GONE, server=server)])

    def last_signers(self) -> dict[str, str]:
        """Return the key that each server signed with when that was recorded last, without servers that are gone."""
        last = {event.server: event for event in self.events if event.kind in (SIGNING, GONE) and event.server}
        return {server: event.kid for server, event in last.items() if server and event.kind == SIGNING}

    def gone(self, kids: t.Container[str]) -> list[float]:
        """Return when servers that last signed with one of the keys were found to be gone."""
        return [event.at for event in self._of(GONE) if event.kid in kids]

    def signed_from(self, kid: str) -> float | None:
        """Return when a server first signed with a key; None if that is not known of any."""
        return min((event.at for event in self._of(SIGNING, kid=kid)), default=None)

    def is_ours(self, kid: str) -> bool:
        """Whether a key was part of a rotation: a server signed with it or accepted it, or a run published it. That it
        was seen among the published keys says nothing: it may be another cluster's.
        """
        return any(
            event.kind in (SIGNING, ACCEPTED) or (event.kind == PUBLISHED and event.by is not None)
            for event in self.events
            if event.kid == kid
        )

    def quiet_since(self, server: str, *, value: int, started: float) -> float | None:
        """Return since when a server's counter is known to stand where it stands, in one run of the server.

        A counter only grows, so that two equal readings mean that it stood still in between.
        """
        readings = self._of(MEASURED, server=server)
        return min((e.at for e in readings if e.value == value and _is_same_start(e.started, started)), default=None)

    def measured_growth(self, server: str, *, value: int, started: float) -> Event | None:
        """Return the reading of the same run of a server that its counter has grown since, if there is one."""
        for event in self._of(MEASURED, server=server):
            if _is_same_start(event.started, started) and event.value is not None and event.value < value:
                return event
        return None

    def is_told(self, kid: str, party: str, *, kind: str = TOLD) -> bool:
        """Whether a relying party was told about a key, or that it leaves."""
        return any(event.party == party for event in self._of(kind, kid=kid))

    def open_runs(self) -> list[tuple[Event, float]]:
        """Return the runs that began and did not end, each with the time of the last event that it recorded."""
        runs = [event for event in self._of(BEGAN) if event.at > self.ended_at(event.by)]
        return [(run, max(event.at for event in self.events if event.by == run.by)) for run in runs]

    def ended_at(self, by: str | None) -> float:
        """Return when a run ended a phase last, -1 if it has not yet."""
        return max((event.at for event in self._of(ENDED) if event.by == by), default=-1.0)

    def _of(self, kind: str, *, kid: str | None = None, server: str | None = None) -> list[Event]:
        return [
            event
            for event in self.events
            if event.kind == kind and kid in (None, event.kid) and server in (None, event.server)
        ]


def _since(begun: t.Iterable[Event], ended: t.Iterable[Event]) -> float | None:
    """Return the earliest beginning after the last end."""
    last = max((event.at for event in ended), default=-1.0)
    return min((event.at for event in begun if event.at > last), default=None)


def _is_same_start(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) <= SAME_START


def _whole(event: Event) -> Event:
    """Return an event in whole seconds, rounded up: no wait may be shorter for it."""
    started = None if event.started is None else -(-event.started // 1)
    return dataclasses.replace(event, at=-(-event.at // 1), started=started)


def _place(event: Event) -> tuple[t.Any, ...]:
    """Return what at most one event is kept of: one reading of each server and one run of each person, else each."""
    if event.kind == MEASURED:
        return (event.kind, event.server)
    if event.kind in (BEGAN, ENDED):
        return (event.kind, event.by)
    return (event.kind, *_order(event))


def _rank(event: Event) -> tuple[t.Any, ...]:
    """Return what decides which event is kept: of readings, the first that shows the highest count since the last
    start; of runs, the last.
    """
    if event.kind == MEASURED:
        return (event.started or 0, event.value or 0, -event.at, _order(event))
    return (event.at, _order(event))


def _order(event: Event) -> tuple[t.Any, ...]:
    """Return what events are sorted by; no two different events have the same."""
    return (
        event.at,
        event.kind,
        event.kid,
        event.server or "",
        event.party or "",
        event.by or "",
        -1 if event.value is None else event.value,
        -1.0 if event.started is None else event.started,
    )
