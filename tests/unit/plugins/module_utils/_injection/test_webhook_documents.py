# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the webhook: what each setting changes, and what none may change."""

from __future__ import annotations

import base64
import re

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, manifests, webhook_documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import kinds

PLAIN = Settings(region="eu-west-1")
NAME = "irsa-pod-identity-webhook"


def of_kind(kind, settings=PLAIN, webhook=None, **more):
    made = webhook_documents.workload(settings, webhook or WebhookSettings(), **more)
    [found] = [each for each in made if each["kind"] == kind]
    return found


def pod_spec(settings=PLAIN, webhook=None, **more):
    return of_kind("Deployment", settings, webhook, **more)["spec"]["template"]["spec"]


def container(settings=PLAIN, webhook=None, **more):
    [found] = pod_spec(settings, webhook, **more)["containers"]
    return found


def webhook_of(settings=PLAIN, webhook=None, ca_bundle="PEM"):
    [found] = webhook_documents.configuration(settings, webhook or WebhookSettings(), ca_bundle)["webhooks"]
    return found


def as_kubelet(argument):
    """An argument as a container gets it if it has no variable at all.

    https://github.com/kubernetes/kubernetes/blob/master/third_party/forked/golang/expansion/expand.go
    """
    return re.sub(r"\$\$|\$\([^)]*\)", lambda found: "$" if found[0] == "$$" else "", argument)


def test_everything_of_ours_can_be_recognized_and_is_applied_after_what_it_needs():
    made = webhook_documents.workload(PLAIN, WebhookSettings(namespace="own"))
    assert [kinds.title_of(each) for each in made] == [
        "Namespace/own",
        f"ServiceAccount/own/{NAME}",
        f"ClusterRole/{NAME}",
        f"ClusterRoleBinding/{NAME}",
        f"Service/own/{NAME}",
        f"Deployment/own/{NAME}",
        f"PodDisruptionBudget/own/{NAME}",
    ]
    for each in (*made, webhook_documents.configuration(PLAIN, WebhookSettings(), None)):
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "selfhosted.irsa"


def test_it_may_read_service_accounts_and_nothing_else():
    assert of_kind("ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "watch"]}
    ]
    webhook = WebhookSettings(namespace="own")
    assert of_kind("ClusterRoleBinding", webhook=webhook)["subjects"] == [
        {"kind": "ServiceAccount", "name": NAME, "namespace": "own"}
    ]
    assert pod_spec(webhook=webhook)["serviceAccountName"] == NAME


@hypothesis.settings(max_examples=50)
@given(audience=st.text(st.sampled_from("$()A{}- '\"")), mount_path=st.text(), region=st.text(min_size=1))
@hypothesis.example(audience="$(HOME) $$(HOME) $", mount_path="$$", region="$(HOME)")
def test_each_setting_is_the_value_of_its_flag_whatever_it_is(audience, mount_path, region):
    settings = Settings(
        audience=audience,
        mount_path=mount_path,
        region=region,
        expiration=7200,
        sts_regional_endpoints=False,
        annotation_prefix="irsa.example.org",
    )
    flags = dict(as_kubelet(each).split("=", 1) for each in container(settings)["args"])
    assert flags == {
        "--in-cluster": "false",
        "--port": "8443",
        "--metrics-port": "9999",
        "--tls-cert": "/etc/webhook/certs/tls.crt",
        "--tls-key": "/etc/webhook/certs/tls.key",
        "--service-account-lookup-grace-period": "500ms",
        "--annotation-prefix": "irsa.example.org",
        "--token-audience": audience,
        "--token-expiration": "7200",
        "--token-mount-path": mount_path,
        "--aws-default-region": region,
        "--sts-regional-endpoint": "false",
    }


def test_without_a_region_there_is_no_flag_for_it():
    assert not [each for each in container(Settings())["args"] if "region=" in each]


def test_one_port_is_served_probed_and_behind_the_service():
    made = container(webhook=WebhookSettings(port=10443))
    port = {each["name"]: each["containerPort"] for each in made["ports"]}["https"]
    assert port == 10443 and "--port=10443" in made["args"]
    for probe in (made["readinessProbe"], made["livenessProbe"]):
        assert probe["httpGet"] == {"path": "/healthz", "port": "https", "scheme": "HTTPS"}
        assert probe["initialDelaySeconds"] == 10
    [of_service] = of_kind("Service")["spec"]["ports"]
    assert (of_service["port"], of_service["targetPort"]) == (443, "https")
    assert webhook_of()["clientConfig"]["service"]["port"] == 443


def test_the_service_the_budget_and_the_deployment_select_the_pods():
    template = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    spec = of_kind("Deployment")["spec"]
    assert spec["selector"]["matchLabels"] == template == of_kind("Service")["spec"]["selector"]
    assert of_kind("PodDisruptionBudget")["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": template}}
    for spread in pod_spec()["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == template


def test_a_pod_goes_only_after_another_came_and_api_servers_have_heard_of_it():
    spec = of_kind("Deployment")["spec"]
    assert spec["replicas"] == 2 and spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert container()["lifecycle"] == {"preStop": {"sleep": {"seconds": 10}}}
    assert pod_spec()["terminationGracePeriodSeconds"] > 20


def test_an_api_server_that_cannot_sleep_is_not_asked_to():
    assert "lifecycle" not in container(can_sleep=False)


@pytest.mark.parametrize(
    ("host_network", "level", "rolling"),
    [
        (False, "restricted", {"maxSurge": 1, "maxUnavailable": 0}),
        (True, "privileged", {"maxSurge": 0, "maxUnavailable": 1}),
    ],
)
def test_a_host_network_needs_another_level_and_makes_room_first(host_network, level, rolling):
    webhook = WebhookSettings(host_network=host_network)
    labels = of_kind("Namespace", webhook=webhook)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == level
    assert of_kind("Deployment", webhook=webhook)["spec"]["strategy"]["rollingUpdate"] == rolling
    assert pod_spec(webhook=webhook).get("hostNetwork", False) is host_network


def test_the_image_and_the_secrets_to_pull_it_are_those_that_are_set():
    webhook = WebhookSettings(registry="registry.example.com", image="webhook", tag="v1", pull_secrets=("a", "b"))
    assert container(webhook=webhook)["image"] == "registry.example.com/webhook:v1"
    assert pod_spec(webhook=webhook)["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert "imagePullSecrets" not in pod_spec()


def test_the_key_of_the_ca_is_mounted_nowhere():
    [volume] = pod_spec()["volumes"]
    assert volume["secret"] == {"secretName": f"{NAME}-tls", "defaultMode": 0o440}
    [mount] = container()["volumeMounts"]
    assert mount == {"name": volume["name"], "mountPath": "/etc/webhook/certs", "readOnly": True}


def test_a_webhook_that_cannot_be_asked_stops_nothing():
    found = webhook_of()
    assert found["failurePolicy"] == "Ignore" and found["timeoutSeconds"] == 5
    assert found["sideEffects"] == "None" and found["reinvocationPolicy"] == "IfNeeded"
    assert found["matchPolicy"] == "Equivalent" and found["name"].count(".") >= 2


def test_the_version_that_released_webhooks_answer_comes_first():
    assert webhook_of()["admissionReviewVersions"] == ["v1beta1", "v1"]


def test_only_its_own_namespace_and_those_that_are_set_are_excluded():
    webhook = WebhookSettings(namespace="own", excluded_namespaces=("cni", "own"))
    [selector] = webhook_of(webhook=webhook)["namespaceSelector"]["matchExpressions"]
    assert selector == {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["own", "cni"]}
    [selector] = webhook_of()["namespaceSelector"]["matchExpressions"]
    assert selector["values"] == ["irsa-system"]


def selected(selector, labels):
    for each in selector["matchExpressions"]:
        if each["operator"] == "DoesNotExist" and each["key"] in labels:
            return False
        if each["operator"] == "NotIn" and labels.get(each["key"]) in each["values"]:
            return False
    return True


@pytest.mark.parametrize(
    ("labels", "by_webhook", "by_policies"),
    [
        ({}, True, True),
        ({"irsa.example.org/skip-pod-identity-webhook": ""}, False, False),
        ({"irsa.selfhosted.example/only": "policy"}, False, True),
        ({"irsa.selfhosted.example/only": "webhook"}, True, False),
        ({"irsa.selfhosted.example/only": "other"}, True, True),
    ],
)
def test_a_label_says_who_may_inject(labels, by_webhook, by_policies):
    settings = Settings(annotation_prefix="irsa.example.org")
    assert selected(webhook_of(settings)["objectSelector"], labels) is by_webhook
    for policy in documents.inject_documents(settings)[:1]:
        assert selected(policy["spec"]["matchConstraints"]["objectSelector"], labels) is by_policies


def test_the_file_is_read_as_the_documents_and_says_what_it_needs():
    made = [
        *webhook_documents.workload(PLAIN, WebhookSettings()),
        webhook_documents.configuration(PLAIN, WebhookSettings(), None),
    ]
    text = manifests.webhook_to_yaml(made)
    assert list(yaml.safe_load_all(text)) == made
    header = text.partition("---")[0]
    assert "cert-manager must be installed" in header and "kubectl label serviceaccount" not in header
    header = manifests.policies_to_yaml(documents.all_documents(PLAIN)).partition("---")[0]
    assert "cert-manager" not in header and "kubectl label serviceaccount" in header
    assert {len(line) <= 120 for line in text.partition("---")[0].splitlines()} == {True}


def test_the_bundle_is_the_pem_or_cert_manager_s():
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    made = webhook_documents.configuration(PLAIN, WebhookSettings(), pem)
    assert base64.b64decode(made["webhooks"][0]["clientConfig"]["caBundle"]).decode() == pem
    assert "annotations" not in made["metadata"]
    made = webhook_documents.configuration(PLAIN, WebhookSettings(namespace="own"), None)
    assert "caBundle" not in made["webhooks"][0]["clientConfig"]
    assert made["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": f"own/{NAME}-ca-certificate"}
