# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that reach the sandbox in each way there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts import boto_client
from sandbox_helpers import OPEN_TO_POLICIES, REGION, policy_for


@pytest.fixture
def aws(in_sandbox: None) -> Callable[..., Any]:
    """boto3 clients that use AWS's own names, through the proxy, as the environment says."""
    return boto_client


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Any:
    return aws("s3")


@pytest.fixture
def iam(aws: Callable[..., Any]) -> Any:
    return aws("iam")


@pytest.fixture
def make_bucket(s3: Any) -> Callable[..., str]:
    """Creates a bucket, and on request one whose `public` keys everyone may read."""

    def make(name: str = "issuer-bucket", public: tuple[str, ...] = ()) -> str:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if public:
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN_TO_POLICIES)
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy_for(name, *public)))
        return name

    return make
