# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS checks of a bucket policy before it takes it; moto takes anything."""

from __future__ import annotations

import json
from typing import Any

from moto.s3.models import FakeBucket

from ..answers import Answer, Refusal
from ..call import Call
from ..state import find_bucket
from .policy_language import as_list
from .public_access import effective_block, is_public
from .site import Site

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
MAXIMUM_SIZE = 20 * 1024
VERSIONS = ("2012-10-17", "2008-10-17")


def check(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: for a malformed policy, and for a public one where the access block forbids it"""
    bucket = find_bucket(call.bucket)
    if call.service != "s3" or call.operation != "PutBucketPolicy" or bucket is None:
        return None
    policy = _parse(call.arrival.body, bucket)
    if effective_block(bucket).block_public_policy and is_public(policy):
        arn = call.principal.arn if call.principal else "anonymous"
        message = (
            f'User: {arn} is not authorized to perform: s3:PutBucketPolicy on resource: "arn:{bucket.partition}:s3:::'
            f'{bucket.name}" because public policies are blocked by the BlockPublicPolicy block public access setting.'
        )
        raise Refusal(403, "AccessDenied", message)
    return None


def _parse(body: bytes, bucket: FakeBucket) -> dict[str, Any]:
    try:
        policy = json.loads(body)
    except ValueError:
        raise _malformed("Policies must be valid JSON and the first byte must be '{'") from None
    if not isinstance(policy, dict):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    if len(body) > MAXIMUM_SIZE:
        raise Refusal(400, "PolicyTooLarge", "Policy exceeds the maximum allowed document size.")
    if policy.get("Version", VERSIONS[-1]) not in VERSIONS:
        raise _malformed("The policy must contain a valid version string")
    statements = as_list(policy.get("Statement", []))
    if not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement, bucket)
    return policy


def _check_statement(statement: Any, bucket: FakeBucket) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Invalid effect")
    for name in ("Principal", "Action", "Resource"):
        if name not in statement and f"Not{name}" not in statement:
            raise _malformed(f"Missing required field {name}")
    actions = as_list(statement.get("Action", statement.get("NotAction")))
    if not all(isinstance(action, str) and (action == "*" or action.lower().startswith("s3:")) for action in actions):
        raise _malformed("Policy has invalid action")
    own = f"arn:{bucket.partition}:s3:::{bucket.name}"
    for resource in as_list(statement.get("Resource", statement.get("NotResource"))):
        if not isinstance(resource, str) or not (resource == own or resource.startswith((f"{own}/", f"{own}*"))):
            raise _malformed("Policy has invalid resource")


def _malformed(message: str) -> Refusal:
    return Refusal(400, "MalformedPolicy", message)
