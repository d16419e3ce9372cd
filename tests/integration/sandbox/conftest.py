# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that reach the sandbox in each way there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from sandbox_helpers import OPEN_TO_POLICIES, REGION, policy_for
from tests.sandbox import Sandbox
from tests.sandbox.sandbox import REMOVED


@pytest.fixture(scope="session")
def botocore_session() -> botocore.session.Session:
    return botocore.session.Session()


@pytest.fixture
def aws(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, botocore_session: botocore.session.Session
) -> Callable[..., Any]:
    """boto3 clients that use AWS's own names, through the proxy."""
    for name in REMOVED:
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)

    # Parsing a service's model takes longer than most tests, so all clients share what was parsed.
    models = botocore_session.get_component("data_loader")

    def client(service: str, region: str = REGION, **options: Any) -> Any:
        # A fault must be seen as it is, and not after a client's patience with it.
        config = Config(retries={"total_max_attempts": 1}).merge(options.pop("config", Config()))
        core = botocore.session.Session()
        core.register_component("data_loader", models)
        return boto3.session.Session(botocore_session=core, region_name=region).client(
            service, config=config, **options
        )

    return client


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
