# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM actions by the names in the Service Authorization Reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions

MODULE_UTILS = Path(permissions.__file__).parents[1]


@pytest.mark.parametrize(
    ("call", "actions"),
    [
        ("sts:GetCallerIdentity", ()),
        ("s3:HeadBucket", ("s3:ListBucket",)),
        ("s3:CreateBucket", ("s3:CreateBucket",)),
        ("s3:DeleteBucket", ("s3:DeleteBucket",)),
        ("s3:GetPublicAccessBlock", ("s3:GetBucketPublicAccessBlock",)),
        ("s3:PutPublicAccessBlock", ("s3:PutBucketPublicAccessBlock",)),
        ("s3control:GetPublicAccessBlock", ("s3:GetAccountPublicAccessBlock",)),
        ("s3:GetBucketPolicy", ("s3:GetBucketPolicy",)),
        ("s3:PutBucketPolicy", ("s3:PutBucketPolicy",)),
        ("s3:GetBucketTagging", ("s3:GetBucketTagging",)),
        ("s3:PutBucketTagging", ("s3:PutBucketTagging",)),
        ("s3:DeleteBucketTagging", ("s3:PutBucketTagging",)),
        ("s3:GetBucketEncryption", ("s3:GetEncryptionConfiguration",)),
        ("s3:PutBucketEncryption", ("s3:PutEncryptionConfiguration",)),
        ("s3:GetBucketVersioning", ("s3:GetBucketVersioning",)),
        ("s3:PutBucketVersioning", ("s3:PutBucketVersioning",)),
        ("s3:GetBucketOwnershipControls", ("s3:GetBucketOwnershipControls",)),
        ("s3:PutBucketOwnershipControls", ("s3:PutBucketOwnershipControls",)),
        ("s3:GetObject", ("s3:GetObject", "s3:ListBucket")),
        ("s3:PutObject", ("s3:PutObject",)),
        ("s3:DeleteObject", ("s3:DeleteObject",)),
        ("s3:DeleteObjects", ("s3:DeleteObject", "s3:DeleteObjectVersion")),
        ("s3:ListObjectVersions", ("s3:ListBucketVersions",)),
        ("iam:GetOpenIDConnectProvider", ("iam:GetOpenIDConnectProvider",)),
        ("iam:AddClientIDToOpenIDConnectProvider", ("iam:AddClientIDToOpenIDConnectProvider",)),
    ],
)
def test_calls_need_the_iam_actions_of_the_service_authorization_reference(call, actions):
    assert permissions.needed(*call.split(":")) == actions


def test_creating_a_resource_with_tags_needs_more_iam_actions():
    assert permissions.needed_to_create_bucket(tagged=False) == ("s3:CreateBucket", "s3:PutBucketOwnershipControls")
    assert "s3:TagResource" in permissions.needed_to_create_bucket(tagged=True)
    assert permissions.needed_to_create_provider(tagged=False) == ("iam:CreateOpenIDConnectProvider",)
    assert "iam:TagOpenIDConnectProvider" in permissions.needed_to_create_provider(tagged=True)


def test_botocore_knows_every_call_in_the_source():
    """Otherwise a misspelt operation would only be noticed when it is called."""
    text = "".join(file.read_text(encoding="utf-8") for file in MODULE_UTILS.rglob("*.py"))
    session = boto3.session.Session(region_name="eu-west-1")
    known = {
        name
        for service in ("s3", "s3control", "iam", "sts")
        for name in session.client(service).meta.service_model.operation_names
    }
    patterns = (
        r'(?:call|read|pages)\(\s*"(?:s3|s3control|iam|sts)",\s*"([A-Z]\w+)"',
        r'(?:Write|self\.change)\(\s*"([A-Z]\w+)"',
        r'(?:operation|read)="([A-Z]\w+)"',
    )
    named = {name for pattern in patterns for name in re.findall(pattern, text)}
    assert {"HeadBucket", "PutBucketPolicy", "GetObject", "CreateOpenIDConnectProvider", "ListRoles"} < named
    assert named <= known
