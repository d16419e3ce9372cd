# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to reach the sandbox: AWS's names through the proxy, TLS directly, the plain endpoint."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox_helpers import REGION
from tests.sandbox import Sandbox


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer-bucket.s3.eu-west-1.amazonaws.com/keys.json",
        "https://s3.eu-west-1.amazonaws.com/issuer-bucket/keys.json",
        "https://issuer-bucket.s3.dualstack.eu-west-1.amazonaws.com/keys.json",
    ],
)
def test_each_s3_host_form_serves_the_object(
    sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str], fetch: Any, url: str
) -> None:
    make_bucket(public=("keys.json",))
    s3.put_object(Bucket="issuer-bucket", Key="keys.json", Body=b"{}", ContentType="application/json")
    answer = fetch(url)
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["content-type"] == "application/json"


def test_the_global_host_serves_a_bucket_of_us_east_1(aws: Callable[..., Any], fetch: Any) -> None:
    s3 = aws("s3", region="us-east-1")
    s3.create_bucket(Bucket="old-bucket")
    assert fetch("https://old-bucket.s3.amazonaws.com/x").status == 403
    assert s3.head_bucket(Bucket="old-bucket")["BucketRegion"] == "us-east-1"


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_every_service_in_every_partition(
    sandbox: Sandbox, aws: Callable[..., Any], region: str, partition: str, suffix: str
) -> None:
    mark = sandbox.mark()
    s3 = aws("s3", region=region)
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration={"LocationConstraint": region})
    assert s3.head_bucket(Bucket="a-bucket")["BucketRegion"] == region
    identity = aws("sts", region=region).get_caller_identity()
    assert identity["Arn"] == f"arn:{partition}:iam::{sandbox.account_id}:user/operator"
    created = aws("iam", region=region).create_open_id_connect_provider(Url="https://issuer.test")
    assert created["OpenIDConnectProviderArn"] == f"arn:{partition}:iam::{sandbox.account_id}:oidc-provider/issuer.test"
    assert all(entry["host"].endswith(suffix) for entry in sandbox.log(mark))


def test_curl_uses_it_by_its_environment_alone(sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket(public=("keys.json",))
    s3.put_object(Bucket="issuer-bucket", Key="keys.json", Body=b"{}")
    command = ["curl", "--silent", "--show-error", "https://issuer-bucket.s3.eu-west-1.amazonaws.com/keys.json"]
    assert subprocess.run(command, env=sandbox.environ(), check=True, capture_output=True).stdout == b"{}"


def test_a_foreign_host_is_not_looked_up_elsewhere(sandbox: Sandbox) -> None:
    connection = http.client.HTTPSConnection(sandbox.proxy.removeprefix("http://"))
    connection.set_tunnel("example.org", 443)
    with pytest.raises(OSError, match="502"):
        connection.connect()


def test_the_plain_endpoint_has_the_same_state(
    sandbox: Sandbox, aws: Callable[..., Any], s3: Any, make_bucket: Callable[..., str]
) -> None:
    make_bucket()
    s3.put_object(Bucket="issuer-bucket", Key="a/b c", Body=b"text")
    plain = aws("s3", endpoint_url=sandbox.http_endpoint)
    assert plain.get_object(Bucket="issuer-bucket", Key="a/b c")["Body"].read() == b"text"
    assert aws("sts", endpoint_url=sandbox.http_endpoint).get_caller_identity()["Account"] == sandbox.account_id
    arn = aws("iam", endpoint_url=sandbox.http_endpoint).create_open_id_connect_provider(Url="https://issuer.test")
    assert aws("iam").get_open_id_connect_provider(**_without_metadata(arn))["Url"] == "issuer.test"


def test_the_plain_endpoint_makes_buckets(sandbox: Sandbox, aws: Callable[..., Any]) -> None:
    plain = aws("s3", endpoint_url=sandbox.http_endpoint)
    plain.create_bucket(Bucket="plain-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert [bucket["Name"] for bucket in plain.list_buckets()["Buckets"]] == ["plain-bucket"]
    assert plain.head_bucket(Bucket="plain-bucket")["BucketRegion"] == REGION


@pytest.mark.parametrize("way", ["plain", "proxy"])
def test_one_connection_serves_many_requests(sandbox: Sandbox, way: str) -> None:
    if way == "plain":
        connection = http.client.HTTPConnection(sandbox.http_endpoint.removeprefix("http://"))
    else:
        trust = ssl.create_default_context(cafile=str(sandbox.ca_path))
        connection = http.client.HTTPSConnection(sandbox.proxy.removeprefix("http://"), context=trust)
        connection.set_tunnel("s3.eu-west-1.amazonaws.com", 443)
    sockets = []
    for path in ("/absent-one/x", "/absent-two/x"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert b"NoSuchBucket" in response.read()
        sockets.append(connection.sock)
    assert sockets[0] is sockets[1] is not None


def test_sandbox_serves_many_clients_at_once(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    keys = [f"key{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket="issuer-bucket", Key=key, Body=key.encode()), keys))
        bodies = list(pool.map(lambda key: s3.get_object(Bucket="issuer-bucket", Key=key)["Body"].read(), keys))
    assert bodies == [key.encode() for key in keys]


def test_an_upload_reads_back_byte_for_byte_with_its_headers(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    body = bytes(range(256)) * 40
    s3.put_object(Bucket="issuer-bucket", Key="k", Body=body, ContentType="a/b", CacheControl="max-age=60")
    found = s3.get_object(Bucket="issuer-bucket", Key="k")
    assert found["Body"].read() == body
    assert (found["ContentType"], found["CacheControl"]) == ("a/b", "max-age=60")
    assert "ContentEncoding" not in found
    assert "x-amz-content-sha256" not in found["ResponseMetadata"]["HTTPHeaders"]


def test_reset_empties_the_account_and_keeps_the_credentials(sandbox: Sandbox) -> None:
    session = boto3.session.Session(region_name=REGION, **sandbox.credentials(sandbox.account_id))
    client = session.client("s3", endpoint_url=sandbox.http_endpoint)
    client.create_bucket(Bucket="short-lived", CreateBucketConfiguration={"LocationConstraint": REGION})
    sandbox.reset()
    assert client.list_buckets()["Buckets"] == []


def _without_metadata(response: Any) -> Any:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def test_one_sandbox_a_process(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="already running"), Sandbox(tmp_path):
        raise AssertionError("it started")
