# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what with a bucket. moto lets everyone in; AWS asks account, policy and access block.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.s3.models import FakeBucket

from ..answers import Answer, Refusal
from ..call import Call
from ..state import find_bucket, find_object, has_acls_off
from .policy_language import Effect, PolicyRequest, evaluate
from .public_access import effective_block, is_public
from .site import Site

WITHOUT_BUCKET = ("ListBuckets", "CreateBucket")

# Operations whose permission has another name, from
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
PERMISSIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
VERSIONED = {"GetObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion"}


def check_owner(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: when ExpectedBucketOwner, or the source bucket's, is not the bucket's owner

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if call.service != "s3":
        return None
    source = unquote(call.arrival.headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[0]
    expectations = (
        (call.bucket, call.arrival.headers.get("x-amz-expected-bucket-owner")),
        (source, call.arrival.headers.get("x-amz-source-expected-bucket-owner")),
    )
    for name, expected in expectations:
        bucket = find_bucket(name)
        if bucket is not None and expected is not None and expected != bucket.account_id:
            raise Refusal(403, "AccessDenied", "Access Denied")
    return None


def authorize(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: when the bucket is not there, or the requester may not do this to it"""
    if call.service != "s3" or call.arrival.method == "OPTIONS":
        return None
    if call.operation in WITHOUT_BUCKET or call.bucket is None:
        if call.principal is None:
            raise Refusal(403, "AccessDenied", "Access Denied")
        return None
    bucket = find_bucket(call.bucket)
    if bucket is None:
        raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist", details={"BucketName": call.bucket})
    if call.principal is None:
        _authorize_anonymous(call, bucket)
    else:
        _authorize_signed(call, bucket, account_id=call.principal.account_id, arn=call.principal.arn)
    return None


def policy_of(bucket: FakeBucket) -> dict[str, Any]:
    """:return: the bucket's policy, an empty one when it has none"""
    return json.loads(bucket.policy) if bucket.policy else {}


def permission(call: Call) -> str:
    """:return: the IAM action that a call needs, such as ``s3:GetObject``"""
    name = PERMISSIONS.get(call.operation, call.operation)
    if "versionId" in call.request.args:
        name = VERSIONED.get(name, name)
    return f"s3:{name}"


def _authorize_signed(call: Call, bucket: FakeBucket, *, account_id: str, arn: str) -> None:
    request = _policy_request(call, bucket, permission(call))
    effect = evaluate(policy_of(bucket), request)
    if effect is Effect.DENY:
        message = (
            f"User: {arn} is not authorized to perform: {request.action} on resource: "
            f'"{request.resource}" with an explicit deny in a resource-based policy'
        )
        raise Refusal(403, "AccessDenied", message)
    if account_id == bucket.account_id:
        return
    if effect is not Effect.ALLOW or _is_restricted(bucket):
        raise Refusal(403, "AccessDenied", "Access Denied")


def _authorize_anonymous(call: Call, bucket: FakeBucket) -> None:
    if not _anonymous_may(call, bucket, permission(call)):
        raise Refusal(403, "AccessDenied", "Access Denied")
    if call.key is None or call.is_write:
        return
    found = find_object(bucket, call.key, call.request.args.get("versionId"))
    if found is None:
        # Who may not list must not learn what is not there:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if not _anonymous_may(call, bucket, "s3:ListBucket"):
            raise Refusal(403, "AccessDenied", "Access Denied")
    elif (found.encryption or "").startswith("aws:kms"):
        message = (
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4."
        )
        details = {"ArgumentName": "Authorization", "ArgumentValue": "null"}
        raise Refusal(400, "InvalidArgument", message, details=details)


def _anonymous_may(call: Call, bucket: FakeBucket, action: str) -> bool:
    effect = evaluate(policy_of(bucket), _policy_request(call, bucket, action))
    if effect is Effect.DENY:
        return False
    if effect is Effect.ALLOW and not _is_restricted(bucket):
        return True
    return _acl_lets_read(call, bucket, action)


def _acl_lets_read(call: Call, bucket: FakeBucket, action: str) -> bool:
    if has_acls_off(bucket) or effective_block(bucket).ignore_public_acls:
        return False
    if action == "s3:ListBucket":
        return bool(bucket.acl and bucket.acl.public_read)
    if action != "s3:GetObject" or call.key is None:
        return False
    found = find_object(bucket, call.key)
    return bool(found and found.acl and found.acl.public_read)


def _is_restricted(bucket: FakeBucket) -> bool:
    return effective_block(bucket).restrict_public_buckets and is_public(policy_of(bucket))


def _policy_request(call: Call, bucket: FakeBucket, action: str) -> PolicyRequest:
    resource = f"arn:{bucket.partition}:s3:::{bucket.name}"
    if call.key is not None and action != "s3:ListBucket":
        resource += f"/{call.key}"
    context = {
        "aws:securetransport": str(call.arrival.secure).lower(),
        "aws:sourceip": "127.0.0.1",
        "aws:useragent": call.arrival.headers.get("User-Agent", ""),
        "aws:principaltype": "Anonymous" if call.principal is None else "User",
    }
    if call.arrival.tls_version:
        context["s3:tlsversion"] = call.arrival.tls_version.removeprefix("TLSv")
    if call.key is None and (prefix := call.request.args.get("prefix")) is not None:
        context["s3:prefix"] = prefix
    if call.principal is None:
        return PolicyRequest(action, resource, context=context)
    account_id, arn = call.principal.account_id, call.principal.arn
    context["aws:principalaccount"] = account_id
    context["aws:principalarn"] = arn
    names = frozenset({account_id, f"arn:{bucket.partition}:iam::{account_id}:root", arn})
    return PolicyRequest(action, resource, {"AWS": names}, context)
