# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS account of the sandbox, read and changed with boto3 alone, not by the collection."""

from __future__ import annotations

import functools
import json
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox import Sandbox

REGION = "eu-west-1"


@functools.cache
def _models() -> Any:
    # Parsing a service's model takes longer than most tests, so all clients share what was parsed.
    return botocore.session.Session().get_component("data_loader")


def boto_client(service: str, region: str = REGION, *, config: Config | None = None, **options: Any) -> Any:
    """:return: a boto3 client that does not retry, so that a test sees a fault as it is"""
    core = botocore.session.Session()
    core.register_component("data_loader", _models())
    without_retries = Config(retries={"total_max_attempts": 1}).merge(config or Config())
    session = boto3.session.Session(botocore_session=core, region_name=region)
    return session.client(service, config=without_retries, **options)


@functools.cache
def _client(sandbox: Sandbox, *, account_id: str, service: str, region: str) -> Any:
    # Making a client takes longer than most calls, and its credentials outlive a reset of the sandbox.
    return boto_client(
        service,
        region,
        config=Config(proxies={"https": sandbox.proxy}),
        verify=str(sandbox.ca_path),
        **sandbox.credentials(account_id),
    )


class Account:
    """boto3 clients of one account, and short ways to what tests ask of it most.

    :param account_id: another account than the one of the sandbox's environment
    """

    def __init__(self, sandbox: Sandbox, account_id: str | None = None) -> None:
        self.sandbox = sandbox
        self.id = account_id or sandbox.account_id

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(self.sandbox, account_id=self.id, service=service, region=region)

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def make_bucket(self, name: str, region: str = REGION) -> None:
        self.client("s3", region).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})

    def policy(self, bucket: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.s3.get_bucket_policy(Bucket=bucket)["Policy"]))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return None

    def bucket_tags(self, bucket: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

    def document(self, bucket: str, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]

    def providers(self) -> list[str]:
        listed = self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return sorted(provider["Arn"] for provider in listed)

    def provider(self, arn: str) -> dict[str, Any]:
        return dict(self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn))

    def trust(self, arn: str, role: str = "app", **conditions: str) -> None:
        """Makes an IAM role that trusts a provider, on further conditions where given."""
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Federated": arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
        }
        if conditions:
            host_path = arn.partition(":oidc-provider/")[2]
            statement["Condition"] = {
                "StringEquals": {f"{host_path}:{claim}": value for claim, value in conditions.items()}
            }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(policy))
