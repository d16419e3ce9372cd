# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role irsa_service_accounts at a real API server, which says who set what, and at a real STS, which judges tokens."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from control_plane import ApiServer, NewApiServer
from endpoint import Endpoint, Site, eventually
from runs import Ansible, Run

AUDIENCE = "sts.amazonaws.com"
ROLE, AUDIENCE_OF = "eks.amazonaws.com/role-arn", "eks.amazonaws.com/audience"
ARN, NEW_ARN = (f"arn:aws:iam::123456789012:role/{name}" for name in ("app", "new"))
# What an account has whose item in the list names no audience.
DEFAULT = {ROLE: ARN, AUDIENCE_OF: AUDIENCE}


def flags(folder: Path) -> list[str]:
    """The flags of an API server with a key of its own."""
    key = folder / "sa.key"
    Ansible(folder).module("selfhosted.irsa.irsa_keypair", path=str(key))
    return [
        "--service-account-issuer=https://issuer.example.com",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
    ]


def create(api: ApiServer, namespace: str, name: str, annotations: dict[str, str], *, manager: str) -> None:
    """Create a service account as another program does, in a namespace that may exist already."""
    api.ask("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    metadata = {"name": name, "annotations": annotations, "labels": {"app": name}}
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    status, answer = api.ask(f"/api/v1/namespaces/{namespace}/serviceaccounts?fieldManager={manager}", body)
    assert status == 201, answer


def metadata_of(api: ApiServer, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")["metadata"]
    return found


def annotations_of(api: ApiServer, namespace: str, name: str) -> dict[str, str]:
    return dict(metadata_of(api, namespace, name).get("annotations", {}))


def actions(run: Run) -> list[str]:
    return [action for account in run.result["accounts"] for action in account["actions"]]


def item(namespace: str, name: str, **members: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "role_arn": ARN, **members}


# An account of others with annotations of theirs, one that Helm has given the same role, one that is new, and one in a
# new namespace.
FIRST = [
    item("shop", "theirs"),
    item("shop", "charted"),
    item("shop", "new", audience="other.example.com"),
    item("fresh", "app"),
]
# A new role in the place of another, the default audience again, and three accounts less.
LATER = [
    item("shop", "new", role_arn=NEW_ARN),
    item("shop", "new", state="absent"),
    item("shop", "theirs", state="absent"),
    item("shop", "charted", state="absent"),
    item("shop", "never", state="absent"),
    item("nowhere", "app", state="absent"),
    item("fresh", "app"),
]


@dataclass(frozen=True)
class Annotated:
    """The runs by their names, and what the API server had after each of them: annotations, by account."""

    api: ApiServer
    runs: dict[str, Run]
    seen: dict[str, dict[str, dict[str, str]]]
    denied: Run


@pytest.fixture(scope="module")
def annotated(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Annotated]:
    folder = tmp_path_factory.mktemp("annotated")
    with new_api_server(*flags(folder)) as api:
        api.write_kubeconfig(folder / "kubeconfig")
        create(api, "shop", "theirs", {"team": "shop"}, manager="them")
        create(api, "shop", "charted", {ROLE: ARN}, manager="helm")
        ansible = Ansible(folder)
        variables = {"irsa_kubeconfig": "kubeconfig", "irsa_service_accounts_create_namespaces": True}
        steps = {
            "check": (FIRST, ["--check"]),
            "first": (FIRST, []),
            "second": (FIRST, []),
            "check of change": (LATER, ["--check"]),
            "change": (LATER, []),
        }
        made = Annotated(api, {}, {}, _denied(api, ansible, folder))
        for name, (items, options) in steps.items():
            made.runs[name] = ansible.service_accounts({**variables, "irsa_service_accounts_list": items}, *options)
            made.seen[name] = all_annotations(api)
        yield made


def _denied(api: ApiServer, ansible: Ansible, folder: Path) -> Run:
    """A run that is refused for several reasons: a missing namespace, an annotation of others, missing rights."""
    path = folder / "limited-kubeconfig"
    create(api, "limited", "user", {}, manager="them")
    rule = {"apiGroups": [""], "resources": ["namespaces", "serviceaccounts"], "verbs": ["get"]}
    group = "rbac.authorization.k8s.io"
    documents: dict[str, dict[str, Any]] = {
        "clusterroles": {"kind": "ClusterRole", "rules": [rule]},
        "clusterrolebindings": {
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "limited"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "limited", "name": "user"}],
        },
    }
    for plural, document in documents.items():
        body = {"apiVersion": f"{group}/v1", "metadata": {"name": "limited"}, **document}
        status, answer = api.ask(f"/apis/{group}/v1/{plural}", body)
        assert status == 201, answer
    api.write_kubeconfig(path)
    config = json.loads(path.read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = api.token("limited", "user", "https://issuer.example.com")
    path.write_text(json.dumps(config), encoding="utf-8")
    items = [item("shop", "charted", role_arn=NEW_ARN), item("shop", "theirs"), item("nowhere", "app")]
    variables = {"irsa_kubeconfig": str(path), "irsa_service_accounts_list": items}
    return ansible.service_accounts(variables, fails=True)


def all_annotations(api: ApiServer) -> dict[str, dict[str, str]]:
    items = api.get("/api/v1/serviceaccounts")["items"]
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}": each["metadata"].get("annotations", {})
        for each in items
    }


def test_one_message_has_all_that_stands_in_the_way(annotated: Annotated) -> None:
    for part in (
        f"shop/charted: it already has {ROLE}: '{ARN}', set by 'helm'",
        "nowhere/app: there is no namespace nowhere",
        "lacks rights: patch serviceaccounts in namespace shop",
    ):
        assert part in annotated.denied.output
    assert annotated.denied.result == {}


@pytest.mark.parametrize(("planned", "done"), [("check", "first"), ("check of change", "change")])
def test_check_mode_lists_what_the_run_then_does(annotated: Annotated, planned: str, done: str) -> None:
    assert annotated.runs[planned].result == annotated.runs[done].result
    assert annotated.runs[planned].changed == 1
    assert annotated.seen["check"] == {
        "shop/theirs": {"team": "shop"},
        "shop/charted": {ROLE: ARN},
        "limited/user": {},
    }
    assert annotated.seen["check of change"] == annotated.seen["second"]


def test_accounts_are_annotated_and_what_others_set_stays(annotated: Annotated) -> None:
    assert actions(annotated.runs["first"]) == [
        "k8s:apply ServiceAccount/shop/theirs",
        "k8s:apply ServiceAccount/shop/charted",
        "k8s:apply ServiceAccount/shop/new",
        "k8s:apply Namespace/fresh",
        "k8s:apply ServiceAccount/fresh/app",
    ]
    assert annotated.seen["first"] == {
        "shop/theirs": {"team": "shop", **DEFAULT},
        "shop/charted": DEFAULT,
        "shop/new": {ROLE: ARN, AUDIENCE_OF: "other.example.com"},
        "fresh/app": DEFAULT,
        "limited/user": {},
    }
    assert metadata_of(annotated.api, "shop", "theirs")["labels"] == {"app": "theirs"}


def test_a_second_run_changes_nothing(annotated: Annotated) -> None:
    assert annotated.runs["second"].changed == 0
    assert actions(annotated.runs["second"]) == []
    assert annotated.seen["second"] == annotated.seen["first"]


def test_a_change_takes_only_what_the_role_has_set(annotated: Annotated) -> None:
    assert annotated.seen["change"] == {
        "shop/theirs": {"team": "shop"},
        "shop/charted": {ROLE: ARN},
        "shop/new": {**DEFAULT, ROLE: NEW_ARN},
        "fresh/app": DEFAULT,
        "limited/user": {},
    }
    (warning,) = [text for account in annotated.runs["change"].result["accounts"] for text in account["warnings"]]
    assert f"shop/charted keeps {ROLE}" in warning and "helm" in warning


# --- a role, judged by STS


# The API server, the name of the role, and what runs the role for the account shop/app.
Served = tuple[ApiServer, str, Callable[..., Run]]


def calls_to_iam(run: Run) -> list[str]:
    return [str(request.action) for request in run.writes if request.action]


@pytest.fixture
def served(endpoint: Endpoint, site: Site, new_api_server: NewApiServer, tmp_path: Path) -> Iterator[Served]:
    ansible = Ansible(tmp_path)
    provisioned = ansible.provision({**site.variables, "irsa_issuer_key_type": "RSA"})
    role = f"irsa-e2e-{site.bucket}"[:64]
    with new_api_server(*provisioned.result["apiserver_flags"]) as api, _role_removed(endpoint, role):
        api.write_kubeconfig(tmp_path / "kubeconfig")

        def run(*options: str, **members: Any) -> Run:
            account = {"namespace": "shop", "name": "app", "role_name": role, **members}
            variables = {
                "irsa_kubeconfig": "kubeconfig",
                "irsa_service_accounts_create_namespaces": True,
                "irsa_service_accounts_provider_arn": provisioned.result["provider_arn"],
                "irsa_service_accounts_list": [account],
            }
            return ansible.service_accounts(variables, *options)

        yield api, role, run


@contextlib.contextmanager
def _role_removed(endpoint: Endpoint, role: str) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(endpoint.iam.exceptions.NoSuchEntityException):
            for name in endpoint.iam.list_role_policies(RoleName=role)["PolicyNames"]:
                endpoint.iam.delete_role_policy(RoleName=role, PolicyName=name)
            endpoint.iam.delete_role(RoleName=role)


def test_sts_gives_the_role_to_its_account_only_and_until_it_is_absent(endpoint: Endpoint, served: Served) -> None:
    api, role, run = served
    refused = endpoint.sts.exceptions.ClientError
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    planned = run("--check", inline_policy=policy)
    first = run(inline_policy=policy)
    assert planned.result == first.result
    assert calls_to_iam(first) == ["CreateRole", "PutRolePolicy"]
    assert run(inline_policy=policy).changed == 0
    arn = annotations_of(api, "shop", "app")[ROLE]
    assert arn == first.result["accounts"][0]["role_arn"] == endpoint.iam.get_role(RoleName=role)["Role"]["Arn"]

    def assume(account: str, audience: str = AUDIENCE) -> str:
        token = api.token("shop", account, audience)
        answer = endpoint.sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="e2e", WebIdentityToken=token)
        return str(answer["Credentials"]["AccessKeyId"])

    assert eventually(lambda: assume("app"), refused)
    for account, audience in (("other", AUDIENCE), ("app", "other.example.com")):
        with pytest.raises(refused):
            assume(account, audience)

    if not endpoint.knows("iam", "list_instance_profiles_for_role", RoleName=role):
        pytest.skip("amazon.aws.iam_role cannot delete a role at an endpoint without ListInstanceProfilesForRole")
    ended = run(state="absent")
    assert ROLE not in annotations_of(api, "shop", "app")
    assert "DeleteRole" in calls_to_iam(ended)
    with pytest.raises(endpoint.iam.exceptions.NoSuchEntityException):
        endpoint.iam.get_role(RoleName=role)
    with pytest.raises(refused):
        assume("app")
