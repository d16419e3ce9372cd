# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACLs, which a bucket with ownership BucketOwnerEnforced does not have and a block can forbid to be public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from ..answers import Answer, Refusal
from ..call import Call
from ..state import find_bucket, has_acls_off
from .public_access import effective_block
from .site import Site

ACL_OPERATIONS = ("PutBucketAcl", "PutObjectAcl")
WRITING_OPERATIONS = ("PutObject", "CopyObject", "CreateMultipartUpload", *ACL_OPERATIONS)
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
PUBLIC_GROUPS = ("groups/global/AllUsers", "groups/global/AuthenticatedUsers")


def check(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: when ACLs are off, or a public one is blocked"""
    bucket = find_bucket(call.bucket)
    if call.service != "s3" or call.operation not in WRITING_OPERATIONS or bucket is None:
        return None
    canned = call.arrival.headers.get("x-amz-acl")
    grants = [value for name, value in call.arrival.headers.items() if name.lower().startswith("x-amz-grant-")]
    has_body = call.operation in ACL_OPERATIONS and bool(call.arrival.body)
    if has_acls_off(bucket):
        if grants or has_body or canned not in (None, "bucket-owner-full-control"):
            raise Refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
        return None
    granted = " ".join([*grants, call.arrival.body.decode("utf-8", "replace") if has_body else ""])
    is_public = canned in PUBLIC_ACLS or any(group in granted for group in PUBLIC_GROUPS)
    if is_public and effective_block(bucket).block_public_acls:
        raise Refusal(403, "AccessDenied", "Access Denied")
    return None
