# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's trust policy, read from IAM and evaluated."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity, trust_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import Token
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import statuses

HOST = "irsa-prod.s3.eu-west-1.amazonaws.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/apps/cart"
GET = "iam:GetRole"
TOKEN = Token("", {}, {"sub": "system:serviceaccount:shop:cart", "aud": ["sts.amazonaws.com"]})
TRUST = ("trust-provider", "trust-subject", "trust-audience")


@pytest.fixture
def make(fake_aws):
    def made(policy=None, path="/apps/"):
        document = json.dumps(policy or trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"]))
        fake_aws.quietly("iam").create_role(RoleName="cart", Path=path, AssumeRolePolicyDocument=document)

    return made


def check(aws, role_arn=ROLE, token=TOKEN, report=None):
    report = report or Report()
    reason = "" if aws else "AWS credentials are needed, but there are none."
    context = Context(report=report, issuer=f"https://{HOST}", identity=Identity(), aws=aws, unreadable_reason=reason)
    trust_checks.check_trust(context, role_arn, token)
    return report


def test_a_role_that_accepts_the_token_passes(aws, fake_aws, make):
    make()
    assert statuses(check(aws)) == dict.fromkeys(("role-exists", *TRUST), "ok")
    assert fake_aws.calls == [GET] and aws.permissions == {GET}


def test_a_trust_condition_that_rejects_the_token_is_an_error(aws, make):
    make(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:till"]))
    report = check(aws)
    assert report.first_error.id == "trust-subject" and "till" in report.first_error.seen


def test_a_trust_condition_on_another_key_has_its_own_check(aws, make):
    policy = trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"])
    policy["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "192.0.2.0/24"}
    make(policy)
    assert statuses(check(aws))["trust-condition"] == "warning"


def test_without_trust_in_the_provider_subject_and_audience_are_skipped(aws, make):
    make(trust_policy([PROVIDER + "/prod"], subjects=["system:serviceaccount:shop:cart"]))
    assert statuses(check(aws)) == {
        "role-exists": "ok",
        "trust-provider": "error",
        "trust-subject": "skipped",
        "trust-audience": "skipped",
    }


def test_without_a_token_only_trust_in_the_provider_is_checked(aws, make):
    make(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:till"]))
    report = check(aws, token=None)
    assert statuses(report) == {
        "role-exists": "ok",
        "trust-provider": "ok",
        "trust-subject": "skipped",
        "trust-audience": "skipped",
    }


def test_without_a_token_a_key_that_no_token_has_is_an_error(aws, make):
    policy = trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"])
    values = policy["Statement"][0]["Condition"]["StringEquals"]
    policy["Statement"][0]["Condition"]["StringEquals"] = {f"https://{key}": value for key, value in values.items()}
    make(policy)
    report = check(aws, token=None)
    assert [statuses(report)[each] for each in TRUST] == ["ok", "error", "error"]
    assert "https://" in report.first_error.cause and "could not" not in report.first_error.seen


def test_a_wrong_audience_of_the_token_is_not_written_into_the_policy(aws, make):
    make(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:till"]))
    report = Report()
    report.error("token-audience", "It is for the API server.")
    wrong = Token("", {}, {"sub": "system:serviceaccount:shop:cart", "aud": ["https://kubernetes.default.svc"]})
    check(aws, token=wrong, report=report)
    by_id = {each.id: each for each in report.checks}
    assert f'"{HOST}:aud": "sts.amazonaws.com"' in by_id["trust-subject"].remedy
    assert "shop:cart" in by_id["trust-subject"].remedy and "kubernetes.default" not in by_id["trust-subject"].remedy
    assert by_id["trust-audience"].because == "token-audience"


def test_no_role_is_to_trust_what_a_forged_token_says(aws, make):
    make(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:till"]))
    report = Report()
    report.error("token-signature", "The signature is not that of the key.")
    by_id = {each.id: each for each in check(aws, report=report).checks}
    assert by_id["trust-subject"].because == "token-signature"
    assert "StringEquals" not in by_id["trust-subject"].remedy


def test_one_remedy_for_several_conditions_is_given_once(aws, make):
    policy = trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"])
    values = policy["Statement"][0]["Condition"]["StringEquals"]
    policy["Statement"][0]["Condition"]["StringEquals"] = {f"https://{key}": value for key, value in values.items()}
    make(policy)
    subject, audience = check(aws).checks[-2:]
    assert subject.remedy.startswith("The condition in its trust policy should be: ")
    assert audience.remedy == "Follow the remedy of trust-subject."


def test_an_audience_that_is_unknown_is_not_compared(aws, make):
    make()
    two = Token("", {}, {"sub": "system:serviceaccount:shop:cart", "aud": ["sts.amazonaws.com", "vault"]})
    report = check(aws, token=two)
    assert [statuses(report)[each] for each in TRUST] == ["ok", "ok", "skipped"]
    assert "null" not in str(report.checks) and "determined" in report.checks[-1].seen


def test_a_missing_role_is_an_error(aws):
    report = check(aws)
    assert report.first_error.id == "role-exists"
    assert [statuses(report)[each] for each in TRUST] == ["skipped"] * 3


def test_a_role_with_the_same_name_in_another_path_is_not_checked(aws, make):
    make(path="/")
    report = check(aws)
    assert set(statuses(report).values()) == {"skipped"}
    assert f"arn:aws:iam::{ACCOUNT}:role/cart" in report.checks[0].seen


def test_a_role_in_another_account_than_the_credentials_is_unknown(aws):
    report = check(aws, role_arn="arn:aws:iam::111122223333:role/cart")
    assert set(statuses(report).values()) == {"skipped"} and "do not belong to the account of" in report.checks[0].seen


@pytest.mark.parametrize(("code", "said"), [("AccessDenied", GET), ("ServiceFailure", "ServiceFailure")])
def test_a_trust_policy_that_cannot_be_read_is_unknown(aws, fake_aws, make, code, said):
    make()
    fake_aws.fail(GET, code, 403)
    report = check(aws)
    assert set(statuses(report).values()) == {"skipped"}
    assert "unknown" in report.checks[0].seen and said in report.checks[0].seen


def test_without_credentials_the_trust_policy_is_unknown():
    report = check(None)
    assert set(statuses(report).values()) == {"skipped"} and "credentials" in report.checks[0].seen


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"]), "ok"),
        (json.dumps(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"])), "ok"),
        ("%7B%22Statement%22%3A%5B%5D%7D", "error"),
        ("{", "error"),
        ("[" * 100_000, "error"),
        (None, "error"),
    ],
)
def test_a_trust_policy_that_comes_as_text_is_parsed(document, status):
    class Stub:
        def call(self, *ignored, **more):
            return {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": document}}

    assert statuses(check(Stub()))["trust-provider"] == status


@pytest.mark.parametrize("arn", ["cart", PROVIDER])
def test_an_invalid_role_arn_is_refused(arn):
    with pytest.raises(IrsaError, match="role_arn is"):
        identity.parse_role_arn(arn)
