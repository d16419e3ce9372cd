# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts are told: those of one cluster, not those of a fleet."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.lookup.issuer_hosts import LookupModule

PLAY = "Give the cluster a working issuer"


def told(ran: dict[str, str | None], host: str = "one") -> list[str]:
    """The hosts that ``host`` tells, where ``ran`` says of each host of the play for whom the role was run on it."""
    runs = {name: {"__irsa_issuer_run": {"ran_for": whom}} if whom else {} for name, whom in ran.items()}
    variables = {
        "inventory_hostname": host,
        "ansible_play_name": PLAY,
        "ansible_play_hosts": list(ran),
        "hostvars": runs,
    }
    return LookupModule().run([], variables)


def test_a_host_alone_tells_itself():
    assert told({"one": f"{PLAY} on one"}) == ["one"]


def test_the_others_of_a_cluster_are_told_by_the_one_that_ran_it():
    assert told({"one": f"{PLAY} on one", "two": None, "three": None}) == ["one", "two", "three"]
    # run_once registers the same on all of them
    assert told(dict.fromkeys(("one", "two", "three"), f"{PLAY} on one")) == ["one", "two", "three"]


def test_in_a_fleet_each_tells_itself():
    assert told({name: f"{PLAY} on {name}" for name in ("one", "two", "three")}, "two") == ["two"]
    # as soon as any other has run it, however late the rest comes
    assert told({"one": f"{PLAY} on one", "two": None, "three": f"{PLAY} on three"}) == ["one"]


def test_one_that_failed_before_it_could_say_so_is_no_host_of_this_cluster():
    variables = {
        "inventory_hostname": "one",
        "ansible_play_name": PLAY,
        "ansible_play_hosts": ["one", "two"],
        "hostvars": {"two": {"__irsa_issuer_run": {"failed": True, "msg": "'zone' is undefined"}}},
    }
    assert LookupModule().run([], variables) == ["one"]


def test_a_fleet_of_another_play_says_nothing_of_this_one():
    assert told({"one": f"{PLAY} on one", "two": "Provision everything on two"}) == ["one", "two"]
