# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the signing key of k3s in its datastore, from what was read on hosts: what is asked, and the steps."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _key_steps, _rotate_phases
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_datastore_fleet import Fleet, key_file_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_datastore_readings import FOLDER, LEFT, read
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, GOALS, NEW


def planned(fleet, goal):
    reading = ClusterReading(read(fleet))
    cluster = _key_steps.cluster_of(reading, ask=lambda asked: {})
    return _key_steps.key_plan(reading, cluster, goal, options=Options())


def test_a_host_is_asked_for_the_public_halves_of_the_file_that_comes_from_the_datastore():
    asked = []
    read(Fleet(1), asked)
    assert [(each["paths"], each["key_folder"]) for each in asked] == [([key_file_of("k3s")], FOLDER)]


def test_another_version_is_not_asked_for_them():
    fleet, asked = Fleet(1), []
    fleet.version = None
    read(fleet, asked)
    assert [each["paths"] for each in asked] == [[]]


def test_the_first_server_runs_the_command_and_each_one_restarts():
    fleet, found = Fleet(), []
    for goal in GOALS:
        steps = planned(fleet, goal)["steps"]
        found.append([action for step in steps for action in step["actions"]])
        # What module irsa_node makes of it.
        assert [Step.of(step["node"]).datastore is not None for step in steps] == [True, False, False]
        assert all(Step.of(step["node"]).takes_keys for step in steps)
        fleet.reach(goal)
    restarts = [f"node{number}:restart k3s.service" for number in (1, 2, 3)]
    command = "node1:run k3s certificate rotate-ca"
    assert found == [
        [command, *restarts],
        [f"node1:write {FOLDER}/retired/{FORMER.kid}.key", command, *restarts],
        [command, *restarts],
    ]


def test_the_new_key_comes_along_for_the_first_server_alone():
    fleet, found = Fleet(), []
    for goal in GOALS:
        found.append([step["needs_key"] for step in planned(fleet, goal)["steps"]])
        fleet.reach(goal)
    assert found == [[True, False, False], [False] * 3, [False] * 3]


def test_no_private_key_is_in_a_plan():
    text = str(planned(Fleet(), GOALS[0]))
    for key in (FORMER, NEW):
        assert key.private.decode().split("\n")[1] not in text


def test_the_distribution_has_what_a_server_needs_that_joins():
    assert planned(Fleet(), GOALS[0])["new_node_needs"] == []
    assert WITH_SERVICE["k0s"].datastore_command({}, None, "v1.37.2") is None


def test_a_key_that_signed_before_does_not_lie_ready_wherever_it_was_made():
    """It was made on one host, and the command that replaced it ran on another one."""
    fleet = Fleet()
    fleet.machines["node1"].own = [(FORMER.kid, ""), (NEW.kid, "")]
    fleet.machines["node2"].own = [(FORMER.kid, "retired/")]
    reading = ClusterReading(read(fleet))
    cluster = _key_steps.cluster_of(reading, ask=lambda asked: {})
    assert _key_steps.staged(reading, cluster) == {NEW.kid: "host-of-node1"}


def test_what_a_killed_run_left_on_a_host_is_removed():
    known = KnownKeys.of(read(Fleet()), [], None)
    [item] = _rotate_phases.tidied(known.left)
    assert (item["host"], item["actions"]) == ("host-of-node2", [f"host-of-node2:remove {LEFT}"])
    assert item["arguments"] == {"operation": "remove_keys", "key_folder": FOLDER, "paths": [LEFT]}
