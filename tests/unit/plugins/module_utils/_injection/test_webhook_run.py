# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that install the webhook, that change from it to policies and back, and that remove it."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import method
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.injection_run import Installation
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.removal import remove
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import InjectionSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._injection.certificate_cluster import (
    CertificateCluster,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._injection.cluster_in_memory import (
    CONFIGURATION,
    GROUP,
    INJECT,
    NAME,
    ONLY,
    Cluster,
    Server,
    is_trusted,
    refused,
)

SETTINGS = Settings(region="eu-west-1")
GUARDED = Settings(region="eu-west-1", guard="deny")
CA, TLS = (f"/api/v1/namespaces/irsa-system/secrets/{NAME}-{each}" for each in ("ca", "tls"))
DEPLOYMENT = f"/apis/apps/v1/namespaces/irsa-system/deployments/{NAME}"

INSTALLED = [
    f"k8s:apply ClusterRole/{NAME}",
    "k8s:apply Namespace/irsa-system",
    f"k8s:apply ServiceAccount/irsa-system/{NAME}",
    f"k8s:apply ClusterRoleBinding/{NAME}",
    f"k8s:apply Service/irsa-system/{NAME}",
    f"k8s:apply Secret/irsa-system/{NAME}-ca",
    f"k8s:apply Secret/irsa-system/{NAME}-tls",
    f"k8s:apply Deployment/irsa-system/{NAME}",
    f"k8s:apply PodDisruptionBudget/irsa-system/{NAME}",
    f"k8s:apply MutatingWebhookConfiguration/{NAME}",
]
POLICIES = [
    f"{kind}/irsa-{name}"
    for name in ("label", "inject")
    for kind in ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
]


class Clock:
    """A clock that only a pause moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.time += seconds
        self.pauses.append(seconds)

    def now(self) -> float:
        return self.time


class Killed(Exception):
    """The end of a run in the middle."""


@pytest.fixture
def server(monkeypatch):
    made = Server(Cluster(SETTINGS))
    monkeypatch.setattr(method, "servers_of", lambda api: [made, *made.others])
    return made


def installed(server, settings=SETTINGS, *, check_mode=False, method="webhook", clock=None, **webhook):
    clock = clock or Clock()
    spec = InjectionSpec(
        settings=settings,
        method=method,
        webhook=WebhookSettings(**webhook),
        patience=Patience(30, clock.pause, clock.now),
    )
    server.cluster.settings = settings
    return Installation(server, spec, check_mode=check_mode).run()


def removed(actions):
    return [action.replace("apply", "delete") for action in actions]


def test_check_mode_in_an_empty_cluster_lists_what_a_run_does_and_writes_nothing(server):
    planned = installed(server, check_mode=True)
    assert server.cluster.writes == []
    made = installed(server)
    assert planned["actions"] == made["actions"] == INSTALLED
    assert planned["proof"]["reason"] == "check mode" and made["proof"]["injected"] is True
    assert made["method"] == "webhook" and made["certificates"]["kind"] == "own"
    assert made["labelled"] == made["unlabelled"] == []


def test_a_second_run_changes_nothing_and_says_the_dates_again(server):
    first, second = installed(server), installed(server)
    assert second["changed"] is False and second["actions"] == []
    assert second["certificates"] == first["certificates"] and second["proof"]["injected"] is True


def test_nothing_that_a_run_returns_has_a_key_in_it(server):
    result = installed(server)
    key = server.cluster.objects[TLS]["data"]["tls.key"]
    assert key not in json.dumps(result) and "PRIVATE KEY" not in json.dumps(result)
    secrets = [each for each in result["manifests"] if each["kind"] == "Secret"]
    assert len(secrets) == 2 and all("data" not in each for each in secrets)


def test_no_diff_has_a_key_in_it_that_kubectl_has_kept_in_an_annotation(server):
    installed(server)
    kept = json.dumps(server.cluster.objects[TLS]["data"])
    metadata = server.cluster.objects[TLS]["metadata"]
    metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": kept}
    key = server.cluster.objects[TLS]["data"]["tls.key"]
    renewed = installed(server, check_mode=True, certificate_days=90)
    assert renewed["changed"] and key not in json.dumps(renewed)
    assert key not in json.dumps(remove(server, check_mode=False))


def test_the_configuration_comes_only_when_the_pods_run(server):
    server.cluster.pods_start = False
    with pytest.raises(IrsaError, match="is not rolled out after 180 seconds: 0 of 2 pods are available") as failed:
        installed(server)
    assert failed.value.details["actions"] == INSTALLED[:-1]
    server.cluster.pods_start = True
    assert installed(server)["actions"] == INSTALLED[-1:]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
            "Pod a has no node: '0/3 nodes are available'.",
        ),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]},
            "Pod a waits: ErrImagePull ('not found').",
        ),
    ],
)
def test_what_keeps_pods_from_running_is_named(server, status, reason):
    server.cluster.pods_start = False
    server.cluster.objects["/api/v1/namespaces/irsa-system/pods/a"] = {
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": NAME}},
        "status": status,
    }
    with pytest.raises(IrsaError) as failed:
        installed(server)
    assert reason in str(failed.value)


def test_a_webhook_that_api_servers_cannot_reach_fails_the_run_and_says_what_to_do(server):
    server.cluster.broken = True
    with pytest.raises(IrsaError, match=f"has not followed webhook {NAME}") as failed:
        installed(server, GUARDED)
    assert "irsa_injection_webhook_host_network: true" in str(failed.value)
    # The guards would refuse all pods now.
    assert server.cluster.names("validatingadmissionpolicies") == []


@pytest.mark.parametrize("before", ["nothing", "policy"])
def test_a_pod_of_the_webhook_that_gives_no_credentials_fails_the_run_and_is_named(server, before):
    """It is ready, and the API servers may all have met another one."""
    if before == "policy":
        installed(server, method="policy")
    for name in ("good", "bad", "leaving"):
        server.cluster.objects[f"/api/v1/namespaces/irsa-system/pods/{name}"] = {
            "metadata": {
                "name": name,
                "labels": {"app.kubernetes.io/name": NAME},
                **({"deletionTimestamp": "2026-11-01T12:00:00Z"} if name == "leaving" else {}),
            },
            "spec": {"nodeName": f"node-of-{name}"},
        }
    server.cluster.cut_off = {"bad", "leaving"}
    with pytest.raises(IrsaError, match=f"Pod bad of webhook {NAME}, on node 'node-of-bad', answers, but gives"):
        installed(server)
    if before == "policy":
        assert "irsa-inject" in server.cluster.names("mutatingadmissionpolicies")
    server.cluster.cut_off.clear()
    assert installed(server)["proof"]["injected"] is True


def test_a_pod_of_the_webhook_that_does_not_answer_is_named(server):
    server.cluster.objects["/api/v1/namespaces/irsa-system/pods/a"] = {
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": NAME}}
    }
    server.cluster.fails = [("POST", "/proxy/", refused(503, "no route to host"))] * 1000
    with pytest.raises(IrsaError, match="does not answer a review: no route to host"):
        installed(server)


@pytest.mark.parametrize("settings", [SETTINGS, GUARDED])
@pytest.mark.parametrize("before", ["nothing", "policy", "webhook"])
def test_a_run_that_was_killed_after_any_write_is_completed_by_the_next(server, settings, before):
    """Whether it was to install, or to change from one method to the other."""
    after = "policy" if before == "webhook" else "webhook"
    if before != "nothing":
        installed(server, settings, method=before)
    start = copy.deepcopy(server.cluster.objects)
    server.cluster.writes.clear()
    installed(server, settings, method=after)
    writes, whole = len(server.cluster.writes), shape(server)
    assert writes > 10
    for survived in range(1, writes):
        server.cluster.objects = copy.deepcopy(start)
        kill_after(server, survived)
        with pytest.raises(Killed):
            installed(server, settings, method=after)
        server.cluster.after = lambda path: None
        installed(server, settings, method=after)
        assert shape(server) == whole, survived
        assert installed(server, settings, method=after)["changed"] is False


def kill_after(server, survived):
    left = [survived]

    def written(path):
        left[0] -= 1
        if not left[0]:
            raise Killed

    server.cluster.after = written


def shape(server):
    """The objects but for proofs and keys."""
    return {path for path in server.cluster.objects if "irsa-proof" not in path}


def test_from_policies_to_the_webhook_a_pod_is_injected_after_every_write(server):
    installed(server, method="policy")
    always_injects(server)
    result = installed(server)
    assert result["actions"] == [*INSTALLED, *[f"k8s:delete {each}" for each in POLICIES[::-1]]]


def test_from_the_webhook_to_policies_a_pod_is_injected_after_every_write(server):
    installed(server)
    always_injects(server)
    planned, result = installed(server, method="policy", check_mode=True), installed(server, method="policy")
    assert planned["actions"] == result["actions"]
    assert result["actions"][:4] == [f"k8s:apply {each}" for each in POLICIES]
    assert result["actions"][4] == f"k8s:delete MutatingWebhookConfiguration/{NAME}"
    assert result["actions"][-1] == f"k8s:delete ClusterRole/{NAME}"
    assert not [path for path in server.cluster.objects if NAME in path or path.endswith("irsa-system")]


def always_injects(server):
    """Have each write followed by a pod that must get its credentials. Its account has the label already."""
    server.cluster.add_account("app", label="true")

    def written(path):
        pod = {"metadata": {"generateName": "a"}, "spec": {"serviceAccountName": "app", "containers": [{"name": "a"}]}}
        made = server.post("/api/v1/namespaces/app/pods", pod, {"dryRun": "All"})
        assert "volumes" in made["spec"], path

    server.cluster.after = written


def test_policies_that_do_not_know_the_label_are_brought_up_to_date_before_the_webhook_is_proved(server):
    installed(server, method="policy")
    constraints = server.cluster.objects[INJECT]["spec"]["matchConstraints"]
    selector = constraints["objectSelector"]["matchExpressions"]
    selector[:] = [each for each in selector if each["key"] != ONLY]
    server.cluster.lag = 4
    result = installed(server)
    assert result["actions"][0] == "k8s:apply MutatingAdmissionPolicy/irsa-inject"
    assert server.cluster.names("mutatingadmissionpolicies") == [] and result["warnings"] == []


def test_a_webhook_that_does_not_work_leaves_the_policies(server):
    installed(server, method="policy")
    server.cluster.lag = 10_000
    with pytest.raises(IrsaError, match=f"has not followed webhook {NAME}"):
        installed(server)
    assert sorted(server.cluster.names("mutatingadmissionpolicies")) == ["irsa-inject", "irsa-label"]


def test_a_renewed_certificate_needs_nothing_else(server):
    installed(server)
    trusts_what_is_served(server)
    result = installed(server, certificate_days=90)
    assert result["actions"] == [f"k8s:apply Secret/irsa-system/{NAME}-tls"]


def test_a_new_ca_is_trusted_before_anything_is_served_that_it_issued(server):
    installed(server)
    clock = Clock()
    trusts_what_is_served(server)
    del server.cluster.objects[CA]
    result = installed(server, clock=clock)
    assert result["actions"] == [
        f"k8s:apply Secret/irsa-system/{NAME}-ca",
        f"k8s:apply MutatingWebhookConfiguration/{NAME}",
        f"k8s:apply Secret/irsa-system/{NAME}-tls",
    ]
    assert 5.0 in clock.pauses
    # The earlier CA goes only when no pod can serve its certificate any more.
    both = server.cluster.objects[CONFIGURATION]["webhooks"][0]["clientConfig"]["caBundle"]
    assert installed(server)["changed"] is False
    server.cluster.now += datetime.timedelta(hours=2)
    server.cluster.after = lambda path: None
    assert f"k8s:apply MutatingWebhookConfiguration/{NAME}" in installed(server)["actions"]
    assert len(server.cluster.objects[CONFIGURATION]["webhooks"][0]["clientConfig"]["caBundle"]) < len(both)


def test_a_run_that_goes_on_after_a_new_ca_was_trusted_waits_before_it_is_used(server):
    """The run before may have been killed a moment ago."""
    installed(server)
    del server.cluster.objects[CA]
    kill_after(server, 2)
    with pytest.raises(Killed):
        installed(server)
    clock = Clock()
    server.cluster.after = lambda path: None
    result = installed(server, clock=clock)
    assert result["actions"] == [f"k8s:apply Secret/irsa-system/{NAME}-tls"]
    assert 5.0 in clock.pauses


def trusts_what_is_served(server):
    """Have API servers trust, at each write, the certificate that is served and the one that was before it."""
    served = [server.cluster.objects[TLS]["data"]["tls.crt"]]

    def written(path):
        served.append(server.cluster.objects[TLS]["data"]["tls.crt"])
        bundle = server.cluster.objects[CONFIGURATION]["webhooks"][0]["clientConfig"]["caBundle"]
        assert all(is_trusted(each, bundle) for each in served), path

    server.cluster.after = written


def test_what_a_concurrent_run_leaves_of_another_ca_is_served_in_the_end(server):
    """The other run has written its CA after ours, and its certificate before ours."""
    installed(server)
    theirs = [copy.deepcopy(server.cluster.objects[path]) for path in (CA, CONFIGURATION)]
    remove(server, check_mode=False)

    def written(path):
        if path == CONFIGURATION:
            server.cluster.after = lambda path: None
            server.cluster.objects.update(zip((CA, CONFIGURATION), theirs, strict=True))

    server.cluster.after = written
    assert installed(server)["proof"]["injected"] is True
    assert installed(server)["changed"] is False


class ServerWithCertManager(Server):
    """Makes and injects certificates after each write."""

    def __init__(self, cluster):
        super().__init__(cluster)
        self.issuer = CertificateCluster(cert_manager=True)
        self.issuer.objects, self.issuer.now = cluster.objects, cluster.now
        cluster.after = lambda path: self.issuer.issue()

    def find(self, path):
        return self.issuer.find(path) if path == "/apis/cert-manager.io/v1" else super().find(path)


@pytest.mark.parametrize(("before", "after"), [("own", "cert_manager"), ("cert_manager", "own")])
def test_check_mode_lists_what_a_change_of_the_kind_of_certificates_writes(monkeypatch, before, after):
    server = ServerWithCertManager(Cluster(SETTINGS))
    monkeypatch.setattr(method, "servers_of", lambda api: [server])
    installed(server, certificates=before)
    writes = len(server.cluster.writes)
    planned = installed(server, certificates=after, check_mode=True)
    assert len(server.cluster.writes) == writes
    made = installed(server, certificates=after)
    # The configuration is written twice, and what it becomes first depends on a CA that is yet to be made.
    assert list(dict.fromkeys(sorted(planned["actions"]))) == list(dict.fromkeys(sorted(made["actions"])))
    assert installed(server, certificates=after)["changed"] is False


def test_the_right_to_remove_certificates_of_another_kind_is_asked_for_before_a_write(server):
    path = f"{TLS}-certificate"
    server.cluster.objects[path] = {"kind": "Secret", "metadata": {"labels": ownership.LABELS}, "data": {}}
    server.cluster.denied = {("delete", "secrets")}
    with pytest.raises(IrsaError, match="delete secrets in namespace irsa-system"):
        installed(server)
    assert server.cluster.writes == []
    server.cluster.denied.clear()
    assert installed(server, check_mode=True)["actions"] == installed(server)["actions"]
    assert path not in server.cluster.objects


@pytest.mark.parametrize(
    ("serving", "answering", "expected"),
    [
        ("111", "111", "policy"),
        ("110", "111", "webhook"),
        ("000", "111", "webhook"),
        ("110", "101", "webhook"),
        ("011", "101", "webhook"),
    ],
)
def test_auto_takes_policies_only_if_every_server_has_them(server, serving, answering, expected):
    server.others = [Server(server.cluster, f"10.0.0.{number}:6443") for number in (2, 3)]
    for each, serves, answers in zip([server, *server.others], serving, answering, strict=True):
        each.serves, each.unreachable = serves == "1", answers == "0"
    result = installed(server, method="auto", check_mode=True)
    assert result["method"] == expected
    assert len(result["warnings"]) == answering.count("0")


def test_the_webhook_works_whatever_a_server_that_cannot_be_asked_is(server):
    server.others = [Server(server.cluster, "10.0.0.2:6443")]
    server.others[0].unreachable = True
    result = installed(server)
    assert result["proof"]["servers"] == ["10.0.0.1:6443"]
    assert "10.0.0.2:6443" in result["warnings"][0] and "was not tried" in result["warnings"][0]


def test_guards_look_at_accounts_without_the_label_too(server):
    installed(server, GUARDED)
    binding = server.cluster.objects[f"{GROUP}/validatingadmissionpolicybindings/irsa-guard"]
    assert binding["spec"]["paramRef"]["selector"] == {}
    assert installed(server)["actions"][0].startswith("k8s:delete ValidatingAdmissionPolicyBinding")


def test_guards_need_a_server_that_has_their_kind(server):
    server.minor = "29"
    with pytest.raises(IrsaError, match=r"irsa_injection_guard needs ValidatingAdmissionPolicy .* '10\.0\.0\.1:6443'"):
        installed(server, GUARDED)
    assert server.cluster.writes == []


@pytest.mark.parametrize(("minor", "sleeps"), [("29", False), ("30", True), ("35", True)])
def test_pods_sleep_before_they_end_where_the_server_knows_that(server, minor, sleeps):
    server.minor = minor
    installed(server)
    [container] = server.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    assert ("lifecycle" in container) is sleeps


def test_all_missing_rights_are_named_before_anything_is_written(server):
    server.cluster.denied = {("create", "secrets"), ("list", "pods"), ("watch", "serviceaccounts")}
    with pytest.raises(IrsaError) as stopped:
        installed(server)
    for right in ("create secrets in namespace irsa-system", "list pods in namespace irsa-system", "watch serviceacc"):
        assert right in str(stopped.value)
    assert server.cluster.writes == []


@pytest.mark.parametrize("denied", [("delete", "deployments"), ("delete", "namespaces"), ("list", "deployments")])
def test_the_rights_to_remove_are_asked_for_only_if_there_is_a_webhook(server, denied):
    server.cluster.denied = {denied}
    installed(server, method="policy")
    server.cluster.denied.clear()
    installed(server)
    server.cluster.denied = {denied}
    writes = list(server.cluster.writes)
    for run in (lambda: installed(server, method="policy"), lambda: remove(server, check_mode=False)):
        with pytest.raises(IrsaError, match=" ".join(denied)):
            run()
    assert server.cluster.writes == writes


def test_a_run_with_policies_asks_twice_whether_there_is_a_webhook(server):
    installed(server, method="policy")
    assert [each for each in server.cluster.requests if "webhook" in each] == [
        f"GET {GROUP}/mutatingwebhookconfigurations",
        f"GET /apis/rbac.authorization.k8s.io/v1/clusterroles/{NAME}",
    ]


@pytest.mark.parametrize("left", ["MutatingWebhookConfiguration", "ClusterRole"])
def test_a_webhook_is_found_by_what_is_left_of_it(server, left):
    installed(server)
    role = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{NAME}"
    del server.cluster.objects[CONFIGURATION if left == "ClusterRole" else role]
    remove(server, check_mode=False)
    assert server.cluster.objects == {}


def test_removal_takes_all_that_is_ours_and_begins_with_the_configuration(server):
    installed(server, GUARDED)
    planned = remove(server, check_mode=True)
    result = remove(server, check_mode=False)
    assert planned["actions"] == result["actions"] and result["method"] == "none"
    ours = [action for action in result["actions"] if "ValidatingAdmission" not in action]
    assert ours[0] == f"k8s:delete MutatingWebhookConfiguration/{NAME}" and sorted(ours) == sorted(removed(INSTALLED))
    assert server.cluster.objects == {}
    assert remove(server, check_mode=False)["changed"] is False


@pytest.mark.parametrize("survived", range(1, 10))
def test_a_removal_that_was_killed_is_completed_by_the_next(server, survived):
    installed(server)
    kill_after(server, survived)
    with pytest.raises(Killed):
        remove(server, check_mode=False)
    server.cluster.after = lambda path: None
    remove(server, check_mode=False)
    assert server.cluster.objects == {}


def test_a_namespace_with_something_of_others_is_kept(server):
    installed(server)
    folder = "/api/v1/namespaces/irsa-system"
    server.cluster.objects[f"{folder}/configmaps/kube-root-ca.crt"] = {"metadata": {"name": "kube-root-ca.crt"}}
    server.cluster.objects[f"{folder}/pods/x"] = {"metadata": {"name": "x", "ownerReferences": [{"name": "y"}]}}
    server.cluster.objects[f"{folder}/configmaps/theirs"] = {"metadata": {"name": "theirs"}}
    result = remove(server, check_mode=False)
    assert result["warnings"] == [
        "Namespace irsa-system is kept, since it has objects that this role did not create: 'configmaps/theirs'."
    ]
    assert folder in server.cluster.objects and f"{folder}/configmaps/theirs" in server.cluster.objects
    del server.cluster.objects[f"{folder}/configmaps/theirs"]


def test_a_namespace_that_cannot_be_looked_through_is_kept(server):
    installed(server)
    server.cluster.fails = [("GET", "namespaces/irsa-system/configmaps", refused(403, "it answers with 403"))]
    [warning] = remove(server, check_mode=False)["warnings"]
    assert "what else is in it could not be read: it answers with 403" in warning


def test_a_namespace_of_others_is_kept_with_the_webhook_gone(server):
    path = "/api/v1/namespaces/irsa-system"
    server.cluster.objects[path] = {"metadata": {"name": "irsa-system"}}
    with pytest.raises(IrsaError, match="Namespace/irsa-system that this role did not create"):
        installed(server)
    assert server.cluster.writes == []


def test_another_namespace_is_left_behind_only_when_the_webhook_works_in_the_new_one(server):
    installed(server)
    always_injects(server)
    result = installed(server, namespace="irsa-elsewhere")
    asked = result["actions"].index(f"k8s:apply MutatingWebhookConfiguration/{NAME}")
    gone = result["actions"].index(f"k8s:delete Deployment/irsa-system/{NAME}")
    assert asked < gone and "k8s:delete Namespace/irsa-system" in result["actions"]
    assert not [path for path in server.cluster.objects if "irsa-system" in path]


def test_a_change_of_namespace_that_was_killed_after_any_write_is_completed_by_the_next(server):
    installed(server)
    start = copy.deepcopy(server.cluster.objects)
    server.cluster.writes.clear()
    installed(server, namespace="irsa-elsewhere")
    for survived in range(1, len(server.cluster.writes)):
        server.cluster.objects = copy.deepcopy(start)
        kill_after(server, survived)
        with pytest.raises(Killed):
            installed(server, namespace="irsa-elsewhere")
        server.cluster.after = lambda path: None
        installed(server, namespace="irsa-elsewhere")
        assert not [path for path in server.cluster.objects if "irsa-system" in path], survived


def test_a_namespace_that_a_user_has_prepared_is_not_removed(server):
    path = "/api/v1/namespaces/irsa-prepared"
    server.cluster.objects[path] = {"metadata": {"name": "irsa-prepared", "labels": ownership.LABELS}}
    assert "k8s:delete" not in str(installed(server)["actions"])
    remove(server, check_mode=False)
    assert list(server.cluster.objects) == [path]


def test_a_namespace_that_gets_something_of_others_after_the_plan_is_kept(server):
    installed(server)
    folder = "/api/v1/namespaces/irsa-system"

    def written(path):
        server.cluster.objects[f"{folder}/configmaps/theirs"] = {"metadata": {"name": "theirs"}}

    server.cluster.after = written
    [warning] = remove(server, check_mode=False)["warnings"]
    assert "'configmaps/theirs'" in warning
    assert [path for path in server.cluster.objects if path.startswith(folder)] == [
        folder,
        f"{folder}/configmaps/theirs",
    ]


def test_another_namespace_is_kept_if_the_webhook_does_not_work_in_the_new_one(server):
    installed(server)
    server.cluster.broken = True
    with pytest.raises(IrsaError, match="has not followed webhook"):
        installed(server, namespace="irsa-elsewhere")
    assert DEPLOYMENT in server.cluster.objects
    server.cluster.broken, clock = False, Clock()
    installed(server, namespace="irsa-elsewhere", clock=clock)
    assert 5.0 in clock.pauses and DEPLOYMENT not in server.cluster.objects


def test_a_namespace_that_is_being_removed_is_waited_for(server):
    path = "/api/v1/namespaces/irsa-system"
    server.cluster.objects[path] = {"metadata": {"name": "irsa-system", "deletionTimestamp": "2026-11-01T12:00:00Z"}}
    with pytest.raises(IrsaError, match="irsa-system is being removed, and still was after 30 seconds"):
        installed(server)
    assert server.cluster.writes == []


def test_a_webhook_of_others_is_left_with_a_warning(server):
    path = f"{GROUP}/mutatingwebhookconfigurations/pod-identity-webhook"
    rule = {"resources": ["pods"], "operations": ["CREATE"]}
    server.cluster.objects[path] = {"metadata": {"name": "pod-identity-webhook"}, "webhooks": [{"rules": [rule]}]}
    for chosen in ("webhook", "policy"):
        [warning] = installed(server, method=chosen)["warnings"]
        assert "'pod-identity-webhook', which this role did not create" in warning
    # One that is not asked about pods gives them nothing.
    rule["resources"] = ["serviceaccounts"]
    assert installed(server, method="policy")["warnings"] == []
    remove(server, check_mode=False)
    assert path in server.cluster.objects


def test_a_change_of_settings_reaches_the_deployment_and_is_proved(server):
    installed(server)
    result = installed(server, dataclasses.replace(SETTINGS, region="us-east-1"))
    assert result["actions"] == [f"k8s:apply Deployment/irsa-system/{NAME}"]
    assert {"name": "AWS_REGION", "value": "us-east-1"} in result["proof"]["env"]
