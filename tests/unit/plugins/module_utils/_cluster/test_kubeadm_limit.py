# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a change survives ``kubeadm upgrade`` if the play leaves servers out: theirs must still render what they need."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ABSENT, ACCEPT, Goal
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import CONFIGURATION, cluster, walked
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import NEW

GOAL = Goal(issuer=NEW)
PATCH = "kube-apiserver-irsa+json.yaml"
# Sorts behind the cluster's own issuer.
LATER = "https://zone.example.com"


def planned(before, goal=GOAL, **options):
    return plan(before, goal, Options(**options))


def enabled(goal=GOAL, version="v1.34.3"):
    """A cluster that signs for the issuer, as a run with this kubeadm leaves it."""
    before = cluster(2, tool_version=version)
    return walked(before, planned(before, goal))


def with_kubeadm(before, version):
    servers = tuple(dataclasses.replace(each, tool_version=version) for each in before.servers)
    return dataclasses.replace(before, servers=servers)


def limited(before, **known):
    """The cluster as a play for its first server alone sees it."""
    first, second = before.servers
    outside = dataclasses.replace(
        second, managed=False, manifest=None, controller_manager=None, tool_version=None, patches={}, **known
    )
    return dataclasses.replace(before, servers=(first, outside))


@pytest.mark.parametrize("known", [{}, {"running": None}])
def test_patches_stay_while_another_server_may_have_one(known):
    before = with_kubeadm(enabled(), "v1.34.4")
    result = planned(limited(before, **known), dataclasses.replace(GOAL, phase=ACCEPT))
    assert (result.method, result.steps) == ("patches", ())
    assert planned(before).method == "cluster_configuration"


def test_a_server_that_joined_without_a_patch_gets_one_by_itself():
    before = with_kubeadm(enabled(), "v1.34.4")
    joined = dataclasses.replace(cluster(1).servers[0], name="node3", tool_version="v1.34.4")
    result = planned(dataclasses.replace(limited(before), servers=(joined, *limited(before).servers[1:])))
    assert {write.path.rpartition("/")[2] for step in result.steps for write in step.files} == {
        PATCH,
        "kube-apiserver.yaml",
    }
    assert not any(step.configuration for step in result.steps)


def test_patches_for_another_issuer_count_too():
    before = limited(with_kubeadm(enabled(), "v1.34.4"))
    result = planned(before, Goal(issuer=LATER, phase=ACCEPT))
    assert (result.method, walked(before, result).configuration) == ("patches", CONFIGURATION)


def test_cluster_configuration_is_refused_by_name():
    before = with_kubeadm(enabled(), "v1.34.4")
    (problem,) = planned(limited(before), persist="cluster_configuration").findings.problems
    assert problem == (
        "irsa_apiserver_persist cannot be cluster_configuration in this run: node2 may have a patch that names an "
        "issuer of ClusterConfiguration again, and a repeated issuer stops the API server. Add node2 to the hosts of "
        "this play (no --limit)."
    )
    assert planned(before, persist="cluster_configuration").findings.problems == ()


@pytest.mark.parametrize("goal", [GOAL, Goal(issuer=NEW, accepted_issuers=(LATER,))])
def test_cluster_configuration_stays_where_it_names_what_runs(goal):
    result = planned(limited(enabled(goal, "v1.37.2")), goal)
    assert (result.method, result.steps) == ("cluster_configuration", ())


def test_a_first_run_for_one_server_may_use_cluster_configuration():
    assert planned(limited(cluster(2)), dataclasses.replace(GOAL, phase=ACCEPT)).method == "cluster_configuration"


def test_the_issuer_does_not_leave_cluster_configuration_while_another_server_gets_no_patch():
    goal = Goal(issuer=LATER)
    before = with_kubeadm(enabled(goal, "v1.37.2"), "v1.34.3")
    (problem,) = planned(limited(before), goal).findings.problems
    assert problem == (
        "node1: what must survive kubeadm upgrade cannot be written: ClusterConfiguration must lose the issuer before "
        "a patch can name it, and no patch is written on node2 in this run. Add node2 to the hosts of this play (no "
        "--limit)."
    )
    assert planned(before, goal).findings.problems == ()
    back = walked(before, planned(before, dataclasses.replace(goal, state=ABSENT)))
    away = dataclasses.replace(goal, state=ABSENT)
    assert planned(limited(dataclasses.replace(back, now=back.now + 10**6)), away).findings.problems == ()
