# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Buckets: what a new one is like, whose it is, where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from sandbox_helpers import REGION, Refused
from tests.sandbox import Sandbox

HERE = {"LocationConstraint": REGION}


def test_a_new_bucket_is_closed(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    block = s3.get_public_access_block(Bucket="issuer-bucket")["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    rules = s3.get_bucket_ownership_controls(Bucket="issuer-bucket")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_ownership_can_be_asked_for_at_creation(s3: Any) -> None:
    s3.create_bucket(Bucket="issuer-bucket", CreateBucketConfiguration=HERE, ObjectOwnership="ObjectWriter")
    rules = s3.get_bucket_ownership_controls(Bucket="issuer-bucket")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "ObjectWriter"}]


def test_tags_can_be_given_at_creation(s3: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}]
    s3.create_bucket(Bucket="issuer-bucket", CreateBucketConfiguration={**HERE, "Tags": tags})
    assert s3.get_bucket_tagging(Bucket="issuer-bucket")["TagSet"] == tags


def test_encryption_goes_back_to_the_default(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()

    def algorithm() -> Any:
        rules = s3.get_bucket_encryption(Bucket="issuer-bucket")["ServerSideEncryptionConfiguration"]["Rules"]
        return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    assert algorithm() == "AES256"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket="issuer-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert algorithm() == "aws:kms"
    s3.delete_bucket_encryption(Bucket="issuer-bucket")
    assert algorithm() == "AES256"


def test_the_access_block_can_be_taken_away(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    s3.delete_public_access_block(Bucket="issuer-bucket")
    with Refused("NoSuchPublicAccessBlockConfiguration", 404):
        s3.get_public_access_block(Bucket="issuer-bucket")


def test_the_account_has_no_block_until_one_is_put(sandbox: Sandbox, aws: Callable[..., Any]) -> None:
    control = aws("s3control")
    with Refused("NoSuchPublicAccessBlockConfiguration", 404):
        control.get_public_access_block(AccountId=sandbox.account_id)
    block = {"BlockPublicPolicy": True}
    control.put_public_access_block(AccountId=sandbox.account_id, PublicAccessBlockConfiguration=block)
    found = control.get_public_access_block(AccountId=sandbox.account_id)["PublicAccessBlockConfiguration"]
    assert found["BlockPublicPolicy"] is True
    assert found["RestrictPublicBuckets"] is False
    with Refused("AccessDenied"):
        control.get_public_access_block(AccountId="111122223333")
    control.delete_public_access_block(AccountId=sandbox.account_id)
    with Refused("NoSuchPublicAccessBlockConfiguration", 404):
        control.get_public_access_block(AccountId=sandbox.account_id)


def test_us_east_1_takes_no_location_constraint(aws: Callable[..., Any]) -> None:
    s3 = aws("s3", region="us-east-1")
    with Refused("InvalidLocationConstraint", 400):
        s3.create_bucket(Bucket="issuer-bucket", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    s3.create_bucket(Bucket="issuer-bucket")


def test_other_regions_need_a_location_constraint(s3: Any) -> None:
    with Refused("IllegalLocationConstraintException", 400):
        s3.create_bucket(Bucket="issuer-bucket")


def test_creating_ones_own_bucket_again(aws: Callable[..., Any], s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    with Refused("BucketAlreadyOwnedByYou", 409):
        s3.create_bucket(Bucket="issuer-bucket", CreateBucketConfiguration=HERE)
    virginia = aws("s3", region="us-east-1")
    virginia.create_bucket(Bucket="virginia-bucket")
    block = {"BlockPublicPolicy": False}
    virginia.put_public_access_block(Bucket="virginia-bucket", PublicAccessBlockConfiguration=block)
    virginia.create_bucket(Bucket="virginia-bucket")
    found = virginia.get_public_access_block(Bucket="virginia-bucket")["PublicAccessBlockConfiguration"]
    assert found["BlockPublicPolicy"] is False


@pytest.mark.parametrize(
    "name", ["ab", "Upper-case", "under_score", "-dash", "dash-", "a..b", "192.168.5.4", "xn--a", "a" * 64]
)
def test_bad_names_are_refused(aws: Callable[..., Any], sandbox: Sandbox, name: str) -> None:
    # The plain endpoint, since a host name cannot even carry some of these.
    client = aws("s3", endpoint_url=sandbox.http_endpoint, config=Config(parameter_validation=False))
    with Refused("InvalidBucketName", 400):
        client.create_bucket(Bucket=name, CreateBucketConfiguration=HERE)


def test_the_account_regional_namespace(sandbox: Sandbox, s3: Any) -> None:
    name = f"issuer-{sandbox.account_id}-{REGION}-an"
    with Refused("InvalidBucketName", 400):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=HERE)
    with Refused("InvalidNamespaceHeader", 400):
        s3.create_bucket(Bucket="issuer", CreateBucketConfiguration=HERE, BucketNamespace="account-regional")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=HERE, BucketNamespace="account-regional")


def test_a_bucket_of_another_account(sandbox: Sandbox, aws: Callable[..., Any], s3: Any) -> None:
    other = aws("s3", **sandbox.credentials("111122223333"))
    other.create_bucket(Bucket="their-bucket", CreateBucketConfiguration=HERE)
    with Refused("403", 403):
        s3.head_bucket(Bucket="their-bucket")
    with Refused("BucketAlreadyExists", 409):
        s3.create_bucket(Bucket="their-bucket", CreateBucketConfiguration=HERE)
    with Refused("AccessDenied", 403):
        s3.put_object(Bucket="their-bucket", Key="k", Body=b"x")
    assert s3.list_buckets()["Buckets"] == []


EXPECTING = [
    ("head_bucket", {}, "403"),
    ("get_bucket_policy", {}, "AccessDenied"),
    ("get_public_access_block", {}, "AccessDenied"),
    ("put_public_access_block", {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": False}}, "AccessDenied"),
    ("put_object", {"Key": "k", "Body": b"x"}, "AccessDenied"),
    ("get_object", {"Key": "k"}, "AccessDenied"),
    ("list_object_versions", {}, "AccessDenied"),
    ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}, "AccessDenied"),
    ("delete_bucket", {}, "AccessDenied"),
]


@pytest.mark.parametrize(("method", "parameters", "code"), EXPECTING)
def test_another_owner_than_expected_is_denied(
    sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str], method: str, parameters: Any, code: str
) -> None:
    make_bucket()
    s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"kept", ExpectedBucketOwner=sandbox.account_id)
    with Refused(code, 403):
        getattr(s3, method)(Bucket="issuer-bucket", ExpectedBucketOwner="111122223333", **parameters)
    assert s3.get_object(Bucket="issuer-bucket", Key="k")["Body"].read() == b"kept"


def test_a_missing_bucket_is_missing_for_every_expected_owner(sandbox: Sandbox, s3: Any) -> None:
    with Refused("404", 404):
        s3.head_bucket(Bucket="absent-bucket", ExpectedBucketOwner="111122223333")
    with Refused("NoSuchBucket", 404):
        s3.get_bucket_policy(Bucket="absent-bucket", ExpectedBucketOwner=sandbox.account_id)


def test_a_request_to_the_wrong_region_is_redirected(
    aws: Callable[..., Any], make_bucket: Callable[..., str], fetch: Any
) -> None:
    make_bucket()
    answer = fetch("https://issuer-bucket.s3.us-west-2.amazonaws.com/k")
    assert (answer.status, answer.code) == (301, "PermanentRedirect")
    assert answer.headers["x-amz-bucket-region"] == REGION
    head = fetch("https://issuer-bucket.s3.us-west-2.amazonaws.com/", method="HEAD")
    assert (head.status, head.headers["x-amz-bucket-region"], head.body) == (301, REGION, b"")


def test_botocore_follows_the_redirect_to_the_right_region(
    aws: Callable[..., Any], make_bucket: Callable[..., str]
) -> None:
    make_bucket()
    wrong = aws("s3", region="us-west-2", config=Config(retries={"total_max_attempts": 2}))
    assert wrong.head_bucket(Bucket="issuer-bucket")["BucketRegion"] == REGION


def test_the_global_host_redirects_an_anonymous_client(make_bucket: Callable[..., str], fetch: Any) -> None:
    make_bucket()
    answer = fetch("https://issuer-bucket.s3.amazonaws.com/a/b?x=y")
    assert (answer.status, answer.code) == (307, "TemporaryRedirect")
    assert answer.headers["location"] == "https://issuer-bucket.s3.eu-west-1.amazonaws.com/a/b?x=y"
