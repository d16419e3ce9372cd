# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What everyone may read: policies, access blocks, ACLs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox_helpers import OPEN_TO_POLICIES, REGION, Refused, policy_for
from tests.sandbox import Sandbox

HOST = "https://issuer-bucket.s3.eu-west-1.amazonaws.com"
CLOSED = {**OPEN_TO_POLICIES, "BlockPublicPolicy": True}


@pytest.fixture
def public(s3: Any, make_bucket: Callable[..., str]) -> Any:
    make_bucket(public=("open.json", "wild/*"))
    for key in ("open.json", "wild/a/b.json", "closed.json"):
        s3.put_object(Bucket="issuer-bucket", Key=key, Body=b"{}")
    return "issuer-bucket"


def put_policy(s3: Any, **elements: Any) -> None:
    s3.put_bucket_policy(
        Bucket="issuer-bucket", Policy=json.dumps(policy_for("issuer-bucket", "open.json", **elements))
    )


@pytest.mark.parametrize(("path", "status"), [("/open.json", 200), ("/wild/a/b.json", 200), ("/closed.json", 403)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_bucket_policy_decides_on_anonymous_reads(
    public: Any, fetch: Any, path: str, status: int, method: str
) -> None:
    answer = fetch(HOST + path, method=method)
    assert answer.status == status
    assert answer.body == (b"" if method == "HEAD" else b"{}" if status == 200 else answer.body)


def test_listing_and_writing_stay_closed(s3: Any, public: Any, fetch: Any) -> None:
    for method, path in (("GET", "/"), ("GET", "/?list-type=2"), ("PUT", "/open.json"), ("DELETE", "/open.json")):
        answer = fetch(HOST + path, method=method, body=b"changed" if method == "PUT" else None)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert s3.get_object(Bucket="issuer-bucket", Key="open.json")["Body"].read() == b"{}"


def test_a_missing_object_is_forbidden_unless_listing_is_allowed(s3: Any, public: Any, fetch: Any) -> None:
    assert fetch(HOST + "/wild/absent").status == 403
    s3.delete_object(Bucket="issuer-bucket", Key="open.json")
    assert fetch(HOST + "/open.json").code == "AccessDenied"
    both = ["arn:aws:s3:::issuer-bucket", "arn:aws:s3:::issuer-bucket/*"]
    put_policy(s3, Action=["s3:GetObject", "s3:ListBucket"], Resource=both)
    assert (fetch(HOST + "/absent").status, fetch(HOST + "/absent").code) == (404, "NoSuchKey")
    assert b"closed.json" in fetch(HOST + "/").body


def test_a_missing_bucket_is_reported_as_missing(sandbox: Sandbox, fetch: Any) -> None:
    answer = fetch("https://absent-bucket.s3.eu-west-1.amazonaws.com/open.json")
    assert (answer.status, answer.code) == (404, "NoSuchBucket")


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::111122223333:root", "*"]}])
@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:getobject", "s3:Get*", "s3:*", "*", ["s3:PutObject", "s3:GetObject"]]
)
def test_policy_forms_that_allow(s3: Any, public: Any, fetch: Any, principal: Any, action: Any) -> None:
    put_policy(s3, Principal=principal, Action=action)
    assert fetch(HOST + "/open.json").status == 200


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {"Principal": {"Service": "cloudfront.amazonaws.com"}},
        {"Action": "s3:GetObjectAcl"},
        {"Resource": "arn:aws:s3:::issuer-bucket/open.jso"},
        {"Resource": "arn:aws:s3:::issuer-bucket/Open.json"},
        {"Condition": {"StringEquals": {"aws:Referer": "x"}}},
        {"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
)
def test_policy_forms_that_do_not_allow(s3: Any, public: Any, fetch: Any, elements: Any) -> None:
    put_policy(s3, **elements)
    assert fetch(HOST + "/open.json").status == 403


def test_secure_transport_can_be_required(s3: Any, public: Any, fetch: Any) -> None:
    put_policy(s3, Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert fetch(HOST + "/open.json").status == 200
    assert fetch(HOST.replace("https", "http") + "/open.json").status == 403


def test_a_denial_wins_over_everything(s3: Any, public: Any, fetch: Any) -> None:
    policy = policy_for("issuer-bucket", "open.json")
    deny = policy_for("issuer-bucket", "*", Effect="Deny", Sid="Deny")["Statement"]
    policy["Statement"] += deny
    s3.put_bucket_policy(Bucket="issuer-bucket", Policy=json.dumps(policy))
    assert fetch(HOST + "/open.json").status == 403
    with Refused("AccessDenied", 403) as raised:
        s3.get_object(Bucket="issuer-bucket", Key="open.json")
    assert "explicit deny" in str(raised.value)


def test_a_denial_that_does_not_apply_denies_nothing(s3: Any, public: Any, fetch: Any) -> None:
    policy = policy_for("issuer-bucket", "open.json")
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    policy["Statement"] += policy_for("issuer-bucket", "*", Effect="Deny", Sid="Deny", Condition=insecure)["Statement"]
    s3.put_bucket_policy(Bucket="issuer-bucket", Policy=json.dumps(policy))
    assert fetch(HOST + "/open.json").status == 200
    assert s3.get_object(Bucket="issuer-bucket", Key="open.json")["Body"].read() == b"{}"


def test_another_account_reads_what_its_policy_says(
    sandbox: Sandbox, aws: Callable[..., Any], s3: Any, public: Any
) -> None:
    other = aws("s3", **sandbox.credentials("111122223333"))
    assert other.get_object(Bucket="issuer-bucket", Key="open.json")["Body"].read() == b"{}"
    with Refused("AccessDenied", 403):
        other.get_object(Bucket="issuer-bucket", Key="closed.json")
    put_policy(s3, Principal={"AWS": "111122223333"}, Resource="arn:aws:s3:::issuer-bucket/closed.json")
    assert other.get_object(Bucket="issuer-bucket", Key="closed.json")["Body"].read() == b"{}"


@pytest.mark.parametrize("level", ["bucket", "account"])
def test_a_public_policy_is_refused_while_blocked(
    sandbox: Sandbox, aws: Callable[..., Any], s3: Any, make_bucket: Callable[..., str], level: str
) -> None:
    make_bucket()
    if level == "account":
        s3.delete_public_access_block(Bucket="issuer-bucket")
        control = aws("s3control")
        control.put_public_access_block(AccountId=sandbox.account_id, PublicAccessBlockConfiguration=CLOSED)
    with Refused("AccessDenied", 403) as raised:
        put_policy(s3)
    assert "BlockPublicPolicy" in str(raised.value)
    put_policy(s3, Principal={"AWS": "arn:aws:iam::111122223333:root"})
    put_policy(s3, Condition={"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/X"}})
    with Refused("AccessDenied", 403):
        put_policy(s3, Condition={"Bool": {"aws:SecureTransport": "true"}})


@pytest.mark.parametrize("level", ["bucket", "account"])
def test_restricted_public_buckets_serve_no_one(
    sandbox: Sandbox, aws: Callable[..., Any], s3: Any, public: Any, fetch: Any, level: str
) -> None:
    block = {**OPEN_TO_POLICIES, "RestrictPublicBuckets": True}
    if level == "bucket":
        s3.put_public_access_block(Bucket="issuer-bucket", PublicAccessBlockConfiguration=block)
    else:
        control = aws("s3control")
        control.put_public_access_block(AccountId=sandbox.account_id, PublicAccessBlockConfiguration=block)
    assert fetch(HOST + "/open.json").status == 403
    assert s3.get_object(Bucket="issuer-bucket", Key="open.json")["Body"].read() == b"{}"
    other = aws("s3", **sandbox.credentials("111122223333"))
    with Refused("AccessDenied", 403):
        other.get_object(Bucket="issuer-bucket", Key="open.json")


def test_a_kms_encrypted_object_cannot_be_read_anonymously(s3: Any, public: Any, fetch: Any) -> None:
    s3.put_object(Bucket="issuer-bucket", Key="open.json", Body=b"{}", ServerSideEncryption="aws:kms")
    answer = fetch(HOST + "/open.json")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket="issuer-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="issuer-bucket", Key="wild/x", Body=b"{}")
    assert fetch(HOST + "/wild/x").status == 400


def test_acls_are_off_unless_asked_for(s3: Any, make_bucket: Callable[..., str]) -> None:
    make_bucket()
    with Refused("AccessControlListNotSupported", 400):
        s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x", ACL="public-read")
    s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x", ACL="bucket-owner-full-control")
    with Refused("AccessControlListNotSupported", 400):
        s3.put_object_acl(Bucket="issuer-bucket", Key="k", ACL="public-read")
    with Refused("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket="issuer-bucket", GrantRead="uri=http://acs.amazonaws.com/groups/global/AllUsers")
    with Refused("InvalidBucketAclWithObjectOwnership", 400):
        s3.create_bucket(
            Bucket="acl-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}, ACL="public-read"
        )


def test_where_acls_are_on_the_block_rules_them(s3: Any, make_bucket: Callable[..., str], fetch: Any) -> None:
    make_bucket()
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket="issuer-bucket", OwnershipControls=rules)
    with Refused("AccessDenied", 403):
        s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x", ACL="public-read")
    s3.delete_public_access_block(Bucket="issuer-bucket")
    s3.put_object(Bucket="issuer-bucket", Key="k", Body=b"x", ACL="public-read")
    assert fetch(HOST + "/k").status == 200
    s3.put_public_access_block(Bucket="issuer-bucket", PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert fetch(HOST + "/k").status == 403


@pytest.mark.parametrize(
    "policy",
    [
        "nonsense",
        "[]",
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps(policy_for("issuer-bucket", "k") | {"Version": "2020-01-01"}),
        json.dumps(policy_for("other-bucket", "k")),
        json.dumps(policy_for("issuer-bucket", "k", Effect="Maybe")),
        json.dumps(policy_for("issuer-bucket", "k", Action="sts:AssumeRole")),
        json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}),
    ],
)
def test_a_malformed_policy_is_refused(s3: Any, make_bucket: Callable[..., str], policy: Any) -> None:
    make_bucket()
    with Refused("MalformedPolicy", 400):
        s3.put_bucket_policy(Bucket="issuer-bucket", Policy=policy)
