# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DeleteObject under a condition, which moto ignores.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from __future__ import annotations

from ..answers import Answer, Refusal
from ..call import Call
from ..state import find_bucket
from .site import Site


def check(_site: Site, call: Call) -> Answer | None:
    """:raises Refusal: unless the object is the one that the condition names"""
    expected = call.arrival.headers.get("If-Match")
    bucket = find_bucket(call.bucket)
    if call.operation != "DeleteObject" or expected is None or bucket is None or call.key is None:
        return None
    found = bucket.keys.get(call.key)
    if found is None:
        raise Refusal(404, "NoSuchKey", "The specified key does not exist.", details={"Key": call.key})
    if expected not in ("*", found.etag):
        raise Refusal(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            details={"Condition": "If-Match"},
        )
    return None
