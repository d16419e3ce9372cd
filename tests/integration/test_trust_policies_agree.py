# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection and the embedded AWS, which was written independently, agree about trust policies."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import TokenRequest
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_evaluation import judge
from tests.sandbox.extensions.policy_language import Effect, PolicyRequest, evaluate

pytestmark = pytest.mark.any_core

HOST = "irsa.s3.eu-west-1.amazonaws.com"
ARN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
ACTION = "sts:AssumeRoleWithWebIdentity"
SUBJECT, AUDIENCE = "system:serviceaccount:shop:cart", "sts.amazonaws.com"

PATTERNS = st.sampled_from(
    [SUBJECT, AUDIENCE, "*", "system:serviceaccount:*", "*:shop:?art", "SYSTEM:*", "other", SUBJECT.upper()]
)
VALUES = PATTERNS | st.lists(PATTERNS, max_size=3)
PLAIN = [
    "StringEquals",
    "StringLike",
    "StringEqualsIgnoreCase",
    "StringNotEquals",
    "StringNotLike",
    "StringNotEqualsIgnoreCase",
]
OPERATORS = st.sampled_from(
    [
        *PLAIN,
        *(f"{name}IfExists" for name in PLAIN),
        *(f"ForAnyValue:{name}" for name in PLAIN),
        *(f"ForAllValues:{name}" for name in PLAIN),
    ]
)
# The last ones are misspelled: no request has them.
KEYS = st.sampled_from(
    [
        *(f"{HOST}:sub", f"{HOST}:aud", f"{HOST}:AUD", f"{HOST}:amr", "oidc.example.com:sub"),
        # Misspelled: no request has them.
        *(f"https://{HOST}:sub", f"{ARN}:aud", f"{HOST}:subject", f"{HOST}/aud", f"{HOST}/:sub", HOST, "sub"),
    ]
)
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(KEYS, VALUES, min_size=1, max_size=2), max_size=2) | st.just(
    {"Null": {f"{HOST}:amr": "true"}}
)
PRINCIPALS = st.sampled_from([{"Federated": ARN}, {"Federated": [ARN, "x"]}, {"Federated": "x"}, {"AWS": "*"}, "*"])
ACTIONS = st.sampled_from([ACTION, "sts:*", "sts:AssumeRole", ["sts:TagSession", ACTION.upper()]])
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Allow", "Deny"]), "Action": ACTIONS, "Principal": PRINCIPALS},
    optional={"Condition": CONDITIONS},
)


# The same examples each time, however slow the machine is just now.
@hypothesis.settings(
    derandomize=True,
    max_examples=1000,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_verify_and_sandbox_agree_on_any_trust_policy(statements: list[dict[str, Any]]) -> None:
    policy = {"Version": "2012-10-17", "Statement": statements}
    claims = {f"{HOST}:sub": SUBJECT, f"{HOST}:aud": AUDIENCE}
    theirs = evaluate(policy, PolicyRequest(ACTION, None, {"Federated": frozenset({ARN})}, claims))
    ours = judge(policy, TokenRequest(provider_arn=ARN, subject=SUBJECT, audience=AUDIENCE))
    assert ours.allowed == (theirs is Effect.ALLOW), ours
