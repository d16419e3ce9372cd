# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a bucket answers 403, seen with the credentials of its account in moto."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import bucket_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, statuses

BUCKET = "irsa-prod"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
URL = f"https://{HOST}/prod/keys.json"
KEY = "prod/keys.json"
OPEN = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
PARTS = ["bucket-exists", "bucket-access-block", "bucket-policy", "object-exists", "object-encryption"]


@pytest.fixture
def s3(fake_aws):
    """Another client of the account, with which a bucket was created that has one publicly readable object."""
    client = fake_aws.quietly("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [OPEN]}))
    client.put_object(Bucket=BUCKET, Key=KEY, Body=b"{}")
    return client


def look(aws, url=URL, account_id=None):
    report = Report()
    return bucket_checks.explain_forbidden(report, aws, url, account_id=account_id), report


def only_error(answer, report):
    assert answer is None
    (fault,) = (check for check in report.checks if check.status != "ok")
    assert fault.status == "error" and fault.remedy
    return fault


def block(client, **settings):
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    client.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={**dict.fromkeys(names, False), **settings}
    )


class TestReasons:
    def test_a_policy_that_cannot_be_read_allows_nothing(self, fake_aws, aws, s3):
        with fake_aws.altered("s3:GetBucketPolicy", Policy='{"Statement": ["Allow"]}'):
            fault = only_error(*look(aws))
        assert fault.id == "bucket-policy"

    @pytest.mark.parametrize("policy", ["<html>", "[" * 50_000, "[]", "null"], ids=["HTML", "deep", "list", "null"])
    def test_an_answer_that_is_no_policy_leaves_the_policy_unknown(self, fake_aws, aws, s3, policy):
        with fake_aws.altered("s3:GetBucketPolicy", Policy=policy):
            answer, report = look(aws)
        assert statuses(report)["bucket-policy"] == "skipped"
        assert "bucket-policy is unknown" in answer and "not one of an AWS API" in answer

    def test_an_open_bucket_has_no_reason_for_a_403(self, aws, s3):
        answer, report = look(aws)
        assert statuses(report) == dict.fromkeys(PARTS, "ok")
        assert answer == "Nothing that these credentials can see blocks anonymous reads."

    def test_a_missing_bucket_is_a_reason(self, aws, fake_aws):
        fault = only_error(*look(aws))
        assert fault.id == "bucket-exists" and BUCKET in fault.seen

    @pytest.mark.parametrize(("setting", "found"), [("RestrictPublicBuckets", True), ("BlockPublicPolicy", False)])
    def test_only_restrict_public_buckets_of_the_bucket_is_a_reason(self, aws, s3, setting, found):
        block(s3, **{setting: True})
        answer, report = look(aws)
        assert (answer is None) == found
        assert statuses(report)["bucket-access-block"] == ("error" if found else "ok")

    def test_an_access_block_of_the_account_is_a_reason(self, aws, s3, fake_aws):
        fake_aws.quietly("s3control").put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
        )
        fault = only_error(*look(aws))
        assert fault.id == "bucket-access-block" and "RestrictPublicBuckets of the account blocks" in fault.seen

    def test_access_blocks_of_bucket_and_account_are_both_named(self, aws, s3, fake_aws):
        block(s3, RestrictPublicBuckets=True)
        fake_aws.quietly("s3control").put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
        )
        assert "of the bucket and of the account" in only_error(*look(aws)).seen

    def test_a_missing_bucket_policy_is_a_reason(self, aws, s3):
        s3.delete_bucket_policy(Bucket=BUCKET)
        fault = only_error(*look(aws))
        assert fault.id == "bucket-policy" and "there is no policy" in fault.seen

    def test_a_bucket_policy_for_another_object_is_a_reason(self, aws, s3):
        statement = {**OPEN, "Resource": f"arn:aws:s3:::{BUCKET}/keys.json"}
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        fault = only_error(*look(aws))
        assert fault.id == "bucket-policy" and f"but not arn:aws:s3:::{BUCKET}/{KEY}" in fault.seen

    def test_a_missing_object_is_a_reason(self, aws, s3):
        s3.delete_object(Bucket=BUCKET, Key=KEY)
        fault = only_error(*look(aws))
        assert fault.id == "object-exists" and KEY in fault.seen

    def test_a_denial_that_may_not_apply_is_a_warning_behind_what_is_certain(self, aws, s3):
        condition = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
        statements = [OPEN, {**OPEN, "Sid": "Office", "Effect": "Deny", "Condition": condition}]
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        answer, report = look(aws)
        assert statuses(report)["bucket-policy"] == "warning"
        assert answer.endswith("is certain to block anonymous reads; see bucket-policy.")

        s3.delete_object(Bucket=BUCKET, Key=KEY)
        answer, report = look(aws)
        assert answer is None
        certain, doubtful = faults(report)
        assert (certain.id, certain.status) == ("object-exists", "error")
        assert (doubtful.id, doubtful.status) == ("bucket-policy", "warning")
        assert "'Office' denies it depends on NotIpAddress 'aws:SourceIp'" in doubtful.seen

    def test_denials_of_old_tls_are_no_reason(self, aws, s3, fake_aws):
        everything = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": OPEN["Resource"]}
        old = {**everything, "Sid": "Old", "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}
        plain = {**everything, "Sid": "Plain", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [OPEN, old, plain]})
        s3.delete_object(Bucket=BUCKET, Key=KEY)
        with fake_aws.altered("s3:GetBucketPolicy", Policy=policy):  # moto would deny everything
            fault = only_error(*look(aws))
        assert fault.id == "object-exists"

    @pytest.mark.parametrize("encryption", ["aws:kms", "aws:kms:dsse"])
    def test_an_object_encrypted_with_kms_is_a_reason(self, aws, s3, encryption):
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"{}", ServerSideEncryption=encryption)
        fault = only_error(*look(aws))
        assert fault.id == "object-encryption" and encryption in fault.seen

    def test_all_reasons_of_a_403_are_reported(self, aws, s3):
        block(s3, RestrictPublicBuckets=True)
        s3.delete_bucket_policy(Bucket=BUCKET)
        s3.delete_object(Bucket=BUCKET, Key=KEY)
        answer, report = look(aws)
        assert answer is None
        assert [check.id for check in report.checks if check.status == "error"] == [
            "bucket-access-block",
            "bucket-policy",
            "object-exists",
        ]


class TestUnknown:
    @pytest.mark.parametrize(
        ("call", "check", "lacking"),
        [
            ("s3:GetPublicAccessBlock", "bucket-access-block", "s3:GetBucketPublicAccessBlock"),
            ("s3control:GetPublicAccessBlock", "bucket-access-block", "s3:GetAccountPublicAccessBlock"),
            ("s3:GetBucketPolicy", "bucket-policy", "s3:GetBucketPolicy"),
            ("s3:HeadObject", "object-exists", "s3:GetObject and s3:ListBucket"),
            ("s3:HeadBucket", "bucket-exists", "s3:ListBucket"),
        ],
    )
    def test_a_denied_read_leaves_its_check_unknown(self, aws, s3, fake_aws, call, check, lacking):
        fake_aws.fail(call, "403" if "Head" in call else "AccessDenied", 403)
        answer, report = look(aws)
        others = "" if call.startswith("s3control") else f", or the bucket does not belong to account {ACCOUNT}"
        assert f"{check} is unknown: the credentials lack {lacking}{others}." in answer
        assert statuses(report)[check] == "skipped"
        assert "error" not in statuses(report).values()

    def test_an_explicit_denial_is_passed_on(self, aws, s3, fake_aws):
        said = "is not authorized to perform: s3:GetBucketPolicy with an explicit deny in a resource-based policy"
        fake_aws.fail("s3:GetBucketPolicy", "AccessDenied", 403, message=said)
        answer, _report = look(aws)
        assert f"bucket-policy is unknown: s3:GetBucketPolicy is denied to the credentials: {said}." in answer
        assert "lack" not in answer

    def test_a_denied_read_does_not_hide_another_reason(self, aws, s3, fake_aws):
        s3.delete_bucket_policy(Bucket=BUCKET)
        fake_aws.fail("s3:HeadBucket", "403", 403)
        answer, report = look(aws)
        assert answer is None and statuses(report)["bucket-policy"] == "error"

    @pytest.mark.parametrize("call", ["s3:GetBucketPolicy", "s3control:GetPublicAccessBlock"])
    def test_an_unsupported_call_leaves_its_check_unknown(self, aws, s3, fake_aws, call):
        fake_aws.fail(call, "NotImplemented", 501)
        answer, report = look(aws)
        assert "unknown" in answer and "error" not in statuses(report).values()

    def test_without_an_owner_nothing_is_asked_about_a_bucket(self, aws, s3, fake_aws):
        fake_aws.fail("sts:GetCallerIdentity", "NotImplemented", 501)
        answer, report = look(aws)
        assert "Set bucket_account_id" in answer and report.checks == []
        assert fake_aws.calls == ["sts:GetCallerIdentity"]

    def test_a_bucket_of_another_account_is_told_apart_from_lacking_permissions(self, aws, s3, fake_aws):
        answer, report = look(aws, account_id="210987654321")
        assert "bucket-exists is unknown: " in answer and "does not belong to account 210987654321" in answer
        assert "error" not in statuses(report).values()

    @pytest.mark.parametrize(
        "url",
        [
            "https://irsa.example.com/keys.json",
            "https://amazonaws.com/",
            "https://d111111abcdef8.cloudfront.net/keys.json",
        ],
    )
    def test_a_url_outside_s3_is_not_inspected(self, aws, fake_aws, url):
        answer, report = look(aws, url)
        assert (answer, report.checks, fake_aws.calls) == ("", [], [])

    def test_without_credentials_nothing_is_inspected(self, fake_aws):
        class Clients(ReadyClients):
            def has_credentials(self):
                return False

        answer, report = look(Aws(Clients(fake_aws.clients)))
        assert "there are none" in answer and report.checks == [] and fake_aws.calls == []


class TestCalls:
    def test_the_reason_of_a_403_is_found_with_reads_only(self, aws, s3, fake_aws):
        look(aws)
        assert fake_aws.writes == []
        assert fake_aws.calls == [
            "sts:GetCallerIdentity",
            "s3:HeadBucket",
            "s3:GetPublicAccessBlock",
            "s3control:GetPublicAccessBlock",
            "s3:GetBucketPolicy",
            "s3:HeadObject",
        ]
        assert aws.permissions == {
            "s3:ListBucket",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetAccountPublicAccessBlock",
            "s3:GetBucketPolicy",
            "s3:GetObject",
        }

    def test_each_call_names_the_owner_of_the_bucket(self, aws, s3, fake_aws):
        look(aws)
        of_s3 = [params for call, params in fake_aws.params if call.startswith("s3:")]
        assert len(of_s3) == 4 and all(params["ExpectedBucketOwner"] == ACCOUNT for params in of_s3)

    def test_a_given_account_id_replaces_its_lookup(self, aws, s3, fake_aws):
        look(aws, account_id=ACCOUNT)
        assert "sts:GetCallerIdentity" not in fake_aws.calls
