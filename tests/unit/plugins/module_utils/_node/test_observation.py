# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server says of itself and its cluster. Also runs under Python 3.9."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import observation, tools
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.observation import observe
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import (
    NEW,
    OLD,
    SIGNATURE,
    FakeCluster,
)


def observed(cluster, number=0):
    return observe(
        Kubectl("admin.conf", run=cluster, program=["kubectl"]), cluster.servers[number].url, lambda seconds: None
    )


def test_a_healthy_cluster_is_read_whole():
    cluster = FakeCluster(3)
    found = observed(cluster)
    assert found["ready"] is True
    assert found["faults"] == []
    assert [pod["node"] for pod in found["pods"]] == ["node1", "node2", "node3"]
    assert found["pods"][0]["command"] == ["kube-apiserver", f"--service-account-issuer={OLD}"]
    assert found["endpoints"] == [each.address for each in cluster.servers]
    assert found["issuer"] == OLD
    assert [key["kid"] for key in found["jwks"]["keys"]] == ["kid-of-the-cluster"]
    assert found["configuration"] == {"data": {"ClusterConfiguration": "apiServer: {}\n"}, "resource_version": "7"}
    assert found["legacy_tokens"] == 1
    assert (found["token"]["kid"], found["token"]["iss"]) == ("kid-of-the-cluster", OLD)
    assert set(found["token"]["reviews"].values()) == {"accepted"}


def test_a_cluster_without_kubeadm_s_configuration_has_no_fault():
    cluster = FakeCluster(1)
    cluster.configuration = None
    found = observed(cluster)
    assert (found["configuration"], found["faults"]) == (None, [])


def test_a_configuration_that_may_not_be_read_is_a_fault():
    cluster = FakeCluster(1)
    answer = tools.Ended(1, b"", 'Error from server (Forbidden): configmaps "kubeadm-config" is forbidden')
    cluster._config_map = lambda: answer
    found = observed(cluster)
    assert found["configuration"] is None
    assert found["faults"] == [f"does not answer {observation.CONFIGURATION}: {answer.stderr}"]


def test_no_token_is_in_what_was_read():
    text = json.dumps(observed(FakeCluster(3)))
    assert SIGNATURE not in text


def test_a_server_that_refuses_another_one_s_tokens_is_found():
    cluster = FakeCluster(2)
    cluster.servers[0].run_with([f"--service-account-issuer={NEW}"])
    found = observed(cluster)
    verdict = found["token"]["reviews"][cluster.servers[1].url]
    assert verdict.startswith("refuses the token: [invalid bearer token, …")
    assert SIGNATURE not in json.dumps(found)


def test_a_server_that_is_down_is_seen_by_way_of_another_one():
    cluster = FakeCluster(2)
    cluster.servers[0].up = False
    found = observed(cluster)
    assert found["ready"] is False
    assert (found["issuer"], found["jwks"], found["token"]) == (None, None, None)
    assert len(found["pods"]) == 2
    assert found["faults"] == [
        f"does not answer /readyz: The connection to the server {cluster.servers[0].url} was refused"
    ]


def test_a_server_that_is_not_ready_for_a_moment_is_waited_for():
    cluster, pauses = FakeCluster(1), []
    cluster.servers[0].up = False

    def pause(seconds):
        pauses.append(seconds)
        cluster.servers[0].up = len(pauses) == 2

    found = observe(Kubectl("admin.conf", run=cluster, program=["kubectl"]), cluster.servers[0].url, pause)
    assert (found["ready"], found["faults"], len(pauses)) == (True, [], 2)


def test_pods_that_are_no_static_ones_are_left_out():
    cluster = FakeCluster(1)
    pod = cluster.servers[0].pod
    cluster.servers[0].pod = lambda: {**pod(), "metadata": {"name": "copy", "annotations": {}}}
    assert observed(cluster)["pods"] == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b'{"items": [{}]}', b"null", b'{"status": {}}', b'{"status": null}', b'{"keys": [1]}', b"\xff"],
)
def test_answers_in_an_unknown_form_are_faults_not_crashes(answer):
    kubectl = Kubectl("admin.conf", run=lambda command, **more: tools.Ended(0, answer, ""), program=["kubectl"])
    found = observe(kubectl, "https://192.0.2.1:6443", lambda seconds: None)
    assert found["faults"]
    assert found["token"] is None


def test_a_node_without_kubectl_is_told(monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    with pytest.raises(IrsaError, match="This host has no kubectl"):
        Kubectl.found([["kubectl"]], ["admin.conf"])


def test_warnings_of_kubectl_are_not_the_reason_of_a_failure():
    ended = tools.Ended(1, b"", "Warning: v1 Endpoints is deprecated\nError from server (Forbidden): no\n")
    assert ended.reason == "Error from server (Forbidden): no"


class TestOwnServer:
    """A host knows its API server among those that the cluster lists by its own addresses."""

    def found(self, *addresses):
        cluster = FakeCluster(1)
        endpoints = [{"addresses": [each]} for each in addresses]
        ports = [{"name": "https", "port": 6443}]
        cluster._slices = lambda: {"items": [{"addressType": "IPv4", "endpoints": endpoints, "ports": ports}]}
        return observation.own_server(Kubectl("admin.conf", run=cluster, program=["kubectl"]))

    def test_it_is_the_one_with_an_address_of_this_host(self):
        assert self.found("192.0.2.11", "127.0.0.1") == "https://127.0.0.1:6443"

    def test_none_of_them_needs_a_variable(self):
        with pytest.raises(IrsaError, match="Set irsa_apiserver_address of this host"):
            self.found("192.0.2.11", "192.0.2.12")


LISTING = {
    "advertise-address": "192.0.2.1",
    "api-audiences": "[]",
    "service-account-issuer": "[https://a.example.com,https://b.example.com]",
    "service-account-key-file": "[]",
}


# What it draws from: https://github.com/kubernetes/kubernetes/tree/master/staging/src/k8s.io/component-base/zpages
@pytest.mark.parametrize("separator", [":", ": ", "=", " ", None], ids=repr)
def test_flags_are_read_whichever_separator_the_api_server_has_drawn(separator):
    lines = [f"{name}{separator}{value}" for name, value in LISTING.items()]
    document = json.dumps({"kind": "Flagz", "apiVersion": "config.k8s.io/v1", "flags": LISTING})
    text = "\n".join(["", "kube-apiserver flagz", "Warning: This endpoint is not meant", "", *lines])

    class Told:
        def get_text(self, path, server=None):
            return text if separator else document

    flags = observation.flags_of(Told(), "https://192.0.2.1:6443")
    assert flags["service-account-issuer"] == ["https://a.example.com", "https://b.example.com"]
    assert flags.keys() <= set(observation.FLAGS)
