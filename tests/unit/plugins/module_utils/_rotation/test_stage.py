# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rotation stands, by hand or not, and what a phase does there."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import LegacyToken
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import Stage, stage_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._rotation.rotations import (
    ACCEPTED,
    BASE,
    BEFORE,
    DAY,
    DONE,
    FOREIGN,
    IDLE,
    NEW,
    NOW,
    OLD,
    PREPARED,
    SIGNED,
    WITHDRAWN,
    cluster,
    event,
    events,
    published,
    server,
    unread,
    with_server,
)


def facts(place, **changes):
    return dataclasses.replace(place[0], **changes)


HALF = facts(ACCEPTED, servers=(*cluster(OLD, NEW)[:2], server("cp3", OLD, NEW, signing=NEW, started=NOW - 9)))
BY_HAND = Record()
LEGACY = (LegacyToken(namespace="shop", name="robot", account="robot", kid=OLD),)
# After the rotation, its former key lies archived on a host.
ARCHIVED = (facts(DONE), DONE[1].after(events("dropped", OLD, NOW - 30)))

CASES = {
    "idle": (*IDLE, Stage(current=OLD, due="prepare")),
    "prepared": (*PREPARED, Stage(current=OLD, next=NEW, due="accept")),
    "accepted": (*ACCEPTED, Stage(current=OLD, next=NEW, due="sign")),
    "half-signed": (HALF, ACCEPTED[1], Stage(current=OLD, next=NEW, due="sign")),
    "signed": (*SIGNED, Stage(current=NEW, old=(OLD,), due="retire-published")),
    "withdrawn": (*WITHDRAWN, Stage(current=NEW, old=(OLD,), due="retire-accepted")),
    "done": (*ARCHIVED, Stage(current=NEW, due="prepare")),
    # Killed in between, so that the record lags behind the facts.
    "made-and-killed": (facts(IDLE, staged={NEW: "cp1"}), BEFORE, Stage(current=OLD, next=NEW, due="prepare")),
    "published-and-killed": (PREPARED[0], BEFORE, Stage(current=OLD, next=NEW, due="accept")),
    "signed-and-killed": (SIGNED[0], ACCEPTED[1], Stage(current=NEW, old=(OLD,), due="retire-published")),
    "signed-but-for-a-controller-manager": (
        with_server(SIGNED[0], server("cp3", OLD, NEW, signing=NEW, is_behind=True)),
        SIGNED[1],
        Stage(current=NEW, old=(OLD,), due="sign"),
    ),
    "never-rotated": (facts(IDLE, servers=cluster(OLD, is_behind=True)), BEFORE, Stage(current=OLD, due="prepare")),
    "half-accepted": (
        with_server(PREPARED[0], server("cp2", OLD, NEW)),
        PREPARED[1],
        Stage(current=OLD, next=NEW, due="accept"),
    ),
    # By hand, so that there is no record.
    "published-by-hand": (PREPARED[0], BY_HAND, Stage(current=OLD, next=NEW, due="accept")),
    "accepted-by-hand-first": (
        facts(ACCEPTED, published=published(OLD)),
        BY_HAND,
        Stage(current=OLD, next=NEW, due="prepare"),
    ),
    "half-signed-by-hand": (HALF, BY_HAND, Stage(current=OLD, next=NEW, due="sign")),
    "signed-by-hand": (
        facts(SIGNED, staged={}),
        BY_HAND,
        Stage(current=NEW, old=(OLD,), due="retire-published"),
    ),
    "signed-by-hand-and-not-published": (
        facts(SIGNED, published=published(OLD), staged={}),
        BY_HAND,
        Stage(current=NEW, old=(OLD,), due="prepare"),
    ),
    "withdrawn-by-hand-with-secrets-of-the-old-key": (
        facts(WITHDRAWN, staged={}, legacy_tokens=LEGACY),
        BY_HAND,
        Stage(current=NEW, old=(OLD,), due="retire-accepted"),
    ),
    "rolled-back-by-hand": (
        facts(ACCEPTED),
        SIGNED[1].after(events("signing", OLD, NOW - DAY)),
        Stage(current=OLD, next=NEW, due="sign"),
    ),
    # What nobody knows is left alone.
    "a-foreign-key": (facts(IDLE, published=published(OLD, FOREIGN)), BEFORE, Stage(current=OLD, unrelated=(FOREIGN,))),
    "a-foreign-key-that-the-record-has": (
        facts(SIGNED, published=published(OLD, NEW, FOREIGN)),
        SIGNED[1].after([event("published", FOREIGN, NOW - 60)]),
        Stage(current=NEW, old=(OLD,), unrelated=(FOREIGN,), due="retire-published"),
    ),
    "a-key-that-is-only-accepted": (
        facts(IDLE, servers=cluster(OLD, FOREIGN)),
        BEFORE,
        Stage(current=OLD, unrelated=(FOREIGN,)),
    ),
    # Servers that come, go and fail.
    "a-server-joined-with-old-files": (
        facts(DONE, servers=(*DONE[0].servers, server("cp4", OLD, started=NOW - 5))),
        DONE[1],
        Stage(current=OLD, next=NEW, due="sign"),
    ),
    "a-server-joined-with-old-files-and-is-no-host": (
        facts(DONE, servers=(*DONE[0].servers, server("cp4", OLD, started=NOW - 5, managed=False))),
        DONE[1],
        Stage(current=OLD, next=NEW, due="accept"),
    ),
    "a-server-joined-with-old-files-and-another-lacks-the-new-key": (
        facts(SIGNED, servers=(*SIGNED[0].servers[:2], server("cp3", NEW, signing=NEW), server("cp4", OLD))),
        SIGNED[1],
        Stage(current=OLD, next=NEW, due="sign"),
    ),
    "a-server-joined-while-signing": (
        facts(SIGNED, servers=(*SIGNED[0].servers, server("cp4", OLD, NEW, started=NOW - 5))),
        SIGNED[1],
        Stage(current=OLD, next=NEW, due="sign"),
    ),
    "a-server-is-down": (with_server(IDLE[0], unread("cp2")), BEFORE, Stage(current=OLD)),
    "a-server-lacks-the-present-key": (
        with_server(DONE[0], server("cp2", FOREIGN, signing=NEW)),
        DONE[1],
        Stage(current=NEW, unrelated=(FOREIGN,), due="accept"),
    ),
    "no-server-answers": (facts(IDLE, servers=(unread("cp1"),)), BEFORE, Stage(current=None, unrelated=(OLD,))),
    # The new key's private half is gone.
    "lost-after-prepare": (
        facts(PREPARED, staged={}),
        PREPARED[1],
        Stage(current=OLD, old=(NEW,), lost=(NEW,), due="prepare"),
    ),
    "lost-after-accept": (
        facts(ACCEPTED, staged={}),
        ACCEPTED[1],
        Stage(current=OLD, old=(NEW,), lost=(NEW,), due="prepare"),
    ),
    "its-host-is-down": (
        with_server(facts(PREPARED, staged={}), unread("cp1")),
        PREPARED[1],
        Stage(current=OLD, next=NEW, due="accept"),
    ),
    "two-keys-prepared-at-once": (
        facts(PREPARED, published=published(OLD, NEW, "newer"), staged={NEW: "cp1", "newer": "cp2"}),
        PREPARED[1].after([event("published", "newer", NOW - 7100, by="us")]),
        Stage(current=OLD, next=NEW, old=("newer",), due="accept"),
    ),
    "a-second-rotation": (
        facts(
            PREPARED,
            published=published(NEW, "third"),
            servers=cluster(NEW, signing=NEW),
            staged={OLD: "cp1", "third": "cp1"},
        ),
        ARCHIVED[1].after([event("published", "third", NOW - 5)]),
        Stage(current=NEW, next="third", due="accept"),
    ),
}


@pytest.mark.parametrize(("found", "record", "stage"), CASES.values(), ids=CASES)
def test_the_keys_say_where_the_rotation_stands(found, record, stage):
    assert stage_of(found, record) == stage


@pytest.mark.parametrize(
    ("phase", "place", "variables", "does"),
    [
        ("prepare", IDLE, {}, {"makes_key": True, "kid": None}),
        ("prepare", IDLE, {"key_kid": "given"}, {"makes_key": True, "kid": "given"}),
        ("auto", IDLE, {}, {"phase": "prepare", "makes_key": True}),
        ("prepare", CASES["made-and-killed"], {}, {"makes_key": False, "kid": NEW, "publish": (NEW,)}),
        ("auto", CASES["signed-by-hand-and-not-published"], {}, {"publish": (NEW,), "repairs": True}),
        ("accept", PREPARED, {}, {"kid": NEW, "changes_servers": True}),
        ("sign", ACCEPTED, {}, {"kid": NEW, "changes_servers": True}),
        ("sign", (HALF, ACCEPTED[1]), {}, {"kid": NEW, "changes_servers": True}),
        ("retire-published", SIGNED, {}, {"withdraw": (OLD,)}),
        ("retire-accepted", WITHDRAWN, {}, {"drop": (OLD,), "changes_servers": True}),
        ("prepare", CASES["lost-after-prepare"], {}, {"makes_key": True}),
        ("auto", CASES["lost-after-accept"], {}, {"phase": "prepare", "makes_key": True}),
        ("auto", ARCHIVED, {}, {"makes_key": False}),
        ("auto", ARCHIVED, {"key_type": "RSA"}, {"makes_key": False}),
        ("auto", ARCHIVED, {"key_type": "ECDSA"}, {"phase": "prepare", "makes_key": True}),
        ("auto", ARCHIVED, {"key_kid": NEW}, {"makes_key": False}),
        ("auto", ARCHIVED, {"key_kid": "given"}, {"phase": "prepare", "makes_key": True}),
        ("prepare", ARCHIVED, {}, {"makes_key": True}),
        ("retire-published", CASES["a-foreign-key"], {"revoke_kid": FOREIGN}, {"withdraw": (FOREIGN,)}),
        # A leaked key goes as soon as another one signs, without a wait.
        ("revoke", IDLE, {"revoke_kid": OLD}, {"phase": "prepare", "makes_key": True}),
        ("revoke", PREPARED, {"revoke_kid": OLD}, {"phase": "accept", "kid": NEW}),
        ("revoke", (facts(ACCEPTED, modified=NOW), BY_HAND), {"revoke_kid": OLD}, {"phase": "sign", "kid": NEW}),
        ("revoke", (SIGNED[0], BY_HAND), {"revoke_kid": OLD}, {"phase": "retire-published", "withdraw": (OLD,)}),
        ("revoke", WITHDRAWN, {"revoke_kid": OLD}, {"phase": "retire-accepted", "drop": (OLD,)}),
        ("revoke", (facts(DONE, staged={}), DONE[1]), {"revoke_kid": OLD}, {"drop": (), "withdraw": ()}),
        ("revoke", DONE, {"revoke_kid": OLD}, {"drop": (OLD,), "changes_servers": False}),
        # A server that comes back with the former key signs with the new one at once: others refuse what it signs.
        ("auto", CASES["a-server-joined-with-old-files"], {}, {"phase": "sign", "kid": NEW, "changes_servers": True}),
        ("sign", CASES["a-server-joined-with-old-files"], {}, {"kid": NEW, "changes_servers": True}),
        ("revoke", CASES["a-server-joined-with-old-files"], {"revoke_kid": OLD}, {"phase": "sign", "kid": NEW}),
        ("sign", CASES["signed-but-for-a-controller-manager"], {}, {"kid": NEW, "changes_servers": True}),
        ("revoke", PREPARED, {"revoke_kid": NEW}, {"phase": "retire-published", "withdraw": (NEW,)}),
        ("revoke", (HALF, ACCEPTED[1]), {"revoke_kid": NEW}, {"phase": "sign", "kid": OLD}),
    ],
)
def test_a_phase_does_what_is_to_do_there(phase, place, variables, does):
    decision = decide(phase, place[0], place[1], settings=Settings(by="us", **variables))
    assert decision.refusals == ()
    assert {name: getattr(decision.work, name) for name in does} == does


@pytest.mark.parametrize(
    ("place", "variables", "after", "at"),
    [
        (IDLE, {}, "accept", None),
        (PREPARED, {"cache_seconds": 9000}, "sign", NOW + 1800),
        (ACCEPTED, {}, "retire-published", NOW + DAY),
        (SIGNED, {}, "retire-accepted", NOW + 3600),
        (WITHDRAWN, {}, None, None),
        (ACCEPTED, {"cache_seconds": 9000}, "sign", NOW + 1800),
        (ARCHIVED, {}, None, None),
    ],
)
def test_a_decision_says_when_the_next_phase_may_be_done(place, variables, after, at):
    decision = decide("auto", *place, settings=Settings(by="us", **variables))
    assert (decision.next_phase, decision.next_at) == (after, at)


@pytest.mark.parametrize(
    ("place", "variables", "due", "at"),
    [
        (IDLE, {}, "prepare", None),
        (PREPARED, {}, "accept", None),
        (ACCEPTED, {}, "sign", None),
        (ACCEPTED, {"cache_seconds": 9000}, "sign", NOW + 1800),
        (WITHDRAWN, {}, "retire-accepted", None),
        (ARCHIVED, {}, None, None),
    ],
)
def test_the_status_names_the_phase_that_is_due(place, variables, due, at):
    decision = decide("status", *place, settings=Settings(**variables))
    assert (decision.next_phase, decision.next_at) == (due, at)


def test_a_phase_that_is_done_names_the_one_that_is_due():
    decision = decide("accept", *ACCEPTED, settings=Settings(cache_seconds=9000))
    assert (decision.next_phase, decision.next_at) == ("sign", NOW + 1800)


def test_what_is_seen_for_the_first_time_is_remembered_once():
    decision = decide("accept", *ACCEPTED[:1], Record(), settings=Settings(by="us"))
    assert {(e.kind, e.kid, e.at) for e in decision.events if e.kind == "published"} == {
        ("published", OLD, NOW - 7200),
        ("published", NEW, NOW - 7200),
    }
    assert {(e.server, e.kid, e.at) for e in decision.events if e.kind == "signing"} == {
        (name, OLD, NOW - 2 * DAY) for name in ("cp1", "cp2", "cp3")
    }
    later = dataclasses.replace(ACCEPTED[0], now=NOW + 60, controller=NOW + 60)
    assert decide("accept", later, Record.of(decision.events), settings=Settings(by="us")).events == ()


def test_a_run_that_changes_something_tells_others_once():
    decision = decide("accept", *PREPARED, settings=Settings(by="us"))
    assert [(e.by, e.at) for e in decision.events if e.kind == "began"] == [("us", NOW)]
    told = PREPARED[1].after(decision.events)
    again = decide("accept", PREPARED[0], told, settings=Settings(by="us")).events
    assert told.after(again) == told
    # Another run of this name, after the first was killed, counts from its own beginning.
    later = facts(PREPARED, now=NOW + 3500, controller=NOW + 3500)
    told = told.after(decide("accept", later, told, settings=Settings(by="us")).events)
    [(run, last)] = told.open_runs()
    assert (run.at, last) == (NOW + 3500, NOW + 3500)
    assert not any(e.kind == "began" for e in decide("status", *PREPARED, settings=Settings(by="us")).events)


def test_a_run_that_begins_in_the_second_in_which_it_ended_a_phase_is_under_way():
    told = PREPARED[1].after([Event(kind="ended", kid=NEW, at=NOW, by="us")])
    told = told.after(decide("accept", PREPARED[0], told, settings=Settings(by="us")).events)
    assert [run.by for run, dummy in told.open_runs()] == ["us"]


def test_a_server_that_left_is_noticed_once():
    record = SIGNED[1].after(events("signing", OLD, NOW - 9 * DAY, on=["cp4"]))
    decision = decide("retire-published", SIGNED[0], record, settings=Settings())
    assert [(e.kind, e.server, e.kid) for e in decision.events if e.kind == "gone"] == [("gone", "cp4", OLD)]
    (refusal,) = decision.refusals
    known = record.after(decision.events)
    later = dataclasses.replace(SIGNED[0], now=NOW + DAY, controller=NOW + DAY)
    assert refusal.at == NOW + DAY
    assert decide("retire-published", later, known, settings=Settings()).may_go_on


def test_an_unknown_key_that_is_kept_is_named():
    decision = decide("retire-accepted", *CASES["a-key-that-is-only-accepted"][:2], settings=Settings())
    assert decision.is_done
    assert any(FOREIGN in reason and "irsa_rotate_revoke_kid" in reason for reason in decision.reasons)


def test_a_foreign_key_that_was_to_be_revoked_by_mistake_stays_foreign():
    found, record, dummy = CASES["a-foreign-key"]
    first, *others = cluster(OLD, FOREIGN)
    servers = (dataclasses.replace(first, managed=False), *others)
    found = dataclasses.replace(found, servers=servers, published=published(OLD))
    decision = decide("revoke", found, record, settings=Settings(by="us", revoke_kid=FOREIGN))
    assert not decision.may_go_on
    assert stage_of(found, record.after(decision.events)).unrelated == (FOREIGN,)


def test_the_key_to_come_is_remembered_as_this_run_s():
    decision = decide("accept", PREPARED[0], BEFORE, settings=Settings(by="us"))
    assert [(e.kid, e.by) for e in decision.events if e.kind == "published"] == [(NEW, "us")]


def test_facts_without_a_time_count_from_now():
    undated = dataclasses.replace(BASE, modified=None)
    assert [e.at for e in decide("status", undated, Record(), settings=Settings()).events if e.kind == "published"] == [
        NOW
    ]
