# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bucket policies that let everyone read an object, and those that do not."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.bucket_policy_reading import fault_of

ARN = "arn:aws:s3:::irsa-prod/keys.json"
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ARN}
DENIAL = {**OPEN, "Effect": "Deny", "Sid": "Closed"}
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_the_policy_of_irsa_bucket_opens_the_object():
    own = bucket_policy.with_public_objects(None, ["arn:aws:s3:::irsa-prod/keys.json"], purge=False)
    assert fault_of(own, ARN) is None


@pytest.mark.parametrize(
    "statement",
    [
        OPEN,
        {**OPEN, "Principal": {"AWS": "*"}},
        {**OPEN, "Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}},
        {**OPEN, "Action": ["s3:ListBucket", "S3:getobject"]},
        {**OPEN, "Action": "s3:Get*"},
        {**OPEN, "Action": "*"},
        {**OPEN, "Resource": "arn:aws:s3:::irsa-prod/*"},
        {**OPEN, "Resource": ["arn:aws:s3:::irsa-prod/a", "arn:aws:s3:::irsa-prod/*.json"]},
        {**OPEN, "Condition": {}},
        {"Effect": "Allow", "Principal": "*", "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::irsa-prod/x"},
    ],
)
def test_a_bucket_policy_that_opens_the_object_has_no_fault(statement):
    assert fault_of(policy(statement), ARN) is None
    assert fault_of({"Statement": statement}, ARN) is None


@pytest.mark.parametrize(
    "statements",
    [
        [{**DENIAL, "Action": "s3:PutObject"}],
        [{**DENIAL, "Resource": "arn:aws:s3:::irsa-prod/other"}],
        [{**DENIAL, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}],
        [{**DENIAL, "Action": "s3:*", "Condition": INSECURE}],
        [{"Effect": "Deny", "Principal": "*", "NotAction": "s3:GetObject", "Resource": "*"}],
    ],
)
def test_a_denial_of_something_else_is_not_a_fault(statements):
    assert fault_of(policy(OPEN, *statements), ARN) is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "there is no policy"),
        ({}, "there is no policy"),
        (policy(), "there is no policy"),
        ([], "there is no policy"),
        (policy(OPEN, DENIAL), "'Closed' denies it"),
        (policy(DENIAL, OPEN), "'Closed' denies it"),
        (policy(OPEN, {**DENIAL, "Resource": "*", "Action": "*"}), "'Closed' denies it"),
        (
            policy(OPEN, {**DENIAL, "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}),
            "under a condition",
        ),
        (
            policy(OPEN, {"Effect": "Deny", "NotPrincipal": {"AWS": "x"}, "Action": "*", "Resource": "*"}),
            "a statement without a Sid denies it",
        ),
        (policy({**OPEN, "Sid": "Narrow", "Condition": {"IpAddress": {}}}), "'Narrow' has a condition"),
        (
            policy({**OPEN, "Sid": "Ours", "Principal": {"AWS": "123456789012"}}),
            "'Ours' allows it, but not to everyone",
        ),
        (policy({**OPEN, "Principal": {"Service": "cloudfront.amazonaws.com"}}), "not to everyone"),
        (
            policy({**OPEN, "Resource": "arn:aws:s3:::irsa-prod/prod/keys.json"}),
            "it opens 'arn:aws:s3:::irsa-prod/prod/",
        ),
        (policy({**OPEN, "Resource": "arn:aws:s3:::IRSA-prod/keys.json"}), "but not arn:aws:s3:::irsa-prod/keys.json"),
        (policy({**OPEN, "Principal": "x", "Action": "s3:ListBucket"}), "none of its statements is for everyone"),
    ],
)
def test_a_bucket_policy_that_does_not_open_the_object_has_a_fault(document, reason):
    assert reason in fault_of(document, ARN)


names = st.sampled_from(
    ["Effect", "Principal", "Action", "NotAction", "Resource", "NotPrincipal", "Condition", "Sid", "AWS"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["*", "Allow", "Deny", ARN, "s3:*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=10,
)


@hypothesis.given(values | st.builds(policy, values, values))
def test_any_bucket_policy_is_evaluated_without_a_crash(document):
    fault = fault_of(document, ARN)
    assert fault is None or fault.isprintable()
