# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The items of each phase of a rotation, and how several writes of the record become one."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.work import Work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_phases as phases
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

NEW, OLD = (samples.kid(sample.pkcs8) for sample in (samples.P256, samples.RSA))
FOLDER = "/etc/kubernetes/pki/irsa"
STAGED = {
    "kid": NEW,
    "path": f"{FOLDER}/{NEW}.key",
    "sha256": "0" * 64,
    "is_retired": False,
    "public_key": samples.public_pem(samples.P256.pkcs8).decode(),
}
DIGESTS = {"/etc/kubernetes/pki/sa.key": {"sha256": "1" * 64, "kid": OLD}, "/unreadable": None}
SERVED = {"keys": [jwk.from_public_key(signing_key.load_private(samples.RSA.pkcs8).public_key), {"kid": "odd"}]}
READINGS = [
    {"host": "node1", "keys": {"staged": [STAGED], "digests": {}}, "inspected": {"files": {}}},
    {"host": "node2", "keys": {"staged": [], "digests": DIGESTS}, "inspected": {"files": {}}},
]
KNOWN = KnownKeys.of(READINGS, [SERVED, None], None)
STEPS = [
    {"title": f"{name}: sign", "host": name, "server": name, "needs_key": name != "node1"}
    for name in ("node1", "node2")
]


def test_public_keys_are_found_where_they_are_served_or_staged():
    assert KNOWN.pem(NEW) == STAGED["public_key"]
    assert KNOWN.pem(OLD) == samples.public_pem(samples.RSA.pkcs8).decode()
    with pytest.raises(IrsaError, match="irsa_rotate_phase=prepare"):
        KNOWN.pem("another")


def test_a_private_key_is_taken_from_where_it_lies():
    assert [(file.host, file.path) for file in (KNOWN.private(NEW), KNOWN.private(OLD))] == [
        ("node1", STAGED["path"]),
        ("node2", "/etc/kubernetes/pki/sa.key"),
    ]
    assert KNOWN.private("another") is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Work(phase="prepare", makes_key=True), ["make", "publish the new key"]),
        (Work(phase="prepare", kid=NEW, publish=(NEW,)), [f"publish {NEW}"]),
        (Work(phase="retire-published", kid=NEW, withdraw=(OLD,)), [f"withdraw {OLD}"]),
        (Work(phase="accept", kid=NEW, changes_servers=True), []),
    ],
)
def test_keys_are_made_published_and_withdrawn_in_this_order(found, expected):
    items = phases.publishing(found, KNOWN, lambda: {"title": "make"})
    assert [item["title"] for item in items] == expected


class TestServers:
    def test_only_a_step_that_needs_the_key_fetches_it(self):
        items = phases.servers(Work(phase="sign", kid=NEW, changes_servers=True), KNOWN, STEPS)
        assert [item["key"] for item in items] == [None, {"host": "node1", "path": STAGED["path"]}]

    def test_their_goal_names_the_key_and_those_that_go(self):
        goal = phases.goal_of(
            Work(phase="retire-accepted", kid=NEW, drop=(OLD,), changes_servers=True), KNOWN, force=False
        )
        assert (goal.phase, goal.kid, goal.digest, goal.retired_kids) == ("retire_key", NEW, "0" * 64, {OLD})
        assert phases.goal_of(Work(phase="retire-published", kid=NEW, withdraw=(OLD,)), KNOWN, force=True) is None

    def test_what_they_do_afterwards_is_remembered(self):
        signs = phases.events_of(Work(phase="sign", kid=NEW, changes_servers=True), STEPS)
        assert [(event["kind"], event["kid"], event["server"]) for event in signs] == [
            ("signing", NEW, "node1"),
            ("signing", NEW, "node2"),
        ]
        drops = phases.events_of(Work(phase="retire-accepted", kid=NEW, drop=(OLD,), changes_servers=True), STEPS[:1])
        assert [(event["kind"], event["kid"]) for event in drops] == [("dropped", OLD)]


FIRST, LAST = [{"kind": "began"}], [{"kind": "ended"}]
STORE, NODE = work.withdraw(["old"]), work.node("node1", "do", {}, actions=[])


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([STORE], [("store", ["began"]), ("store", ["ended"])]),
        ([NODE], [("store", ["began"]), ("node", []), ("store", ["ended"])]),
        ([STORE, NODE, STORE], [("store", ["began"]), ("store", []), ("node", []), ("store", ["ended"])]),
        ([], [("store", ["began"])]),
    ],
)
def test_a_run_begins_on_its_own_and_ends_with_what_is_written_anyway(items, expected):
    found = phases.bracketed(items, first=FIRST, last=LAST)
    assert [(item["kind"], [event["kind"] for event in item["events"]]) for item in found] == expected


def test_nothing_is_written_if_there_is_nothing_to_remember():
    assert phases.bracketed([], first=[], last=[]) == []
