# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bucket policies that let everyone read an object, and those that do not."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.bucket_policy_reading import read

ARN = "arn:aws:s3:::irsa-prod/keys.json"
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ARN}
DENIAL = {**OPEN, "Effect": "Deny", "Sid": "Closed"}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def denial(operator, key, *values, action="s3:*"):
    """A policy that opens everything in the bucket and denies it to everyone under one condition."""
    given = values[0] if len(values) == 1 else list(values)
    condition = {operator: {key: given}}
    return policy(
        {**OPEN, "Resource": "arn:aws:s3:::irsa-prod/*"}, {**DENIAL, "Action": action, "Condition": condition}
    )


def test_the_policy_of_irsa_bucket_opens_the_object():
    own = bucket_policy.with_public_objects(None, ["arn:aws:s3:::irsa-prod/keys.json"], purge=False)
    assert read(own, ARN) == (None, [])


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
        {**OPEN, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {**OPEN, "Condition": {"IpAddress": {"aws:SourceIp": ["0.0.0.0/0", "::/0"]}}},
        {"Effect": "Allow", "Principal": "*", "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::irsa-prod/x"},
    ],
)
def test_a_bucket_policy_that_opens_the_object_has_no_fault(statement):
    assert read(policy(statement), ARN) == (None, [])
    assert read({"Statement": statement}, ARN) == (None, [])


@pytest.mark.parametrize(
    "statements",
    [
        [{**DENIAL, "Action": "s3:PutObject"}],
        [{**DENIAL, "Resource": "arn:aws:s3:::irsa-prod/other"}],
        [{**DENIAL, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}],
        [{"Effect": "Deny", "Principal": "*", "NotAction": "s3:GetObject", "Resource": "*"}],
    ],
)
def test_a_denial_of_something_else_is_not_a_fault(statements):
    assert read(policy(OPEN, *statements), ARN) == (None, [])


# The field has the first two; the others are written as often.
NEVER_MET = [
    ("NumericLessThan", "s3:TlsVersion", 1.2),
    ("Bool", "aws:SecureTransport", "false"),
    ("Bool", "aws:SecureTransport", False),
    ("Bool", "aws:SecureTransport", "false", "False"),
    ("BoolIfExists", "AWS:SecureTransport", "false"),
    ("NumericLessThan", "s3:TlsVersion", "1.2"),
    ("NumericLessThanEquals", "s3:TlsVersion", "1.1"),
    ("NumericNotEquals", "s3:TlsVersion", "1.2", "1.3"),
    ("StringEquals", "aws:PrincipalOrgID", "o-abcdefghij"),
    ("StringLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*"),
    ("Bool", "aws:MultiFactorAuthPresent", "false"),
    ("Null", "aws:PrincipalOrgID", "false"),
    ("StringEquals", "s3:x-amz-acl", "public-read"),
    ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "192.168.0.0/16"),
    ("NotIpAddress", "aws:SourceIp", "0.0.0.0/0"),
    ("DateGreaterThan", "aws:CurrentTime", "2999-01-01T00:00:00Z"),
    ("DateLessThan", "aws:EpochTime", 1700000000),
    ("StringNotEquals", "aws:PrincipalType", "Anonymous"),
]
ALWAYS_MET = [
    ("NumericLessThan", "s3:TlsVersion", "1.4"),
    ("Bool", "aws:SecureTransport", "true"),
    ("StringNotEquals", "aws:PrincipalOrgID", "o-abcdefghij"),
    ("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-abcdefghij"),
    ("StringNotEquals", "aws:PrincipalAccount", "111122223333"),
    ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/deploy"),
    ("StringNotEquals", "aws:SourceVpce", "vpce-0123456789abcdef0"),
    ("StringNotEquals", "aws:sourceVpc", "vpc-0123456789abcdef0"),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
    ("Null", "s3:x-amz-server-side-encryption", "true"),
    ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
    ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01"),
]
NOT_CERTAIN = [
    ("NumericLessThan", "s3:TlsVersion", "1.3"),
    ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", "10.0.0.0/8"),
    ("IpAddress", "aws:SourceIp", "203.0.113.7"),
    ("IpAddress", "aws:SourceIp", "nonsense"),
    ("StringNotLike", "aws:Referer", "https://example.com/*"),
    ("StringNotEquals", "aws:UserAgent", "x"),
    ("StringEquals", "s3:ExistingObjectTag/public", "no"),
    ("NumericLessThan", "s3:TlsVersion", "old"),
    ("StringEquals", "aws:PrincipalType", "${aws:PrincipalTag/kind}"),
    ("StringSoundsLike", "aws:PrincipalType", "anonymous"),
    ("StringEquals", "a:new-key", "x"),
]


@pytest.mark.parametrize("condition", NEVER_MET, ids=str)
def test_a_denial_whose_condition_is_never_met_is_none(condition):
    assert read(denial(*condition), ARN) == (None, [])


@pytest.mark.parametrize("condition", ALWAYS_MET, ids=str)
def test_a_denial_whose_condition_is_always_met_is_a_fault(condition):
    fault, doubts = read(denial(*condition), ARN)
    assert fault == "the statement 'Closed' denies it, under a condition that anonymous reads over HTTPS meet"
    assert doubts == ()


@pytest.mark.parametrize("condition", NOT_CERTAIN, ids=str)
def test_a_denial_of_which_nobody_knows_whether_it_applies_is_a_doubt(condition):
    fault, doubts = read(denial(*condition), ARN)
    assert fault is None
    (doubt,) = doubts
    assert doubt.startswith(f"whether the statement 'Closed' denies it depends on {condition[0]} '{condition[1]}': ")


def test_one_condition_that_is_not_met_settles_a_denial():
    condition = {"IpAddress": {"aws:SourceIp": "203.0.113.7"}, "Bool": {"aws:SecureTransport": "false"}}
    assert read(policy(OPEN, {**DENIAL, "Condition": condition}), ARN) == (None, [])


def test_a_statement_that_opens_the_object_to_some_addresses_is_a_doubt():
    condition = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    fault, (doubt,) = read(policy({**OPEN, "Sid": "Some", "Condition": condition}), ARN)
    assert fault is None and doubt.startswith("whether the statement 'Some' allows it depends on IpAddress")


def test_a_certain_denial_is_named_before_one_that_is_not():
    sometimes = {**DENIAL, "Sid": "Sometimes", "Condition": {"StringEquals": {"aws:Referer": "x"}}}
    assert read(policy(OPEN, sometimes, DENIAL), ARN) == ("the statement 'Closed' denies it", ())


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
            policy(OPEN, {"Effect": "Deny", "NotPrincipal": {"AWS": "x"}, "Action": "*", "Resource": "*"}),
            "a statement without a Sid denies it",
        ),
        (
            policy({**OPEN, "Sid": "Narrow", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}),
            "'Narrow' allows it only under a condition that anonymous reads over HTTPS do not meet",
        ),
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
    fault, doubts = read(document, ARN)
    assert reason in fault and doubts == ()


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
    fault, doubts = read(document, ARN)
    assert all(text.isprintable() for text in (fault or "", *doubts))
