# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new bucket is like on AWS, and which ones it refuses to make.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, cast

from moto.s3.models import PublicAccessBlock, s3_backends

from ..answers import Answer, Refusal
from ..call import Call
from ..state import ACLS_OFF, find_bucket
from .site import Site

BUCKET_NAME = re.compile(r"^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: for a name AWS refuses, or an ACL together with ownership that has none"""
    if call.service != "s3" or call.operation != "CreateBucket" or call.bucket is None:
        return None
    headers = call.arrival.headers
    if not _is_good_name(call.bucket):
        message = "The specified bucket is not valid."
        raise Refusal(400, "InvalidBucketName", message, details={"BucketName": call.bucket})
    if headers.get("x-amz-bucket-namespace") != "account-regional" and call.bucket.endswith("-an"):
        # The suffix belongs to the account-regional namespace.
        message = "The specified bucket is not valid."
        raise Refusal(400, "InvalidBucketName", message, details={"BucketName": call.bucket})
    ownership = headers.get("x-amz-object-ownership", ACLS_OFF)
    if headers.get("x-amz-acl", "private") != "private" and ownership == ACLS_OFF:
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise Refusal(400, "InvalidBucketAclWithObjectOwnership", message)
    call.notes["is_new_bucket"] = find_bucket(call.bucket) is None
    return None


def complete(_site: Site, call: Call, answer: Answer) -> Answer:
    """Gives a bucket that was just made what AWS gives it: ACLs off, the access block on, the tags asked for."""
    if answer.status != 200 or not call.notes.get("is_new_bucket"):
        return answer
    bucket = find_bucket(call.bucket)
    assert bucket is not None
    bucket.public_access_block = PublicAccessBlock(True, True, True, True)
    bucket.ownership_rule = bucket.ownership_rule or cast(Any, ACLS_OFF)  # text, which moto annotates as a dict
    tags = call.parameters.get("CreateBucketConfiguration", {}).get("Tags", [])
    if tags:
        backend = s3_backends[bucket.account_id][bucket.partition]
        backend.put_bucket_tagging(bucket.name, {tag["Key"]: tag["Value"] for tag in tags})
    return answer


def _is_good_name(name: str) -> bool:
    if not BUCKET_NAME.match(name) or name.endswith(RESERVED_SUFFIXES):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
