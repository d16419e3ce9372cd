# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another signing key by flags: from the cluster's own key to one of ours, and from that to the next one."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
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
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_clusters
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import OLD
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_microk8s import (
    ARGS,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBELITE,
)

FIRST, A, B = "F" * 43, "A" * 43, "B" * 43
STARTED = 1_000_000.0
SERVERS = {
    "k3s": (("/usr/local/bin/k3s", "server"), {}, "v1.37.2+k3s1"),
    "rke2": (("/usr/local/bin/rke2", "server"), {}, "v1.37.2+rke2r1"),
    "k0s": (("/usr/local/bin/k0s", "controller"), {}, "v1.37.2+k0s.0"),
    "microk8s": (
        ("kubelite",),
        {
            f"{ARGS}/kube-apiserver": KUBE_APISERVER.encode(),
            f"{ARGS}/kube-controller-manager": KUBE_CONTROLLER_MANAGER.encode(),
            f"{ARGS}/kubelite": KUBELITE.encode(),
        },
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
    return plan(cluster, asked, distribution=WITH_SERVICE.get(name), options=Options())


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


def test_what_a_plan_says_is_about_keys_and_not_about_an_issuer():
    found = planned("k3s", cluster_of("k3s"), goal(ACCEPT, A))
    assert found.summary == "2 API servers restart, one at a time, to verify the new key."
    assert not any("irsa_apiserver_phase" in text for text in found.next)


def test_on_kubeadm_an_own_key_makes_way_for_the_next_one_in_what_survives_an_upgrade():
    cluster = sample_clusters.cluster()
    pki = "/etc/kubernetes/pki"
    for kid, former in ((A, None), (B, A)):
        phases = [goal(ACCEPT, kid), goal(SIGN, kid), *([goal(RETIRE_KEY, kid, {former})] if former else [])]
        for asked in phases:
            found = planned(None, cluster, asked) if former else _installed(cluster, kid, asked.phase)
            cluster = sample_clusters.walked(cluster, found)
            servers = [
                dataclasses.replace(
                    server,
                    kids=next((step.kids for step in found.steps if step.server == server.name), server.kids),
                    signing_kid=kid if asked.phase != ACCEPT else server.signing_kid,
                )
                for server in cluster.servers
            ]
            cluster = dataclasses.replace(cluster, servers=tuple(servers))
    for server in cluster.servers:
        arguments = Arguments.of(server.running)
        assert arguments.values(KEY_FILE) == (f"{pki}/sa.pub", f"{pki}/irsa/{B}.pub")
        assert arguments.values(SIGNING_KEY_FILE) == (f"{pki}/sa.key", f"{pki}/irsa/{B}.key")
    assert way(cluster, None) == "flags"
    assert B in cluster.configuration
    assert A not in cluster.configuration
    assert A.encode() not in cluster.servers[0].controller_manager


def _installed(cluster, kid, phase):
    """The plan that installs an issuer's own key, as role irsa_apiserver does."""
    return kubeadm.plan(cluster, Goal(issuer=OLD, own_kid=kid, phase=phase), Options())
