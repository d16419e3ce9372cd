# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EKS pod identity webhook by role irsa_injection, as a Deployment in a real cluster, while pods are made.

Figures are printed with -s.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from control_plane import NewApiServer, signing_flags
from endpoint import eventually, setting
from kubeadm_nodes import Nodes
from pod_stream import PodMaker, is_injected, makers, stream
from runs import Ansible, Run

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/app"
NAMESPACE, ACCOUNT = "irsa-e2e-webhook", "app"
SYSTEM, NAME = "irsa-system", "irsa-pod-identity-webhook"
_IMAGE = re.compile(r"(?P<registry>[^/]+)/(?P<image>[^:]+):(?P<tag>.+)")
_BURST = 100


class Cluster:
    """The cluster of the environment, the role with its kubeconfig, and one that makes pods for each API server."""

    def __init__(self, nodes: Nodes, folder: Path) -> None:
        image = _IMAGE.fullmatch(setting("IRSA_E2E_WEBHOOK_IMAGE", "the webhook's image, as REGISTRY/NAME:TAG"))
        assert image is not None
        self._image = {f"webhook_{name}": value for name, value in image.groupdict().items()}
        self.running = nodes.cluster
        self.nodes = nodes
        self.ansible = Ansible(folder)
        (folder / "kubeconfig").write_text(Path(self.running.kubeconfig).read_text("utf-8"), encoding="utf-8")
        self.running.ensure_account(NAMESPACE, ACCOUNT)
        annotations = {"eks.amazonaws.com/role-arn": ROLE}
        self.running.core.patch_namespaced_service_account(
            ACCOUNT, NAMESPACE, {"metadata": {"annotations": annotations}}
        )
        self.makers = makers(self.running, NAMESPACE, ACCOUNT)
        client = kubernetes.config.new_client_from_config(self.running.kubeconfig)
        self.apps = kubernetes.client.AppsV1Api(client)
        self.admission = kubernetes.client.AdmissionregistrationV1Api(client)

    def role(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        """Run the role with the webhook, unless another method is given."""
        given = {"method": "webhook", "region": REGION, **self._image, **variables}
        return self.ansible.injection(*options, fails=fails, **given)

    def pods(self) -> list[Any]:
        """The webhook's pods."""
        return list(self.running.core.list_namespaced_pod(SYSTEM).items)

    def scale(self, replicas: int) -> None:
        """Change the number of pods as another process might, and wait until none is left if that is 0."""
        self.apps.patch_namespaced_deployment_scale(NAME, SYSTEM, {"spec": {"replicas": replicas}})
        if not replicas:
            eventually(lambda: require(not self.pods()), AssertionError, 90)

    def wait_until_ready(self, replicas: int = 2) -> None:
        """Return as soon as the Deployment has these available pods."""
        watch = kubernetes.watch.Watch()
        for event in watch.stream(self.apps.list_namespaced_deployment, SYSTEM, timeout_seconds=180):
            if event["object"].status.available_replicas == replicas:
                watch.stop()
                return
        raise AssertionError("the Deployment is not ready")

    def served_serials(self) -> set[str]:
        """The serial numbers of the certificates that the webhook's pods serve, as openssl on a node sees them."""
        command = "echo | openssl s_client -connect {}:8443 2>/dev/null | openssl x509 -noout -serial"
        host = self.nodes.hosts[0]
        return {self.nodes.shell(host, command.format(pod.status.pod_ip)) for pod in self.pods()}


def require(condition: bool) -> None:
    """For what is tried until it is true."""
    assert condition


@pytest.fixture(scope="module")
def cluster(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(nodes, tmp_path_factory.mktemp("webhook"))
    yield made
    made.role(state="absent")
    made.running.delete_namespace(NAMESPACE)


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> tuple[Run, Run, Run]:
    """The role in check mode in a cluster without it, for real, and once more."""
    return cluster.role("--check"), cluster.role(), cluster.role()


# The tests run in this order, each with the webhook that the one before left.


def test_check_mode_lists_what_the_first_run_does_and_the_second_changes_nothing(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    planned, first, second = installed
    assert planned.result["actions"] == first.result["actions"] and planned.writes == []
    assert first.result["method"] == "webhook" and first.result["proof"]["injected"] is True
    assert len(first.result["proof"]["servers"]) == len(cluster.makers)
    assert second.result["actions"] == [] and second.changed == 0 and second.result["proof"]["injected"] is True
    assert second.result["certificates"] == first.result["certificates"]
    assert first.result["certificates"]["kind"] == "own"
    for run in installed:
        assert "PRIVATE KEY" not in run.output and "LS0tLS1CRUdJTiBQUklWQVRF" not in run.output + json.dumps(run.result)


def test_all_of_many_pods_are_injected_in_the_second_after_the_deployment_became_ready(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    cluster.scale(0)
    cluster.scale(2)
    cluster.wait_until_ready()
    begun = time.monotonic()
    with ThreadPoolExecutor(len(cluster.makers) * 2) as pool:
        turns = [cluster.makers[number % len(cluster.makers)] for number in range(_BURST)]
        pods = list(pool.map(lambda maker: maker.make(dry_run=False), turns))
    took = time.monotonic() - begun
    print(f"\nburst: {len(pods)} pods in {took:.2f} s, {sum(map(is_injected, pods))} injected")
    try:
        assert len(pods) == _BURST and all(map(is_injected, pods))
    finally:
        cluster.running.core.delete_collection_namespaced_pod(NAMESPACE, grace_period_seconds=0)


def test_a_certificate_is_renewed_and_no_pod_is_missed(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    before = cluster.served_serials()
    with stream(cluster.makers) as made:
        renewed = cluster.role(webhook_certificate_days=400)
        eventually(lambda: require(not before & cluster.served_serials()), AssertionError, 180)
    print(f"\nrenewed certificate: {made}")
    assert renewed.result["actions"] == [f"k8s:apply Secret/{SYSTEM}/{NAME}-tls"]
    assert made.missed == [] and len(made.counts) == len(cluster.makers)


def test_the_ca_is_renewed_and_no_pod_is_missed(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    before = cluster.served_serials()
    with stream(cluster.makers) as made:
        # Its key is lost with it. What it has issued is served on until the nodes have the new certificate.
        cluster.running.core.delete_namespaced_secret(f"{NAME}-ca", SYSTEM)
        renewed = cluster.role(webhook_certificate_days=400)
        eventually(lambda: require(not before & cluster.served_serials()), AssertionError, 180)
    print(f"\nrenewed CA: {made}")
    assert renewed.result["actions"] == [
        f"k8s:apply Secret/{SYSTEM}/{NAME}-ca",
        f"k8s:apply MutatingWebhookConfiguration/{NAME}",
        f"k8s:apply Secret/{SYSTEM}/{NAME}-tls",
    ]
    assert made.missed == [] and len(made.counts) == len(cluster.makers)
    assert cluster.role(webhook_certificate_days=400).changed == 0


def test_a_change_of_the_region_rolls_out_and_no_pod_is_missed(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    with stream(cluster.makers) as made:
        changed = cluster.role(region="us-east-1", webhook_certificate_days=400)
        # The former pods go only after a while.
        eventually(lambda: require(len(cluster.pods()) == 2), AssertionError, 90)
    print(f"\nrolling update: {made}")
    assert changed.result["actions"] == [f"k8s:apply Deployment/{SYSTEM}/{NAME}"]
    assert made.missed == [] and made.regions == {REGION, "us-east-1"}


def test_from_the_webhook_to_policies_and_back_no_pod_is_missed(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    with stream(cluster.makers) as made:
        there = cluster.role(method="policy")
        back = cluster.role()
    print(f"\nwebhook, policies, webhook: {made}")
    assert there.result["method"] == "policy" and f"k8s:delete Namespace/{SYSTEM}" in there.result["actions"]
    assert back.result["method"] == "webhook"
    assert "k8s:delete MutatingAdmissionPolicy/irsa-inject" in back.result["actions"]
    assert made.missed == []


def test_a_real_pod_runs_with_its_token(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    spec = yaml.safe_load(
        Path(setting("IRSA_E2E_POD_SPEC", "a file with the spec of a pod that has Python")).read_text()
    )
    script = "import os; print(len(open(os.environ['AWS_WEB_IDENTITY_TOKEN_FILE']).read().split('.')))"
    spec["containers"][0]["command"] = ["python3", "-c", script]
    core = cluster.running.core
    pods = [
        core.create_namespaced_pod(
            NAMESPACE,
            {
                "metadata": {"generateName": "real-"},
                "spec": {**spec, "serviceAccountName": ACCOUNT, "restartPolicy": "Never", "nodeName": node},
            },
        ).metadata.name
        for node in cluster.nodes.hosts
    ]

    def ended() -> None:
        assert {core.read_namespaced_pod(name, NAMESPACE).status.phase for name in pods} == {"Succeeded"}

    eventually(ended, AssertionError, 90)
    # A token has three parts.
    assert {core.read_namespaced_pod_log(name, NAMESPACE).strip() for name in pods} == {"3"}


def test_pods_start_while_no_webhook_runs_and_the_checks_name_them(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    cluster.scale(0)
    begun = time.monotonic()
    pod = _running_pod(cluster)
    took = time.monotonic() - begun
    print(f"\nwithout a webhook: a pod runs after {took:.2f} s")
    assert not is_injected(pod)
    cluster.scale(2)
    cluster.wait_until_ready()
    found = _checks(cluster)
    assert found["pods-without-credentials"]["status"] != "ok"
    assert pod["metadata"]["name"] in json.dumps(found["pods-without-credentials"])


def test_removal_leaves_nothing(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    planned, removed = cluster.role("--check", state="absent"), cluster.role(state="absent")
    assert planned.result["actions"] == removed.result["actions"] and planned.writes == []
    names = [each.metadata.name for each in cluster.admission.list_mutating_webhook_configuration().items]
    assert NAME not in names
    assert cluster.role(state="absent").changed == 0


def test_a_namespace_with_something_of_others_is_kept(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    cluster.role()
    core = cluster.running.core
    core.create_namespaced_config_map(SYSTEM, {"metadata": {"name": "theirs"}})
    removed = cluster.role(state="absent")
    assert f"k8s:delete Namespace/{SYSTEM}" not in removed.result["actions"]
    (warning,) = removed.result["warnings"]
    assert "configmaps/theirs" in warning
    assert core.read_namespaced_config_map("theirs", SYSTEM)
    core.delete_namespace(SYSTEM)


def test_a_cluster_without_the_policies_gets_the_webhook(
    new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a controller no pod starts, so this only plans."""
    folder = tmp_path_factory.mktemp("older")
    # Both, since a server that has the plugin and not its kinds does not get ready.
    flags = (
        "--runtime-config=admissionregistration.k8s.io/v1/mutatingadmissionpolicies=false",
        "--disable-admission-plugins=MutatingAdmissionPolicy",
    )
    with new_api_server(*signing_flags(folder), *flags) as server:
        server.write_kubeconfig(folder / "kubeconfig")
        planned = Ansible(folder).injection("--check", region=REGION)
    assert planned.result["method"] == "webhook"
    assert planned.result["actions"][-1] == f"k8s:apply MutatingWebhookConfiguration/{NAME}"


def _running_pod(cluster: Cluster) -> Any:
    """A pod that a node runs, made through the first API server, as admission left it."""
    spec = yaml.safe_load(
        Path(setting("IRSA_E2E_POD_SPEC", "a file with the spec of a pod that has Python")).read_text()
    )
    spec["containers"][0]["command"] = ["python3", "-c", "import time; time.sleep(600)"]
    maker: PodMaker = cluster.makers[0]
    pod = maker.make(dry_run=False, **spec, schedulerName="default-scheduler", terminationGracePeriodSeconds=0)

    def runs() -> None:
        found = cluster.running.core.read_namespaced_pod(pod["metadata"]["name"], NAMESPACE)
        assert found.status.phase == "Running"

    eventually(runs, AssertionError, 90)
    return pod


def _checks(cluster: Cluster) -> dict[str, Any]:
    """The checks of irsa_verify in the cluster, by their ids."""
    result = cluster.ansible.module(
        "selfhosted.irsa.irsa_verify",
        issuer="https://irsa-e2e.example.com",
        provider="skip",
        fail_on="never",
        kubeconfig=str(cluster.ansible.folder / "kubeconfig"),
    )
    return {check["id"]: check for check in result["checks"]}
