# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that installs injection, and one that removes it, at a cluster in memory."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import method
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.injection_run import Installation
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.removal import remove
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import nothing_installed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import InjectionSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.names import PROOF_ROLE
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._injection.cluster_in_memory import (
    GROUP,
    LABEL,
    Cluster,
    Server,
    refused,
)

SETTINGS = Settings(region="eu-west-1")
GUARDED = Settings(region="eu-west-1", guard="deny")

LABEL_ACTIONS = [
    "k8s:apply MutatingAdmissionPolicy/irsa-label",
    "k8s:apply MutatingAdmissionPolicyBinding/irsa-label",
]
INJECT_ACTIONS = [
    "k8s:apply MutatingAdmissionPolicy/irsa-inject",
    "k8s:apply MutatingAdmissionPolicyBinding/irsa-inject",
]
GUARD_ACTIONS = [
    "k8s:apply ValidatingAdmissionPolicy/irsa-guard",
    "k8s:apply ValidatingAdmissionPolicyBinding/irsa-guard",
    "k8s:apply ValidatingAdmissionPolicy/irsa-guard-namespace",
    "k8s:apply ValidatingAdmissionPolicyBinding/irsa-guard-namespace-warn",
    "k8s:apply ValidatingAdmissionPolicyBinding/irsa-guard-namespace-deny",
]


class Clock:
    """A clock that only a pause moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def now(self) -> float:
        return self.time


@pytest.fixture
def cluster():
    return Cluster(SETTINGS)


@pytest.fixture
def server(cluster, monkeypatch):
    made = Server(cluster)
    monkeypatch.setattr(method, "servers_of", lambda api: [made, *made.others])
    return made


def installed(server, settings=SETTINGS, *, check_mode=False, method="auto"):
    clock = Clock()
    spec = InjectionSpec(settings=settings, method=method, patience=Patience(30, clock.pause, clock.now))
    server.cluster.settings = settings
    return Installation(server, spec, check_mode=check_mode).run()


def test_policies_are_installed_in_the_order_in_which_they_depend_on_each_other(server):
    server.cluster.add_account("older")
    server.cluster.add_account("plain", role=False)
    result = installed(server, GUARDED)
    labels = ["k8s:label ServiceAccount/app/older"]
    assert result["actions"] == [*LABEL_ACTIONS, *labels, *INJECT_ACTIONS, *GUARD_ACTIONS]
    assert result["changed"] is True and len(result["diff"]) == 10
    assert result["labelled"] == ["app/older"] and result["unlabelled"] == [] and result["method"] == "policy"
    assert len(result["manifests"]) == 9


@pytest.mark.parametrize("settings", [SETTINGS, GUARDED])
def test_check_mode_lists_what_a_run_does_and_writes_nothing(server, settings):
    server.cluster.add_account("older")
    planned = installed(server, settings, check_mode=True)
    assert server.cluster.writes == []
    assert planned["proof"]["injected"] is None and planned["proof"]["reason"] == "check mode"
    made = installed(server, settings)
    for name in ("actions", "changed", "diff", "labelled", "unlabelled", "manifests", "warnings"):
        assert planned[name] == made[name], name


def test_a_second_run_changes_nothing_and_proves_again(server):
    server.cluster.add_account("older")
    installed(server, GUARDED)
    again = installed(server, GUARDED)
    assert again["changed"] is False and again["actions"] == [] and again["labelled"] == []
    assert again["proof"]["injected"] is True


def test_the_proof_is_what_a_pod_got_and_leaves_nothing(server):
    proof = installed(server)["proof"]
    assert proof["servers"] == ["10.0.0.1:6443"] and proof["reason"] is None
    assert {"name": "AWS_ROLE_ARN", "value": PROOF_ROLE} in proof["env"]
    assert [each["name"] for each in proof["volumes"]] == ["aws-iam-token"]
    assert server.cluster.names("serviceaccounts") == []


def test_a_sidecar_that_another_webhook_puts_first_does_not_matter(server):
    server.cluster.sidecar = {"name": "istio-proxy"}
    assert installed(server)["proof"]["injected"] is True
    # The credentials of another container are not those of the one that was asked for.
    server.cluster.sidecar["env"] = pod_identity(PROOF_ROLE, SETTINGS)["env"]
    server.cluster.broken = True
    with pytest.raises(IrsaError, match="it gets no credentials"):
        installed(server)


def test_accounts_are_labelled_only_when_new_ones_label_themselves(server):
    """One that is written while the policy is not followed yet is found, too."""
    server.cluster.lag = 5
    server.cluster.after = lambda path: path.endswith("bindings/irsa-label") and server.cluster.add_account("between")
    result = installed(server)
    assert result["labelled"] == ["app/between"] and result["unlabelled"] == []
    assert server.cluster.objects["/api/v1/namespaces/app/serviceaccounts/between"]["metadata"]["labels"] == {
        LABEL: "true"
    }


def test_an_account_that_opted_out_by_the_value_of_the_label_is_labelled(server):
    server.cluster.add_account("odd", label="false")
    result = installed(server)
    assert result["labelled"] == ["app/odd"]
    [diff] = [each for each in result["diff"] if "ServiceAccount" in each["after_header"]]
    assert '"false"' in diff["before"] and '"true"' in diff["after"]


def test_accounts_are_found_by_the_annotation_that_is_set(server):
    server.cluster.add_account("usual")
    server.cluster.add_account("ours", role=False)
    metadata = server.cluster.objects["/api/v1/namespaces/app/serviceaccounts/ours"]["metadata"]
    metadata["annotations"] = {"irsa.example.com/role-arn": "arn:aws:iam::123456789012:role/app"}
    settings = dataclasses.replace(SETTINGS, annotation_prefix="irsa.example.com")
    assert installed(server, settings, check_mode=True)["labelled"] == ["app/ours"]


def test_an_account_that_is_removed_meanwhile_is_no_failure(server):
    server.cluster.add_account("gone")
    installed(server)
    server.cluster.add_account("gone")
    server.cluster.fails = [("PATCH", "/serviceaccounts/gone", refused(404))]
    result = installed(server)
    assert result["labelled"] == [] and result["changed"] is False


def test_accounts_without_the_label_are_counted_at_the_end(server):
    server.cluster.add_account("older")

    def unlabelled(path):
        if path.endswith("serviceaccounts/older"):
            server.cluster.add_account("other")

    server.cluster.after = unlabelled
    result = installed(server)
    assert result["unlabelled"] == ["app/other"]
    assert "'app/other'" in result["warnings"][0]


def test_a_namespace_with_very_many_roles_is_warned_of(server):
    for number in range(301):
        server.cluster.add_account(f"a{number}", label="true")
        server.cluster.add_account(f"b{number}", namespace="plain", role=False)
    for number in range(300):
        server.cluster.add_account(f"c{number}", namespace="few", label="true")
    result = installed(server)
    [warning] = result["warnings"]
    assert "app has 301 service accounts" in warning


def test_new_settings_are_proved_once_they_are_followed(server):
    installed(server)
    server.cluster.lag = 4
    changed = installed(server, dataclasses.replace(SETTINGS, region="us-east-1"))
    assert changed["actions"] == INJECT_ACTIONS[:1]
    assert {"name": "AWS_REGION", "value": "us-east-1"} in changed["proof"]["env"]


def test_a_policy_that_gives_pods_nothing_fails_the_run_and_says_what_was_done(server):
    server.cluster.broken = True
    with pytest.raises(IrsaError, match="has not followed policy irsa-inject within 30 seconds") as failed:
        installed(server, GUARDED)
    assert "it gets no credentials" in str(failed.value) and "irsa_injection_proof_namespace" in str(failed.value)
    # The guards would refuse all pods now.
    assert failed.value.details["actions"] == [*LABEL_ACTIONS, *INJECT_ACTIONS]
    assert server.cluster.names("serviceaccounts") == [] and server.cluster.names("validatingadmissionpolicies") == []
    with pytest.raises(IrsaError):
        installed(server, SETTINGS)


def test_guards_are_not_installed_over_an_injection_that_an_earlier_run_left_broken(server):
    server.cluster.broken = True
    for settings in (SETTINGS, GUARDED, GUARDED):
        with pytest.raises(IrsaError, match="has not followed policy irsa-inject"):
            installed(server, settings)
    assert server.cluster.names("validatingadmissionpolicies") == []
    server.cluster.broken = False
    assert installed(server, GUARDED)["actions"] == GUARD_ACTIONS


def test_guards_of_a_broken_injection_can_be_removed(server):
    installed(server, GUARDED)
    server.cluster.broken = True
    with pytest.raises(IrsaError, match="has not followed policy irsa-inject") as failed:
        installed(server, dataclasses.replace(SETTINGS, region="us-east-1"))
    removed = [action.replace("apply", "delete") for action in GUARD_ACTIONS[::-1]]
    assert failed.value.details["actions"] == [*removed, *INJECT_ACTIONS[:1]]


def test_a_policy_with_other_values_fails_the_run(server):
    installed(server)
    clock = Clock()
    server.cluster.settings = dataclasses.replace(SETTINGS, audience="other", sts_regional_endpoints=False)
    installation = Installation(
        server, InjectionSpec(settings=SETTINGS, patience=Patience(1, clock.pause, clock.now)), check_mode=False
    )
    with pytest.raises(IrsaError, match="its volumes and env are not as set"):
        installation.run()


def left_behind(server):
    """Let a run leave the account of its proof."""
    server.cluster.fails = [("DELETE", "serviceaccounts/irsa-proof-", refused(500, "it answers with 500"))]
    return installed(server)


def proof_accounts(server):
    return [name for name in server.cluster.names("serviceaccounts") if name.startswith("irsa-proof-")]


def test_an_account_of_the_proof_that_cannot_be_removed_is_warned_of(server):
    [warning] = left_behind(server)["warnings"]
    [name] = proof_accounts(server)
    assert f"default/{name}, which was made for a proof, could not be removed: it answers with 500" in warning
    assert f"kubectl --namespace default delete serviceaccount {name}" in warning
    server.cluster.broken = True
    server.cluster.fails = [("DELETE", "serviceaccounts/irsa-proof-", refused(500, "it answers with 500"))]
    with pytest.raises(IrsaError, match="it gets no credentials") as failed:
        installed(server)
    assert "could not be removed" in failed.value.warnings[0]


def test_an_account_of_the_proof_that_is_gone_is_not_warned_of(server):
    server.cluster.fails = [("DELETE", "serviceaccounts/irsa-proof-", refused(404))]
    assert installed(server)["warnings"] == []


def test_accounts_of_old_proofs_are_removed_and_those_of_a_run_at_the_same_time_are_not(server):
    left_behind(server)
    server.cluster.add_account("irsa-proof-theirs")
    assert installed(server)["labelled"] == ["app/irsa-proof-theirs"]
    assert len(proof_accounts(server)) == 2
    server.cluster.day += 2
    again = installed(server)
    assert proof_accounts(server) == ["irsa-proof-theirs"]
    assert again["changed"] is False and again["warnings"] == []


def test_accounts_of_proofs_that_cannot_be_listed_are_left(server):
    listing = "/api/v1/serviceaccounts"
    installed(server)
    server.cluster.after = lambda path: server.cluster.fails.append(("GET", listing, refused(500, "it answers 500")))
    [warning] = installed(server)["warnings"]
    assert "Whether earlier runs left service accounts of proofs is unknown: it answers 500" in warning
    assert proof_accounts(server) == []


def test_removal_takes_the_accounts_of_proofs_whatever_their_age(server):
    left_behind(server)
    [name] = proof_accounts(server)
    planned = remove(server, check_mode=True)
    assert proof_accounts(server) == [name]
    result = remove(server, check_mode=False)
    assert planned["actions"] == result["actions"]
    assert result["actions"][-1] == f"k8s:delete ServiceAccount/default/{name}" and proof_accounts(server) == []


def test_removal_needs_the_right_to_delete_what_proofs_left(server):
    left_behind(server)
    server.cluster.denied = {("delete", "serviceaccounts")}
    with pytest.raises(IrsaError, match="delete serviceaccounts in namespace default"):
        remove(server, check_mode=False)
    assert server.cluster.names("mutatingadmissionpolicies") == ["irsa-label", "irsa-inject"]


def test_a_pod_that_is_refused_is_reported_with_the_reason(server):
    server.cluster.fails = [("POST", "/pods", refused(403, "it answers with 403: 'exceeded quota'"))] * 200
    with pytest.raises(IrsaError, match="exceeded quota"):
        installed(server)
    assert server.cluster.names("serviceaccounts") == []


def test_accounts_that_are_not_labelled_stop_the_run_before_any_is(server):
    server.cluster.add_account("older")
    server.cluster.lag = 10_000
    with pytest.raises(IrsaError, match="has not followed policy irsa-label") as failed:
        installed(server)
    assert failed.value.details["actions"] == LABEL_ACTIONS
    # The next run cannot rely on this one.
    with pytest.raises(IrsaError, match="has not followed policy irsa-label") as failed:
        installed(server)
    assert failed.value.details["actions"] == []


def test_accounts_that_were_written_before_the_last_server_followed_an_earlier_runs_policy_are_labelled(server):
    server.cluster.lag = 10_000
    with pytest.raises(IrsaError, match="has not followed policy irsa-label"):
        installed(server)
    original = server.post

    def post(path, body, query=None):
        if path.endswith("/serviceaccounts"):
            server.cluster.add_account("meanwhile")
        return original(path, body, query)

    server.post = post
    server.cluster.follow_at_once()
    assert installed(server)["labelled"] == ["app/meanwhile"]


def test_every_api_server_is_proved(server):
    other = Server(server.cluster, "10.0.0.2:6443")
    server.others = [other]
    assert installed(server)["proof"]["servers"] == ["10.0.0.1:6443", "10.0.0.2:6443"]


def test_one_older_api_server_stops_the_run_with_policies(server):
    server.others = [Server(server.cluster, "10.0.0.2:6443"), Server(server.cluster, "10.0.0.3:6443")]
    server.others[1].serves = False
    with pytest.raises(IrsaError, match=r"These do not: '10\.0\.0\.3:6443'\.") as stopped:
        installed(server, method="policy")
    assert "webhook" in str(stopped.value) and server.cluster.writes == []


def test_an_api_server_that_cannot_be_asked_stops_auto_and_is_warned_of_otherwise(server):
    server.others = [Server(server.cluster, "10.0.0.2:6443")]
    server.others[0].unreachable = True
    with pytest.raises(IrsaError, match=r"10\.0\.0\.2:6443: no answer in time.*irsa_injection_method: policy"):
        installed(server)
    assert server.cluster.writes == []
    result = installed(server, method="policy")
    assert "10.0.0.2:6443 could not be asked" in result["warnings"][0]
    assert result["proof"]["servers"] == ["10.0.0.1:6443"]


def test_no_api_server_at_all_is_reported_as_such(server):
    server.unreachable = True
    for chosen in ("auto", "policy"):
        with pytest.raises(IrsaError, match="no answer in time"):
            installed(server, method=chosen)


def test_all_missing_rights_are_named_before_anything_is_written(server):
    server.cluster.denied = {("patch", "mutatingadmissionpolicies"), ("list", "serviceaccounts"), ("create", "pods")}
    for check_mode in (True, False):
        with pytest.raises(IrsaError) as stopped:
            installed(server, check_mode=check_mode)
        assert (
            "patch mutatingadmissionpolicies.admissionregistration.k8s.io, list serviceaccounts, "
            "create pods in namespace default." in str(stopped.value)
        )
    assert server.cluster.writes == []
    server.cluster.denied = {("delete", "validatingadmissionpolicies")}
    with pytest.raises(IrsaError, match=r"delete validatingadmissionpolicies\.admissionregistration\.k8s\.io\."):
        remove(server, check_mode=False)


def test_a_document_of_another_is_never_overwritten_or_removed(server):
    path = f"{GROUP}/mutatingadmissionpolicies/irsa-inject"
    server.cluster.objects[path] = {"metadata": {"name": "irsa-inject", "labels": {"a": "b"}}, "spec": {}}
    with pytest.raises(IrsaError, match="MutatingAdmissionPolicy/irsa-inject that this role did not create"):
        installed(server)
    assert server.cluster.writes == []
    result = remove(server, check_mode=False)
    assert path in server.cluster.objects and result["changed"] is False
    assert "MutatingAdmissionPolicy/irsa-inject is kept" in result["warnings"][0]


def test_a_change_of_another_is_repaired(server):
    installed(server)
    path = f"{GROUP}/mutatingadmissionpolicies/irsa-inject"
    server.cluster.objects[path]["spec"]["failurePolicy"] = "Ignore"
    result = installed(server)
    assert result["actions"] == INJECT_ACTIONS[:1]
    assert '"failurePolicy": "Ignore"' in result["diff"][0]["before"]
    assert server.cluster.objects[path]["spec"]["failurePolicy"] == "Fail"


def test_guards_that_are_switched_off_are_removed(server):
    installed(server, GUARDED)
    planned = installed(server, check_mode=True)
    result = installed(server)
    assert planned["actions"] == result["actions"]
    assert result["actions"] == [action.replace("apply", "delete") for action in GUARD_ACTIONS[::-1]]
    assert server.cluster.names("validatingadmissionpolicies") == []


def test_removal_begins_with_the_guards_and_keeps_what_accounts_have(server):
    server.cluster.add_account("older")
    installed(server, GUARDED)
    planned = remove(server, check_mode=True)
    result = remove(server, check_mode=False)
    expected = [*LABEL_ACTIONS, *INJECT_ACTIONS, *GUARD_ACTIONS]
    assert result["actions"] == planned["actions"] == [each.replace("apply", "delete") for each in expected[::-1]]
    assert list(server.cluster.objects) == ["/api/v1/namespaces/app/serviceaccounts/older"]
    [account] = server.cluster.objects.values()
    assert account["metadata"]["labels"] == {LABEL: "true"} and "annotations" in account["metadata"]
    assert remove(server, check_mode=False)["changed"] is False


@pytest.mark.parametrize("status", [409, 500, None])
def test_a_write_that_meets_another_or_whose_answer_is_lost_is_planned_again(server, status, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    path = "/mutatingadmissionpolicies/irsa-label"
    reads = [("PATCH", path, refused(status))]
    # The dry run of the plan comes first, and must pass.
    original = server.patch

    def patch(path, body, query, **more):
        if query.get("dryRun") != "All" and reads and reads[0][1] in path:
            raise reads.pop()[2]
        return original(path, body, query, **more)

    monkeypatch.setattr(server, "patch", patch)
    assert installed(server)["actions"] == [*LABEL_ACTIONS, *INJECT_ACTIONS]


def test_a_write_that_is_refused_ends_the_run_with_what_was_done(server, monkeypatch):
    original = server.patch

    def patch(path, body, query, **more):
        if query.get("dryRun") != "All" and path.endswith("bindings/irsa-inject"):
            raise refused(422, "it answers with 422")
        return original(path, body, query, **more)

    monkeypatch.setattr(server, "patch", patch)
    with pytest.raises(IrsaError, match="422") as failed:
        installed(server)
    assert failed.value.details["actions"] == [*LABEL_ACTIONS, *INJECT_ACTIONS[:1]]


def test_results_have_the_same_keys_whatever_was_done(server):
    keys = set(installed(server))
    assert keys == set(remove(server, check_mode=False))
    assert keys == set(nothing_installed("none", "because"))
