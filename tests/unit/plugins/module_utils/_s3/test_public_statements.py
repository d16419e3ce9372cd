# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A statement is public in the meaning of Block Public Access, not merely for everyone."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.public_statements import public_statements

ARN = "arn:aws:s3:::irsa/*"
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ARN}


def is_public(**members) -> bool:
    return bool(public_statements({"Statement": {**THEIRS, **members}}))


@pytest.mark.parametrize("principal", ["*", ["*"], {"AWS": "*"}, {"AWS": ["123456789012", "*"]}], ids=str)
def test_a_statement_for_everyone_is_public(principal):
    assert is_public(Principal=principal)


def test_a_statement_for_everyone_but_some_is_public():
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "NotAction": "s3:Put*", "Resource": ARN}
    assert public_statements({"Statement": [statement]})


@pytest.mark.parametrize(
    "members",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": {"Service": "cloudfront.amazonaws.com"}},
        {"Principal": None},
    ],
    ids=["denied", "an account", "a service", "none"],
)
def test_other_statements_are_not_public(members):
    assert not is_public(**members)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-12345"}},
        {"StringEquals": {"AWS:SourceAccount": ["123456789012", "210987654321"]}},
        {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-2/ou-3/"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}, "Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:eu-west-1:123456789012:accesspoint/*"}},
    ],
    ids=str,
)
def test_a_fixed_value_of_some_condition_makes_a_statement_non_public(condition):
    assert not is_public(Condition=condition)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        None,
        [],
        {"StringEquals": "x"},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:Referer": "https://example.com/"}},
        {"StringLike": {"aws:PrincipalOrgID": "*"}},
        {"StringEquals": {"aws:SourceAccount": ["123456789012", "${aws:PrincipalAccount}"]}},
        {"StringEquals": {"aws:SourceAccount": []}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-12345"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-12345"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-2/ou-3/"}},
        {"Null": {"aws:PrincipalOrgID": "true"}},
        {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"]}},
        {"IpAddress": {"aws:SourceIp": "::/0"}},
        {"IpAddress": {"aws:SourceIp": "anywhere"}},
        {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:*:accesspoint/mine"}},
        {"StringEquals": {"s3:prefix": "public/"}},
    ],
    ids=str,
)
def test_a_statement_under_any_other_condition_is_public(condition):
    assert is_public(Condition=condition)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "the statement 'Theirs' (allows everyone 's3:GetObject' on 'arn:aws:s3:::irsa/*')"),
        ({"Sid": ""}, "statement 1 (allows everyone 's3:GetObject' on 'arn:aws:s3:::irsa/*')"),
        ({"Sid": "\x1b[2J"}, r"the statement '\x1b[2J' (allows"),
        ({"Action": ["s3:List*", "s3:PutObject"]}, "(allows everyone 's3:List*', 's3:PutObject' on"),
        (
            {"NotAction": "s3:Put*", "NotResource": "x"},
            "(allows everyone everything but 's3:Put*' on everything but 'x')",
        ),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, "under a condition that AWS counts as public)"),
    ],
    ids=range(6),
)
def test_a_public_statement_is_shown_on_one_line(members, text):
    (found,) = public_statements({"Statement": [{**THEIRS, **members}]})
    assert text in str(found)


OPENED = ("arn:aws:s3:::irsa/keys.json", "arn:aws:s3:::irsa/*/keys.json", "arn:aws:s3:::irsa/a?c")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Resource": "arn:aws:s3:::irsa/keys.json"}, True),
        ({"Resource": [OPENED[0], "arn:aws:s3:::irsa/a*/keys.json"], "Action": ["S3:getobject"]}, True),
        ({"Resource": OPENED[2]}, True),
        ({"Resource": "arn:aws:s3:::irsa/a*c"}, False),
        ({"Resource": "arn:aws:s3:::irsa/*"}, False),
        ({"Resource": OPENED[0], "Action": ["s3:GetObject", "s3:PutObject"]}, False),
        ({"Resource": OPENED[0], "Action": "s3:Get*"}, False),
        ({"Resource": []}, False),
    ],
    ids=range(8),
)
def test_a_public_statement_may_open_no_more_than_documents(members, expected):
    (found,) = public_statements({"Statement": [{**THEIRS, **members}]})
    assert found.opens_only(OPENED) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, True),
        ({"Action": "s3:*"}, True),
        ({"Action": "*", "Resource": ["x", "arn:aws:s3:::irsa/*/keys.json"]}, True),
        ({"Action": "s3:PutObject"}, False),
        ({"NotAction": "s3:PutObject", "Action": None}, False),
        ({"Resource": "arn:aws:s3:::irsa/a/keys.json"}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
    ],
    ids=range(7),
)
def test_objects_may_be_open_already(members, expected):
    (found,) = public_statements({"Statement": [{**THEIRS, **members}]})
    assert found.opens("arn:aws:s3:::irsa/*/keys.json") is expected


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(("*", "Allow", "s3:GetObject", ARN, "aws:SourceIp", "10/8")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("AWS", "StringEquals", "aws:SourceIp")), inner)
    ),
    max_leaves=6,
)
elements = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")


@hypothesis.given(st.dictionaries(st.sampled_from(elements), anything), st.booleans())
def test_public_statements_of_any_form_can_be_shown(statement, is_allowed):
    if is_allowed:
        statement = {**statement, "Effect": "Allow", "Principal": "*"}
    for found in public_statements({"Statement": statement}):
        assert str(found).isprintable() and len(str(found)) < 1000
        assert found.opens_only([ARN]) in (True, False) and found.opens(ARN) in (True, False)
