# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy that lets service accounts assume a role."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import (
    Grant,
    as_json,
    grant_of,
    sid_of,
    statement_of,
    subject_of,
    trust_policy,
)

ARN = "arn:aws-cn:iam::123456789012:oidc-provider/oidc.example.com/prod"
CART, BILL = "system:serviceaccount:shop:cart", "system:serviceaccount:shop:bill"


def test_the_policy_for_one_service_account():
    policy = trust_policy([ARN], subjects=[subject_of("shop", "cart")], audience="sts.amazonaws.com.cn")
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SelfhostedIrsa3fcfc071ff4f1a93",
                "Effect": "Allow",
                "Principal": {"Federated": ARN},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "oidc.example.com/prod:aud": "sts.amazonaws.com.cn",
                        "oidc.example.com/prod:sub": "system:serviceaccount:shop:cart",
                    }
                },
            }
        ],
    }


def test_a_policy_has_one_statement_for_each_provider_with_all_service_accounts():
    other = ARN.replace("prod", "test")
    statements = trust_policy([ARN, other, ARN], subjects=[CART, BILL, CART])["Statement"]
    assert [each["Principal"]["Federated"] for each in statements] == [ARN, other]
    assert statements[1]["Condition"]["StringEquals"] == {
        "oidc.example.com/test:aud": "sts.amazonaws.com",
        "oidc.example.com/test:sub": [BILL, CART],
    }


def test_a_sid_has_letters_and_digits_only_and_is_of_one_provider_and_audience():
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html"""
    sids = [sid_of(arn, audience) for arn in (ARN, ARN + "2") for audience in ("sts.amazonaws.com", "other")]
    assert len(set(sids)) == 4
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)


def test_a_policy_of_just_the_length_that_iam_accepts_is_made_and_a_longer_one_is_not():
    def policy_of_length(length: int) -> str:
        rest = len(as_json(trust_policy([ARN], subjects=[subject_of("shop", "")])))
        return as_json(trust_policy([ARN], subjects=[subject_of("shop", "x" * (length - rest))]))

    assert len(policy_of_length(2048)) == 2048
    with pytest.raises(Fault, match="2049 characters, and IAM accepts 2048"):
        policy_of_length(2049)


def test_a_raised_quota_is_another_limit():
    subjects = [subject_of("shop", f"service-account-{number}") for number in range(70)]
    assert 2048 < len(json.dumps(trust_policy([ARN], subjects=subjects, limit=4096), separators=(",", ":"))) <= 4096


def test_our_statement_is_recognized():
    statement = statement_of(ARN, audience="x", subjects=[CART, BILL])
    assert grant_of(json.loads(json.dumps(statement))) == Grant(ARN, "x", frozenset({CART, BILL}))


@pytest.mark.parametrize(
    "change",
    [
        {"Sid": "Other"},
        {"Sid": sid_of(ARN, "other")},
        {"Effect": "Deny"},
        {"Action": "sts:*"},
        {"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]},
        {"Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/x"}},
        {"Principal": {"Federated": [ARN]}},
        {"Principal": "*"},
        {"Principal": {"Federated": ARN, "AWS": "*"}},
        {"Condition": None},
        {"Condition": {}},
        {"Condition": {"StringLike": {"oidc.example.com/prod:sub": "*"}}},
        {"Condition": {"StringEquals": {"oidc.example.com/prod:aud": "x"}}},
        {"Condition": {"StringEquals": {"oidc.example.com/prod:aud": ["x"], "oidc.example.com/prod:sub": CART}}},
        {"Condition": {"StringEquals": {"oidc.example.com/prod:aud": "x", "oidc.example.com/prod:sub": [1]}}},
        {"NotAction": "sts:*"},
    ],
)
def test_any_other_statement_is_not_ours(change):
    assert grant_of({**statement_of(ARN, audience="x", subjects=[CART]), **change}) is None


def test_a_statement_with_a_further_condition_is_not_ours():
    statement = statement_of(ARN, audience="x", subjects=[CART])
    statement["Condition"]["StringEquals"]["aws:SourceVpc"] = "vpc-1"
    assert grant_of(statement) is None
    statement = statement_of(ARN, audience="x", subjects=[CART])
    statement["Condition"]["IpAddress"] = {"aws:SourceIp": "192.0.2.0/24"}
    assert grant_of(statement) is None
