# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another signing key by the files of kubeadm's nodes: each phase, wherever a run is cut off, and what is refused."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_change import behind, limits, plan, way
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, RETIRE_KEY, SIGN
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import (
    FORMER,
    GOALS,
    MANAGER,
    MANIFEST,
    NEW,
    PRIVATE,
    PUBLIC,
    THIRD,
    Fleet,
    Machine,
    annotations_of,
    goal,
)

ACCEPTING, SIGNING, RETIRING = GOALS
AT_THE_END = [(NEW.public, NEW.private, {NEW.kid}, NEW.kid, NEW.kid)] * 2


def reached(count=3, upto=3, **options):
    return Fleet(count, **options).reach(*GOALS[:upto])


def events(count=2):
    """All changes of a whole rotation in order, by the index of their phase and their place in it."""
    fleet = Fleet(count)
    return [(phase, place) for phase, asked in enumerate(GOALS) for place, dummy in enumerate(fleet.take(asked))]


def test_a_whole_rotation_leads_to_the_new_key_alone():
    assert reached(2).state() == AT_THE_END


def test_no_phase_changes_a_flag():
    fleet, before = reached(), Fleet()
    assert [each.running for each in fleet.read().servers] == [each.running for each in before.read().servers]


def test_accept_adds_the_new_key_behind_the_one_that_signs_and_restarts_only_api_servers():
    fleet = Fleet()
    steps = fleet.steps(ACCEPTING)
    assert [(step.server, step.phase, step.restarts, step.private, step.manager) for step in steps] == [
        (f"node{number}", ACCEPT, True, None, None) for number in (1, 2, 3)
    ]
    assert [write.path for write in steps[0].files] == [PUBLIC, MANIFEST]
    assert steps[0].files[0].after == FORMER.public + NEW.public
    assert steps[0].kids == {FORMER.kid, NEW.kid}
    assert fleet.plan(ACCEPTING).summary == "3 API servers restart, one at a time, to verify the new key."


def test_sign_puts_the_new_key_first_and_keeps_the_former_one_beside():
    fleet = reached(upto=1)
    step = fleet.steps(SIGNING)[0]
    assert dataclasses.astuple(step.private) == (
        PRIVATE,
        FORMER.digest,
        f"/etc/kubernetes/pki/irsa/retired/{FORMER.kid}.key",
        NEW.digest,
    )
    assert step.files[0].after == NEW.public + FORMER.public
    assert step.manager.file.path == MANAGER
    fleet.reach(SIGNING)
    assert all(each.disk[step.private.archive] == FORMER.private for each in fleet.machines.values())


def test_each_phase_changes_nothing_when_it_is_reached():
    fleet = Fleet()
    for asked in GOALS:
        fleet.reach(asked)
        assert fleet.steps(asked) == ()
        assert fleet.plan(asked).summary == ""


def test_each_server_restarts_once_a_phase():
    assert [each.restarts for each in reached().machines.values()] == [4, 4, 4]


@pytest.mark.parametrize("count", [1, 3])
def test_no_moment_of_a_rotation_has_a_token_refused_even_if_a_server_crashes_then(count):
    fleet = Fleet(count)
    for asked in GOALS:
        for event in fleet.take(asked):
            assert fleet.refused() == [], event


@pytest.mark.parametrize(("phase", "place"), events())
@pytest.mark.parametrize("has_seen", [True, False], ids=["kubelet has seen it", "kubelet has not"])
def test_a_run_that_was_cut_off_anywhere_is_finished_by_the_next_one(phase, place, has_seen):
    # One of the servers cannot tell which key a file holds.
    fleet = Fleet(2)
    fleet.machines["node1"].has_openssl = False
    fleet.reach(*GOALS[:phase])
    for dummy in itertools.islice(fleet.take(GOALS[phase]), place + 1):
        pass
    if has_seen:
        for machine in fleet.machines.values():
            machine.kubelet()
    for asked in GOALS[phase:]:
        for event in fleet.take(asked):
            assert fleet.refused() == [], event
        assert fleet.steps(asked) == ()
        # A kubelet looks every 20 seconds at the latest, and phases are hours apart.
        for machine in fleet.machines.values():
            machine.kubelet()
    assert fleet.state() == AT_THE_END


@pytest.mark.parametrize(("phase", "place"), events())
def test_a_server_that_crashed_and_came_back_with_what_was_left_is_taken_along(phase, place):
    fleet = Fleet(2)
    fleet.reach(*GOALS[:phase])
    for dummy in itertools.islice(fleet.take(GOALS[phase]), place + 1):
        pass
    for machine in fleet.machines.values():
        machine.start_api_server()
        machine.start_manager()
    assert fleet.refused() == []
    fleet.reach(*GOALS[phase:])
    assert fleet.state() == AT_THE_END


def test_a_kubelet_that_missed_the_annotation_is_told_again():
    fleet = Fleet(1)
    taken = fleet.take(ACCEPTING)
    for event in taken:
        if MANIFEST in event:
            break
    machine = fleet.machines["node1"]
    first = annotations_of(machine.disk[MANIFEST])
    machine.started_from = machine.disk[MANIFEST]  # as if it had seen it
    step = fleet.steps(ACCEPTING)[0]
    assert [write.path for write in step.files] == [MANIFEST]
    assert step.annotations != first
    fleet.reach(ACCEPTING)
    assert machine.kids == {FORMER.kid, NEW.kid}


def left_behind():
    """A fleet whose last controller manager still signs with the former key, since a run was cut off there."""
    fleet = reached(upto=1)
    for event in fleet.take(SIGNING):
        if event == "node3: restart of sign":
            break
    return fleet


def test_a_controller_manager_that_a_run_left_behind_comes_before_the_former_key_goes():
    fleet = left_behind()
    steps = fleet.steps(RETIRING)
    assert [(step.server, step.phase, step.restarts) for step in steps] == [
        ("node3", SIGN, False),
        *((f"node{number}", RETIRE_KEY, True) for number in (1, 2, 3)),
    ]
    assert steps[0].manager is not None
    assert steps[0].files == ()


def test_a_controller_manager_that_a_run_left_behind_is_known_and_repaired_by_sign():
    fleet = left_behind()
    assert behind(fleet.read(), None) == {"node3"}
    assert [(step.server, step.phase, step.restarts) for step in fleet.steps(SIGNING)] == [("node3", SIGN, False)]
    fleet.reach(SIGNING)
    assert behind(fleet.read(), None) == set()


def test_a_controller_manager_may_have_read_another_key_if_nothing_shows_which():
    assert behind(Fleet().read(), None) == {"node1", "node2", "node3"}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_servers_that_were_down_during_accept_verify_the_key_before_any_signs(count):
    fleet = Fleet()
    for event in itertools.chain(["nothing"], fleet.take(ACCEPTING)):
        if event == ("nothing", "node1: restart of accept", "node2: restart of accept")[count]:
            break
    lacking = ["node1", "node2", "node3"][count:]
    assert [(step.server, step.phase) for step in fleet.steps(SIGNING)] == [
        *((name, ACCEPT) for name in lacking),
        *((name, SIGN) for name in ("node1", "node2", "node3")),
    ]
    for event in fleet.take(SIGNING):
        assert fleet.refused() == [], event


# Once the former key is retired, the others refuse what it signs until it signs with the new one.
@pytest.mark.parametrize(("upto", "phases"), [(2, [ACCEPT, SIGN]), (3, [SIGN])])
def test_a_server_that_joined_with_former_keys_is_repaired_by_sign(upto, phases):
    fleet = reached(upto=upto)
    fleet.machines["node4"] = Machine("node4")
    assert fleet.refused()
    assert [(step.server, step.phase) for step in fleet.steps(SIGNING)] == [("node4", phase) for phase in phases]
    fleet.reach(SIGNING)
    assert fleet.machines["node4"].disk[PUBLIC] == NEW.public + FORMER.public
    fleet.reach(RETIRING)
    assert fleet.refused() == []


def test_a_server_outside_the_play_is_named_and_stands_in_the_way_of_sign():
    fleet = Fleet(outside={"node3"})
    [warning] = fleet.plan(ACCEPTING).findings.warnings
    assert warning.startswith("node3 is an API server of this cluster, but not a host of this play.")
    fleet.reach(ACCEPTING)
    [problem] = fleet.plan(SIGNING).findings.problems
    assert "not known of node3 that it verifies" in problem
    assert "Add node3 to the hosts of this play" in problem


class Fewer(Fleet):
    """Three nodes, of which the play does not change the third: it is outside, or it is down."""

    def __init__(self, kind):
        super().__init__(outside={"node3"} if kind != "down" else ())
        self.kind = kind

    def read(self):
        cluster, nothing = super().read(), {"kids": None, "signing_kid": None, "running": None, "ready": False}
        address, refusing = "192.0.2.3:6443", ("The API server x mints tokens: https://192.0.2.3:6443 is down.",)
        servers = [
            dataclasses.replace(each, addresses=(address,), **({} if self.kind == "outside" else nothing))
            if each.name == "node3"
            else dataclasses.replace(each, refusals=refusing)
            for each in cluster.servers
        ]
        return dataclasses.replace(cluster, servers=tuple(servers))


@pytest.mark.parametrize("kind", ["outside", "cut off", "down"])
def test_a_forced_change_leaves_a_server_as_it_is_that_cannot_be_changed_and_says_so(kind):
    fleet = Fewer(kind)
    for asked in GOALS:
        forced = dataclasses.replace(asked, force=True)
        # Before any server signs with the new key, one outside the play only has to be named.
        assert fleet.plan(asked).findings.problems or (kind, asked) == ("outside", ACCEPTING)
        assert any(
            text.startswith("node3 ") and "left as it is" in text for text in fleet.plan(forced).findings.warnings
        )
        fleet.reach(forced)
    assert fleet.state()[:2] == AT_THE_END
    assert fleet.state()[2] == Fleet().state()[2]


def test_a_forced_change_does_not_retire_the_key_of_a_server_that_signs_with_it():
    problems = reached(upto=1).plan(dataclasses.replace(RETIRING, force=True)).findings.problems
    assert any("node1, node2, node3 signs with it" in problem for problem in problems)


def test_a_server_that_signs_with_a_key_stands_in_the_way_of_its_retirement():
    fleet = reached(upto=1)
    problems = fleet.plan(RETIRING).findings.problems
    assert any("cannot be retired: node1, node2, node3 signs with it" in problem for problem in problems)


def test_a_key_that_runs_but_is_on_no_disk_any_more_stands_in_the_way_of_a_restart():
    fleet = reached(upto=2)
    fleet.machines["node2"].disk[PUBLIC] = NEW.public
    third = goal(ACCEPT, kid=THIRD.kid, public_key=THIRD.public.decode())
    [problem] = fleet.plan(third).findings.problems
    assert problem.startswith(f"node2: its API server verifies the key '{FORMER.kid}', which is not in '{PUBLIC}' any")
    assert fleet.plan(RETIRING).findings.problems == ()


def test_a_private_key_that_somebody_swapped_is_not_started_by_accident():
    fleet = Fleet()
    fleet.machines["node1"].disk[PRIVATE] = THIRD.private
    for asked in (ACCEPTING, SIGNING):
        [problem] = fleet.plan(asked).findings.problems
        assert f"holds the key '{THIRD.kid}', but its API server signs with '{FORMER.kid}'" in problem


def test_the_new_private_key_in_place_too_early_is_not_started_by_accept():
    fleet = Fleet()
    fleet.machines["node1"].disk[PRIVATE] = NEW.private
    [problem] = fleet.plan(ACCEPTING).findings.problems
    assert "with a restart its API server would sign with it" in problem


def test_other_keys_in_the_file_stay():
    fleet = Fleet()
    for machine in fleet.machines.values():
        machine.disk[PUBLIC] = b"# ours\n" + FORMER.public + b"# another cluster's\n" + THIRD.public
        machine.start_api_server()
    fleet.reach(*GOALS)
    assert {each.disk[PUBLIC] for each in fleet.machines.values()} == {
        NEW.public + b"# another cluster's\n" + THIRD.public
    }


def test_a_key_in_a_file_of_its_own_cannot_be_retired_there():
    fleet = reached(upto=2)
    other = "/etc/kubernetes/pki/former.pub"
    flag = f"    - --service-account-key-file={PUBLIC}\n"
    for machine in fleet.machines.values():
        text = machine.disk[MANIFEST].decode()
        machine.disk[MANIFEST] = text.replace(flag, f"{flag}    - --service-account-key-file={other}\n").encode()
        machine.kubelet()
    cluster = fleet.read()
    servers = tuple(
        dataclasses.replace(each, key_files={**each.key_files, other: FORMER.public}) for each in cluster.servers
    )
    found = plan(dataclasses.replace(cluster, servers=servers), RETIRING, distribution=None, options=Options())
    assert len(found.findings.problems) == 3
    assert (
        f"'{other}' of its --service-account-key-file holds nothing but keys to be retired"
        in (found.findings.problems[0])
    )


def test_the_controller_manager_that_signs_with_another_file_is_a_limit_that_is_told_at_once():
    fleet = Fleet()
    machine = fleet.machines["node1"]
    machine.disk[MANAGER] = machine.disk[MANAGER].replace(PRIVATE.encode(), b"/etc/kubernetes/pki/own.key")
    machine.kubelet()
    found = limits(fleet.read(), None)
    assert [*found] == ["accept"]
    assert found["accept"].startswith("node1: its kube-controller-manager signs with")
    assert fleet.plan(ACCEPTING).steps == ()


def test_a_sound_cluster_of_kubeadm_has_no_limits():
    for upto in range(4):
        assert limits(reached(upto=upto).read(), None) == {}
    assert way(Fleet().read(), None) == "files"


def test_an_external_signer_is_a_limit():
    cluster = Fleet(1).read()
    [server] = cluster.servers
    running = (*server.running, "--service-account-signing-endpoint=/run/signer.sock")
    changed = dataclasses.replace(cluster, servers=(dataclasses.replace(server, running=running),))
    assert "an external signer signs its tokens" in limits(changed, None)["accept"]


def test_a_key_yet_to_be_made_can_be_planned():
    planned = goal(SIGN, digest=None)
    step = reached(upto=1).steps(planned)[0]
    assert step.private.new is None
    assert step.signing_kid == NEW.kid
