# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Block Public Access: when a policy counts as public, and which settings hold for a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.s3.models import FakeBucket, PublicAccessBlock

from ..state import account_access_block
from .policy_language import as_list

# A fixed value for one of these makes a statement for everyone non-public. aws:SecureTransport is not among them.
NARROWING_KEYS = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}
NARROWING_OPERATORS = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress")
EVERY_ADDRESS = ("0.0.0.0/0", "::/0")


def is_public(policy: Mapping[str, Any]) -> bool:
    """:return: whether a statement allows something to everyone"""
    return any(
        statement.get("Effect") == "Allow" and _is_for_everybody(statement) and not _is_narrowed(statement)
        for statement in as_list(policy.get("Statement", []))
    )


def effective_block(bucket: FakeBucket) -> PublicAccessBlock:
    """:return: the most restrictive of the bucket's and its account's settings"""
    blocks = [bucket.public_access_block, account_access_block(bucket.account_id, bucket.partition)]

    def any_has(setting: str) -> bool:
        return any(block is not None and getattr(block, setting) for block in blocks)

    return PublicAccessBlock(
        any_has("block_public_acls"),
        any_has("ignore_public_acls"),
        any_has("block_public_policy"),
        any_has("restrict_public_buckets"),
    )


def _is_for_everybody(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return "*" in as_list(principal.get("AWS", []))
    return principal == "*"


def _is_narrowed(statement: Mapping[str, Any]) -> bool:
    for operator, keys in statement.get("Condition", {}).items():
        if operator not in NARROWING_OPERATORS:
            continue
        for key, values in keys.items():
            if key.lower() in NARROWING_KEYS and all(_is_fixed(str(value)) for value in as_list(values)):
                return True
    return False


def _is_fixed(value: str) -> bool:
    return "*" not in value and "?" not in value and value not in EVERY_ADDRESS
