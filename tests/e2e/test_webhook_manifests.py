# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents of the EKS pod identity webhook at a real API server, and real webhooks that run as they say.

The webhooks run beside the API server and not in a pod, with the flags of the Deployment, a token of its service
account and the configuration, in which a URL stands for the Service.
"""

from __future__ import annotations

import copy
import json
import os
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from admission import WEBHOOKS, Client, is_injected, webhook
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import path_of
from control_plane import ApiServer, NewApiServer, signing_flags
from endpoint import eventually, setting
from pod_shapes import EKS, ROLE, Object, container, pod

_SETTINGS = Settings(
    region="eu-central-1",
    audience='it\'s $(HOME) "audience"',
    expiration=7200,
    sts_regional_endpoints=False,
    mount_path="/mnt/a token",
)
_WEBHOOK = WebhookSettings(excluded_namespaces=("excluded",))
_ONLY = "irsa.selfhosted.example/only"
_PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
_ENFORCE = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class Cluster:
    server: ApiServer
    client: Client

    def apply(self, document: Object, *, dry_run: bool = False) -> Any:
        return self.client.apply(path_of(document), document, dry_run=dry_run)


@pytest.fixture(scope="module")
def cluster(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with everything that runs the webhook."""
    with new_api_server(*signing_flags(tmp_path_factory.mktemp("webhook-manifests"))) as server:
        made = Cluster(server, Client(server))
        for document in webhook_documents.workload(_SETTINGS, _WEBHOOK):
            made.apply(document)
        yield made


def _pod_of(settings: Settings, webhook_settings: WebhookSettings) -> Object:
    """A pod as the Deployment makes it."""
    made = webhook_documents.workload(settings, webhook_settings)
    [deployment] = [each for each in made if each["kind"] == "Deployment"]
    template: Object = deployment["spec"]["template"]
    return {"metadata": {**template["metadata"], "name": "p"}, "spec": template["spec"]}


@pytest.mark.parametrize("can_sleep", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        WebhookSettings(),
        WebhookSettings(
            namespace="host-network",
            host_network=True,
            port=10250,
            replicas=1,
            registry="registry.example.com:5000/mirror",
            digest="sha256:" + "0a" * 32,
            pull_secrets=("registry",),
            excluded_namespaces=("a", "b"),
        ),
    ],
    ids=["defaults", "everything else"],
)
def test_an_api_server_accepts_every_document_in_a_dry_run(
    cluster: Cluster, settings: WebhookSettings, can_sleep: bool
) -> None:
    made = [
        *webhook_documents.workload(_SETTINGS, settings, can_sleep=can_sleep),
        *(webhook_documents.configuration(_SETTINGS, settings, bundle) for bundle in (_PEM, None)),
    ]
    assert len(made) == 9
    # What is in the namespace is not tried without it.
    cluster.apply(made[0])
    for document in made:
        cluster.apply(document, dry_run=True)


def test_a_document_that_was_applied_changes_nothing_once_more(cluster: Cluster) -> None:
    for document in webhook_documents.workload(_SETTINGS, _WEBHOOK):
        before = cluster.client.must("GET", path_of(document))
        assert cluster.apply(document)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("host_network", "admitted_by"),
    [(False, ["restricted", "baseline", "privileged"]), (True, ["privileged"])],
)
def test_the_level_of_the_namespace_is_the_strictest_that_admits_the_pods(
    cluster: Cluster, host_network: bool, admitted_by: list[str]
) -> None:
    settings = WebhookSettings(host_network=host_network)
    namespace = webhook_documents.workload(_SETTINGS, settings)[0]
    for level in ("restricted", "baseline", "privileged"):
        name = f"{level}-{host_network}".lower()
        cluster.client.add_namespace(name, {_ENFORCE: level})
        cluster.client.add_account(name, webhook_documents.NAME)
        status, answer = cluster.client.try_pod(name, _pod_of(_SETTINGS, settings))
        assert status == (201 if level in admitted_by else 403), (level, answer)
    assert namespace["metadata"]["labels"][_ENFORCE] == admitted_by[0]


def test_its_namespace_enforces_that(cluster: Cluster) -> None:
    assert cluster.client.try_pod("irsa-system", _pod_of(_SETTINGS, _WEBHOOK))[0] == 201
    status, answer = cluster.client.try_pod("irsa-system", pod(webhook_documents.NAME))
    assert status == 403 and "PodSecurity" in answer["message"]


def _builds() -> list[Path]:
    named = setting("IRSA_E2E_WEBHOOKS", "builds of the EKS pod identity webhook, separated by colons")
    return [Path(each) for each in named.split(os.pathsep)]


def _configuration(url: str, certificate: bytes) -> Object:
    made = copy.deepcopy(webhook_documents.configuration(_SETTINGS, _WEBHOOK, certificate.decode()))
    made["webhooks"][0]["clientConfig"]["url"] = url
    del made["webhooks"][0]["clientConfig"]["service"]
    return made


@dataclass(frozen=True)
class Running:
    """A build of the webhook, its URL, its log and the certificate that it serves with."""

    name: str
    url: str
    folder: Path

    def ask(self, path: str, body: Any = None) -> bytes:
        trust = ssl.create_default_context(cafile=str(self.folder / "tls.crt"))
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.build_opener(*handlers).open(request, timeout=30) as answer:
            return bytes(answer.read())


@pytest.fixture(scope="module", params=range(2), ids=["first build", "second build"])
def running(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    build = _builds()[request.param]
    folder = tmp_path_factory.mktemp("build") / build.name
    [args] = [each["args"] for each in _pod_of(_SETTINGS, _WEBHOOK)["spec"]["containers"]]
    token = cluster.server.token("irsa-system", webhook_documents.NAME, "https://issuer.example.com")
    # As the kubelet does it: no variable is meant.
    flags = [each.replace("$$", "$") for each in args]
    with webhook(build, cluster.server, folder, flags=flags, configure=_configuration, token=token) as url:
        yield Running(build.name, url, folder)


@pytest.mark.parametrize("namespace", ["webhook-ready", "kube-system"])
def test_a_pod_gets_what_is_set(cluster: Cluster, running: Running, namespace: str) -> None:
    expected = pod_identity(ROLE, _SETTINGS)
    cluster.client.add_namespace(namespace)
    cluster.client.add_account(namespace, "app", role_arn=ROLE)
    asked = pod(automountServiceAccountToken=False, initContainers=[container("i")])

    def injected() -> None:
        status, made = cluster.client.try_pod(namespace, asked)
        assert status == 201, made
        [volume] = made["spec"]["volumes"]
        assert [{"name": volume["name"], "projected": {"sources": volume["projected"]["sources"]}}] == (
            expected["volumes"]
        )
        for each in (*made["spec"]["containers"], *made["spec"]["initContainers"]):
            assert each["env"] == expected["env"] and each["volumeMounts"] == expected["volumeMounts"]

    eventually(injected, AssertionError)


@pytest.mark.parametrize(
    ("namespace", "labels", "expected"),
    [
        ("webhook-ready", {_ONLY: "webhook"}, True),
        ("webhook-ready", {_ONLY: "policy"}, False),
        ("webhook-ready", {f"{EKS}skip-pod-identity-webhook": ""}, False),
        ("excluded", {}, False),
    ],
)
def test_labels_and_namespaces_are_left_alone(
    cluster: Cluster, running: Running, namespace: str, labels: Object, expected: bool
) -> None:
    cluster.client.add_namespace(namespace)
    cluster.client.add_account(namespace, "app", role_arn=ROLE)
    status, made = cluster.client.try_pod(namespace, pod(metadata={"labels": labels}))
    assert status == 201 and is_injected(made) is expected


def test_its_own_pods_do_not_wait_for_it(cluster: Cluster, running: Running) -> None:
    account = f"/api/v1/namespaces/irsa-system/serviceaccounts/{webhook_documents.NAME}"
    cluster.client.change(account, {"annotations": {f"{EKS}role-arn": ROLE}})
    status, made = cluster.client.try_pod("irsa-system", _pod_of(_SETTINGS, _WEBHOOK))
    assert status == 201 and not is_injected(made)


def test_a_pod_that_comes_at_once_with_its_account_is_served(cluster: Cluster, running: Running) -> None:
    for number in range(20):
        name = f"new-{running.folder.name}-{number}"
        cluster.client.add_account("webhook-ready", name, role_arn=ROLE)
        assert is_injected(cluster.client.try_pod("webhook-ready", pod(name))[1])


def test_it_is_probed_where_it_serves_and_may_do_all_that_it_does(cluster: Cluster, running: Running) -> None:
    [probed] = [each["readinessProbe"]["httpGet"] for each in _pod_of(_SETTINGS, _WEBHOOK)["spec"]["containers"]]
    assert probed["scheme"] == "HTTPS" and running.ask(probed["path"]) == b"ok"
    log = (running.folder / "webhook.log").read_text(encoding="utf-8")
    assert "Listening on" in log and "forbidden" not in log


def test_a_build_that_answers_only_v1beta1_needs_it_first(cluster: Cluster, running: Running) -> None:
    """It is the last test of a build, since it changes the configuration."""
    path = f"{WEBHOOKS}/{webhook_documents.NAME}"
    present = cluster.client.must("GET", path)
    assert present["webhooks"][0]["admissionReviewVersions"] == ["v1beta1", "v1"]
    review = {"uid": "u", "namespace": "webhook-ready", "object": pod()}
    answer = json.loads(
        running.ask("/mutate", {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": review})
    )
    knows_v1 = answer.get("apiVersion") == "admission.k8s.io/v1"
    print(f"{running.name} {'answers' if knows_v1 else 'does not answer'} v1")
    assert is_injected(cluster.client.try_pod("webhook-ready", pod())[1])
    present["webhooks"][0]["admissionReviewVersions"] = ["v1", "v1beta1"]
    # With Ignore, as in the configuration, the pod would start without credentials, and nothing would say so.
    present["webhooks"][0]["failurePolicy"] = "Fail"
    cluster.client.must("PUT", path, present)

    def as_its_answer() -> None:
        status, made = cluster.client.try_pod("webhook-ready", pod())
        if knows_v1:
            assert status == 201 and is_injected(made)
        else:
            assert status == 500 and "expected webhook response" in made["message"]

    eventually(as_its_answer, AssertionError)
