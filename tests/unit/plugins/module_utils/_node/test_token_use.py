# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens that a change of the signing key would touch, and those that are made again. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import legacy_secrets, tools
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.token_use import token_pods, token_use
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import (
    SIGNATURE,
    FakeCluster,
    encoded,
)

AWS = "sts.amazonaws.com"
SECRETS, PODS, METRICS = "/api/v1/secrets", "/api/v1/pods", "/metrics"
CERTIFICATES = "/api/v1/namespaces/kube-system/secrets/kubeadm-certs"
METRIC = "# TYPE serviceaccount_stale_tokens_total counter\nserviceaccount_stale_tokens_total"


def secret(name, kid="old"):
    token = f"{encoded({'alg': 'RS256', 'kid': kid})}.{encoded({'sub': name})}.{SIGNATURE}"
    return {
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "namespace": "jobs",
            "name": name,
            "annotations": {"kubernetes.io/service-account.name": "builder"},
            "resourceVersion": "1",
        },
        "data": {"token": base64.b64encode(token.encode()).decode(), "ca.crt": "eA=="},
    }


def pod(*sources):
    volumes = [{"emptyDir": {}}, {"projected": {"sources": [{"configMap": {}}, *sources]}}]
    return {"metadata": {"name": "app"}, "spec": {"volumes": volumes}}


def projected(audience=AWS, **more):
    return {"serviceAccountToken": {"audience": audience, "path": "token", **more}}


def pages(*lists):
    """Answer with one list after the other, as a server does that has more than one page."""

    def answer(verb, query, body):
        number = int(query.rpartition("continue=page%2F")[2]) if "continue=" in query else 0
        rest = {"continue": f"page/{number + 1}"} if number + 1 < len(lists) else {}
        return {"metadata": rest, "items": lists[number]}

    return answer


@pytest.fixture
def cluster():
    cluster = FakeCluster(2)
    cluster.answers = {
        SECRETS: pages([]),
        PODS: pages([]),
        METRICS: lambda verb, query, body: f"{METRIC} 0\n",
    }
    return cluster


def kubectl(cluster):
    return Kubectl("admin.conf", run=cluster, program=["kubectl"])


def read(cluster):
    faults = []
    return token_use(kubectl(cluster), cluster.servers[0].url, faults=faults), faults


def test_a_cluster_without_such_tokens_is_read_whole(cluster):
    expected = {"legacy_tokens": [], "stale_tokens": 0, "token_seconds": 0, "has_kubeadm_certs": False}
    assert read(cluster) == (expected, [])


def test_legacy_tokens_are_named_with_the_key_that_signed_them(cluster):
    without = {**secret("late"), "data": None}
    broken = {**secret("broken"), "data": {"token": "?"}}
    cluster.answers[SECRETS] = pages([secret("a"), without], [broken, secret("b", kid="new")])
    found, faults = read(cluster)
    assert [(each["name"], each["kid"]) for each in found["legacy_tokens"]] == [
        ("a", "old"),
        ("late", None),
        ("broken", None),
        ("b", "new"),
    ]
    assert (found["legacy_tokens"][0]["namespace"], found["legacy_tokens"][0]["account"]) == ("jobs", "builder")
    assert faults == [] and SIGNATURE not in json.dumps(found)


@pytest.mark.parametrize(
    ("text", "number"),
    [(f"{METRIC} 7\n", 7), (f'{METRIC}{{a="b"}} 1.5e+03\nother_total 9\n', 1500), (f"x 1\n{METRIC} 0", 0)],
)
def test_stale_tokens_are_counted(cluster, text, number):
    cluster.answers[METRICS] = lambda verb, query, body: text
    assert read(cluster)[0]["stale_tokens"] == number


def test_a_server_that_hides_the_metric_does_not_count_as_one_without_stale_tokens(cluster):
    cluster.answers[METRICS] = lambda verb, query, body: "serviceaccount_valid_tokens_total 3\n"
    found, faults = read(cluster)
    assert found["stale_tokens"] is None
    url = cluster.servers[0].url
    assert faults == [f"The API server {url} does not tell serviceaccount_stale_tokens_total at /metrics."]


def test_the_longest_life_that_a_pod_asks_for_counts(cluster):
    cluster.answers[PODS] = pages(
        [pod(projected(expirationSeconds=600)), pod(projected("vault", expirationSeconds=172800))],
        [pod(projected(expirationSeconds=86400), projected(None, expirationSeconds=604800)), {"spec": {}}],
    )
    assert read(cluster)[0]["token_seconds"] == 604800


def test_a_token_that_does_not_say_lives_for_an_hour(cluster):
    cluster.answers[PODS] = pages([pod(projected())])
    assert read(cluster)[0]["token_seconds"] == 3600


def test_the_token_that_each_pod_gets_by_itself_is_counted_by_the_servers_instead(cluster):
    default = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    cluster.answers[PODS] = pages([pod(default), pod(default, projected("vault", expirationSeconds=600))])
    assert read(cluster)[0]["token_seconds"] == 600


def owned(name, *owners, started="2026-01-01T00:00:00Z", sources=None):
    """A pod with a token for AWS, and much that is nobody's business."""
    found = pod(*(sources or [projected()]))
    labels = {"pod-template-hash": "7d", "team": SIGNATURE}
    found["metadata"] = {"namespace": "shop", "name": name, "labels": labels, "ownerReferences": list(owners)}
    return {**found, "status": {"startTime": started}}


def test_pods_with_tokens_are_named_with_what_makes_them_and_what_they_are_for(cluster):
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-7d", "controller": True, "uid": SIGNATURE}
    other = {"apiVersion": "v1", "kind": "Node", "name": "node1", "controller": False}
    # The token that each pod has by default has no audience: it is for the API servers.
    network = owned("net-1", sources=[projected(None)])
    network["spec"]["priorityClassName"] = "system-node-critical"
    without = {**owned("without"), "spec": {"volumes": [{"emptyDir": {}}]}}
    cluster.answers[PODS] = pages(
        [owned("cart-7d-1", other, owner), owned("vault", sources=[projected("vault")])], [network, without]
    )
    found = token_pods(kubectl(cluster), cluster.servers[0].url, [AWS])
    assert found["faults"] == [] and SIGNATURE not in json.dumps(found)
    assert [(each["metadata"]["name"], each["uses_aws"], each["is_critical"]) for each in found["pods"]] == [
        ("cart-7d-1", True, False),
        ("vault", False, False),
        ("net-1", False, True),
    ]
    assert found["pods"][0]["started"] == "2026-01-01T00:00:00Z"
    assert found["pods"][0]["metadata"]["ownerReferences"] == [{key: owner[key] for key in list(owner)[:4]}]


def test_pods_are_not_known_if_they_cannot_be_listed(cluster):
    cluster.answers[PODS] = lambda verb, query, body: tools.Ended(1, b"", "Error from server (Forbidden)")
    found = token_pods(kubectl(cluster), cluster.servers[0].url, [AWS])
    assert found["pods"] is None and "Forbidden" in found["faults"][0]


def test_certificates_of_kubeadm_are_seen_and_not_read_out(cluster):
    cluster.answers[CERTIFICATES] = lambda verb, query, body: {"data": {"sa.key": SIGNATURE}}
    found, faults = read(cluster)
    assert found["has_kubeadm_certs"] is True and SIGNATURE not in json.dumps([found, faults])


def test_of_a_server_that_is_down_another_one_tells_what_is_true_of_the_cluster(cluster):
    cluster.servers[0].up = False
    cluster.answers[SECRETS] = pages([secret("a")])
    found, faults = read(cluster)
    assert (found["stale_tokens"], len(found["legacy_tokens"]), found["token_seconds"]) == (None, 1, 0)
    assert len(faults) == 1 and faults[0].startswith(
        f"The API server {cluster.servers[0].url} does not answer /readyz:"
    )


@pytest.mark.parametrize("answer", [[], {"items": [{}]}, tools.Ended(1, b"", "Error from server (Forbidden)")])
def test_what_cannot_be_read_is_not_known(cluster, answer):
    cluster.answers[SECRETS] = cluster.answers[PODS] = lambda verb, query, body: answer
    found, faults = read(cluster)
    assert (found["legacy_tokens"], found["token_seconds"], found["stale_tokens"]) == (None, None, 0)
    assert len(faults) == 2


class Secrets:
    """Secrets of a cluster whose kube-controller-manager makes a token, some requests after one was cleared."""

    def __init__(self, cluster, *names, delay=2):
        self.objects = {name: secret(name) for name in names}
        self.delay, self.waited, self.seconds = delay, 0, 0.0
        for name in names:
            path = f"/api/v1/namespaces/jobs/secrets/{name}"
            cluster.answers[path] = lambda verb, query, body, name=name: self.answer(verb, name, body)

    def answer(self, verb, name, body):
        present = self.objects[name]
        if verb == "replace":
            if body["metadata"]["resourceVersion"] != present["metadata"]["resourceVersion"]:
                return tools.Ended(1, b"", "Error from server (Conflict): the object has been modified")
            self.objects[name], self.waited = body, 0
        elif "token" not in present["data"] and self.delay is not None:
            self.waited += 1
            if self.waited > self.delay:
                new = secret(name, kid="new")["data"]["token"]
                self.objects[name] = {**present, "data": {**present["data"], "token": new}}
        return self.objects[name]

    def sleep(self, seconds):
        self.seconds += seconds

    def remake(self, cluster, *names):
        which = [{"namespace": "jobs", "name": name} for name in names]
        return legacy_secrets.remake(kubectl(cluster), cluster.servers[0].url, which, pause=self.sleep)


class TestRemade:
    def test_each_secret_gets_a_token_by_the_new_key(self, cluster):
        secrets = Secrets(cluster, "a", "b")
        found = secrets.remake(cluster, "a", "b")
        assert found == {"secrets": [{"namespace": "jobs", "name": name, "kid": "new"} for name in ("a", "b")]}
        assert secrets.objects["a"]["data"]["ca.crt"] == "eA=="
        assert SIGNATURE not in json.dumps(found)

    def test_one_that_was_cleared_by_an_interrupted_run_is_waited_for(self, cluster):
        secrets = Secrets(cluster, "a")
        del secrets.objects["a"]["data"]["token"]
        assert secrets.remake(cluster, "a")["secrets"][0]["kid"] == "new"
        assert not [verb for verb, _path, _body in cluster.requests if verb == "replace"]

    def test_one_without_a_new_token_is_named_and_the_others_are_told(self, cluster):
        secrets = Secrets(cluster, "a", delay=None)
        with pytest.raises(IrsaError) as caught:
            secrets.remake(cluster, "a", "gone")
        url = cluster.servers[0].url
        assert f"jobs/a: the API server {url} got no new token from kube-controller-manager within 30 seconds." in str(
            caught.value
        )
        assert "jobs/gone: the API server" in str(caught.value) and SIGNATURE not in str(caught.value)
        assert secrets.seconds == 30

    def test_a_secret_of_another_type_is_left_alone(self, cluster):
        secrets = Secrets(cluster, "a")
        secrets.objects["a"]["type"] = "Opaque"
        with pytest.raises(IrsaError, match="has no Secret of type kubernetes"):
            secrets.remake(cluster, "a")
        assert "token" in secrets.objects["a"]["data"]

    def test_a_secret_that_another_process_writes_at_the_same_time_is_left_alone(self, cluster):
        secrets = Secrets(cluster, "a")

        def touched(path):
            if secrets.objects["a"]["metadata"]["resourceVersion"] == "1" and cluster.requests[-1][0] == "replace":
                secrets.objects["a"]["metadata"] = {**secrets.objects["a"]["metadata"], "resourceVersion": "2"}

        cluster.on_request = touched
        with pytest.raises(IrsaError, match="Conflict"):
            secrets.remake(cluster, "a")
        assert "token" in secrets.objects["a"]["data"]
