# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credentials are taken, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from sandbox_helpers import REGION, Refused
from tests.sandbox import Sandbox

UNKNOWN = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}


def session_of(credentials: Any) -> Any:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials.get("SessionToken"),
    }


def test_an_unknown_access_key_is_refused(sandbox: Sandbox, aws: Callable[..., Any]) -> None:
    with Refused("InvalidAccessKeyId", 403):
        aws("s3", **UNKNOWN).list_buckets()
    with Refused("InvalidAccessKeyId", 403):
        aws("s3control", **UNKNOWN).get_public_access_block(AccountId=sandbox.account_id)
    with Refused("InvalidClientTokenId", 403):
        aws("iam", **UNKNOWN).list_roles()
    with Refused("InvalidClientTokenId", 403):
        aws("sts", **UNKNOWN).get_caller_identity()


@pytest.mark.parametrize("endpoint", ["proxy", "plain"])
def test_a_wrong_secret_key_is_refused(sandbox: Sandbox, aws: Callable[..., Any], endpoint: Any) -> None:
    wrong = {**sandbox.credentials(sandbox.account_id), "aws_secret_access_key": "wrong"}
    options = {"endpoint_url": sandbox.http_endpoint} if endpoint == "plain" else {}
    with Refused("SignatureDoesNotMatch", 403):
        aws("s3", **wrong, **options).list_buckets()
    with Refused("SignatureDoesNotMatch", 403):
        aws("sts", **wrong, **options).get_caller_identity()


def test_a_tampered_request_is_refused(
    sandbox: Sandbox, aws: Callable[..., Any], s3: Any, make_bucket: Callable[..., str]
) -> None:
    make_bucket()

    def tamper(request: Any, **_: Any) -> None:
        request.url = request.url.replace("key-a", "key-b")

    s3.meta.events.register("before-send.s3.PutObject", tamper)
    with Refused("SignatureDoesNotMatch", 403):
        s3.put_object(Bucket="issuer-bucket", Key="key-a", Body=b"x")


def test_keys_made_in_iam_are_good_until_deleted(aws: Callable[..., Any], iam: Any) -> None:
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    sts = aws("sts", **session_of(key))
    assert sts.get_caller_identity()["Arn"].endswith(":user/alice")
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with Refused("InvalidClientTokenId", 403):
        sts.get_caller_identity()
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    with Refused("InvalidClientTokenId", 403):
        sts.get_caller_identity()


def temporary(aws: Callable[..., Any], kind: Any) -> Any:
    sts = aws("sts")
    if kind == "session":
        return sts.get_session_token()["Credentials"]
    arn = "arn:aws:iam::123456789012:role/provisioner"
    return sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]


@pytest.mark.parametrize(
    ("kind", "arn"),
    [
        ("session", "arn:aws:iam::123456789012:user/operator"),
        ("role", "arn:aws:sts::123456789012:assumed-role/provisioner/test"),
    ],
)
def test_temporary_credentials_need_their_token(
    aws: Callable[..., Any], make_bucket: Callable[..., str], kind: Any, arn: str
) -> None:
    make_bucket()
    credentials = session_of(temporary(aws, kind))
    assert aws("sts", **credentials).get_caller_identity()["Arn"] == arn
    aws("s3", **credentials).put_object(Bucket="issuer-bucket", Key="k", Body=b"x")
    for token in (None, "wrong"):
        with Refused("InvalidClientTokenId", 403):
            aws("sts", **{**credentials, "aws_session_token": token}).get_caller_identity()


def test_unsigned_calls_of_other_services_are_refused(sandbox: Sandbox, fetch: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for host, action in (("iam.amazonaws.com", "ListRoles"), ("sts.eu-west-1.amazonaws.com", "GetCallerIdentity")):
        answer = fetch(f"https://{host}/", method="POST", headers=form, body=f"Action={action}".encode())
        assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")
    assert fetch("https://s3.eu-west-1.amazonaws.com/").status == 403


def test_a_presigned_url_is_as_good_as_a_signature(
    s3: Any, make_bucket: Callable[..., str], aws: Callable[..., Any], fetch: Any
) -> None:
    make_bucket()
    s3.put_object(Bucket="issuer-bucket", Key="k a", Body=b"x")
    signer = aws("s3", config=Config(signature_version="s3v4"))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": "issuer-bucket", "Key": "k a"})
    assert fetch(url).body == b"x"
    assert fetch(url.replace("k%20a", "k%20b")).code == "SignatureDoesNotMatch"


def test_an_other_account_is_another_account(sandbox: Sandbox, aws: Callable[..., Any]) -> None:
    other = sandbox.credentials("111122223333")
    assert aws("sts", **other).get_caller_identity()["Account"] == "111122223333"
    aws("s3", **other).create_bucket(Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": REGION})
    sandbox.reset()
    assert aws("sts", **other).get_caller_identity()["Account"] == "111122223333"
    assert aws("s3", **other).list_buckets()["Buckets"] == []
