# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the signing key of k0s by flags, from what was read on hosts: what is asked, and the steps as data."""

from __future__ import annotations

import posixpath

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import RETIRE_KEY, SIGN
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_plan, _key_reading, _key_steps
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_flags_fleet import (
    CONFIG,
    FOLDER,
    PKI,
    UNIT,
    VERSION,
    Fleet,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, GOALS, NEW, THIRD, goal
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import (
    KEYS_OF_CLUSTER,
    reading_of_service,
)

NODES = ["node1", "node2", "node3"]
FILES = [f"{FOLDER}/{NEW.kid}.key", f"{FOLDER}/{NEW.kid}.pub"]
RESTART = "restart k0scontroller.service"


def keys_of(machine):
    """What module irsa_node finds of the keys of a controller."""
    staged = [
        {"kid": posixpath.basename(path)[:-4], "path": path, "sha256": "0", "public_key": "", "is_retired": False}
        for path in sorted(machine.own)
        if path.endswith(".key")
    ]
    return {**KEYS_OF_CLUSTER, "files": {}, "digests": {}, "staged": staged, "left": []}


def reading_of(machine, asked):
    kids = sorted(machine.kids, key=lambda kid: kid != machine.signing)
    reading = reading_of_service(
        machine.name,
        machine.fleet.machines,
        distribution=machine.fleet.distribution,
        version=VERSION,
        unit=UNIT,
        kids=kids,
        running=machine.running.api_server.texts,
        configuration={CONFIG: machine.config},
        folders={FOLDER: [posixpath.basename(path) for path in machine.own]},
    )

    def ask(arguments):
        asked.append(arguments)
        return keys_of(machine)

    return {**reading, "keys": _key_reading.read(reading, ask=ask)}


def read(fleet, asked=None):
    reading = ClusterReading([reading_of(each, [] if asked is None else asked) for each in fleet.machines.values()])
    return reading, _key_steps.cluster_of(reading, ask=lambda arguments: {})


def planned(fleet, asked):
    return _key_steps.key_plan(*read(fleet), asked, options=Options())


def reached(upto):
    return Fleet().reach(*GOALS[:upto])


def test_a_host_is_asked_for_its_folder_of_own_keys_and_for_the_key_that_signs():
    asked = []
    read(Fleet(1), asked)
    [found] = asked
    assert (found["paths"], found["private_paths"]) == ([], [f"{PKI}/sa.key"])
    assert found["key_folder"] == FOLDER


def test_accept_installs_the_key_and_each_phase_writes_the_configuration_and_restarts():
    fleet, found = Fleet(), []
    for asked in GOALS:
        found.append([step["actions"] for step in planned(fleet, asked)["steps"]])
        fleet.reach(asked)
    assert found[0] == [[f"{name}:write {path}" for path in (*FILES, CONFIG)] + [f"{name}:{RESTART}"] for name in NODES]
    assert found[1] == found[2] == [[f"{name}:write {CONFIG}", f"{name}:{RESTART}"] for name in NODES]
    assert {machine.restarts for machine in fleet.machines.values()} == {4}


def test_only_the_step_that_installs_the_key_needs_it():
    found = [
        [step["needs_key"] for step in planned(reached(phase), asked)["steps"]] for phase, asked in enumerate(GOALS)
    ]
    assert found == [[True] * 3, [False] * 3, [False] * 3]


def test_a_step_says_where_the_key_goes_and_what_must_be_true_then():
    accepting, signing, retiring = (
        planned(reached(phase), asked)["steps"][0]["node"] for phase, asked in enumerate(GOALS)
    )
    private, public = FILES
    assert accepting["key"] == {
        "private_path": private,
        "public_path": public,
        "public_key": NEW.public.decode(),
        "source": private,
        # k0s runs its API server as a user of its own, who must be able to read it.
        "like": f"{PKI}/sa.key",
    }
    assert Step.of(accepting, "sealed").key.content == "sealed"
    both = sorted([FORMER.kid, NEW.kid])
    assert [(node["kids"], node["signing_kid"]) for node in (accepting, signing, retiring)] == [
        (both, FORMER.kid),
        (both, NEW.kid),
        ([NEW.kid], NEW.kid),
    ]
    assert [node["retired_kids"] for node in (accepting, signing, retiring)] == [[], [], [FORMER.kid]]
    assert retiring["key"] is None
    assert {node["service"]["unit"] for node in (accepting, signing, retiring)} == {"k0scontroller.service"}


def test_a_phase_that_is_reached_has_no_steps():
    for phase, asked in enumerate(GOALS, start=1):
        assert planned(reached(phase), asked)["steps"] == []


def test_results_of_a_retirement_say_in_check_mode_which_keys_stay():
    found = planned(reached(2), GOALS[2])
    after = _apiserver_plan.result_after(found["results"]["node1"], found["steps"][0], None)
    assert after["kids"] == {"before": sorted([FORMER.kid, NEW.kid]), "after": [NEW.kid]}


def test_a_key_that_signs_is_not_retired():
    with pytest.raises(IrsaError, match="node1, node2, node3 signs with it"):
        planned(reached(1), goal(RETIRE_KEY))


def test_the_key_that_signed_before_does_not_lie_ready():
    third = goal(SIGN, kid=THIRD.kid)
    fleet = reached(3)
    fleet.reach(third)
    assert _key_steps.staged(*read(fleet)) == {THIRD.kid: "host-of-node1"}


def test_a_server_that_comes_back_with_the_former_key_gets_the_new_one_and_signs_at_once():
    fleet = Fleet()
    away = fleet.machines.pop("node3")
    fleet.reach(*GOALS)
    fleet.machines["node3"] = away
    [step] = planned(fleet, GOALS[1])["steps"]
    assert (step["server"], step["phase"], step["needs_key"]) == ("node3", SIGN, True)
    assert step["actions"] == [f"node3:write {path}" for path in (*FILES, CONFIG)] + [f"node3:{RESTART}"]
    fleet.reach(*GOALS[1:])
    assert fleet.refused() == []
    assert {machine.kids for machine in fleet.machines.values()} == {frozenset({NEW.kid})}


def test_no_private_key_is_in_a_plan():
    text = str([planned(reached(phase), asked) for phase, asked in enumerate(GOALS)])
    for key in (FORMER, NEW):
        assert key.private.decode().split("\n")[1] not in text


def test_no_moment_of_a_rotation_has_a_token_refused_even_if_a_server_crashes_then():
    fleet = Fleet()
    for asked in GOALS:
        for event in fleet.take(asked):
            assert fleet.refused() == [], event


def test_what_a_server_needs_that_joins_is_said():
    needs = [planned(reached(phase), asked)["new_node_needs"] for phase, asked in enumerate(GOALS)]
    assert needs == [FILES[1:], FILES, FILES]
