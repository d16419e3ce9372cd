# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people are shown of a rotation, and the same as data; when phases may be done."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import STEPS, Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.status import status, table
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.timeline import timeline
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._rotation.rotations import (
    ACCEPTED,
    DAY,
    DONE,
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

JUST_SIGNED = (SIGNED[0], ACCEPTED[1].after(events("signing", NEW, NOW - 3600)))


def key_of(found, kid):
    return next(key for key in found["keys"] if key["kid"] == kid)


def test_status_says_all_of_each_key():
    found = status(*JUST_SIGNED, Settings())
    old, new = key_of(found, OLD), key_of(found, NEW)
    assert new == {
        "kid": NEW,
        "algorithm": "RS256",
        "role": "signing",
        "published_since": moment(NOW - 7200),
        "accepted_by": ["cp1", "cp2", "cp3"],
        "signing_on": ["cp1", "cp2", "cp3"],
        "staged_on": "cp1",
        "may_retire": False,
        "may_retire_at": None,
        "why_not_yet": [],
    }
    assert (old["role"], old["signing_on"], old["may_retire_at"]) == ("old", [], moment(NOW + DAY - 3600))
    assert "Tokens that are signed with 'old-kid'" in old["why_not_yet"][0]
    assert (found["next_phase"], found["next_at"]) == ("retire-published", moment(NOW + DAY - 3600))
    assert found["next_command"].endswith("irsa_rotate_phase=retire-published")
    assert found["age"] == f"{NEW} signs; it is at least 2 hours old."
    json.dumps(found)


def test_the_table_shows_each_key_on_one_line_and_what_comes_next():
    lines = table(status(*JUST_SIGNED, Settings()))
    assert lines[0].split("  ")[0] == "KEY"
    assert lines[1].split() == [NEW, "RS256", "signing", moment(NOW - 7200), *("all 3 " * 2).split(), "-"]
    assert lines[2].split()[-1] == moment(NOW + DAY - 3600)
    assert lines[3] == f"{NEW} signs; it is at least 2 hours old."
    assert lines[4] == f"Next: retire-published, not before {moment(NOW + DAY - 3600)}."
    assert lines[-1] == "ansible-playbook selfhosted.irsa.rotate -e irsa_rotate_phase=retire-published"
    assert sum("still valid" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("place", "ahead"),
    [
        (IDLE, "Next: prepare, now."),
        (PREPARED, "Next: accept, now."),
        (ACCEPTED, "Next: sign, now."),
        (SIGNED, "Next: retire-published, now."),
        (WITHDRAWN, "Next: retire-accepted, now."),
        ((with_server(ACCEPTED[0], unread("cp2")), ACCEPTED[1]), "Next: accept, not yet."),
    ],
)
def test_the_table_says_what_may_be_done_now(place, ahead):
    assert ahead in table(status(*place, Settings()))


UNCOUNTED = with_server(WITHDRAWN[0], server("cp2", OLD, NEW, signing=NEW, stale=None)), WITHDRAWN[1]


def test_a_counter_that_cannot_be_read_is_no_reason_to_wait_for_a_year():
    found = status(*UNCOUNTED, Settings())
    assert (found["next_phase"], found["next_at"], key_of(found, OLD)["may_retire_at"]) == (
        *("retire-accepted", None),
        None,
    )
    lines = table(found)
    assert "Next: retire-accepted, not yet." in lines
    [stale] = [line for line in lines if "could not be read" in line]
    year = moment(NOW - 2 * DAY + 365 * DAY)
    assert f"'cp2' could not be read. It may be done from {year} on, in 363 days, or as soon as" in stale
    assert "not been found to grow for 1 hour" in stale


def test_a_counter_that_was_read_only_once_is_said_to_have_to_stand_still():
    found = status(WITHDRAWN[0], SIGNED[1], Settings())
    assert (found["next_phase"], found["next_at"]) == ("retire-accepted", moment(NOW + 3600))
    assert f"It may be done from {moment(NOW + 3600)} on, in 1 hour, if it has not grown by then." in " ".join(
        found["why_not_yet"]
    )


def test_a_run_that_withdraws_a_key_does_not_promise_when_servers_may_forget_it_if_counters_cannot_be_read():
    uncounted = with_server(SIGNED[0], server("cp2", OLD, NEW, signing=NEW, stale=None))
    decision = decide("auto", uncounted, SIGNED[1], settings=Settings())
    assert (decision.phase, decision.next_phase, decision.next_at) == ("retire-published", "retire-accepted", None)


def test_another_run_is_no_reason_to_name_a_time_before_which_nothing_may_be_done():
    others = IDLE[1].after([event("began", NEW, NOW - 600, by="eve@laptop")])
    found = status(IDLE[0], others, Settings())
    assert found["next_at"] is None
    assert "in 50 minutes, or as soon as that run has ended." in found["why_not_yet"][0]


def test_after_a_rotation_nothing_is_due():
    found = status(*DONE, Settings())
    assert (found["next_phase"], found["next_command"], found["under_way"]) == (None, None, False)
    assert any("No rotation is under way" in line for line in table(found))


def test_servers_that_differ_are_shown_by_name():
    half = with_server(ACCEPTED[0], server("cp2", OLD, NEW, signing=NEW))
    lines = table(status(half, ACCEPTED[1], Settings()))
    assert "cp1, cp3" in lines[1]
    assert "cp2" in lines[2].split()


def test_a_server_that_could_not_be_read_is_named():
    assert "cp2 could not be read." in table(status(with_server(IDLE[0], unread("cp2")), IDLE[1], Settings()))


def test_a_run_says_the_next_phase_and_its_time():
    decision = decide("auto", *ACCEPTED, settings=Settings())
    assert (decision.next_phase, decision.next_at) == ("retire-published", NOW + DAY)
    assert decide("auto", *DONE, settings=Settings()).next_phase is None


# --- the timeline of the guide


@given(st.integers(0, 9000), st.integers(0, 200_000), st.integers(0, 9000))
def test_the_timeline_s_moments_are_those_at_which_phases_are_allowed(cache, token, window):
    settings = Settings(cache_seconds=cache, token_seconds=token, stale_window=window)
    line = timeline(settings)
    assert tuple(each.phase for each in line.moments) == STEPS
    sign, withdraw, drop = (each.at for each in line.moments[2:])
    start = 1_000_000
    record = Record.of([event("published", OLD, start - DAY), *events("signing", OLD, start - DAY)])
    record = record.after([event("published", NEW, start)])
    signed = record.after(events("signing", NEW, start + sign))
    measured = signed.after(events("measured", NEW, start + sign, value=0, started=start + sign))
    switched = cluster(OLD, NEW, signing=NEW, started=start + sign)
    places = [
        (sign, {"published": published(OLD, NEW), "servers": cluster(OLD, NEW, started=start)}, record),
        (withdraw, {"published": published(OLD, NEW), "servers": switched}, signed),
        (drop, {"published": published(NEW), "servers": switched}, measured),
    ]
    for (at, changes, known), phase in zip(places, STEPS[2:], strict=True):
        for now, may in ((start + at, True), (start + at - 1, False)):
            clocks = {"now": now, "controller": now}
            found = dataclasses.replace(ACCEPTED[0], modified=start, token_seconds=0, max_age=None, **clocks, **changes)
            if may or at > (0 if phase == "sign" else sign):
                assert decide(phase, found, known, settings=settings).may_go_on is may


def test_the_timeline_keeps_each_key_known_for_as_long_as_it_signs_and_longer():
    line = timeline(Settings())
    bars = {(span.key, span.what): (span.start, span.end) for span in line.bars}
    assert bars["old", "signing"] == (None, 3600)
    assert bars["old", "published"] == (None, 3600 + DAY)
    assert bars["new", "signing"] == (3600, None)
    assert bars["new", "published"] == bars["new", "accepted"] == (0, None)
    assert line.unmeasured == 3600 + 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.2, "1 minute"),
        (3600, "1 hour"),
        (90061, "1 day 1 hour"),
        (-5, "0 seconds"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, words):
    assert duration(seconds) == words
