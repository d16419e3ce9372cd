# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another signing key by flags: from the cluster's own key to one of ours, and from that to the next one."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_change import limits, plan, way
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    RETIRE_KEY,
    SIGN,
    Cluster,
    Goal,
    Server,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_clusters, sample_microk8s
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import OLD

FIRST, A, B = "F" * 43, "A" * 43, "B" * 43
STARTED = 1_000_000.0
SERVERS = {
    "k3s": (("/usr/local/bin/k3s", "server"), {}, "v1.37.2+k3s1"),
    "rke2": (("/usr/local/bin/rke2", "server"), {}, "v1.37.2+rke2r1"),
    "k0s": (("/usr/local/bin/k0s", "controller"), {}, "v1.37.2+k0s.0"),
    "microk8s": (
        ("kubelite",),
        sample_microk8s.FILES,
        None,
    ),
}


def arguments_of(name, server):
    return WITH_SERVICE[name].programs(server.files, server.unit)


def restarted(name, server, kids, signing):
    return dataclasses.replace(
        server,
        running=arguments_of(name, server).api_server.texts,
        kids=frozenset(kids),
        signing_kid=signing,
        changed={},
    )


def cluster_of(name, count=2):
    command, files, version = SERVERS[name]
    servers = [
        restarted(
            name,
            Server(
                name=f"node{number}",
                addresses=(f"192.0.2.{number}:6443",),
                unit=Unit(command=command, started=STARTED),
                files=files,
                ready=True,
                started=STARTED,
                tool_version=version,
            ),
            {FIRST},
            FIRST,
        )
        for number in range(1, count + 1)
    ]
    return Cluster(servers=tuple(servers), now=STARTED + 10)


def goal(phase, kid, retired=()):
    return KeyGoal(phase=phase, kid=kid, public_key="", retired_kids=frozenset(retired))


def planned(name, cluster, asked):
    return plan(seen(name, cluster) if name else cluster, asked, distribution=WITH_SERVICE.get(name), options=Options())


def seen(name, cluster):
    """The cluster with what its servers say of their issuer, and of each other's tokens."""
    servers = [
        dataclasses.replace(
            server,
            issuer=server.issuer or arguments_of(name, server).api_server.values(ISSUER)[0],
            refusals=tuple(
                f"https://{other.addresses[0]} refuses the token."
                for other in cluster.servers
                if server.signing_kid and other.kids is not None and server.signing_kid not in other.kids
            ),
        )
        for server in cluster.servers
    ]
    return dataclasses.replace(cluster, servers=tuple(servers))


@pytest.mark.parametrize("name", SERVERS)
def test_servers_that_do_not_show_their_arguments_are_changed_by_their_discovery_document(name):
    shown = cluster_of(name)
    issuer = arguments_of(name, shown.servers[0]).api_server.values(ISSUER)[0]
    hidden = dataclasses.replace(
        shown, servers=tuple(dataclasses.replace(each, running=None, issuer=issuer) for each in shown.servers)
    )
    found = planned(name, hidden, goal(ACCEPT, A))
    assert found.findings.problems == ()
    assert [(step.server, step.files) for step in found.steps] == [
        (step.server, step.files) for step in planned(name, shown, goal(ACCEPT, A)).steps
    ]
    assert limits(hidden, WITH_SERVICE[name]) == limits(shown, WITH_SERVICE[name])


def taken(name, cluster, asked, steps=None):
    """The cluster after a phase, or after so many of its steps; each server does as its steps say."""
    found = planned(name, cluster, asked)
    assert found.findings.problems == ()
    servers = {server.name: server for server in cluster.servers}
    for step in found.steps[:steps]:
        server = servers[step.server]
        changed = {write.path: write.after for write in step.files}
        files = {path: content for path, content in {**server.files, **changed}.items() if content is not None}
        kids = step.kids | (server.kids if asked.phase != RETIRE_KEY else frozenset())
        servers[step.server] = restarted(
            name, dataclasses.replace(server, files=files), kids, step.signing_kid or server.signing_kid
        )
    return dataclasses.replace(cluster, servers=tuple(servers.values()))


def flags(name, cluster):
    """The files of keys that count on each server: those that are verified, and those that sign."""
    found = []
    for server in cluster.servers:
        programs = arguments_of(name, server)
        found.append(
            (
                programs.api_server.values(KEY_FILE),
                programs.api_server.value(SIGNING_KEY_FILE),
                programs.controller_manager.value(PRIVATE_KEY_FILE),
            )
        )
    return found


def rotation(name, kid, former):
    cluster = cluster_of(name)
    folder = WITH_SERVICE[name].own_key_folder(cluster.servers[0].files, cluster.servers[0].unit)
    goals = [goal(ACCEPT, kid), goal(SIGN, kid), goal(RETIRE_KEY, kid, {former})]
    return goals, ((f"{folder}/{kid}.pub",), f"{folder}/{kid}.key", f"{folder}/{kid}.key")


@pytest.mark.parametrize("name", SERVERS)
def test_the_clusters_key_makes_way_for_ours_and_that_for_the_next_one(name):
    cluster = cluster_of(name)
    assert way(cluster, WITH_SERVICE[name]) == "flags"
    for kid, former in ((A, FIRST), (B, A)):
        assert limits(cluster, WITH_SERVICE[name]) == {}
        goals, expected = rotation(name, kid, former)
        for asked in goals:
            cluster = taken(name, cluster, asked)
            assert planned(name, cluster, asked).steps == ()
        assert flags(name, cluster) == [expected] * 2


@pytest.mark.parametrize("name", SERVERS)
def test_a_run_that_was_cut_off_between_two_servers_is_finished(name):
    cluster = cluster_of(name)
    goals, expected = rotation(name, A, FIRST)
    for asked in goals:
        cluster = taken(name, taken(name, cluster, asked, steps=1), asked)
    assert flags(name, cluster) == [expected] * 2


# It was down while the others went through so many phases, before which it may have gone through some, too. Once the
# former key is retired, the others refuse what it signs until it signs with the new one.
AWAY = {"all of them": (0, 3, [SIGN]), "sign and retire": (1, 3, [SIGN]), "accept and sign": (0, 2, [ACCEPT, SIGN])}


def with_one_that_comes_back(name, before, upto):
    """A cluster whose third server goes through the first phases only, and each phase of the whole change."""
    goals, expected = rotation(name, A, FIRST)
    cluster = cluster_of(name, 3)
    for asked in goals[:before]:
        cluster = taken(name, cluster, asked)
    others = dataclasses.replace(cluster, servers=cluster.servers[:2])
    for asked in goals[before:upto]:
        others = taken(name, others, asked)
    return dataclasses.replace(cluster, servers=(*others.servers, cluster.servers[2])), goals, expected


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("away", AWAY)
def test_a_server_that_comes_back_with_the_former_key_is_repaired_by_sign(name, away):
    before, upto, phases = AWAY[away]
    cluster, goals, expected = with_one_that_comes_back(name, before, upto)
    found = planned(name, cluster, goals[1])
    assert found.findings.problems == ()
    assert [(step.server, step.phase) for step in found.steps] == [("node3", phase) for phase in phases]
    assert found.steps[-1].signing_kid == A
    for asked in goals[1:]:
        cluster = taken(name, cluster, asked)
    assert flags(name, cluster) == [expected] * 3


# Files of others are never taken up by a restart that their owner did not ask for.
@pytest.mark.parametrize("name", ["k3s", "rke2"])
@pytest.mark.parametrize("away", AWAY)
def test_a_repair_that_was_cut_off_before_the_server_restarted_is_finished(name, away):
    before, upto, phases = AWAY[away]
    cluster, goals, expected = with_one_that_comes_back(name, before, upto)
    cluster = written(name, cluster, goals[1])
    assert [step.phase for step in planned(name, cluster, goals[1]).steps] == phases
    for asked in goals[1:]:
        cluster = taken(name, cluster, asked)
    assert flags(name, cluster) == [expected] * 3


def written(name, cluster, asked):
    """The cluster after the first step's files, before its restart."""
    first = planned(name, cluster, asked).steps[0]
    changed = {write.path: write.after for write in first.files}
    servers = [
        dataclasses.replace(each, files={**each.files, **changed}, changed=dict.fromkeys(changed, STARTED + 5))
        if each.name == first.server
        else each
        for each in cluster.servers
    ]
    return dataclasses.replace(cluster, servers=tuple(servers))


def test_a_server_outside_the_play_that_comes_back_with_the_former_key_is_not_repaired():
    cluster, goals, dummy = with_one_that_comes_back("k0s", 0, 3)
    outside = dataclasses.replace(cluster.servers[2], managed=False)
    cluster = dataclasses.replace(cluster, servers=(*cluster.servers[:2], outside))
    problems = planned("k0s", cluster, goals[1]).findings.problems
    assert any("node3: tokens are signed with the key" in problem for problem in problems)


def test_the_clusters_key_is_not_retired_with_another_one():
    cluster = cluster_of("k3s")
    goals, dummy = rotation("k3s", A, FIRST)
    for asked in goals[:2]:
        cluster = taken("k3s", cluster, asked)
    goals, dummy = rotation("k3s", B, A)
    for asked in goals:
        cluster = taken("k3s", cluster, asked)
    folder = "/etc/rancher/k3s/irsa"
    assert flags("k3s", cluster)[0][0] == ("/var/lib/rancher/k3s/server/tls/service.key", f"{folder}/{B}.pub")
    assert planned("k3s", cluster, goals[2]).steps == ()


def test_a_key_that_signs_is_not_retired():
    cluster = cluster_of("k3s")
    cluster = taken("k3s", cluster, goal(ACCEPT, A))
    problems = planned("k3s", cluster, goal(RETIRE_KEY, A, {FIRST})).findings.problems
    assert any("cannot be retired: node1, node2 signs with it" in problem for problem in problems)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("nothing", [{"managed": False}, {"kids": None, "signing_kid": None, "ready": False}])
def test_a_forced_change_goes_on_without_a_server_that_cannot_be_changed(name, nothing):
    cluster = cluster_of(name, 3)
    left = dataclasses.replace(cluster.servers[2], **nothing)
    cluster = dataclasses.replace(cluster, servers=(*cluster.servers[:2], left))
    goals, expected = rotation(name, A, FIRST)
    for asked in goals:
        forced = dataclasses.replace(asked, force=True)
        assert any(text.startswith("node3 ") for text in planned(name, cluster, forced).findings.warnings)
        cluster = taken(name, cluster, forced)
    assert flags(name, cluster)[:2] == [expected] * 2
    assert cluster.servers[2] == left


def test_what_a_plan_says_is_about_keys_and_not_about_an_issuer():
    found = planned("k3s", cluster_of("k3s"), goal(ACCEPT, A))
    assert found.summary == "2 API servers restart, one at a time, to verify the new key."
    assert not any("irsa_apiserver_phase" in text for text in found.next)


PKI = "/etc/kubernetes/pki"


def of_kubeadm():
    """A cluster of kubeadm that signs with its issuer's own key A."""
    cluster = sample_clusters.cluster()
    for phase in (ACCEPT, SIGN):
        asked = Goal(issuer=OLD, own_kid=A, phase=phase)
        cluster = taken_on_kubeadm(cluster, kubeadm.plan(cluster, asked, Options()))
    return cluster


def taken_on_kubeadm(cluster, found):
    """The cluster after the steps of a plan; each server does as its steps say."""
    after = sample_clusters.walked(cluster, found)
    last = {step.server: step for step in found.steps}
    servers = [
        dataclasses.replace(server, kids=last[server.name].kids, signing_kid=last[server.name].signing_kid)
        if server.name in last
        else server
        for server in after.servers
    ]
    return dataclasses.replace(after, servers=tuple(servers))


OF_KUBEADM = [goal(ACCEPT, B), goal(SIGN, B), goal(RETIRE_KEY, B, {A})]


def test_on_kubeadm_an_own_key_makes_way_for_the_next_one_in_what_survives_an_upgrade():
    cluster = of_kubeadm()
    for asked in OF_KUBEADM:
        cluster = taken_on_kubeadm(cluster, planned(None, cluster, asked))
    _require_b_alone(cluster)
    assert way(cluster, None) == "flags"


def _require_b_alone(cluster):
    for server in cluster.servers:
        arguments = Arguments.of(server.running)
        assert arguments.values(KEY_FILE) == (f"{PKI}/sa.pub", f"{PKI}/irsa/{B}.pub")
        assert arguments.values(SIGNING_KEY_FILE) == (f"{PKI}/sa.key", f"{PKI}/irsa/{B}.key")
        assert A.encode() not in server.controller_manager
    assert B in cluster.configuration
    assert A not in cluster.configuration


@pytest.mark.parametrize("away", AWAY)
def test_a_node_of_kubeadm_that_comes_back_with_the_former_key_is_repaired_by_sign(away):
    before, upto, phases = AWAY[away]
    cluster = of_kubeadm()
    for asked in OF_KUBEADM[:before]:
        cluster = taken_on_kubeadm(cluster, planned(None, cluster, asked))
    former = cluster.servers[2]
    others = dataclasses.replace(cluster, servers=cluster.servers[:2])
    for asked in OF_KUBEADM[before:upto]:
        others = taken_on_kubeadm(others, planned(None, others, asked))
    cluster = dataclasses.replace(others, servers=(*others.servers, former))
    found = planned(None, cluster, OF_KUBEADM[1])
    assert [(step.server, step.phase) for step in found.steps if step.restarts] == [("node3", each) for each in phases]
    for asked in OF_KUBEADM[1:]:
        cluster = taken_on_kubeadm(cluster, planned(None, cluster, asked))
    _require_b_alone(cluster)
