# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy of an IAM role for one service account."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE


def trust_policy(
    arn: str, *, namespace: str, service_account: str, audience: str = DEFAULT_AUDIENCE
) -> dict[str, t.Any]:
    """Return the trust policy of a role that one service account may assume; ``arn`` is the OIDC provider's.

    Both conditions are StringEquals, as AWS asks for:
    https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    """
    host_path = arn.split(":oidc-provider/", 1)[1]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{host_path}:aud": audience,
                        f"{host_path}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                    }
                },
            }
        ],
    }
