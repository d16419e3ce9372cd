# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's trust policy as IAM has it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import trust_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_checks import Token
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT

HOST = "irsa-prod.s3.eu-west-1.amazonaws.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/apps/cart"
GET = "iam:GetRole"
TOKEN = Token("", {}, {"sub": "system:serviceaccount:shop:cart", "aud": ["sts.amazonaws.com"]})
TRUST = ("trust-provider", "trust-subject", "trust-audience")


@pytest.fixture
def make(fake_aws):
    def made(policy=None, path="/apps/"):
        document = json.dumps(policy or trust_policy(PROVIDER, namespace="shop", service_account="cart"))
        fake_aws.quietly("iam").create_role(RoleName="cart", Path=path, AssumeRolePolicyDocument=document)

    return made


def check(aws, role_arn=ROLE, provider_arn=PROVIDER, token=TOKEN):
    report = Report()
    trust_checks.check_trust(report, aws, role_arn, provider_arn, token)
    return report


def statuses(report):
    return {each.id: each.status for each in report.checks}


def test_a_role_that_lets_the_token_in_is_right(aws, fake_aws, make):
    make()
    assert statuses(check(aws)) == dict.fromkeys(("role-exists", *TRUST), "ok")
    assert fake_aws.calls == [GET] and aws.permissions == {GET}


def test_what_keeps_the_token_out_is_an_error(aws, make):
    make(trust_policy(PROVIDER, namespace="shop", service_account="till"))
    report = check(aws)
    assert report.first_error.id == "trust-subject" and "till" in report.first_error.seen


def test_another_condition_is_reported_by_itself(aws, make):
    policy = trust_policy(PROVIDER, namespace="shop", service_account="cart")
    policy["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "192.0.2.0/24"}
    make(policy)
    assert statuses(check(aws))["trust-condition"] == "warning"


def test_where_the_provider_is_not_trusted_the_rest_is_skipped(aws, make):
    make(trust_policy(PROVIDER + "/prod", namespace="shop", service_account="cart"))
    assert statuses(check(aws)) == {
        "role-exists": "ok",
        "trust-provider": "error",
        "trust-subject": "skipped",
        "trust-audience": "skipped",
    }


def test_without_a_token_the_provider_is_judged_alone(aws, make):
    make(trust_policy(PROVIDER, namespace="shop", service_account="till"))
    report = check(aws, token=None)
    assert statuses(report) == {
        "role-exists": "ok",
        "trust-provider": "ok",
        "trust-subject": "skipped",
        "trust-audience": "skipped",
    }


def test_a_role_that_does_not_exist_is_an_error(aws):
    report = check(aws)
    assert report.first_error.id == "role-exists"
    assert [statuses(report)[each] for each in TRUST] == ["skipped"] * 3


def test_a_namesake_in_the_account_of_the_credentials_is_not_looked_at(aws, make):
    make(path="/")
    report = check(aws)
    assert set(statuses(report).values()) == {"skipped"}
    assert f"arn:aws:iam::{ACCOUNT}:role/cart" in report.checks[0].seen


def test_a_role_of_another_account_than_the_credentials_is_unknown(aws):
    report = check(aws, role_arn="arn:aws:iam::111122223333:role/cart")
    assert set(statuses(report).values()) == {"skipped"} and "another account" in report.checks[0].seen


@pytest.mark.parametrize(("code", "said"), [("AccessDenied", GET), ("ServiceFailure", "ServiceFailure")])
def test_what_cannot_be_read_is_unknown(aws, fake_aws, make, code, said):
    make()
    fake_aws.fail(GET, code, 403)
    report = check(aws)
    assert set(statuses(report).values()) == {"skipped"}
    assert "unknown" in report.checks[0].seen and said in report.checks[0].seen


def test_without_credentials_it_is_unknown():
    report = check(None)
    assert set(statuses(report).values()) == {"skipped"} and "credentials" in report.checks[0].seen


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (trust_policy(PROVIDER, namespace="shop", service_account="cart"), "ok"),
        (json.dumps(trust_policy(PROVIDER, namespace="shop", service_account="cart")), "ok"),
        ("%7B%22Statement%22%3A%5B%5D%7D", "error"),
        ("{", "error"),
        ("[" * 100_000, "error"),
        (None, "error"),
    ],
)
def test_a_policy_may_come_as_text_from_other_stores(document, status):
    class Stub:
        def call(self, *ignored, **more):
            return {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": document}}

    assert statuses(check(Stub()))["trust-provider"] == status


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        (ROLE, ("aws", ACCOUNT, "cart")),
        ("arn:aws-us-gov:iam::111122223333:role/cart@shop", ("aws-us-gov", "111122223333", "cart@shop")),
        ("arn:aws:iam::RGW12345678901234567:role/cart", ("aws", "RGW12345678901234567", "cart")),
    ],
)
def test_the_parts_of_an_arn(arn, parts):
    assert trust_checks.parse_role_arn(arn) == parts


@pytest.mark.parametrize("arn", ["cart", "", "arn:aws:iam::111122223333:user/cart", ROLE + "\n", PROVIDER, ROLE + "/"])
def test_what_is_no_arn_of_a_role_is_refused(arn):
    with pytest.raises(IrsaError, match="role_arn is"):
        trust_checks.parse_role_arn(arn)
