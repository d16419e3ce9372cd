# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for IAM roles, against an account of moto that others change, too."""

from __future__ import annotations

import json

import boto3
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import accounts_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_plan import plan_roles
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import own_tags, role_specs
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import statement_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION

ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/prod"
AUDIENCE = "sts.amazonaws.com"
CART, BILL = "system:serviceaccount:shop:cart", "system:serviceaccount:shop:bill"
FOR_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
OWN_TAG = {"Key": "app.kubernetes.io/managed-by", "Value": "selfhosted.irsa"}
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def iam(fake_aws):
    """A client of others."""
    return fake_aws.quietly("iam")


def make_role(iam, *statements, name="cart", **options):
    trust = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **options)["Role"]


def make_policy(iam, name):
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(INLINE))["Policy"]["Arn"]


def own_statement(*subjects):
    return statement_of(ARN, audience=AUDIENCE, subjects=subjects)


def plan(aws, *items, cluster=None, limit=2048, provider=ARN):
    defaults = {"namespace": "shop", "name": "cart", "audience": AUDIENCE, "state": "present"}
    named = [{**defaults, **({} if cluster else {"role_name": "cart"}), **each} for each in items]
    accounts, problems = accounts_of(named, cluster)
    assert problems == []
    return plan_roles(aws, role_specs(accounts, provider), limit)


def only(planned):
    (plans, problems) = planned
    assert problems == []
    (found,) = plans
    return found


def operations(role_plan):
    return [change.operation for change in role_plan.changes]


def test_a_missing_role_is_planned_without_a_write(aws, fake_aws):
    found = only(plan(aws, {"inline_policy": INLINE, "tags": {"a": "b"}}))
    assert operations(found) == ["CreateRole", "PutRolePolicy"]
    assert found.arn == f"arn:aws:iam::{ACCOUNT}:role/cart"
    assert json.loads(found.iam_role["trust_policy"])["Statement"] == [own_statement(CART)]
    assert found.iam_role["tags"] == {"a": "b", OWN_TAG["Key"]: OWN_TAG["Value"]}
    assert found.iam_policy == {
        "name": "cart",
        "policy_name": "selfhosted.irsa",
        "policy": json.dumps(INLINE, separators=(",", ":")),
    }
    assert fake_aws.writes == []


def test_a_role_that_is_as_desired_is_left_alone(aws, iam):
    role = make_role(iam, FOR_EC2, own_statement(CART), Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
    iam.put_role_policy(RoleName="cart", PolicyName="selfhosted.irsa", PolicyDocument=json.dumps(INLINE))
    found = only(plan(aws, {"inline_policy": INLINE, "tags": {"a": "b"}, "max_session_duration": 3600}))
    assert (operations(found), found.iam_role, found.iam_policy) == ([], None, None)
    assert found.arn == role["Arn"]


def test_what_differs_is_planned_in_the_order_of_iam_role(aws, iam):
    make_role(iam, FOR_EC2)
    policies = [
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(INLINE))["Policy"]["Arn"]
        for name in ("one", "two")
    ]
    iam.attach_role_policy(RoleName="cart", PolicyArn=policies[0])
    settings = {
        "managed_policies": policies,
        "permissions_boundary": policies[0],
        "max_session_duration": 7200,
        "tags": {"a": "b"},
    }
    found = only(plan(aws, settings))
    assert operations(found) == [
        "TagRole",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "PutRolePermissionsBoundary",
        "AttachRolePolicy",
    ]
    assert found.iam_role["tags"] == {"a": "b"}
    assert "description" not in found.iam_role
    assert found.changes[-1].after == policies[1]


def test_a_missing_managed_policy_is_a_problem(aws):
    dummy, problems = plan(aws, {"managed_policies": [f"arn:aws:iam::{ACCOUNT}:policy/none"]})
    assert problems == [
        f"Role cart: there is no managed policy arn:aws:iam::{ACCOUNT}:policy/none; create it, or correct its ARN."
    ]


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("MethodNotAllowed", 405)])
def test_a_managed_policy_that_cannot_be_looked_up_is_left_to_the_write(aws, fake_aws, code, status):
    fake_aws.fail("iam:GetPolicy", code, status)
    found = only(plan(aws, {"managed_policies": [f"arn:aws:iam::{ACCOUNT}:policy/none"]}))
    assert operations(found) == ["CreateRole", "AttachRolePolicy"]


def test_a_denied_read_is_reported(aws, fake_aws):
    fake_aws.fail("iam:GetRole", "AccessDenied", 403)
    with pytest.raises(CallFailed, match="iam:GetRole"):
        plan(aws, {})


def test_a_policy_that_is_too_long_is_a_problem_unless_the_quota_was_raised(aws, iam):
    make_role(iam, {**FOR_EC2, "Sid": "x" * 1800})
    dummy, problems = plan(aws, {}, {"name": "bill"})
    assert "Role cart: the trust policy would have" in problems[0]
    assert operations(only(plan(aws, {}, {"name": "bill"}, limit=4096))) == ["UpdateAssumeRolePolicy"]


def test_a_long_policy_that_need_not_change_is_no_problem(aws, iam):
    make_role(iam, {**FOR_EC2, "Sid": "x" * 1800}, own_statement(CART))
    assert operations(only(plan(aws, {}, limit=2048))) == []


def test_each_problem_is_of_its_role(aws, iam):
    make_role(iam, {**own_statement(CART), "Effect": "Deny"})
    make_role(iam, {**own_statement(BILL), "Action": "sts:*"}, name="bill")
    plans, problems = plan(aws, {}, {"name": "bill", "role_name": "bill"}, {"name": "ship", "role_name": "ship"})
    assert [text.partition(":")[0] for text in problems] == ["Role cart", "Role bill"]
    assert [each.spec.name for each in plans] == ["ship"]


def test_a_default_role_that_trusts_another_account_is_a_problem(aws, iam):
    make_role(iam, own_statement(BILL), name="prod-shop-cart")
    dummy, problems = plan(aws, {}, cluster="prod")
    assert f"it is trusted for '{BILL}'" in problems[0]
    assert plan(aws, {"role_name": "prod-shop-cart"}, cluster="prod")[1] == []


# --- the account of the provider

ELSEWHERE = ARN.replace(ACCOUNT, "210987654321")


@pytest.mark.parametrize("exists", [True, False])
def test_a_provider_in_another_account_is_one_problem_of_all_roles(aws, iam, fake_aws, exists):
    if exists:
        make_role(iam, FOR_EC2)
    dummy, problems = plan(aws, {}, {"name": "bill", "role_name": "bill"}, provider=ELSEWHERE)
    (problem,) = problems
    assert problem.startswith(
        f"The provider {ELSEWHERE} is in account 210987654321, but the credentials are of account {ACCOUNT}."
    )
    assert fake_aws.calls.count("sts:GetCallerIdentity") == (0 if exists else 1)


def test_a_role_that_trusts_a_provider_of_another_account_already_is_a_problem_unless_it_is_withdrawn(aws, iam):
    make_role(iam, FOR_EC2, statement_of(ELSEWHERE, audience=AUDIENCE, subjects=[CART]))
    assert len(plan(aws, {}, provider=ELSEWHERE)[1]) == 1
    assert operations(only(plan(aws, {"state": "absent"}, provider=ELSEWHERE))) == ["UpdateAssumeRolePolicy"]


@pytest.mark.parametrize(("code", "status"), [("MethodNotAllowed", 405), ("AccessDenied", 403)])
def test_an_account_that_cannot_be_asked_for_is_not_compared(aws, fake_aws, code, status):
    fake_aws.fail("sts:GetCallerIdentity", code, status)
    assert operations(only(plan(aws, {}, provider=ELSEWHERE))) == ["CreateRole"]


@pytest.mark.parametrize("provider", [ARN.replace(ACCOUNT, ""), ARN.replace(ACCOUNT, "tenant"), "x:oidc-provider/y"])
def test_accounts_of_unknown_form_are_not_compared(aws, provider):
    assert operations(only(plan(aws, {}, provider=provider))) == ["CreateRole"]


# --- state absent


GONE = {"state": "absent"}


def test_nothing_is_done_to_a_role_that_does_not_trust_the_account(aws, iam):
    assert only(plan(aws, GONE)).arn is None
    make_role(iam, FOR_EC2, own_statement(BILL))
    assert operations(only(plan(aws, GONE))) == []


def test_only_the_account_is_taken_from_a_role_that_others_need(aws, iam):
    make_role(iam, FOR_EC2, own_statement(BILL, CART), Tags=[OWN_TAG])
    found = only(plan(aws, GONE))
    assert operations(found) == ["UpdateAssumeRolePolicy"]
    assert found.iam_role == {
        "name": "cart",
        "state": "present",
        "trust_policy": json.dumps(
            {"Version": "2012-10-17", "Statement": [FOR_EC2, own_statement(BILL)]}, separators=(",", ":")
        ),
    }


def test_our_role_is_deleted_with_the_last_statement(aws, iam):
    make_role(iam, own_statement(CART), Tags=[OWN_TAG])
    iam.attach_role_policy(RoleName="cart", PolicyArn=make_policy(iam, "one"))
    iam.put_role_policy(RoleName="cart", PolicyName="theirs", PolicyDocument=json.dumps(INLINE))
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="cart")
    found = only(plan(aws, GONE))
    assert operations(found) == ["RemoveRoleFromInstanceProfile", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"]
    assert found.iam_role == {"name": "cart", "state": "absent"}


@pytest.mark.parametrize(
    ("item", "denied", "expected"),
    [
        ({"tags": {"a": "b"}}, False, []),
        (GONE, False, ["DeleteRole"]),
        ({"tags": {"a": "b"}}, True, ["TagRole"]),
    ],
)
def test_tags_are_looked_up_where_a_role_is_read_without_them(aws, iam, fake_aws, item, denied, expected):
    """Ceph answers so, and with two entries for a tag."""
    role = make_role(iam, own_statement(CART), Tags=[OWN_TAG, {"Key": "a", "Value": "b"}])
    trust = json.dumps({"Version": "2012-10-17", "Statement": [own_statement(CART)]})
    read = {"Arn": role["Arn"], "RoleName": "cart", "AssumeRolePolicyDocument": trust}
    split = [{"Key": OWN_TAG["Key"]}, {"Value": OWN_TAG["Value"]}, {"Key": "a"}, {"Value": "b"}]
    if denied:
        fake_aws.fail("iam:ListRoleTags", "AccessDenied", 403)
    with fake_aws.altered("iam:GetRole", Role=read), fake_aws.altered("iam:ListRoleTags", Tags=split):
        assert operations(only(plan(aws, item))) == expected


def test_a_role_with_our_description_is_ours_too(aws, iam):
    created = only(plan(aws, {}))
    make_role(iam, own_statement(CART), Description=created.iam_role["description"])
    assert operations(only(plan(aws, GONE))) == ["DeleteRole"]


def test_a_store_other_than_aws_gets_no_tags(fake_aws):
    """Ceph 20.2 refuses all tokens for a role with tags."""
    client = boto3.client(
        "iam",
        region_name=REGION,
        endpoint_url="https://store.example.test",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="x",
    )
    assert own_tags(Aws(ReadyClients(iam=client))) == {}
    assert own_tags(Aws(fake_aws.clients)) == {OWN_TAG["Key"]: OWN_TAG["Value"]}


def test_a_role_of_others_is_never_deleted(aws, iam):
    make_role(iam, own_statement(CART))
    dummy, problems = plan(aws, GONE)
    assert "it would be trusted by no one" in problems[0]


def test_a_role_that_one_account_leaves_and_another_joins_stays(aws, iam):
    make_role(iam, own_statement(CART), Tags=[OWN_TAG])
    found = only(plan(aws, GONE, {"name": "bill"}))
    assert json.loads(found.iam_role["trust_policy"])["Statement"] == [own_statement(BILL)]
