# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to another region's endpoint than the bucket's, which moto serves and AWS sends away.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
"""

from __future__ import annotations

from ..answers import Answer, Refusal
from ..call import Call
from ..hosts import parse_host
from ..state import find_bucket
from .site import Site


def redirect(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: when the bucket lives in another region than the endpoint's

    A custom endpoint has one region for all buckets. The global host serves who signs for the bucket's region, sends an
    anonymous client on, and tells the others which region to sign for.
    """
    bucket = find_bucket(call.bucket)
    if call.service != "s3" or call.arrival.custom or bucket is None or call.operation == "CreateBucket":
        return None
    if bucket.region_name == call.region or (call.is_global and call.signed_region == bucket.region_name):
        return None
    host = parse_host(call.arrival.host)
    suffix = host.suffix if host else "amazonaws.com"
    endpoint = f"{bucket.name}.s3.{bucket.region_name}.{suffix}"
    headers = {"x-amz-bucket-region": bucket.region_name}
    details = {"Endpoint": endpoint, "Bucket": bucket.name}
    if call.is_global and not call.is_signed:
        headers["Location"] = f"https://{endpoint}/{call.arrival.target.lstrip('/')}"
        message = (
            "Please re-send this request to the specified temporary endpoint. Continue to use the original request "
            "endpoint for future requests."
        )
        raise Refusal(307, "TemporaryRedirect", message, headers=headers, details=details)
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )
    raise Refusal(301, "PermanentRedirect", message, headers=headers, details=details)
