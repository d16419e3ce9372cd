# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role irsa_service_accounts against the embedded AWS, with manifests in the place of a cluster.

One operator goes through the life of a few roles; each test looks at what came of one part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from accounts import Account
from playbooks import Operator, Run

ROLE = "selfhosted.irsa.irsa_service_accounts"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com"
KEY = PROVIDER.partition("/")[2]
ELSEWHERE = "arn:aws:iam::210987654321:role/team/reports"
MANAGED = "arn:aws:iam::123456789012:policy/read"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

FOR_EC2 = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
INLINE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::backups/*"}],
}

VELERO: dict[str, Any] = {
    "namespace": "backup",
    "name": "velero",
    "managed_policies": [MANAGED],
    "inline_policy": INLINE,
    "max_session_duration": 7200,
    "permissions_boundary": BOUNDARY,
    "tags": {"team": "storage"},
}
SHARED: list[dict[str, Any]] = [
    {"namespace": "shop", "name": "cart", "role_name": "shared", "tags": {"team": "shop"}},
    {"namespace": "shop", "name": "bill.v2", "role_name": "shared", "audience": "other.example.com"},
    {"namespace": "shop", "name": "ship", "role_name": "shared"},
]
REPORTS: dict[str, Any] = {"namespace": "reports", "name": "app", "role_arn": ELSEWHERE}
OLD: dict[str, Any] = {
    "namespace": "backup",
    "name": "old",
    "role_name": "old",
    "managed_policies": [MANAGED],
    "inline_policy": INLINE,
}
FIRST: list[dict[str, Any]] = [VELERO, *SHARED, OLD, REPORTS]

# Other settings, two accounts less, one of which has a role of its own; nothing else changes.
LATER: list[dict[str, Any]] = [
    {**VELERO, "inline_policy": {**INLINE, "Id": "new"}, "max_session_duration": 3600, "tags": {"team": "backup"}},
    SHARED[0],
    SHARED[1],
    {**SHARED[2], "state": "absent"},
    {**OLD, "state": "absent"},
    REPORTS,
]


def play(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    variables = {
        "irsa_service_accounts_list": items,
        "irsa_service_accounts_cluster": "prod",
        "irsa_service_accounts_provider_arn": PROVIDER,
        "irsa_service_accounts_create_namespaces": True,
        "irsa_manifests_path": "manifests",
    }
    role = {"ansible.builtin.import_role": {"name": ROLE}, "vars": variables}
    return [{"hosts": "localhost", "gather_facts": False, "tasks": [role]}]


def results(run: Run) -> list[dict[str, Any]]:
    """What the role left for the tasks that follow."""
    (found,) = (
        record.result["ansible_facts"]["irsa_service_accounts_result"]
        for record in run.ok().records
        if "irsa_service_accounts_result" in (record.result.get("ansible_facts") or {})
    )
    return list(found)


def actions(run: Run) -> list[str]:
    return [action for result in results(run) for action in result["actions"]]


def of_iam(run: Run) -> list[str]:
    return sorted(action for action in actions(run) if action.startswith("iam:"))


def subjects(policy: dict[str, Any]) -> list[Any]:
    """The subjects of each statement; None for a statement that has none."""
    return [each.get("Condition", {}).get("StringEquals", {}).get(f"{KEY}:sub") for each in policy["Statement"]]


@dataclass
class Life:
    """The runs by their names, and after each of them the roles, and the text of the manifests."""

    runs: dict[str, Run]
    roles: dict[str, dict[str, Any]]
    manifests: dict[str, str | None]


def roles_of(account: Account) -> dict[str, Any]:
    """All roles, with what the tests look at."""
    iam = account.client("iam")
    found = {}
    for listed in iam.list_roles()["Roles"]:
        name = listed["RoleName"]
        role = iam.get_role(RoleName=name)["Role"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        found[name] = {
            "trust": role["AssumeRolePolicyDocument"],
            "duration": role["MaxSessionDuration"],
            "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
            "managed": [each["PolicyArn"] for each in attached],
            "inline": {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline},
        }
    return found


@pytest.fixture(scope="module")
def life(new_operator: Callable[[], Operator]) -> Life:
    operator = new_operator()
    account = Account(operator.sandbox)
    iam = account.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [FOR_EC2]})
    iam.create_role(RoleName="shared", AssumeRolePolicyDocument=trust, Tags=[{"Key": "owner", "Value": "them"}])
    for name in ("read", "boundary"):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(INLINE))
    folder = operator.folder / "manifests"
    folder.mkdir()
    file = folder / "irsa-service-accounts.yaml"
    made = Life({}, {"start": roles_of(account)}, {"start": None})
    steps: tuple[tuple[str, list[dict[str, Any]], list[str]], ...] = (
        ("check", FIRST, ["--check"]),
        ("first", FIRST, ["--diff"]),
        ("second", FIRST, []),
        ("check of change", LATER, ["--check", "--diff"]),
        ("change", LATER, []),
    )
    for name, items, options in steps:
        made.runs[name] = operator.play(play(items), *options).ok()
        made.roles[name] = roles_of(account)
        made.manifests[name] = file.read_text(encoding="utf-8") if file.exists() else None
    return made


@pytest.mark.parametrize(("planned", "done"), [("check", "first"), ("check of change", "change")])
def test_check_mode_lists_what_the_run_then_does(life: Life, planned: str, done: str) -> None:
    assert life.runs[planned].writes == []
    assert results(life.runs[planned]) == results(life.runs[done])
    assert life.runs[planned].changed["localhost"] > 0
    before = {"check": "start", "check of change": "second"}[planned]
    assert life.roles[planned] == life.roles[before]
    assert life.manifests[planned] == life.manifests[before]


@pytest.mark.parametrize("name", ["first", "second", "change"])
def test_the_actions_are_the_writes_that_the_endpoint_saw(life: Life, name: str) -> None:
    assert of_iam(life.runs[name]) == sorted(life.runs[name].writes)


def test_a_second_run_changes_nothing(life: Life) -> None:
    assert life.runs["second"].changed == {"localhost": 0}
    assert actions(life.runs["second"]) == []
    assert not any(result["changed"] for result in results(life.runs["second"]))


def test_a_new_role_has_its_settings_and_trusts_its_account_only(life: Life) -> None:
    role = life.roles["first"]["prod-backup-velero"]
    (statement,) = role["trust"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {f"{KEY}:aud": "sts.amazonaws.com", f"{KEY}:sub": "system:serviceaccount:backup:velero"}
    }
    assert role["duration"] == 7200
    assert role["boundary"] == BOUNDARY
    assert role["tags"] == {"team": "storage", "app.kubernetes.io/managed-by": "selfhosted.irsa"}
    assert role["managed"] == [MANAGED]
    assert role["inline"] == {"selfhosted.irsa": INLINE}


def test_a_role_of_others_gains_statements_and_loses_none(life: Life) -> None:
    role = life.roles["first"]["shared"]
    assert role["trust"]["Statement"][0] == FOR_EC2
    assert sorted(map(str, subjects(role["trust"])[1:])) == sorted(
        [
            "system:serviceaccount:shop:bill.v2",
            str(["system:serviceaccount:shop:cart", "system:serviceaccount:shop:ship"]),
        ]
    )
    assert role["tags"] == {"owner": "them", "team": "shop"}


def test_a_role_that_is_managed_elsewhere_is_not_asked_for(life: Life) -> None:
    assert set(life.roles["first"]) == {"shared", "prod-backup-velero", "old"}
    asked = {call["operation"] for call in life.runs["second"].calls if not call["anonymous"]}
    assert asked == {"GetRole", "ListAttachedRolePolicies", "GetRolePolicy"}


def test_the_result_has_an_item_for_each_account(life: Life) -> None:
    found = results(life.runs["first"])
    assert [(each["namespace"], each["name"], each["role_name"]) for each in found] == [
        ("backup", "velero", "prod-backup-velero"),
        ("shop", "cart", "shared"),
        ("shop", "bill.v2", "shared"),
        ("shop", "ship", "shared"),
        ("backup", "old", "old"),
        ("reports", "app", None),
    ]
    arns = [each["role_arn"] for each in found]
    names = ("prod-backup-velero", "shared", "shared", "shared", "old")
    assert arns == [*(f"arn:aws:iam::123456789012:role/{name}" for name in names), ELSEWHERE]
    assert [each["role_arn"] for each in results(life.runs["check"])] == arns
    assert {each["state"] for each in found} == {"present"}


def test_the_manifests_have_namespaces_and_annotated_accounts(life: Life) -> None:
    documents = list(yaml.safe_load_all(life.manifests["first"] or ""))
    assert [(each["kind"], each["metadata"]["name"]) for each in documents] == [
        *(("Namespace", name) for name in ("backup", "shop", "reports")),
        *(("ServiceAccount", name) for name in ("velero", "cart", "bill.v2", "ship", "old", "app")),
    ]
    annotations = {each["metadata"]["name"]: each["metadata"].get("annotations") for each in documents}
    assert annotations["app"] == {
        "eks.amazonaws.com/role-arn": ELSEWHERE,
        "eks.amazonaws.com/audience": "sts.amazonaws.com",
    }
    assert annotations["bill.v2"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/shared",
        "eks.amazonaws.com/audience": "other.example.com",
    }


def test_a_change_touches_only_what_differs(life: Life) -> None:
    assert of_iam(life.runs["change"]) == [
        *("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
        *("iam:PutRolePolicy", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"),
    ]
    role = life.roles["change"]["prod-backup-velero"]
    assert role["inline"]["selfhosted.irsa"]["Id"] == "new"
    assert role["tags"]["team"] == "backup"
    assert "system:serviceaccount:shop:ship" not in json.dumps(life.roles["change"]["shared"]["trust"])
    assert "ship" not in (life.manifests["change"] or "")
    drawn = "".join(entry["before"] for entry in life.runs["check of change"].drawn().values())
    assert "system:serviceaccount:shop:ship" in drawn


def test_a_role_of_ours_that_no_one_needs_is_deleted(life: Life) -> None:
    assert set(life.roles["change"]) == {"shared", "prod-backup-velero"}
    assert any("--namespace backup annotate serviceaccount old" in text for text in life.runs["change"].warnings)
    assert "old" not in (life.manifests["change"] or "")


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_written(operator: Operator) -> None:
    many = [{"namespace": "many", "name": f"service-account-{number}", "role_name": "many"} for number in range(60)]
    bad = [
        {"namespace": "Shop", "name": "cart", "role_name": "x"},
        {"namespace": "shop", "name": "a_b", "role_name": "no good"},
        {"namespace": "shop", "name": "both", "role_name": "x", "role_arn": ELSEWHERE},
        {"namespace": "shop", "name": "twice", "role_name": "x"},
        {"namespace": "shop", "name": "twice", "role_name": "x"},
    ]
    run = operator.play(play(bad))
    assert run.calls == []
    for part in ("[0]", "namespace must", "[1]", "name must", "role_name is 'no good'", "[2]", "exclude each other"):
        assert part in run.failure
    (operator.folder / "manifests").mkdir()
    missing = {"namespace": "a", "name": "b", "role_name": "missing", "managed_policies": [MANAGED]}
    later = operator.play(play([*many, missing]))
    assert later.writes == []
    assert "Role many: the trust policy would have" in later.failure
    assert f"Role missing: there is no managed policy {MANAGED}" in later.failure
