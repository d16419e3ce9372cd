# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a rotation: events that merge in any order, and since when something is so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import KINDS, Event, Record

OLD, NEW = "old-kid", "new-kid"
NAMES = st.sampled_from(["a", "b"])
TIMES = st.integers(0, 20)


@st.composite
def events(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    choices = {"server": NAMES, "party": NAMES, "by": NAMES, "value": st.integers(0, 3), "started": TIMES}
    members = {name: draw(choices[name]) for name in KINDS[kind]}
    return Event(kind=kind, kid=draw(NAMES), at=draw(TIMES | st.floats(0, 20)), **members)


def record(*entries):
    """A record of (kind, kid, at) and, if any, further members."""
    return Record.of(Event(kind=e[0], kid=e[1], at=e[2], **(e[3] if len(e) > 3 else {})) for e in entries)


@given(st.lists(events()), st.lists(events()), st.lists(events()))
def test_records_merge_in_any_order_and_any_number_of_times(one, two, three):
    merged = Record.of(one).after(two).after(three)
    assert merged == Record.of(three).after(Record.of(two).after(Record.of(one).events).events)
    assert merged.after(one) == merged.after(merged.events) == merged


@given(st.lists(events()), st.randoms(use_true_random=False))
def test_the_text_is_the_same_for_the_same_events_and_says_all_of_them(some, random):
    shuffled = random.sample(some, len(some))
    text = Record.of(some).text
    assert Record.of(shuffled).text == text
    assert Record.parse(text) == Record.of(some)
    assert Record.parse(text).text == text


@given(st.lists(events()), events())
def test_no_key_s_publication_is_ever_lost(some, more):
    published = {(e.kid, -(-e.at // 1)) for e in some if e.kind == "published"}
    assert published <= {(e.kid, e.at) for e in Record.of(some).after([more]).events if e.kind == "published"}


def test_no_text_is_an_empty_record():
    assert Record.parse(None) == Record()
    assert Record().published_since(NEW) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not an object with a list of events"),
        ('{"version": 1, "events": {}}', "it is not an object with a list of events"),
        ('{"version": 2, "events": []}', "its version is 2, and this release knows 1"),
        ('{"version": 1, "events": ["x"]}', "an event is a string"),
        ('{"version": 1, "events": [{"kind": "lost"}]}', "the event 'lost' is not known"),
        ('{"version": 1, "events": [{"kind": []}]}', "the event a list is not known"),
        ('{"version": 1, "events": [{"kind": "published", "at": 1}]}', "an event published does not say kid"),
        ('{"version": 1, "events": [{"kind": "published", "kid": "x"}]}', "an event published does not say at"),
        (
            '{"version": 1, "events": [{"kind": "signing", "kid": "x", "at": 1}]}',
            "an event signing does not say server",
        ),
        (
            '{"version": 1, "events": [{"kind": "published", "kid": 7, "at": 1}]}',
            "in an event published, kid is a number",
        ),
        ('{"version": 1, "events": [{"kind": "published", "kid": "x", "at": "noon"}]}', "'noon' is not a time"),
        ('{"version": 1, "events": [{"kind": "published", "kid": "x", "at": 1e99}]}', "1e+99 is not a time"),
        ('{"version": 1, "events": [{"kind": "published", "kid": "x", "at": true}]}', "true is not a time"),
        (
            '{"version": 1, "events": [{"kind": "published", "kid": "x", "at": 1, "d": 2}]}',
            "an event published has the unknown member 'd'",
        ),
    ],
)
def test_what_is_no_record_is_a_fault(text, fault):
    with pytest.raises(Fault) as caught:
        Record.parse(text)
    assert str(caught.value) == fault


def test_times_in_the_text_can_be_read_by_people():
    text = record(("published", NEW, 0.5)).text
    assert json.loads(text)["events"] == [{"at": "1970-01-01T00:00:01Z", "kid": NEW, "kind": "published"}]


def test_an_event_without_a_time_takes_that_of_the_answer():
    assert Event.from_dict({"kind": "published", "kid": NEW}, now=7).at == 7
    assert Event.from_dict({"kind": "published", "kid": NEW, "at": 3}, now=7).at == 3


def test_the_earliest_publication_counts():
    found = record(("published", NEW, 9), ("published", NEW, 5), ("published", OLD, 1))
    assert found.published_since(NEW) == 5


def test_a_key_that_was_withdrawn_and_published_again_starts_anew():
    found = record(("published", NEW, 1), ("withdrawn", NEW, 5), ("published", NEW, 8), ("published", NEW, 9))
    assert found.published_since(NEW) == 8
    assert found.withdrawn_at(NEW) is None
    assert record(("published", NEW, 1), ("withdrawn", NEW, 5)).withdrawn_at(NEW) == 5


def test_a_server_accepts_since_it_last_began_to():
    on, off = {"server": "a"}, {"server": "b"}
    found = record(
        ("accepted", NEW, 1, on), ("dropped", NEW, 3, on), ("accepted", NEW, 4, on), ("dropped", NEW, 5, off)
    )
    assert found.accepted_since(NEW, "a") == 4
    assert found.accepted_since(NEW, "b") is None


def test_a_server_signs_with_one_key_at_a_time():
    on = {"server": "a"}
    found = record(("signing", OLD, 1, on), ("signing", NEW, 3, on), ("signing", OLD, 5, on), ("signing", NEW, 8, on))
    assert found.signing_since(NEW, "a") == 8
    assert found.signing_since(OLD, "a") is None
    assert found.signed_from(NEW) == 3


def measured(at, value, started=0.0, server="a"):
    return Event(kind="measured", kid=OLD, at=at, server=server, value=value, started=started)


@pytest.mark.parametrize(
    ("readings", "value", "started", "since"),
    [
        ([], 0, 0, None),
        ([measured(5, 0), measured(9, 0)], 0, 0, 5),
        ([measured(5, 0), measured(9, 0)], 0, 3, 5),
        ([measured(5, 0), measured(9, 1)], 1, 0, 9),
        ([measured(5, 0)], 1, 0, None),
        ([measured(5, 4), measured(90, 4, 60)], 4, 60, 90),
        ([measured(5, 0, server="b")], 0, 0, None),
    ],
    ids=["never", "quiet", "start-read-twice", "grown", "grown-now", "restarted", "another-server"],
)
def test_a_counter_is_quiet_since_its_value_was_first_read_in_this_run_of_the_server(readings, value, started, since):
    assert Record.of(readings).quiet_since("a", value=value, started=started) == since


def test_growth_is_told_by_an_earlier_reading_of_the_same_run():
    found = Record.of([measured(5, 2)])
    assert found.measured_growth("a", value=3, started=0) == measured(5, 2)
    assert found.measured_growth("a", value=2, started=0) is None
    assert found.measured_growth("a", value=3, started=60) is None


def test_a_run_is_open_from_its_beginning_to_its_end():
    eve, bob = {"by": "eve"}, {"by": "bob"}
    found = record(("began", NEW, 1, eve), ("began", NEW, 2, bob), ("published", NEW, 4, bob), ("ended", NEW, 3, eve))
    ((run, last),) = found.open_runs()
    assert (run.by, run.at, last) == ("bob", 2, 4)
    assert found.after([Event(kind="ended", kid=NEW, at=5, by="bob")]).open_runs() == []


def test_a_relying_party_is_told_of_each_key():
    found = record(("told", NEW, 1, {"party": "vault"}), ("told-removal", OLD, 2, {"party": "vault"}))
    assert found.is_told(NEW, "vault")
    assert not found.is_told(OLD, "vault")
    assert found.is_told(OLD, "vault", kind="told-removal")
