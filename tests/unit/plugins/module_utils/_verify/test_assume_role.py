# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What STS answers, and what is made of it."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import assume_role
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/cart"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlLW9mLWl0"
CALL = "sts:AssumeRoleWithWebIdentity"
KEY_LOST = "Couldn't retrieve verification key from your identity provider, please reference the documentation"
PROVIDER_LOST = "No OpenIDConnect provider found in your account for https://issuer.example.com"


class Clock:
    """A second passes each time that it is looked at."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def no_answer():
    raise EndpointConnectionError(endpoint_url="https://sts.example.com")


def ask(aws, report=None, **given):
    report = report or Report()
    assume_role.check_assume_role(report, aws, ROLE, TOKEN, clock=Clock(), **given)
    assert report.checks[-1].id == "sts-assume"
    for part in TOKEN.split("."):
        assert part not in str(report.checks[-1])
    return report.checks[-1]


@pytest.fixture
def role(fake_aws):
    fake_aws.quietly("iam").create_role(RoleName="cart", AssumeRolePolicyDocument="{}")


def test_credentials_that_come_back_are_thrown_away(aws, fake_aws, role):
    check = ask(aws)
    assert check.status == "ok"
    assert fake_aws.calls == [CALL] and not aws.permissions
    assert fake_aws.params_of(CALL)[0]["DurationSeconds"] == 900
    assert "ASIA" not in str(check)


def test_white_space_around_the_token_is_not_sent(aws, fake_aws, role):
    assume_role.check_assume_role(Report(), aws, ROLE, f"{TOKEN}\n")
    assert fake_aws.params_of(CALL)[0]["WebIdentityToken"] == TOKEN


def test_what_is_accepted_in_spite_of_an_error_is_said_to_be(aws, role):
    report = Report()
    report.error("discovery-issuer", "It names another issuer.")
    check = ask(aws, report)
    assert check.status == "ok" and "in spite of discovery-issuer" in check.seen


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("InvalidIdentityToken", KEY_LOST, "could not read the issuer's documents"),
        ("InvalidIdentityToken", PROVIDER_LOST, "no provider for exactly"),
        ("InvalidIdentityToken", "Incorrect token audience", "not among the provider's client IDs"),
        (
            "InvalidIdentityToken",
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            "thumbprints",
        ),
        ("InvalidIdentityToken", "The ID Token provided could not be validated", "the key it names"),
        ("InvalidIdentityToken", "Token is expired", "expired"),
        ("ExpiredTokenException", "Token expired: current date/time must be before", "expired"),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", "trust policy"),
    ],
)
def test_a_refusal_that_no_check_explains_says_what_it_means(aws, fake_aws, code, message, meaning):
    fake_aws.fail(CALL, code, 400, message)
    check = ask(aws)
    assert check.status == "error"
    assert check.seen.startswith(f"STS answers {code}: {message[:20]}")
    assert meaning in check.cause and check.remedy


def test_a_refusal_that_nobody_knows_is_told_as_it_is(aws, fake_aws):
    fake_aws.fail(CALL, "RegionDisabledException", 403, "STS is not activated in this region")
    assert "STS is not activated" in ask(aws).seen


@pytest.mark.parametrize(
    ("code", "message", "blamed"),
    [
        ("InvalidIdentityToken", KEY_LOST, "kid-expected"),
        ("InvalidIdentityToken", PROVIDER_LOST, "provider-exists"),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", "trust-subject"),
        ("InvalidIdentityToken", "could not be validated", "token-signature"),
        ("SomethingElse", "whatever", "kid-expected"),
    ],
)
def test_of_several_errors_the_one_that_goes_with_the_answer_is_blamed(aws, fake_aws, code, message, blamed):
    report = Report()
    for check_id in ("kid-expected", "provider-exists", "token-signature", "trust-subject"):
        report.error(check_id, f"What is wrong with {check_id}.", "cause", f"remedy of {check_id}")
    fake_aws.fail(CALL, code, 400, message)
    check = ask(aws, report)
    assert f"That is because of {blamed}: What is wrong with {blamed}." in check.seen
    assert ("What is wrong first on the way is kid-expected" in check.seen) == (blamed != "kid-expected")
    assert check.remedy == f"remedy of {blamed}"
    assert report.diagnosis == f"{check.seen} cause remedy of {blamed}"


def test_a_warning_is_blamed_only_where_it_goes_with_the_answer(aws, fake_aws):
    for code, blamed in (("AccessDenied", True), ("ExpiredTokenException", False)):
        report = Report()
        report.warning("trust-subject", "It lets in everybody.")
        report.warning("trust-condition", "It cannot be judged.")
        fake_aws.fail(CALL, code, 403, "no")
        seen = ask(aws, report).seen
        assert ("trust-condition" in seen) == blamed and "trust-subject" not in seen


def test_an_issuer_that_sts_does_not_reach_is_asked_again_for_a_while(aws, fake_aws, pauses, role):
    fake_aws.fail(CALL, "IDPCommunicationError", times=2)
    assert ask(aws).status == "ok"
    assert fake_aws.calls == [CALL] * 3 and pauses == [1.0, 1.0]


def test_and_not_for_ever(aws, fake_aws, pauses, role):
    fake_aws.fail(CALL, "IDPCommunicationError", times=100)
    check = ask(aws, seconds=5)
    assert check.status == "error" and "could not reach the issuer" in check.cause
    assert len(pauses) < 6


@pytest.mark.parametrize("repeated", [TOKEN, TOKEN.split(".")[1], "eyJhbGciOiJSUzI1NiJ9x.eyJzdWIiOiJzeXN0ZW0ifQx.x"])
def test_a_service_that_repeats_the_token_is_not_repeated(aws, fake_aws, repeated):
    fake_aws.fail(CALL, "ValidationError", 400, f"Value '{repeated}' at 'webIdentityToken' failed")
    check = ask(aws)
    assert "webIdentityToken" in check.seen and repeated not in check.seen


def test_an_sts_that_gives_no_answer_leaves_the_question_open(aws, fake_aws):
    fake_aws.before(CALL, no_answer)
    check = ask(aws)
    assert check.status == "error" and "could not be asked" in check.seen and "sts.example.com" in check.seen


def test_and_is_no_reason_for_an_error_that_is_known(aws, fake_aws):
    fake_aws.before(CALL, no_answer)
    report = Report()
    report.error("token-signature", "It was forged.")
    assert ask(aws, report).status == "skipped"
    assert report.diagnosis.startswith("It was forged.")
