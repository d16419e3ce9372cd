# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM actions that API calls need. Results list them as ``permissions``, and messages of denied calls name them.

Source: the Service Authorization Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/. Calls
that are not listed here need the action of their own name.
"""

from __future__ import annotations

_ACTIONS: dict[str, tuple[str, ...]] = {
    "sts:GetCallerIdentity": (),  # needs no permission and cannot be denied
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:DeleteBucketTagging": ("s3:PutBucketTagging",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3control:GetPublicAccessBlock": ("s3:GetAccountPublicAccessBlock",),
    # Without s3:ListBucket S3 answers 403 for an object that does not exist, just as for a denied read.
    "s3:GetObject": ("s3:GetObject", "s3:ListBucket"),
    "s3:HeadObject": ("s3:GetObject", "s3:ListBucket"),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
}


def needed(service: str, operation: str) -> tuple[str, ...]:
    """Return the IAM actions that an API call needs, for example that of ``s3`` and ``HeadBucket``."""
    call = f"{service}:{operation}"
    return _ACTIONS.get(call, (call,))


def needed_to_create_bucket(tagged: bool) -> tuple[str, ...]:
    """Return the IAM actions of CreateBucket, always with object ownership and perhaps with tags."""
    return ("s3:CreateBucket", "s3:PutBucketOwnershipControls") + (("s3:TagResource",) if tagged else ())


def needed_to_create_provider(tagged: bool) -> tuple[str, ...]:
    """Return the IAM actions of CreateOpenIDConnectProvider, perhaps with tags."""
    return ("iam:CreateOpenIDConnectProvider",) + (("iam:TagOpenIDConnectProvider",) if tagged else ())
