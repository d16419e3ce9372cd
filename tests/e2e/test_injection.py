# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Injection by role irsa_injection at a real API server, compared with real EKS pod identity webhooks."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from admission import GROUP, REGION, Client, differences, is_injected, plainly, webhook
from control_plane import ApiServer, NewApiServer, signing_flags
from endpoint import eventually, setting
from pod_shapes import ACCOUNTS, BROKEN_CSV, EKS, PODS, ROLE, container, notes, pod
from runs import Ansible, Run
from users import USERS, bind, documented_rights, write_kubeconfig_of

NAMESPACE = "shapes"
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"


@dataclass(frozen=True)
class Cluster:
    """An API server, a connection to it as its administrator, and the role with its kubeconfig."""

    server: ApiServer
    client: Client
    ansible: Ansible

    def role(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        return self.ansible.injection(*options, fails=fails, **{"region": REGION, **variables})

    def shapes(self) -> dict[str, Any]:
        """What becomes of each pod."""
        return {name: plainly(*self.client.try_pod(NAMESPACE, each)) for name, each in PODS.items()}


@pytest.fixture(scope="module")
def cluster(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("injection")
    with new_api_server(*signing_flags(folder)) as server:
        server.write_kubeconfig(folder / "kubeconfig")
        client = Client(server)
        client.add_namespace("default")
        client.add_namespace(NAMESPACE)
        yield Cluster(server, client, Ansible(folder))


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> tuple[Run, Run, Run]:
    """The role in check mode, for real and once more, in a cluster whose accounts were annotated before."""
    for name, notes_of_account in ACCOUNTS.items():
        cluster.client.add_account(NAMESPACE, name)
        full = {EKS + key: value for key, value in notes_of_account.items()}
        cluster.client.change(f"{_ACCOUNTS}/{name}", {"annotations": full})
    return cluster.role("--check"), cluster.role(), cluster.role()


# The tests run in this order: with the policies, with guards, and at last without any.


def test_check_mode_lists_what_the_first_run_does_and_the_second_changes_nothing(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    planned, first, second = installed
    assert planned.result["actions"] == first.result["actions"] and planned.changed == first.changed == 1
    assert planned.result["labelled"] == first.result["labelled"]
    with_role = sorted(f"{NAMESPACE}/{name}" for name, each in ACCOUNTS.items() if each.get("role-arn"))
    assert sorted(first.result["labelled"]) == with_role and first.result["unlabelled"] == []
    assert first.result["proof"]["injected"] is True and second.result["proof"]["injected"] is True
    assert second.changed == 0 and second.result["actions"] == []
    # The proof leaves nothing.
    names = [each["metadata"]["name"] for each in cluster.client.must("GET", "/api/v1/serviceaccounts")["items"]]
    assert not [name for name in names if name.startswith("irsa-proof")]


def test_accounts_that_were_annotated_before_are_served(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    status, made = cluster.client.try_pod(NAMESPACE, pod())
    assert status == 201 and is_injected(made)


def test_accounts_label_themselves_whoever_writes_them(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    label = {"irsa.selfhosted.example/inject": "true"}
    made = cluster.client.add_account(NAMESPACE, "new", role_arn=ROLE)
    assert made["metadata"]["labels"] == label
    made["metadata"]["labels"] = {}
    made = cluster.client.must("PUT", f"{_ACCOUNTS}/new", made)
    assert made["metadata"]["labels"] == label
    # Without its role it is not served, though the label stays.
    cluster.client.change(f"{_ACCOUNTS}/new", {"annotations": {f"{EKS}role-arn": None}})

    def not_injected() -> None:
        assert not is_injected(cluster.client.try_pod(NAMESPACE, pod("new"))[1])

    eventually(not_injected, AssertionError)


def test_an_apply_of_the_annotation_alone_keeps_the_label(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    """As the role for service accounts does it, again and again under one name."""
    body = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "applied", "namespace": NAMESPACE, "annotations": {f"{EKS}role-arn": ROLE}},
    }
    path = f"{_ACCOUNTS}/applied?fieldManager=selfhosted.irsa&force=true"
    seen = [cluster.client.must("PATCH", path, body, kind="application/apply-patch+yaml") for dummy in range(3)]
    for each in seen:
        assert each["metadata"]["labels"] == {"irsa.selfhosted.example/inject": "true"}
    assert seen[1]["metadata"]["resourceVersion"] == seen[2]["metadata"]["resourceVersion"]


def test_one_who_may_only_create_pods_gets_credentials_for_them(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    role = {"kind": "Role", "metadata": {"name": "pod-creator", "namespace": NAMESPACE}, "rules": rules}
    bind(cluster.client, role, "pod-creator")
    creator = cluster.client.again(f"system:serviceaccount:{USERS}:pod-creator")

    def injected() -> None:
        assert is_injected(creator.try_pod(NAMESPACE, pod())[1])

    eventually(injected, AssertionError)


def test_a_pods_annotations_are_read(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    status, made = cluster.client.try_pod(NAMESPACE, pod(metadata=notes(token_expiration="7200")))
    assert status == 201 and '"expirationSeconds": 7200' in json.dumps(made)


def _webhooks() -> list[Path]:
    named = setting("IRSA_E2E_WEBHOOKS", "builds of the EKS pod identity webhook, separated by colons")
    return [Path(each) for each in named.split(os.pathsep)]


@pytest.fixture(scope="module")
def shapes(
    cluster: Cluster, installed: tuple[Run, Run, Run], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What becomes of each pod with the policy, with each build of the webhook beside it, and with each alone."""
    assert len(PODS) >= 50
    builds = _webhooks()
    folder = tmp_path_factory.mktemp("webhooks")
    found = {"policy": cluster.shapes()}
    for build in builds:
        with webhook(build, cluster.server, folder / f"both-{build.name}"):
            found[f"policy and {build.name}"] = cluster.shapes()
    cluster.role(state="absent")

    def gone() -> None:
        assert not is_injected(cluster.client.try_pod(NAMESPACE, pod())[1])

    eventually(gone, AssertionError)
    for build in builds:
        with webhook(build, cluster.server, folder / f"alone-{build.name}"):
            found[build.name] = cluster.shapes()
    cluster.role()
    return found


def test_pods_come_out_as_with_the_webhook(shapes: dict[str, dict[str, Any]]) -> None:
    for name, found in shapes.items():
        different = {case: [*differences(shapes["policy"][case], found[case])] for case in PODS}
        different = {case: lines for case, lines in different.items() if lines}
        print(f"{name}: {len(PODS)} pods, {len(different)} differ from the policy's")
        assert set(different) <= {BROKEN_CSV}, (name, different)
    injected = [case for case, found in shapes["policy"].items() if not isinstance(found, str) and is_injected(found)]
    assert len(injected) > 40


def test_ephemeral_containers_are_left_alone(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    cluster.client.must("POST", path, pod())
    body = {"spec": {"ephemeralContainers": [container("debug")]}}
    kind = "application/strategic-merge-patch+json"
    made = cluster.client.must("PATCH", f"{path}/p/ephemeralcontainers", body, kind=kind)
    assert "env" not in made["spec"]["ephemeralContainers"][0] and is_injected(made)
    cluster.client.must("DELETE", f"{path}/p", {"gracePeriodSeconds": 0})


def test_settings_stay_data_whatever_they_are(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    """The proof of the role compares what a pod got with what is set."""
    audience = "'+variables.role+\"\\n${x} é 💥"
    changed = cluster.role(audience=audience, mount_path="/mnt/it's/a \\ token", expiration=3600)
    assert changed.result["actions"] == ["k8s:apply MutatingAdmissionPolicy/irsa-inject"]
    # A pod proves it after the last change.
    assert changed.result["proof"]["injected"] is True
    order = [each.target.rpartition("/")[2].partition("?")[0] for each in changed.requests]
    written = max(index for index, each in enumerate(changed.requests) if each.is_write and "policies" in each.target)
    assert "pods" in order[written:]
    [volume] = [
        each
        for each in cluster.client.try_pod(NAMESPACE, pod())[1]["spec"]["volumes"]
        if each["name"] == "aws-iam-token"
    ]
    assert volume["projected"]["sources"][0]["serviceAccountToken"] == {
        "audience": audience,
        "expirationSeconds": 3600,
        "path": "token",
    }


def test_none_changes_nothing_and_pods_may_bring_their_own(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    from ansible_collections.selfhosted.irsa.plugins.filter.pod_identity import FilterModule  # noqa: PLC0415

    run = cluster.role(method="none")
    assert (run.changed, run.result["method"], run.requests) == (0, "none", ())
    cluster.role()
    parts = FilterModule().filters()["pod_identity"](ROLE, region=REGION)
    mounts = {"env": parts["env"], "volumeMounts": parts["volumeMounts"]}
    own = pod(volumes=parts["volumes"], containers=[container(**mounts)])
    specs = [cluster.client.try_pod(NAMESPACE, each)[1]["spec"] for each in (own, pod())]
    by_hand, by_policy = [
        {
            "volumes": [each for each in spec["volumes"] if each["name"] == "aws-iam-token"],
            "mounts": [each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "aws-iam-token"],
            "env": spec["containers"][0]["env"],
        }
        for spec in specs
    ]
    assert by_hand == by_policy and len(by_hand["volumes"]) == len(by_hand["mounts"]) == 1


GUARDED: dict[str, Any] = {"guard": "deny", "guard_exceptions": ["plain", "shapes/empty-role"]}


def test_guards_refuse_what_missed_its_credentials(cluster: Cluster, installed: tuple[Run, Run, Run]) -> None:
    planned = cluster.role("--check", **GUARDED)
    assert cluster.role(**GUARDED).result["actions"] == planned.result["actions"]
    client = cluster.client
    client.add_namespace("guarded", {"irsa.selfhosted.example/guard": "deny"})
    client.add_namespace("warned", {"irsa.selfhosted.example/guard": "warn"})
    for namespace in ("guarded", "warned"):
        for account in ("plain", "empty-role", "other"):
            client.add_account(namespace, account)
        client.add_account(namespace, "app", role_arn=ROLE)

    def refuses() -> None:
        status, answer = client.try_pod("guarded", pod("other"))
        assert status == 422 and "service account other has no IAM role" in answer["message"]

    eventually(refuses, AssertionError)
    mirror, skipped = PODS["mirror pod"], copy.deepcopy(PODS["label skip"])
    skipped["spec"]["serviceAccountName"] = "other"
    for each in (pod("plain"), mirror, skipped, pod("app")):
        assert client.try_pod("guarded", each)[0] == 201, each
    # An exception for a namespace is one for no other.
    assert client.try_pod("guarded", pod("empty-role"))[0] == 422
    status, dummy = client.try_pod("warned", pod("other"))
    assert status == 201 and "needs the volume aws-iam-token" in client.warnings[0]
    # Elsewhere, pods of accounts without a role are none of its business.
    assert client.try_pod(NAMESPACE, pod("plain"))[0] == 201 and client.warnings == []


def test_the_guard_of_accounts_notices_that_the_policy_is_gone(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    cluster.role(**GUARDED)
    binding = f"{GROUP}/mutatingadmissionpolicybindings/irsa-inject"
    cluster.client.must("DELETE", binding)

    def refused() -> None:
        status, answer = cluster.client.try_pod(NAMESPACE, pod())
        assert status == 422 and "has an IAM role, but this pod was given no token" in answer["message"]

    eventually(refused, AssertionError)
    repaired = cluster.role(**GUARDED)
    assert repaired.result["actions"] == ["k8s:apply MutatingAdmissionPolicyBinding/irsa-inject"]
    assert is_injected(cluster.client.try_pod(NAMESPACE, pod())[1])
    # Warned of instead: only the action of the binding differs.
    warned = cluster.role(**{**GUARDED, "guard": "warn"})
    assert warned.result["actions"] == ["k8s:apply ValidatingAdmissionPolicyBinding/irsa-guard"]
    switched_off = cluster.role()
    assert len(switched_off.result["actions"]) == 5 and "k8s:delete" in switched_off.result["actions"][0]


def test_the_account_of_an_interrupted_proof_is_no_account_with_a_role_and_goes_with_the_policies(
    cluster: Cluster, installed: tuple[Run, Run, Run]
) -> None:
    left = {
        "name": "irsa-proof-abcde",
        "labels": {"app.kubernetes.io/managed-by": "selfhosted.irsa"},
        "annotations": {f"{EKS}role-arn": "arn:aws:iam::000000000000:role/irsa-proof"},
    }
    cluster.client.must("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": left})
    # It is young, so it may be that of another run.
    assert cluster.role().result["labelled"] == []
    planned, removed = cluster.role("--check", state="absent"), cluster.role(state="absent")
    assert planned.result["actions"] == removed.result["actions"]
    assert removed.result["actions"][-1] == "k8s:delete ServiceAccount/default/irsa-proof-abcde"
    assert cluster.role(state="absent").changed == 0


def test_a_user_with_the_documented_rights_is_enough_and_others_are_told_what_they_lack(
    cluster: Cluster, installed: tuple[Run, Run, Run], tmp_path: Path
) -> None:
    for document in documented_rights():
        bind(cluster.client, document, "installer")
    bind(cluster.client, documented_rights()[-1], "nobody")
    for user in ("installer", "nobody"):
        write_kubeconfig_of(cluster.server, user, tmp_path / user)
    cluster.role(state="absent")
    variables = {"irsa_injection_region": REGION, "irsa_injection_guard": "deny"}
    options = {**variables, "irsa_kubeconfig": str(tmp_path / "installer")}
    ansible = Ansible(tmp_path)
    run = ansible.cluster_role("irsa_injection", options)
    assert run.result["proof"]["injected"] is True and len(run.result["actions"]) == 9
    assert (
        len(ansible.cluster_role("irsa_injection", {**options, "irsa_injection_guard": "off"}).result["actions"]) == 5
    )
    refused = ansible.cluster_role(
        "irsa_injection", {**options, "irsa_kubeconfig": str(tmp_path / "nobody")}, fails=True
    )
    output = re.sub(r"\s+", " ", refused.output)
    assert "lacks rights" in output and "patch mutatingadmissionpolicies.admissionregistration.k8s.io" in output
    assert "create pods in namespace default" in output


def test_documents_that_are_applied_by_hand_are_those_of_the_role(
    cluster: Cluster, installed: tuple[Run, Run, Run], tmp_path: Path
) -> None:
    cluster.role(state="absent")
    variables = {"irsa_manifests_path": str(tmp_path), "irsa_injection_region": REGION, "irsa_injection_guard": "deny"}
    written = Ansible(tmp_path).cluster_role("irsa_injection", variables)
    assert written.changed == 1 and written.requests == ()
    documents = list(yaml.safe_load_all((tmp_path / "irsa-injection.yaml").read_text(encoding="utf-8")))
    assert len(documents) == len(written.result["manifests"]) == 9
    for document in documents:
        plural = re.sub("y$", "ie", document["kind"].lower()) + "s"
        path = f"{GROUP}/{plural}/{document['metadata']['name']}?fieldManager=kubectl"
        made = cluster.client.must("PATCH", path, document, kind="application/apply-patch+yaml")
        assert made["kind"] == document["kind"], made

    def injected() -> None:
        assert is_injected(cluster.client.try_pod(NAMESPACE, pod())[1])

    eventually(injected, AssertionError)
    assert cluster.role("--check", guard="deny").result["actions"] == []


def test_an_older_api_server_is_refused_for_policies_by_name(
    cluster: Cluster, new_api_server: NewApiServer, tmp_path: Path
) -> None:
    with new_api_server(*signing_flags(tmp_path), "--emulated-version=1.35") as older:
        older.write_kubeconfig(tmp_path / "kubeconfig")
        run = Ansible(tmp_path).injection(region=REGION, method="policy", fails=True)
    output = re.sub(r"\s+", " ", run.output)
    assert "Set irsa_injection_method: webhook" in output and older.url.removeprefix("https://") in output
