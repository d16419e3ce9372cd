# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of service accounts: what is wrong with it, and what its items mean."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import accounts_of, default_role_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.role_state import role_specs

ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod"
ROLE_ARN = "arn:aws:iam::123456789012:role/team/app"
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def item(namespace="shop", name="cart", **members):
    given = {"role_name": "cart"} if not members.keys() & {"role_name", "role_arn"} else {}
    return {
        "namespace": namespace,
        "name": name,
        "audience": "sts.amazonaws.com",
        "state": "present",
        **given,
        **members,
    }


def problems(*items, cluster=None):
    accounts, found = accounts_of(items, cluster)
    assert not (accounts and found) or len(items) > 1
    return "\n".join(found)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"role_name": "A-z_0+=,.@"},
        {"role_name": "x" * 64},
        {"role_arn": ROLE_ARN, "role_name": None},
        {"role_arn": "arn:aws-us-gov:iam::123456789012:role/x", "role_name": ""},
        {"role_arn": "arn:aws:iam::RGW26109178659915929:role/x", "role_name": None},
        {"managed_policies": [POLICY, "arn:aws:iam::123456789012:policy/team/read"]},
        {"inline_policy": INLINE, "permissions_boundary": POLICY, "max_session_duration": 3600, "tags": {"a": 1}},
        {"max_session_duration": 43200, "audience": "x"},
        {"namespace": "a" * 63, "name": "b" * 253},
        {"state": "absent", "role_arn": ROLE_ARN, "role_name": None},
    ],
)
def test_good_items_are_accepted(members):
    assert problems(item(**members)) == ""


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"namespace": None}, "namespace must be"),
        ({"namespace": "a.b"}, "namespace must be"),
        ({"namespace": "a" * 64}, "namespace must be"),
        ({"name": "Cart"}, "name must be"),
        ({"name": "*"}, "name must be"),
        ({"role_name": "a/b"}, "role_name is 'a/b'"),
        ({"role_name": "x" * 65}, "has 1 to 64"),
        ({"role_name": "ä"}, "role_name is"),
        ({"role_arn": "arn:aws:iam::123456789012:user/x", "role_name": None}, "role_arn is"),
        ({"role_arn": ROLE_ARN, "role_name": "x"}, "exclude each other"),
        ({"role_name": None}, "neither role_name nor role_arn"),
        ({"role_name": None, "state": "absent"}, "neither role_name nor role_arn"),
        ({"role_arn": ROLE_ARN, "inline_policy": INLINE, "tags": {"a": "b"}}, "inline_policy, tags would change"),
        ({"managed_policies": ["AmazonS3ReadOnlyAccess"]}, "name a policy by its ARN"),
        ({"permissions_boundary": "none"}, "permissions_boundary has 'none'"),
        ({"max_session_duration": 3599}, "3600 to 43200"),
        ({"max_session_duration": 43201}, "3600 to 43200"),
        ({"inline_policy": {"Version": "2012-10-17"}}, "inline_policy must be a policy"),
        ({"inline_policy": {"Statement": [{"Resource": "x" * 10240}]}}, "IAM accepts 10240"),
        ({"audience": ""}, "audience has an entry of 0 characters"),
        ({"audience": "['a']"}, "looks like a list"),
        ({"tags": {"aws:x": "y"}}, "begins with aws:"),
        ({"tags": {"x" * 129: "y"}}, "too long"),
    ],
)
def test_bad_items_are_refused(members, message):
    found = problems(item(**members))
    assert re.match(r"irsa_service_accounts_list\[0\] \(.*, .*\): ", found)
    assert message in found


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"rolename": "x"}, "it has a member other than namespace, name, role_name"),
        ({"max_session_duration": "long"}, "max_session_duration is not of the type"),
        ({"inline_policy": "text"}, "inline_policy is not of the type"),
        ({"inline_policy": "[1]"}, "inline_policy is not of the type"),
        ({"tags": ["a"]}, "tags is not of the type"),
        ({"state": "gone"}, "state is not of the type"),
    ],
)
def test_members_of_another_type_and_unknown_members_are_refused(members, message):
    assert message in problems(item(**members))


def test_values_are_taken_in_each_form_that_ansible_gives_them():
    given = {"namespace": "shop", "name": "cart", "role_name": 5, "max_session_duration": "3600", "state": None}
    (made,), found = accounts_of([{**given, "inline_policy": json.dumps(INLINE), "managed_policies": POLICY}], None)
    assert found == []
    assert (made.role_name, made.state, made.audience) == ("5", "present", "sts.amazonaws.com")
    assert made.settings == {"inline_policy": INLINE, "managed_policies": [POLICY], "max_session_duration": 3600}


def test_all_bad_items_are_named_at_once():
    found = problems(item(namespace="A"), item(name="b"), item(name="C", role_name="a b"))
    assert [line.partition(":")[0] for line in found.splitlines()] == [
        "irsa_service_accounts_list[0] ('A', 'cart')",
        "irsa_service_accounts_list[2] ('shop', 'C')",
        "irsa_service_accounts_list[2] ('shop', 'C')",
    ]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item(), item(role_name="other")], "has shop/cart 2 times"),
        ([item(), item(audience="other")], "has shop/cart 2 times"),
        ([item(), item(state="absent")], "has shop/cart with role cart 2 times"),
        ([item(), item(state="absent", audience=None)], "has shop/cart with role cart 2 times"),
        ([item(audience="x"), item(state="absent", audience=None)], "has shop/cart with role cart 2 times"),
        ([item(state="absent"), item(state="absent")], "has shop/cart with role cart 2 times"),
        (
            [item(role_arn=ROLE_ARN), item(role_arn=ROLE_ARN, audience="x", state="absent")],
            f"has shop/cart with role {ROLE_ARN} 2 times",
        ),
        ([item(), item(name="bill", role_name="CART")], "CART and cart differ only by case"),
        (
            [item(inline_policy=INLINE), item(name="bill", inline_policy={**INLINE, "Id": "x"})],
            "role cart has several values of inline_policy (shop/cart, shop/bill)",
        ),
        ([item(tags={"a": "b"}), item(name="bill", tags={"a": "c"})], "several values of tags"),
    ],
)
def test_items_that_contradict_each_other_are_refused(items, message):
    assert message in problems(*items)


def test_a_private_key_is_not_repeated():
    found = problems(item(tags={"a": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"}))
    assert "contains a private key" in found
    assert "MIIEv" not in found


def test_default_role_names_begin_with_the_cluster():
    accounts, found = accounts_of([item(role_name=None)], "prod")
    assert found == []
    assert accounts[0].role_name == "prod-shop-cart"
    assert "is 'a b'" in problems(item(role_name=None), cluster="a b")


def test_a_long_default_role_name_is_cut_and_ends_in_a_hash():
    names = {default_role_name("prod", "shop", "x" * 60 + end) for end in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) == 64 and re.fullmatch(r"prod-shop-x{45}-[0-9a-f]{8}", name) for name in names)
    assert len(default_role_name("c", "n", "x" * 60)) == 64
    assert default_role_name("c", "n", "x" * 60) == "c-n-" + "x" * 60


def test_service_accounts_never_share_a_default_role_name():
    items = [item("a-b", "c", role_name=None), item("a", "b-c", role_name=None)]
    assert "a-b/c, a/b-c would have the role prod-a-b-c by default" in problems(*items, cluster="prod")
    assert "by default" in problems(items[0], item("x", "y", role_name="prod-a-b-c"), cluster="prod")
    assert "by default" in problems(item("x", "y", role_name="prod-a-b-c"), items[0], cluster="prod")


def test_items_of_one_role_become_one_role():
    other = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    accounts, found = accounts_of(
        [
            item(managed_policies=[POLICY], tags={"a": 1}),
            item(name="bill", managed_policies=[other, POLICY], audience="x"),
            item(name="ship", state="absent", max_session_duration=7200),
            item(name="mail", role_name=None, role_arn=ROLE_ARN),
        ],
        None,
    )
    assert found == []
    (spec,) = role_specs(accounts, ARN)
    assert spec.settings == {"managed_policies": [POLICY, other], "tags": {"a": "1"}}
    subject = "system:serviceaccount:shop:"
    assert spec.trust.audiences == {f"{subject}cart": "sts.amazonaws.com", f"{subject}bill": "x"}
    assert spec.trust.former == {f"{subject}ship": {"sts.amazonaws.com"}}
    assert spec.trust.leaving == set()


def test_a_service_account_has_one_role_and_may_leave_several():
    items = [
        item(role_name="old", state="absent", audience=None),
        item(audience="older", state="absent"),
        item(audience="old", state="absent"),
        item(),
        item(role_name=None, role_arn=ROLE_ARN, state="absent"),
    ]
    accounts, found = accounts_of(items, None)
    assert found == []
    old, cart = role_specs(accounts, ARN)
    subject = "system:serviceaccount:shop:cart"
    assert (old.trust.audiences, old.trust.leaving) == ({}, {subject})
    assert (cart.trust.audiences, cart.trust.leaving) == ({subject: "sts.amazonaws.com"}, set())
    assert cart.trust.former == {subject: {"older", "old"}}
    assert problems(item(role_name=None), item(role_name=None, audience="old", state="absent"), cluster="prod") == ""


def test_items_without_an_audience_get_that_of_the_issuer():
    items = [item(audience=None), item(name="bill", audience="own")]
    accounts, found = accounts_of(items, None, "vault.example")
    assert found == []
    assert [account.audience for account in accounts] == ["vault.example", "own"]
