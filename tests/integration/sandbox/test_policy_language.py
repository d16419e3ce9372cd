# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy language on its own: documents and requests in, an effect out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.extensions.policy_language import Effect, PolicyRequest, evaluate, matches
from tests.sandbox.extensions.public_access import is_public

ARN = "arn:aws:s3:::bucket/key"
REQUEST = PolicyRequest(
    "s3:GetObject", ARN, context={"aws:sourceip": "192.0.2.7", "s3:tlsversion": "1.3", "k:sub": "a:b"}
)


def policy(**elements: Any) -> Any:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ARN}
    return {"Statement": {**statement, **elements}}


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a?c", "ac", False),
        ("a[b]", "ab", False),
        ("a[b]", "a[b]", True),
        ("a.c", "abc", False),
        ("*/keys.json", "one/two/keys.json", True),
        ("x", "xx", False),
    ],
)
def test_policy_patterns_match(pattern: str, value: Any, fits: Any) -> None:
    assert matches(pattern, value) is fits


@pytest.mark.parametrize(
    ("condition", "effect"),
    [
        ({"StringEquals": {"K:Sub": "a:b"}}, Effect.ALLOW),
        ({"StringEquals": {"k:sub": "A:b"}}, Effect.NONE),
        ({"StringEqualsIgnoreCase": {"k:sub": "A:b"}}, Effect.ALLOW),
        ({"StringEquals": {"k:sub": ["x", "a:b"]}}, Effect.ALLOW),
        ({"StringNotEquals": {"k:sub": ["x", "a:b"]}}, Effect.NONE),
        ({"StringNotEquals": {"k:sub": ["x", "y"]}}, Effect.ALLOW),
        ({"StringNotEquals": {"k:absent": "x"}}, Effect.ALLOW),
        ({"StringEquals": {"k:absent": "x"}}, Effect.NONE),
        ({"StringEqualsIfExists": {"k:absent": "x"}}, Effect.ALLOW),
        ({"StringLike": {"k:sub": "a:*"}}, Effect.ALLOW),
        ({"StringLike": {"k:sub": "b:*"}}, Effect.NONE),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, Effect.ALLOW),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, Effect.NONE),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, Effect.NONE),
        ({"NumericGreaterThanEquals": {"s3:TlsVersion": 1.2}}, Effect.ALLOW),
        ({"ForAnyValue:StringEquals": {"k:sub": ["x", "a:b"]}}, Effect.ALLOW),
        ({"ForAnyValue:StringEquals": {"k:sub": "x"}}, Effect.NONE),
        ({"ForAnyValue:StringEquals": {"k:absent": "x"}}, Effect.NONE),
        ({"ForAnyValue:StringNotEquals": {"k:absent": "x"}}, Effect.NONE),
        ({"ForAllValues:StringLike": {"k:sub": "a:*"}}, Effect.ALLOW),
        ({"ForAllValues:StringLike": {"k:sub": "b:*"}}, Effect.NONE),
        ({"ForAllValues:StringEquals": {"k:absent": "x"}}, Effect.ALLOW),
        ({"ForSomeValues:StringEquals": {"k:sub": "a:b"}}, Effect.NONE),
        ({"Null": {"k:absent": "true"}}, Effect.ALLOW),
        ({"Null": {"k:sub": "true"}}, Effect.NONE),
        ({"StringEquals": {"k:sub": "a:b"}, "Bool": {"k:absent": "true"}}, Effect.NONE),
    ],
)
def test_policy_conditions_hold(condition: Any, effect: Any) -> None:
    assert evaluate(policy(Condition=condition), REQUEST) is effect


def test_what_is_not_understood_still_denies() -> None:
    unknown = {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    assert evaluate(policy(Effect="Deny", Condition=unknown), REQUEST) is Effect.DENY


def test_negative_policy_elements() -> None:
    assert (
        evaluate(
            {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "NotPrincipal": {"AWS": "x"},
                        "NotAction": "s3:Put*",
                        "NotResource": "arn:aws:s3:::other/*",
                    }
                ]
            },
            REQUEST,
        )
        is Effect.ALLOW
    )
    assert evaluate(policy(NotAction="s3:Get*"), REQUEST) is Effect.NONE


def test_a_statement_without_principal_applies_to_no_one() -> None:
    statement = policy()["Statement"]
    del statement["Principal"]
    assert evaluate({"Statement": [statement]}, REQUEST) is Effect.NONE


@pytest.mark.parametrize(
    ("elements", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, False),
        ({"Principal": {"Service": "cloudfront.amazonaws.com"}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceArn": "arn:aws:*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, False),
    ],
)
def test_what_counts_as_public(elements: Any, public: Any) -> None:
    assert is_public(policy(**elements)) is public
