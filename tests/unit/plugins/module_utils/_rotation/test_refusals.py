# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each refusal of a phase, broken once: what is said, when it may be done, and that no other name forces it."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import LegacyToken
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import NAMES
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._rotation.rotations import (
    ACCEPTED,
    BASE,
    DAY,
    DONE,
    IDLE,
    NEW,
    NOW,
    OLD,
    PREPARED,
    QUIET,
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

YEAR = 365 * DAY


def but(place, **changes):
    return dataclasses.replace(place[0], **changes), place[1]


def but_server(place, changed):
    return with_server(place[0], changed), place[1]


def legacy(kid):
    return (LegacyToken(namespace="shop", name="robot", account="robot", kid=kid),)


def refusals(phase, place, **settings):
    return decide(phase, *place, settings=Settings(by="us", **settings)).refusals


@pytest.mark.parametrize(
    ("phase", "place"),
    [
        ("prepare", IDLE),
        ("accept", PREPARED),
        ("sign", ACCEPTED),
        ("retire-published", SIGNED),
        ("retire-accepted", WITHDRAWN),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_phase_that_breaks_nothing_may_be_done(phase, place):
    decision = decide(phase, *place, settings=Settings(by="us"))
    assert (decision.refusals, decision.forced) == ((), ())
    assert decision.may_go_on
    assert decision.phase == phase == decide("auto", *place, settings=Settings(by="us")).phase


FRESH = (but(ACCEPTED, modified=NOW - 600)[0], IDLE[1].after([event("published", NEW, NOW - 600)]))
JUST_SIGNED = (SIGNED[0], ACCEPTED[1].after(events("signing", NEW, NOW - 3600)))
# Switched an hour ago, with counters that were read at once.
SHORT_TOKENS = (
    but(WITHDRAWN, token_seconds=3600, servers=cluster(OLD, NEW, signing=NEW, started=NOW - 3610))[0],
    ACCEPTED[1].after(
        [
            *events("signing", NEW, NOW - 3610),
            *events("measured", NEW, NOW - 3605, value=0, started=NOW - 3610),
            event("withdrawn", OLD, NOW - 5),
        ]
    ),
)
UNMEASURED = (WITHDRAWN[0], SIGNED[1])
SIGNING_WITH_THREE = tuple(server(f"cp-{kid}", "a", "b", "c", OLD, signing=kid) for kid in "abc")
OTHERS = IDLE[1].after([event("began", NEW, NOW - 600, by="eve@laptop")])

# name, phase, place, further variables, when it may be done, and what the message must say
CASES = {
    "a-server-does-not-accept": (
        *("not-accepted", "sign", but_server(ACCEPTED, server("cp2", OLD)), {}, None),
        ["'cp2' would refuse each token that another server signs with new-kid", "the phase accept has brought"],
    ),
    "a-server-does-not-accept-and-another-came-back-with-former-keys": (
        "not-accepted",
        "sign",
        but_server(but_server(DONE, server("cp2", "x", signing=NEW)), server("cp3", OLD)),
        {"force": frozenset({"servers-disagree"})},
        None,
        ["'cp2' would refuse each token that another server signs with new-kid"],
    ),
    "a-server-was-down": (
        *("not-accepted", "sign", but_server(ACCEPTED, unread("cp2")), {}, None),
        ["What 'cp2' accepts could not be read"],
    ),
    "published-ten-minutes-ago": (
        *("cache-time", "sign", FRESH, {}, NOW + 3000),
        ["that keep a JWKS without new-kid would refuse its tokens", moment(NOW - 600), "for 1 hour", "in 50 minutes"],
    ),
    "a-header-that-allows-longer": (
        *("cache-time", "sign", but(ACCEPTED, max_age=7201), {}, NOW + 1),
        ["for 2 hours", "Cache-Control"],
    ),
    "a-longer-cache-of-ours": (*("cache-time", "sign", ACCEPTED, {"cache_seconds": 7260}, NOW + 60), ["2 hours"]),
    "no-record-and-a-fresh-key-set": (
        *("cache-time", "sign", but((ACCEPTED[0], IDLE[1]), modified=NOW - 60), {}, NOW + 3540),
        [moment(NOW - 60)],
    ),
    "not-published-at-all": (
        *("cache-time", "sign", but(ACCEPTED, published=BASE.published), {}, None),
        ["The key is not published", "prepare has published it", "AWS among them"],
    ),
    "switched-an-hour-ago": (
        *("token-time", "retire-published", JUST_SIGNED, {}, NOW + DAY - 3600),
        ["signed with 'old-kid' and still valid would be refused", "was 'cp3', at " + moment(NOW - 3600), "1 day"],
    ),
    "one-server-switched-an-hour-ago": (
        "token-time",
        "retire-published",
        (SIGNED[0], ACCEPTED[1].after(events("signing", NEW, NOW - 3600, on=["cp2"]))),
        {},
        NOW + DAY - 3600,
        ["was 'cp2'"],
    ),
    "no-record-of-the-switch": (
        *(
            "token-time",
            "retire-published",
            but((SIGNED[0], ACCEPTED[1]), servers=cluster(OLD, NEW, signing=NEW, started=NOW - 60)),
            {},
        ),
        *(NOW + DAY - 60, [moment(NOW - 60)]),
    ),
    "pods-ask-for-longer-tokens": (
        *("token-time", "retire-published", but(SIGNED, token_seconds=3 * DAY), {}, NOW + DAY, ["3 days"]),
    ),
    "pods-cannot-be-listed": (
        *("token-time", "retire-published", but(SIGNED, token_seconds=None), {}, None),
        ["could not be read", "the pods of all namespaces can be listed"],
    ),
    "longer-tokens-by-a-variable": (
        *("token-time", "retire-published", SIGNED, {"token_seconds": 2 * DAY + 60}, NOW + 60, ["2 days 1 minute"]),
    ),
    "a-server-left-unswitched": (
        "token-time",
        "retire-published",
        (SIGNED[0], SIGNED[1].after(events("signing", OLD, NOW - 9 * DAY, on=["cp4"]))),
        {},
        NOW + DAY,
        ["was 'cp4'"],
    ),
    "servers-forget-before-tokens-expire": (
        *("token-time", "retire-accepted", but(WITHDRAWN, token_seconds=3 * DAY), {}, NOW + DAY, ["3 days"]),
    ),
    "a-secret-of-the-old-key": (
        *("legacy-tokens", "retire-accepted", but(WITHDRAWN, legacy_tokens=legacy(OLD)), {}, None),
        ["'shop/robot'", "which never expire", "clear its data.token"],
    ),
    "a-secret-of-an-unknown-key": (
        *("legacy-tokens", "retire-accepted", but(WITHDRAWN, legacy_tokens=legacy(None)), {}, None),
        ["'shop/robot'", "one that cannot be told"],
    ),
    "secrets-cannot-be-listed": (
        *("legacy-tokens", "retire-accepted", but(WITHDRAWN, legacy_tokens=None), {}, None),
        ["could not be listed"],
    ),
    "a-counter-was-never-read": (
        *("stale-tokens", "retire-accepted", UNMEASURED, {}, NOW + 3600),
        ["of 'cp1' is 0: the server started again", "of 'cp3' is 0", "1 hour (irsa_rotate_stale_window)"],
    ),
    "a-counter-grows": (
        "stale-tokens",
        "retire-accepted",
        but_server(WITHDRAWN, server("cp2", OLD, NEW, signing=NEW, stale=3)),
        {},
        *(NOW + 3600, ["of 'cp2' has grown from 0 to 3 since " + moment(NOW - 3600), "such tokens are in use"]),
    ),
    "a-counter-stands-for-less-than-the-window": (
        *("stale-tokens", "retire-accepted", WITHDRAWN, {"stale_window": 4000}, NOW + 400),
        ["stands at 0 since " + moment(NOW - 3600)],
    ),
    "tokens-of-the-old-key-are-not-stale-yet": (
        "stale-tokens",
        "retire-accepted",
        SHORT_TOKENS,
        {"token_seconds": 3600},
        *(NOW + 3590, ["stands at 0 since " + moment(NOW - 3605), "from " + moment(NOW - 10) + " on, when all"]),
    ),
    "a-server-restarted-since": (
        "stale-tokens",
        "retire-accepted",
        but_server(WITHDRAWN, server("cp2", OLD, NEW, signing=NEW, started=NOW - 100)),
        {},
        NOW + 3600,
        ["of 'cp2' is 0: the server started again since it was last recorded"],
    ),
    "a-counter-cannot-be-read": (
        "stale-tokens",
        "retire-accepted",
        but_server(WITHDRAWN, server("cp2", OLD, NEW, signing=NEW, stale=None, extends_tokens=False)),
        {"force": frozenset({"extended-tokens"})},
        NOW - 2 * DAY + YEAR,
        ["serviceaccount_stale_tokens_total of 'cp2' could not be read"],
    ),
    "nothing-can-be-measured-of-extended-tokens": (
        "extended-tokens",
        "retire-accepted",
        but(WITHDRAWN, servers=cluster(OLD, NEW, signing=NEW, stale=None)),
        {"force": frozenset({"stale-tokens"})},
        NOW - 2 * DAY + YEAR,
        ["valid for a year", "'cp1', 'cp2' and 'cp3'"],
    ),
    "a-server-lacks-the-signing-key-of-another": (
        *("servers-disagree", "prepare", but_server(IDLE, server("cp2", "else", signing="else")), {}, None),
        ["'cp2' does not accept old-kid, which 'cp1' signs with", "'cp1' does not accept else, which 'cp2' signs with"],
    ),
    "a-token-is-refused-for-no-visible-reason": (
        *(
            "servers-disagree",
            "accept",
            but_server(PREPARED, server("cp2", OLD, refusals=("'cp2' refuses 'cp1'.",))),
            {},
        ),
        *(None, ["'cp2' refuses 'cp1'."]),
    ),
    "three-keys-sign": (
        "servers-disagree",
        "prepare",
        but(IDLE, servers=SIGNING_WITH_THREE, published=published("a", "b", "c")),
        {},
        *(None, ["They sign with 3 keys: 'a', 'b' and 'c'."]),
    ),
    "a-server-that-may-sign-with-the-old-key": (
        *(
            "servers-disagree",
            "retire-published",
            but_server(SIGNED, unread("cp3")),
            {"force": frozenset({"token-time"})},
        ),
        *(None, ["What 'cp3' signs with and accepts could not be read"]),
    ),
    "a-limit-of-a-later-phase": (
        *("platform", "prepare", but(IDLE, limits={"sign": "Talos 1.13 has one key."}), {}, None),
        ["the phase sign cannot be done without refused tokens", "Talos 1.13 has one key."],
    ),
    "a-limit-of-the-phase": (
        *("platform", "sign", but(ACCEPTED, limits={"sign": "Talos 1.13 has one key."}), {}, None),
        ["Talos 1.13 has one key."],
    ),
    "a-server-that-is-no-host": (
        *("platform", "prepare", but_server(IDLE, server("cp3", OLD, managed=False)), {}, None),
        ["'cp3' is no host of this play"],
    ),
    "a-server-that-cannot-be-brought-the-key": (
        *("platform", "accept", but_server(PREPARED, server("cp3", OLD, managed=False)), {}, None),
        ["'cp3' is no host of this play"],
    ),
    "another-run": (
        *("other-rotation", "prepare", (IDLE[0], OTHERS), {}, NOW + 3000),
        [f"'eve@laptop' began at {moment(NOW - 600)}", "or as soon as that run has ended"],
    ),
    "a-wrong-clock-here": (
        *("clock", "prepare", but(IDLE, controller=NOW - 7200), {}, None),
        ["This machine's clock says " + moment(NOW - 7200), "a difference of 2 hours"],
    ),
    "a-key-set-of-the-future": (
        *("clock", "prepare", but(IDLE, modified=NOW + 999), {}, None),
        ["The JWKS was written at " + moment(NOW + 999)],
    ),
    "a-server-of-the-future": (
        *("clock", "prepare", but_server(IDLE, server("cp2", OLD, started=NOW + 999)), {}, None),
        ["'cp2' started at " + moment(NOW + 999)],
    ),
    "a-slow-clock-of-a-server": (
        *("clock", "retire-published", but_server(SIGNED, server("cp2", OLD, NEW, signing=NEW, now=NOW - DAY)), {}),
        *(None, ["The clock of 'cp2' says " + moment(NOW - DAY) + ", and the store's " + moment(NOW)]),
    ),
    "a-record-of-the-future": (
        *("clock", "prepare", (IDLE[0], IDLE[1].after([event("published", OLD, NOW + 999)])), {}, None),
        ["record has an event at " + moment(NOW + 999)],
    ),
    "a-party-that-was-not-told": (
        *("relying-parties", "sign", ACCEPTED, {"parties": ("vault", "other-cluster")}, None),
        ["'vault' and 'other-cluster' would refuse tokens of new-kid", "confirmed that they have it"],
    ),
}


@pytest.mark.parametrize(("name", "phase", "place", "variables", "at", "said"), CASES.values(), ids=CASES)
def test_a_phase_is_refused_until_its_name_is_in_irsa_rotate_force(name, phase, place, variables, at, said):
    (refusal,) = refusals(phase, place, **variables)
    assert (refusal.name, refusal.at) == (name, at)
    message = refusal.message(NOW)
    for words in said:
        assert words in message
    assert message.endswith(f"To do it all the same, add {name} to irsa_rotate_force.")
    assert refusal.breaks in message
    assert at is None or f"It may be done from {moment(at)} on" in message

    forced = variables.get("force", frozenset())
    others = frozenset(NAMES) - {name}
    assert refusals(phase, place, **{**variables, "force": others}) == (refusal,)
    decision = decide(phase, *place, settings=Settings(by="us", **{**variables, "force": forced | {name}}))
    assert decision.may_go_on
    assert refusal in decision.forced
    assert refusal.breaks in refusal.warning()


def test_every_refusal_is_broken_above():
    assert {case[0] for case in CASES.values()} == set(NAMES)


@pytest.mark.parametrize(
    ("phase", "place", "variables"),
    [
        ("sign", (dataclasses.replace(FRESH[0], now=NOW + 3000, controller=NOW + 3000), FRESH[1]), {}),
        ("sign", (ACCEPTED[0], ACCEPTED[1].after([event("told", NEW, NOW, party="vault")])), {"parties": ("vault",)}),
        ("retire-accepted", but(WITHDRAWN, legacy_tokens=legacy(NEW)), {}),
        ("retire-accepted", (WITHDRAWN[0], QUIET), {}),
        ("retire-accepted", SHORT_TOKENS, {"token_seconds": 3600, "stale_window": 1800}),
        ("prepare", (IDLE[0], OTHERS), {"dead_runs": frozenset({"eve@laptop"})}),
        ("prepare", (IDLE[0], OTHERS.after([event("ended", NEW, NOW - 60, by="eve@laptop")])), {}),
        ("prepare", (IDLE[0], IDLE[1].after([event("began", NEW, NOW - 3600, by="eve@laptop")])), {}),
        ("prepare", (IDLE[0], IDLE[1].after([event("began", NEW, NOW - 60, by="us")])), {}),
        ("prepare", but(IDLE, controller=NOW - 300, modified=NOW + 300), {}),
        ("accept", but_server(PREPARED, server("cp2", OLD, NEW, managed=False)), {}),
        # It was changed before the run was cut off.
        ("retire-accepted", but_server(WITHDRAWN, server("cp2", NEW, signing=NEW, started=NOW - 100)), {}),
        ("retire-accepted", but_server(WITHDRAWN, server("cp2", NEW, signing=NEW, stale=None)), {}),
    ],
    ids=[
        *("the-wait-is-over", "the-party-was-told", "a-secret-of-the-new-key", "quiet"),
        *("a-shorter-window", "a-run-that-died-here"),
        *("a-run-that-ended", "a-run-that-fell-silent", "our-own-run-that-was-killed", "five-minutes-off"),
        *("changed-by-hand", "forgotten-before-a-restart", "forgotten-and-unread"),
    ],
)
def test_a_refusal_is_lifted(phase, place, variables):
    assert refusals(phase, place, **variables) == ()


def test_after_a_year_no_token_of_the_old_key_can_be_valid():
    later = NOW - 2 * DAY + YEAR
    facts = but(WITHDRAWN, now=later, controller=later, servers=cluster(OLD, NEW, signing=NEW, stale=None))[0]
    assert refusals("retire-accepted", (facts, SIGNED[1])) == ()


@pytest.mark.parametrize(
    ("phase", "place", "variables", "said"),
    [
        ("accept", IDLE, {}, "There is no new key."),
        ("sign", IDLE, {}, "There is no new key."),
        ("retire-published", ACCEPTED, {}, "old-kid still signs on 'cp1', 'cp2' and 'cp3'."),
        ("retire-accepted", SIGNED, {}, "'old-kid' is in the JWKS. It may be done when retire-published was done."),
        ("sign", but(ACCEPTED, staged={}), {}, "The private half of 'new-kid' was found on no host."),
        ("prepare", PREPARED, {"key_kid": "third"}, "irsa_rotate_key_path is third"),
        ("prepare", but(IDLE, servers=(unread("cp1"),)), {}, "No API server could be read."),
        ("accept", but_server(ACCEPTED, unread("cp2")), {}, "What 'cp2' accepts could not be read; all others"),
        ("revoke", IDLE, {}, "irsa_rotate_revoke_kid is not set."),
        ("revoke", but(IDLE, servers=(unread("cp1"),)), {"revoke_kid": OLD}, "No API server could be read."),
        ("revoke", IDLE, {"revoke_kid": "old-kidd"}, "The key 'old-kidd' is not known"),
    ],
)
def test_what_cannot_be_done_at_all_cannot_be_forced(phase, place, variables, said):
    found = refusals(phase, place, force=frozenset(NAMES), **variables)
    assert [refusal.name for refusal in found] == [None]
    assert said in found[0].message(NOW)
    assert "irsa_rotate_force" not in found[0].message(NOW)


def test_a_refusal_as_data_says_when():
    (refusal,) = refusals("sign", FRESH)
    assert refusal.as_dict(NOW) == {"name": "cache-time", "message": refusal.message(NOW), "at": moment(NOW + 3000)}


@pytest.mark.parametrize(
    ("phase", "place"),
    [
        ("prepare", PREPARED),
        ("accept", ACCEPTED),
        ("sign", SIGNED),
        ("retire-published", DONE),
        ("retire-accepted", DONE),
    ],
)
def test_a_phase_that_is_done_is_refused_by_nothing(phase, place):
    bad_times = dataclasses.replace(place[0], limits={phase: "No."}, controller=0)
    decision = decide(phase, bad_times, place[1], settings=Settings(by="us"))
    assert decision.is_done
    assert not decision.may_go_on
    assert decision.reasons
