# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy that lets one service account assume a role."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy


def test_trust_policy_for_one_service_account():
    arn = "arn:aws-cn:iam::123456789012:oidc-provider/oidc.example.com/prod"
    assert trust_policy(arn, namespace="shop", service_account="cart", audience="sts.amazonaws.com.cn") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": arn},
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
    assert (
        trust_policy(arn, namespace="a", service_account="b")["Statement"][0]["Condition"]["StringEquals"][
            "oidc.example.com/prod:aud"
        ]
        == "sts.amazonaws.com"
    )
