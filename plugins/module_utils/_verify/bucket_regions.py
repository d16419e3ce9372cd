# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers of S3 tell of the region of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import (
    GLOBAL,
    parse_s3_address,
    parse_s3_host,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Answer

# An error of S3 is shorter.
_MAX_ERROR_BYTES = 4096

# Where S3 has a bucket to which it redirects.
_ENDPOINT = re.compile(rb"<Endpoint>([A-Za-z0-9.-]{1,255})</Endpoint>")


def of_redirect(urls: t.Sequence[str]) -> str | None:
    """Return the region to which S3 redirects for a bucket, None if it does not."""
    first, last = parse_s3_address(urls[0]), parse_s3_address(urls[-1])
    if first is None or last is None or first.bucket != last.bucket or first.region == last.region:
        return None
    return last.region


def in_answer(answer: Answer) -> str | None:
    """Return the region of the bucket that an answer of S3 names, None if it names none."""
    match = _ENDPOINT.search(answer.body[:_MAX_ERROR_BYTES])
    host = parse_s3_host(match.group(1).decode().lower()) if match else None
    return answer.headers.get("x-amz-bucket-region") or (host.region if host else None)


def is_elsewhere(url: str, region: str) -> bool:
    """Whether a URL is at a host of S3 for another region."""
    address = parse_s3_address(url)
    return address is not None and address.region not in (None, region)


def why(url: str) -> str | None:
    """Return why S3 redirects, None if the name of the host says it."""
    address = parse_s3_address(url)
    if address is None or address.form != GLOBAL:
        return None
    return (
        "S3's global host is that of us-east-1. For a bucket in another region it redirects, and AWS does not accept "
        "an issuer that redirects."
    )
