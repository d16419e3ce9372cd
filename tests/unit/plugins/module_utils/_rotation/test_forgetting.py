# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record forgets changes no decision, and it stays small however many rotations there were."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.forgetting import pruned, unused
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import KINDS, Event, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import PHASES, Settings
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._rotation.rotations import (
    BASE,
    DAY,
    NOW,
    event,
    events,
    published,
    server,
    unread,
)

KIDS = st.sampled_from(["k1", "k2", "k3", "k4", "k5"])
SERVERS = st.sampled_from(["cp1", "cp2", "gone"])
TIMES = st.integers(-900, 0).map(lambda days: NOW + days * DAY)


@st.composite
def remembered(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    choices = {
        "server": SERVERS,
        "party": st.just("vault"),
        "by": st.sampled_from(["us", "them"]),
        "value": st.integers(0, 2),
        "started": TIMES,
    }
    kid = draw(KIDS | st.just("") if kind in {"began", "ended"} else KIDS)
    return Event(kind=kind, kid=kid, at=draw(TIMES), **{name: draw(choices[name]) for name in KINDS[kind]})


@st.composite
def facts(draw):
    signing = [draw(KIDS), draw(KIDS)]
    servers = tuple(
        server(name, *draw(st.sets(KIDS)), kid, signing=kid, stale=draw(st.none() | st.just(0)))
        for name, kid in zip(("cp1", "cp2"), signing, strict=True)
    )
    staged = dict.fromkeys(draw(st.sets(KIDS, max_size=1)), "cp1")
    return dataclasses.replace(BASE, servers=servers, staged=staged, published=published(*sorted(draw(st.sets(KIDS)))))


@settings(deadline=None, max_examples=300)
@given(facts(), st.lists(remembered(), max_size=40), st.sampled_from(PHASES), st.none() | KIDS)
def test_decisions_are_the_same_with_less_to_remember(found, some, phase, revoked):
    record = Record.of(some)
    smaller = pruned(record, unused(found, record), NOW)
    variables = Settings(by="us", parties=("vault",), revoke_kid=revoked)
    before, after = (decide(phase, found, each, settings=variables) for each in (record, smaller))
    assert dataclasses.replace(before, events=()) == dataclasses.replace(after, events=())
    # A key that was withdrawn is not brought back by role irsa_issuer.
    assert {kid: record.withdrawn_at(kid) for kid in ["k1", "k2", "k3", "k4", "k5"]} == {
        kid: smaller.withdrawn_at(kid) for kid in ["k1", "k2", "k3", "k4", "k5"]
    }


def test_of_a_hundred_rotations_little_is_remembered():
    record = Record()
    for number in range(100):
        at, old, new = NOW - (100 - number) * 30 * DAY, f"kid{number}", f"kid{number + 1}"
        record = record.after([event("began", "", at, by=f"ci-{number}"), event("published", new, at)])
        record = record.after([*events("accepted", new, at), *events("signing", new, at + DAY)])
        record = record.after([event("withdrawn", old, at + 2 * DAY), *events("dropped", old, at + 3 * DAY)])
        record = record.after([event("ended", new, at + 3 * DAY, by=f"ci-{number}")])
    found = dataclasses.replace(
        BASE, servers=tuple(server(name, "kid100", signing="kid100") for name in ("cp1", "cp2", "cp3"))
    )
    found = dataclasses.replace(found, published=published("kid100"))
    smaller = pruned(record, unused(found, record), NOW)
    assert len(smaller.text) < len(record.text) / 3
    assert all(smaller.withdrawn_at(f"kid{number}") for number in range(100))


def test_nothing_is_forgotten_of_keys_while_a_server_cannot_be_read():
    record = Record.of(events("signing", "k1", NOW - 900 * DAY))
    assert unused(dataclasses.replace(BASE, servers=(*BASE.servers, unread("cp4"))), record) == []
