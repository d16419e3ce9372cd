# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of IAM and STS in the XML form of S3, which Ceph's gateway sends for calls that it does not know."""

from __future__ import annotations

import io
import typing as t

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# What Ceph 20.2 answers to sts:GetCallerIdentity.
NOT_ALLOWED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>MethodNotAllowed</Code><Message></Message><RequestId>tx0000</RequestId><HostId>1-default</HostId></Error>"""


class _Raw(io.BytesIO):
    def stream(self, **ignored: t.Any) -> t.Iterator[bytes]:
        yield self.read()


def _client(service: str, status: int, body: bytes) -> t.Any:
    client = boto3.session.Session(
        aws_access_key_id="AKID", aws_secret_access_key="secret", region_name="us-east-1"
    ).client(service, endpoint_url="https://store.example.com", config=Config(retries={"total_max_attempts": 1}))

    def answer(request: t.Any, **ignored: t.Any) -> AWSResponse:
        return AWSResponse(request.url, status, {"content-type": "application/xml"}, _Raw(body))

    client.meta.events.register(f"before-send.{service}", answer)
    return client


def test_an_error_in_s3_form_is_unsupported() -> None:
    aws = Aws(ReadyClients({"sts": _client("sts", 405, NOT_ALLOWED)}))
    with pytest.raises(CallFailed, match="sts:GetCallerIdentity on the credentials failed: MethodNotAllowed") as caught:
        aws.call("sts", "GetCallerIdentity", "the credentials")
    assert caught.value.unsupported
    assert caught.value.details["error"]["code"] == "MethodNotAllowed"


def test_an_error_in_s3_form_is_unsupported_in_a_list() -> None:
    aws = Aws(ReadyClients({"iam": _client("iam", 405, NOT_ALLOWED)}))
    with pytest.raises(CallFailed, match="iam:ListRoles on the account failed: MethodNotAllowed") as caught:
        aws.pages("iam", "ListRoles", "the account")
    assert caught.value.unsupported


def test_an_error_without_code_has_its_status_as_code() -> None:
    aws = Aws(ReadyClients({"sts": _client("sts", 405, b"<Error></Error>")}))
    with pytest.raises(CallFailed, match="failed: 405: no message") as caught:
        aws.call("sts", "GetCallerIdentity", "the credentials")
    assert caught.value.unsupported


def test_an_error_in_s3_form_leads_to_the_option_account_id() -> None:
    with pytest.raises(IrsaError, match="Set account_id"):
        account_of(Aws(ReadyClients({"sts": _client("sts", 405, NOT_ALLOWED)})), None)


@pytest.mark.parametrize(
    ("service", "act"),
    [
        ("sts", lambda aws: aws.call("sts", "GetCallerIdentity", "x")),
        ("iam", lambda aws: aws.pages("iam", "ListRoles", "x")),
        ("sts", lambda aws: aws.read("sts", "GetCallerIdentity", "x").start().result()),
    ],
    ids=["call", "list", "started read"],
)
@pytest.mark.parametrize("page", [b"<html><p>Log in<br></html>", b"<html><p>Log in</p></html>"], ids=["HTML", "XHTML"])
def test_a_page_in_place_of_an_answer_is_explained(service: str, act: t.Callable[[Aws], t.Any], page: bytes) -> None:
    """Such as that of a proxy that asks people to log in."""
    with pytest.raises(CallFailed) as caught:
        act(Aws(ReadyClients({service: _client(service, 200, page)})))
    message = str(caught.value)
    assert (
        " on x got an answer that is not one of an AWS API, or not all of it: it cannot be read. Check the " in message
    )
    assert "HTTPS_PROXY" in message and "Log in" not in message


def test_an_identity_without_account_is_explained() -> None:
    with pytest.raises(CallFailed, match="it lacks Account, which AWS always sends"):
        account_of(Aws(ReadyClients({"sts": _client("sts", 200, b"<r><GetCallerIdentityResult/></r>")})), None)
