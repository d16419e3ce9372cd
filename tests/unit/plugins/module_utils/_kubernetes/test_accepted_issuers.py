# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which issuers API servers accept: by the flags that the cluster shows, or else by what they serve."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import accepted_issuers
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import serve_json

OLD, NEW = "https://kubernetes.default.svc.cluster.local", "https://irsa.example"
PODS = "/api/v1/namespaces/kube-system/pods?limit=250&labelSelector=component%3Dkube-apiserver"


def mirror_pod(node, *issuers):
    command = ["kube-apiserver", *(f"--service-account-issuer={issuer}" for issuer in issuers)]
    return {
        "metadata": {"name": f"kube-apiserver-{node}", "annotations": {"kubernetes.io/config.mirror": "0123"}},
        "spec": {"nodeName": node, "containers": [{"name": "kube-apiserver", "command": command}]},
        "status": {"hostIP": f"192.0.2.{node[-1]}"},
    }


def found(api_servers, *pods):
    server = api_servers.start(OLD)
    serve_json(server, PODS, {"kind": "PodList", "items": list(pods)})
    servers = accepted_issuers.of_cluster(ApiServer(api_servers.kubeconfig(server), 5))
    return [(each.name, each.issuers) for each in servers]


def test_issuers_are_those_of_the_flags_in_their_order(api_servers):
    pods = [mirror_pod("node2", NEW, OLD), mirror_pod("node1", OLD)]
    assert found(api_servers, *pods) == [("node1", (OLD,)), ("node2", (NEW, OLD))]


def test_servers_whose_flags_are_not_shown_say_what_they_sign_for(api_servers):
    ((name, issuers),) = found(api_servers)
    assert name.startswith("localhost:")
    assert issuers == (OLD,)
