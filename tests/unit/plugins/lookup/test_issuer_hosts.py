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


def test_a_single_host_gets_its_own_result():
    assert told({"one": f"{PLAY} on one"}) == ["one"]


def test_all_hosts_of_a_cluster_get_the_result_of_the_one_that_ran():
    assert told({"one": f"{PLAY} on one", "two": None, "three": None}) == ["one", "two", "three"]
    # run_once registers the same on all of them
    assert told(dict.fromkeys(("one", "two", "three"), f"{PLAY} on one")) == ["one", "two", "three"]


def test_each_host_of_a_fleet_gets_its_own_result():
    assert told({name: f"{PLAY} on {name}" for name in ("one", "two", "three")}, "two") == ["two"]
    # as soon as any other has run it, however late the rest comes
    assert told({"one": f"{PLAY} on one", "two": None, "three": f"{PLAY} on three"}) == ["one"]


def test_a_host_that_failed_early_does_not_belong_to_this_cluster():
    variables = {
        "inventory_hostname": "one",
        "ansible_play_name": PLAY,
        "ansible_play_hosts": ["one", "two"],
        "hostvars": {"two": {"__irsa_issuer_run": {"failed": True, "msg": "'zone' is undefined"}}},
    }
    assert LookupModule().run([], variables) == ["one"]


def test_results_of_another_play_are_ignored():
    assert told({"one": f"{PLAY} on one", "two": "Provision everything on two"}) == ["one", "two"]
