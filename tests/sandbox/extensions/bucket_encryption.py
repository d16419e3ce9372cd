# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every bucket encrypts with SSE-S3 unless told otherwise, and taking a configuration away goes back to that.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
"""

from __future__ import annotations

from ..answers import Answer
from ..call import Call
from ..state import find_bucket
from .site import Site


def complete(_site: Site, call: Call, answer: Answer) -> Answer:
    """Puts the default back where moto has none."""
    if call.service == "s3" and call.operation in ("CreateBucket", "DeleteBucketEncryption") and answer.status < 300:
        bucket = find_bucket(call.bucket)
        if bucket is not None and bucket.encryption is None:
            default = {"SSEAlgorithm": "AES256"}
            bucket.encryption = {"Rule": {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": "false"}}
    return answer
