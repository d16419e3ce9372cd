# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a whole list, against an account of moto and a cluster."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.plan import Planner, Settings, accounts_for
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import DESCRIPTION
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import statement_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.cluster_objects import AUDIENCE, ROLE, Api, present
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/prod"
OLD, NEW = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("old", "new"))
SUBJECT = "system:serviceaccount:shop:cart"
AWS = "sts.amazonaws.com"
CART = {"namespace": "shop", "name": "cart"}
LEFT = {**CART, "role_name": "old", "state": "absent"}
DELETED = ["iam:DeleteRole"]
ANNOTATED = ["k8s:apply ServiceAccount/shop/cart"]


@pytest.fixture
def old_role(fake_aws):
    """A role of ours that trusts the service account, and nothing else."""
    make_role(fake_aws, "old", AWS)


def make_role(fake_aws, name, *audiences):
    statements = [statement_of(PROVIDER, audience=audience, subjects=[SUBJECT]) for audience in audiences]
    trust = json.dumps({"Version": "2012-10-17", "Statement": statements})
    fake_aws.quietly("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, Description=DESCRIPTION)


def annotated(arn, audience=AWS):
    return Api(present({ROLE: arn, AUDIENCE: audience}, "selfhosted.irsa"))


def plan(aws, api, *items, check_mode=False, **settings):
    made = Settings(provider_arn=PROVIDER, kubeconfig="/x", **settings)
    return Planner(aws, api, made).plan(accounts_for(items, made), check_mode=check_mode)


def audiences(role):
    """The audiences for which a role is to trust the service account."""
    statements = json.loads(role["trust_policy"])["Statement"]
    values = [statement["Condition"]["StringEquals"] for statement in statements]
    assert {each["oidc.example.com/prod:sub"] for each in values} == {SUBJECT}
    return [each["oidc.example.com/prod:aud"] for each in values]


# --- a service account that leaves its role


def test_a_role_that_is_left_and_deleted_has_no_arn_any_more(aws, old_role):
    found = plan(aws, annotated(OLD), LEFT)
    assert found["actions"] == [*ANNOTATED, *DELETED]
    assert found["accounts"][0]["role_arn"] is None


def test_a_role_that_others_need_keeps_its_arn(aws, old_role):
    found = plan(aws, Api(), LEFT, {**CART, "name": "bill", "role_name": "old"})
    assert [each["role_arn"] for each in found["accounts"]] == [OLD, OLD]


def test_the_annotation_of_another_role_stays_when_an_old_role_is_left(aws, old_role):
    found = plan(aws, annotated(NEW), LEFT)
    assert (found["actions"], found["documents"]) == (DELETED, [])
    assert "keeps" in found["accounts"][0]["warnings"][0]


def test_annotations_of_a_role_that_is_gone_already_are_removed(aws):
    assert plan(aws, annotated(OLD), LEFT)["actions"] == ANNOTATED


@pytest.mark.parametrize("order", [1, -1])
def test_one_run_moves_an_account_to_another_role(aws, fake_aws, order, old_role):
    make_role(fake_aws, "new")
    found = plan(aws, annotated(OLD), *[LEFT, {**CART, "role_name": "new"}][::order])
    assert [audiences(role) for role in found["roles"]] == [[AWS]]
    assert [each["metadata"]["annotations"][ROLE] for each in found["documents"]] == [NEW]
    assert found["former_roles"] == [{"name": "old", "state": "absent"}]
    results = {each["role_name"]: each for each in found["accounts"]}
    assert results["old"]["actions"] == DELETED
    assert results["new"]["actions"] == ["iam:UpdateAssumeRolePolicy", *ANNOTATED]
    assert found["warnings"] == []


def test_a_role_that_is_now_managed_elsewhere_is_not_withdrawn(aws, old_role):
    with pytest.raises(IrsaError, match="takes role old from it, which is the same"):
        plan(aws, annotated(OLD), LEFT, {**CART, "role_arn": OLD})
    elsewhere = OLD.replace(ACCOUNT, "210987654321")
    assert plan(aws, annotated(OLD), LEFT, {**CART, "role_arn": elsewhere})["actions"] == [*DELETED, *ANNOTATED]


def test_several_roles_are_left_without_a_warning_of_each_other(aws, fake_aws, old_role):
    make_role(fake_aws, "new", AWS)
    found = plan(aws, annotated(NEW), LEFT, {**LEFT, "role_name": "new"})
    assert found["actions"] == [*DELETED, *ANNOTATED, *DELETED]
    assert found["warnings"] == []


# --- a service account whose tokens get another audience


def test_a_new_audience_leaves_the_trust_that_running_pods_need_and_says_so(aws, old_role):
    item = {**CART, "role_name": "old", "audience": "vault"}
    found = plan(aws, annotated(OLD), item)
    assert audiences(found["roles"][0]) == [AWS, "vault"]
    (warning,) = found["accounts"][0]["warnings"]
    withdrawal = yaml.safe_load(warning.partition(": ")[2])
    assert withdrawal == {**LEFT, "audience": AWS}

    later = plan(aws, annotated(OLD, "vault"), item, withdrawal)
    assert audiences(later["roles"][0]) == ["vault"]
    assert (later["documents"], later["warnings"]) == ([], [])
    assert later["actions"] == ["iam:UpdateAssumeRolePolicy"]


def test_a_policy_that_is_too_long_for_two_audiences_says_how_to_withdraw_one(aws, old_role):
    item = {**CART, "role_name": "old", "audience": "vault"}
    with pytest.raises(IrsaError, match=r"1 service accounts for earlier audiences, which items .* state absent"):
        plan(aws, annotated(OLD), item, trust_policy_limit=500)
    plan(aws, annotated(OLD), item, {**LEFT, "audience": AWS}, trust_policy_limit=500)


def test_an_audience_that_was_withdrawn_takes_nothing_else_when_it_stays_in_the_list(aws, fake_aws):
    make_role(fake_aws, "old", "vault")
    found = plan(aws, annotated(OLD, "vault"), {**LEFT, "audience": AWS})
    assert found["actions"] == []
    assert "keeps" in found["accounts"][0]["warnings"][0]


# --- manifests


def files_of(result):
    return [action for action in result["actions"] if action.startswith("file:")]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_file_with_the_manifests_is_listed_with_the_first_account(aws, tmp_path, check_mode):
    items = [{**CART, "name": name, "role_arn": NEW} for name in ("cart", "bill")]
    found = plan(aws, None, *items, manifests_path=str(tmp_path), check_mode=check_mode)
    first, second = found["accounts"]
    assert (len(files_of(first)), first["changed"]) == (1, True)
    assert (files_of(second), second["changed"]) == ([], False)
    assert found["without_accounts"] == {"changed": False, "actions": []}
    (tmp_path / "irsa-service-accounts.yaml").write_text(
        plan(aws, None, *items, manifests_path=str(tmp_path))["manifest"]["text"]
    )
    again = plan(aws, None, *items, manifests_path=str(tmp_path), check_mode=check_mode)
    assert not any(each["changed"] for each in again["accounts"])


def test_the_file_changes_when_the_last_account_leaves_the_list(aws, tmp_path):
    (tmp_path / "irsa-service-accounts.yaml").write_text("old")
    found = plan(aws, None, manifests_path=str(tmp_path))
    assert found["accounts"] == []
    assert found["without_accounts"]["changed"]
    assert files_of(found["without_accounts"]) == found["actions"]


def test_a_file_has_the_present_role_of_an_account_that_left_another(aws, tmp_path, old_role):
    found = plan(aws, None, LEFT, {**CART, "role_arn": NEW}, manifests_path=str(tmp_path))
    (document,) = [each for each in yaml.safe_load_all(found["manifest"]["text"]) if each]
    assert document["metadata"]["annotations"][ROLE] == NEW
    assert found["warnings"] == []
