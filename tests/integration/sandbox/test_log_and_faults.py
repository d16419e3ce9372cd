# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of calls, and the faults a test can ask for."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ProxyConnectionError

from sandbox_helpers import REGION, Refused
from tests.sandbox import Sandbox

# Through a proxy urllib3 blames the proxy.
DROPPED = (ConnectionClosedError, ProxyConnectionError)


def test_an_entry_says_what_was_done_by_whom(
    sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str], fetch: Any
) -> None:
    make_bucket()
    mark = sandbox.mark()
    s3.put_object(Bucket="issuer-bucket", Key="a/b", Body=b"x")
    fetch("https://issuer-bucket.s3.eu-west-1.amazonaws.com/a/b")
    put, got = sandbox.log(mark)
    assert put | {"time": None} == {
        "time": None,
        "service": "s3",
        "operation": "PutObject",
        "write": True,
        "anonymous": False,
        "origin": "client",
        "host": "issuer-bucket.s3.eu-west-1.amazonaws.com",
        "method": "PUT",
        "path": "/a/b",
        "bucket": "issuer-bucket",
        "key": "a/b",
        "status": 200,
        "error": None,
    }
    assert (got["operation"], got["write"], got["anonymous"]) == ("GetObject", False, True)
    assert (got["status"], got["error"]) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("service", "method", "parameters", "logged", "write"),
    [
        ("s3", "create_bucket", {"Bucket": "other-bucket"}, "s3:CreateBucket", True),
        ("s3", "head_bucket", {"Bucket": "issuer-bucket"}, "s3:HeadBucket", False),
        ("s3", "list_objects_v2", {"Bucket": "issuer-bucket"}, "s3:ListObjectsV2", False),
        ("s3", "get_public_access_block", {"Bucket": "issuer-bucket"}, "s3:GetPublicAccessBlock", False),
        ("s3", "delete_public_access_block", {"Bucket": "issuer-bucket"}, "s3:DeletePublicAccessBlock", True),
        ("s3", "get_bucket_policy", {"Bucket": "issuer-bucket"}, "s3:GetBucketPolicy", False),
        (
            "s3control",
            "get_public_access_block",
            {"AccountId": "123456789012"},
            "s3control:GetPublicAccessBlock",
            False,
        ),
        ("sts", "get_caller_identity", {}, "sts:GetCallerIdentity", False),
        ("iam", "list_roles", {}, "iam:ListRoles", False),
        ("iam", "create_open_id_connect_provider", {"Url": "https://i.test"}, "iam:CreateOpenIDConnectProvider", True),
    ],
)
def test_operations_have_their_api_names(
    sandbox: Sandbox,
    aws: Callable[..., Any],
    make_bucket: Callable[..., str],
    service: str,
    method: str,
    parameters: Any,
    logged: Any,
    write: Any,
) -> None:
    make_bucket()
    mark = sandbox.mark()
    client = aws(service)
    # Some of it is not there: the name of the call is logged all the same.
    with contextlib.suppress(ClientError):
        getattr(client, method)(**parameters)
    (entry,) = sandbox.log(mark)
    assert (f"{entry['service']}:{entry['operation']}", entry["write"]) == (logged, write)


def test_a_head_answer_is_logged_with_its_error_code(sandbox: Sandbox, s3: Any) -> None:
    mark = sandbox.mark()
    with Refused("404"):
        s3.head_bucket(Bucket="absent-bucket")
    assert sandbox.log(mark)[0]["error"] == "NoSuchBucket"


def test_the_file_holds_the_same_and_no_secret(sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    text = (sandbox.state_dir / "calls.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == sandbox.log()
    assert sandbox.env["AWS_ACCESS_KEY_ID"] not in text
    assert "Signature=" not in text


def test_after_so_many_writes_nothing_is_answered_or_executed(
    sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str]
) -> None:
    make_bucket()
    sandbox.fail(after_writes=1)
    s3.list_buckets()
    s3.put_object(Bucket="issuer-bucket", Key="first", Body=b"x")
    mark = sandbox.mark()
    for call in (
        lambda: s3.put_object(Bucket="issuer-bucket", Key="second", Body=b"x"),
        s3.list_buckets,
    ):
        with pytest.raises(DROPPED):
            call()
    assert {(entry["status"], entry["error"]) for entry in sandbox.log(mark)} == {(None, "ConnectionDropped")}
    sandbox.clear_faults()
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="issuer-bucket")["Contents"]] == ["first"]


def test_a_refused_write_does_not_count(sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    sandbox.fail(after_writes=1)
    with Refused("BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket="issuer-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="issuer-bucket", Key="first", Body=b"x")


def test_one_operation_fails_as_often_as_asked(
    sandbox: Sandbox, s3: Any, iam: Any, make_bucket: Callable[..., str]
) -> None:
    make_bucket()
    sandbox.fail("s3:PutObject", status=503, code="SlowDown", message="Please reduce your request rate.", times=2)
    sandbox.fail("iam:ListOpenIDConnectProviders", status=501, code="NotImplemented", message="not here")
    for dummy in range(2):
        with Refused("SlowDown", 503):
            s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x")
    s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x")
    with Refused("NotImplemented", 501) as raised:
        iam.list_open_id_connect_providers()
    assert raised.value.response["Error"]["Message"] == "not here"


def test_a_fault_needs_to_say_what(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="either"):
        sandbox.fail()
    with pytest.raises(ValueError, match="either"):
        sandbox.fail("s3:PutObject", after_writes=1)


def test_the_control_api_does_the_same_from_outside(sandbox: Sandbox, s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()

    def control(method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(sandbox.control_url.removeprefix("http://"))
        connection.request(method, path, body=json.dumps(body) if body else None)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    assert control("GET", "/health")[1]["account_id"] == sandbox.account_id
    assert control("POST", "/faults", {"operation": "s3:ListBuckets", "status": 503, "code": "SlowDown"})[0] == 200
    with Refused("SlowDown", 503):
        s3.list_buckets()
    status, mark = control("GET", "/mark")
    assert (status, mark) == (200, sandbox.mark())
    assert control("GET", f"/log?since={mark - 1}")[1][0]["operation"] == "ListBuckets"
    assert control("POST", "/reset")[0] == 200
    assert s3.list_buckets()["Buckets"] == []
    assert control("POST", "/faults", {"nonsense": 1})[0] == 400
    assert control("GET", "/nonsense")[0] == 404
