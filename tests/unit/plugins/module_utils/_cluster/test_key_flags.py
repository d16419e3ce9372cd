# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key files an API server has after each phase, after an upgrade, and when another issuer's key is in use."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    ACCEPT,
    FORGET,
    SIGN,
    SIGN_BACK,
    Goal,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import (
    CONFIGURATION,
    SIGNING_KID,
    cluster,
    issuers,
    walked,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import (
    CONTROLLER_MANAGER,
    KUBEADM,
    NEW,
    OLD,
)

DAY = 86400
PKI = "/etc/kubernetes/pki"
PATCH = "kube-apiserver-irsa+json.yaml"
OTHER = f"{PKI}/other.pub"
GOAL = Goal(issuer=NEW)
ACCEPTING = Goal(issuer=NEW, accepted_key_files=(OTHER,))
SORTING = {"tool_version": "v1.34.0"}
KEY_FILE = "service-account-key-file"
SIGNING_KEY_FILE = "service-account-signing-key-file"
PRIVATE_KEY_FILE = "service-account-private-key-file"

# A public key that a user added to the manifest by hand, and to nothing else.
BY_HAND = KUBEADM.replace(f"={PKI}/sa.pub\n", f"={PKI}/sa.pub\n    - --{KEY_FILE}={PKI}/by-hand.pub\n").encode()

NEWER = "https://newer.example.com"
KID_A, KID_B = "A" * 43, "B" * 43
OWN_A = Goal(issuer=NEW, own_kid=KID_A, published_kids=frozenset({KID_A}))
OWN_B = Goal(issuer=NEWER, own_kid=KID_B, published_kids=frozenset({KID_B}))
AWAY_A = Goal(issuer=NEW, state=ABSENT)


def planned(before, goal, **options):
    return plan(before, goal, Options(**options))


def run(before, goal, **options):
    return walked(before, planned(before, goal, **options), now=before.now + 100)


def with_servers(before, **known):
    return dataclasses.replace(before, servers=tuple(dataclasses.replace(each, **known) for each in before.servers))


def a_day_later(before):
    return dataclasses.replace(before, now=before.now + 2 * DAY)


def in_configuration(before, flag=KEY_FILE, component="apiServer"):
    entries = (yaml.safe_load(before.configuration)[component] or {}).get("extraArgs", [])
    return [entry["value"] for entry in entries if entry["name"] == flag]


def running(before, flag=KEY_FILE):
    """The values of a flag that all servers run with."""
    prefix = f"--{flag}="
    [values] = {
        tuple(text.removeprefix(prefix) for text in each.running if text.startswith(prefix)) for each in before.servers
    }
    return list(values)


def in_patch(before):
    [texts] = {each.patches[PATCH].decode() for each in before.servers}
    return texts


def phases_of(result):
    return list(dict.fromkeys(step.phase for step in result.steps))


class TestAcceptedKeys:
    """What irsa_apiserver_accepted_public_keys adds survives an upgrade like the issuer."""

    def test_they_are_in_cluster_configuration_from_the_first_phase_on(self):
        accepting = run(cluster(), dataclasses.replace(ACCEPTING, phase=ACCEPT))
        result = planned(accepting, ACCEPTING)
        signing = walked(accepting, result)
        for after in (accepting, signing):
            assert running(after) == in_configuration(after) == [f"{PKI}/sa.pub", OTHER]
        assert in_configuration(signing, SIGNING_KEY_FILE) == []
        assert result.new_node_needs == (OTHER,)
        for goal in (ACCEPTING, GOAL):
            again = planned(signing, goal)
            assert (again.steps, again.new_node_needs) == ((), (OTHER,))

    def test_one_that_was_left_out_is_added_without_a_restart(self):
        before = run(cluster(), ACCEPTING)
        (step,) = planned(
            dataclasses.replace(before, configuration=run(cluster(), GOAL).configuration), ACCEPTING
        ).steps
        assert not step.restarts
        assert step.configuration[1] == before.configuration

    def test_they_are_in_patches_for_as_long_as_they_run(self):
        result = planned(cluster(**SORTING), ACCEPTING)
        after = walked(cluster(**SORTING), result)
        assert f'/command/-, value: "--{KEY_FILE}={OTHER}"' in in_patch(after)
        assert result.new_node_needs == (f"/etc/kubernetes/patches/{PATCH}", OTHER)
        assert planned(after, GOAL).steps == ()
        gone = run(a_day_later(run(after, AWAY_A)), AWAY_A)
        assert f"--{KEY_FILE}={OTHER}" in in_patch(gone)
        assert "issuer" not in in_patch(gone).replace("selfhosted.irsa", "")

    def test_they_move_from_patches_to_cluster_configuration(self):
        patched = run(cluster(**SORTING), ACCEPTING)
        after = run(with_servers(patched, tool_version="v1.37.2"), GOAL)
        assert [dict(each.patches) for each in after.servers] == [{}] * 3
        assert in_configuration(after) == [f"{PKI}/sa.pub", OTHER]

    def test_they_survive_without_cluster_configuration(self):
        before = dataclasses.replace(cluster(), configuration=None)
        assert f"--{KEY_FILE}={OTHER}" in in_patch(run(before, ACCEPTING))


@pytest.mark.parametrize("goal", [GOAL, ACCEPTING, OWN_A])
@pytest.mark.parametrize("known", [{}, SORTING])
def test_a_key_file_of_the_user_is_not_made_to_last(goal, known):
    """It was in no configuration of kubeadm, and a node that joins may not have that file."""
    before = cluster(manifest=BY_HAND, **known)
    result = planned(before, goal)
    signing = walked(before, result)
    away = dataclasses.replace(AWAY_A, accepted_key_files=goal.accepted_key_files)
    back = walked(signing, planned(signing, away))
    gone = run(a_day_later(back), away)
    for after in (signing, back, gone):
        assert f"{PKI}/by-hand.pub" in running(after)
        assert "by-hand" not in after.configuration + "".join(map(str, after.servers[0].patches.values()))
    assert not any("by-hand" in path for path in result.new_node_needs)
    if goal is not ACCEPTING:
        assert (gone.configuration, gone.servers[0].manifest) == (CONFIGURATION, BY_HAND)


@pytest.mark.parametrize("persist", ["patches", "cluster_configuration"])
def test_no_own_key_is_left_for_upgrades_after_the_way_back(persist):
    signing = run(cluster(), OWN_A)
    back = run(signing, AWAY_A, persist=persist)
    gone = run(a_day_later(back), AWAY_A, persist=persist)
    assert gone.configuration == CONFIGURATION
    assert [dict(each.patches) for each in gone.servers] == [{}] * 3


class TestTwoIssuersWithOwnKeys:
    """The API servers moved from an issuer with an own key to another one with another own key."""

    def moved(self, **known):
        first = run(cluster(**known), OWN_A)
        second = run(with_servers(first, kids=frozenset({SIGNING_KID, KID_A}), signing_kid=KID_A), OWN_B)
        return with_servers(second, kids=frozenset({SIGNING_KID, KID_A, KID_B}), signing_kid=KID_B)

    @pytest.mark.parametrize("known", [{}, SORTING])
    @pytest.mark.parametrize("own_kid", [None, KID_B])
    def test_the_former_issuer_is_forgotten_and_the_key_in_use_stays(self, known, own_kid):
        before = a_day_later(self.moved(**known))
        result = planned(before, dataclasses.replace(AWAY_A, own_kid=own_kid))
        assert phases_of(result) == [FORGET]
        assert not any(step.manager for step in result.steps)
        assert {step.signing_kid for step in result.steps} == {KID_B}
        assert all(KID_B in step.kids for step in result.steps)
        after = walked(before, result)
        assert issuers(after) == [(NEWER, OLD)] * 3
        for flag in (KEY_FILE, SIGNING_KEY_FILE):
            assert running(after, flag) == running(before, flag)
            assert in_configuration(after, flag) == in_configuration(before, flag)
        assert planned(after, OWN_B).steps == ()

    def test_the_former_key_is_forgotten_if_it_is_known(self):
        before = a_day_later(self.moved())
        after = run(before, dataclasses.replace(AWAY_A, own_kid=KID_A))
        assert running(after) == in_configuration(after) == [f"{PKI}/sa.pub", f"{PKI}/irsa/{KID_B}.pub"]
        assert running(after, SIGNING_KEY_FILE) == [f"{PKI}/sa.key", f"{PKI}/irsa/{KID_B}.key"]
        assert planned(after, OWN_B).steps == ()

    @pytest.mark.parametrize("known", [{}, SORTING])
    def test_the_issuer_in_use_is_gone_back_from_with_all_own_keys(self, known):
        away = Goal(issuer=NEWER, state=ABSENT)
        before = self.moved(**known)
        result = planned(before, away)
        assert phases_of(result) == [SIGN_BACK]
        back = walked(before, result)
        assert running(back, SIGNING_KEY_FILE) == [f"{PKI}/sa.key"]
        assert {each.controller_manager.decode() for each in back.servers} == {CONTROLLER_MANAGER}
        assert running(run(a_day_later(back), away)) == [f"{PKI}/sa.pub"]

    def test_moving_back_signs_with_the_first_key_again_after_an_upgrade_too(self):
        after = run(self.moved(), OWN_A)
        assert running(after, SIGNING_KEY_FILE)[-1] == f"{PKI}/irsa/{KID_A}.key"
        assert in_configuration(after, SIGNING_KEY_FILE)[-1] == f"{PKI}/irsa/{KID_A}.key"
        assert in_configuration(after, PRIVATE_KEY_FILE, "controllerManager")[-1] == f"{PKI}/irsa/{KID_A}.key"
        assert phases_of(planned(after, OWN_B)) == [SIGN]
