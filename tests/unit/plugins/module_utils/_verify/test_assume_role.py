# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of STS, and how they are explained."""

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
    """A clock that advances by a second each time it is read."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def no_answer():
    raise EndpointConnectionError(endpoint_url="https://sts.example.com")


def ask(aws, report=None, **given):
    report = report or Report()
    assume_role.check_assume_role(report, aws, role_arn=ROLE, token=TOKEN, clock=Clock(), **given)
    (found,) = (each for each in report.checks if each.id == "sts-assume")
    for part in TOKEN.split("."):
        assert part not in str(found)
    return found


@pytest.fixture
def role(fake_aws):
    fake_aws.quietly("iam").create_role(RoleName="cart", AssumeRolePolicyDocument="{}")


def test_returned_credentials_are_discarded(aws, fake_aws, role):
    check = ask(aws)
    assert check.status == "ok"
    assert fake_aws.calls == [CALL] and not aws.permissions
    assert fake_aws.params_of(CALL)[0]["DurationSeconds"] == 900
    assert "ASIA" not in str(check)


def test_white_space_around_the_token_is_not_sent(aws, fake_aws, role):
    assume_role.check_assume_role(Report(), aws, role_arn=ROLE, token=f"{TOKEN}\n")
    assert fake_aws.params_of(CALL)[0]["WebIdentityToken"] == TOKEN


DECIDED = [
    *("provider-audience", "token-audience", "token-issuer", "token-lifetime", "role-exists", "trust-subject"),
    *("jwk-use", "algorithms", "discovery-issuer", "jwks-uri", "tls-trust", "dns-resolve"),
]


@pytest.mark.parametrize("fault", DECIDED)
def test_what_sts_has_decided_is_no_error(aws, role, fault):
    report = Report()
    report.error(fault, "It differs.")
    check = ask(aws, report)
    assert check.status == "ok" and f"in spite of {fault}" in check.seen
    assert (report.checks[0].status, report.verdict) == ("warning", "degraded")
    assert report.checks[0].seen == "It differs. STS took the token all the same."


@pytest.mark.parametrize("fault", ["kid-expected", "token-signature", "object-exists", "provider-audience"])
def test_any_error_may_explain_the_one_code_of_another_store(aws, fake_aws, monkeypatch, fault):
    """Ceph answers AccessDenied, without a message, to everything that it refuses."""
    here = assume_role.endpoint_of(aws.client("sts"))
    monkeypatch.setattr(assume_role, "endpoint_of", lambda _client: here._replace(is_aws=False))
    fake_aws.fail(CALL, "AccessDenied", 403, message="")
    report = Report()
    report.error(fault, "It differs.")
    report.error("trust-subject", "It differs, too.")
    check = ask(aws, report)
    assert (check.status, check.because) == ("error", fault)
    assert report.checks[0].id == fault


def test_what_sts_has_used_is_not_called_unusable(aws, role):
    report = Report()
    report.error("jwk-numbers", "STS cannot use the key 'a': its n is padded with =.")
    ask(aws, report)
    assert "cannot" not in report.checks[0].seen
    assert report.checks[0].seen.startswith("There is a fault in the key 'a': its n is padded with =.")


@pytest.mark.parametrize("fault", ["http-response", "bucket-exists", "object-exists", "jwks-json", "jwk-public-only"])
def test_what_is_gone_or_dangerous_now_stays_an_error(aws, role, fault):
    """STS may have read the documents before, and others will read them later."""
    report = Report()
    report.error(fault, "It differs.")
    check = ask(aws, report)
    assert check.status == "ok" and f"in spite of {fault}: it may have read the documents earlier" in check.seen
    assert report.verdict == "broken"


def test_a_store_that_is_more_lenient_than_aws_decides_about_the_token_only(aws, role, monkeypatch):
    here = assume_role.endpoint_of(aws.client("sts"))
    monkeypatch.setattr(assume_role, "endpoint_of", lambda _client: here._replace(is_aws=False))
    report = Report()
    report.error("discovery-issuer", "It differs.")
    report.error("trust-subject", "It differs.")
    assert "more lenient than AWS" in ask(aws, report).seen
    assert [each.status for each in report.checks] == ["error", "warning", "ok"]


@pytest.mark.parametrize("fault", ["apiserver-issuer", "apiservers-agree", "signer-external", "cluster-issuer"])
def test_acceptance_does_not_contradict_a_fault_of_the_api_servers(aws, role, fault):
    report = Report()
    report.error(fault, "A server differs.")
    check = ask(aws, report)
    assert check.status == "ok" and f"in spite of {fault}: it may come from another API server" in check.seen


@pytest.mark.parametrize("fault", ["injection-present", "account-annotation", "pods-without-credentials"])
def test_neither_acceptance_nor_refusal_is_explained_by_what_pods_get(aws, fake_aws, role, fault):
    report, refused = Report(), Report()
    for each in (report, refused):
        each.error(fault, "A pod got none.")
    assert fault not in ask(aws, report).seen and report.verdict == "broken"
    fake_aws.fail(CALL, "InvalidIdentityToken", 400, message=KEY_LOST)
    check = ask(aws, refused)
    assert check.status == "error" and fault not in check.seen and "could not read" in check.cause


def test_a_fault_of_the_api_servers_does_not_explain_the_refusal_of_a_token_that_was_verified(aws, fake_aws):
    for verified in (False, True):
        report = Report()
        report.error("apiserver-issuer", "A server differs.")
        if verified:
            report.ok("token-issuer", "It fits.")
            report.ok("token-signature", "It fits.")
        fake_aws.fail(CALL, "InvalidIdentityToken", 400, message=PROVIDER_LOST)
        assert ask(aws, report).because == (None if verified else "apiserver-issuer")


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
def test_a_refusal_that_no_check_explains_has_its_meaning_as_cause(aws, fake_aws, code, message, meaning):
    fake_aws.fail(CALL, code, 400, message=message)
    check = ask(aws)
    assert check.status == "error"
    assert check.seen.startswith(f"STS answers {code}: {message[:20]}")
    assert meaning in check.cause and check.remedy


def test_an_unknown_refusal_is_reported_as_it_is(aws, fake_aws):
    fake_aws.fail(CALL, "RegionDisabledException", 403, message="STS is not activated in this region")
    assert "STS is not activated" in ask(aws).seen


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("ExpiredTokenException", "Token expired", "expired"),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", "trust policy"),
        ("InvalidIdentityToken", "Incorrect token audience", "client IDs"),
        ("InvalidIdentityToken", "Missing a required claim: aud", "lacks a claim"),
        ("RegionDisabledException", "STS is not activated in this region", "administrator can activate it"),
        ("IDPRejectedClaim", "The claim is invalid", "revoked"),
    ],
)
def test_a_cause_that_sts_names_is_not_explained_by_something_else(aws, fake_aws, code, message, meaning):
    report = Report()
    report.error("http-response", "It answers 404.")
    fake_aws.fail(CALL, code, 400, message=message)
    check = ask(aws, report)
    assert check.because is None and meaning in check.cause
    assert report.first_error.id == "sts-assume" and report.diagnosis.startswith("STS answers")


def accepting(*left_out) -> Report:
    """A report in which everything accepts the token, without these checks."""
    report = Report()
    for check_id in ("provider-exists", "provider-audience", "token-issuer", "token-audience", "token-lifetime"):
        report.ok(check_id, "It fits.")
    for check_id in ("token-signature", "role-exists", "trust-provider", "trust-audience"):
        report.ok(check_id, "It fits.")
    report.warning("trust-subject", "It accepts everyone.")
    report.checks = [each for each in report.checks if each.id not in left_out]
    return report


DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
BY_RCP = "User: anonymous is not authorized to perform it with an explicit deny in a resource control policy"


def test_a_probable_resource_control_policy_is_named_with_what_exempts_the_issuer(aws, fake_aws):
    fake_aws.fail(CALL, "AccessDenied", 403, message=DENIED)
    check = ask(aws, accepting(), issuer="https://irsa.example.com/prod")
    assert "resource control policy (RCP)" in check.cause and "a moment ago" in check.cause
    assert '"Null": {"irsa.example.com/prod:sub": "true"}' in check.remedy and "aws:PrincipalOrgID" in check.remedy
    assert "EnforceTrusted" not in check.remedy and "null" not in check.remedy


@pytest.mark.parametrize("missing", ["trust-subject", "token-signature", "provider-exists"])
def test_without_certainty_about_everything_else_no_such_policy_is_named(aws, fake_aws, missing):
    fake_aws.fail(CALL, "AccessDenied", 403, message=DENIED)
    assert "resource control policy" not in ask(aws, accepting(missing)).cause
    report = accepting()
    report.warning("trust-condition", "Nobody knows.", certain=False)
    fake_aws.fail(CALL, "AccessDenied", 403, message=DENIED)
    assert ask(aws, report).because == "trust-condition"


def test_a_resource_control_policy_that_sts_names_leads(aws, fake_aws):
    report = accepting("role-exists")
    report.error("trust-condition", "It differs.")
    fake_aws.fail(CALL, "AccessDenied", 403, message=BY_RCP)
    check = ask(aws, report, issuer="https://irsa.example.com")
    assert "RCP" in check.cause and '"irsa.example.com:sub"' in check.remedy and report.first_error.id == "sts-assume"


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
def test_the_error_that_matches_the_answer_is_blamed(aws, fake_aws, code, message, blamed):
    report = Report()
    for check_id in ("kid-expected", "provider-exists", "token-signature", "trust-subject"):
        report.error(check_id, f"What is wrong with {check_id}.", "cause", remedy=f"remedy of {check_id}")
    fake_aws.fail(CALL, code, 400, message=message)
    check = ask(aws, report)
    assert (check.because, check.remedy) == (blamed, f"Follow the remedy of {blamed}.")
    assert "What is wrong" not in check.seen
    reason = f"{check.seen} The reason is {blamed}: What is wrong with {blamed}. cause remedy of {blamed}"
    assert report.diagnosis == reason and report.first_error.id == blamed


def test_a_warning_is_blamed_only_if_it_matches_the_answer(aws, fake_aws):
    for code, blamed in (("AccessDenied", True), ("ExpiredTokenException", False)):
        report = Report()
        report.warning("trust-subject", "It accepts everyone.")
        report.warning("trust-condition", "Nobody knows.", certain=False)
        fake_aws.fail(CALL, code, 403, message="no")
        assert ask(aws, report).because == ("trust-condition" if blamed else None)


def test_sts_is_asked_again_while_it_does_not_reach_the_issuer(aws, fake_aws, pauses, role):
    fake_aws.fail(CALL, "IDPCommunicationError", times=2)
    assert ask(aws).status == "ok"
    assert fake_aws.calls == [CALL] * 3 and pauses == [1.0, 1.0]


def test_sts_is_not_asked_again_for_ever(aws, fake_aws, pauses, role):
    fake_aws.fail(CALL, "IDPCommunicationError", times=100)
    check = ask(aws, seconds=5)
    assert check.status == "error" and "could not reach the issuer" in check.cause
    assert len(pauses) < 6


@pytest.mark.parametrize("repeated", [TOKEN, TOKEN.split(".")[1], "eyJhbGciOiJSUzI1NiJ9x.eyJzdWIiOiJzeXN0ZW0ifQx.x"])
def test_a_token_that_sts_repeats_is_removed_from_the_message(aws, fake_aws, repeated):
    fake_aws.fail(CALL, "ValidationError", 400, message=f"Value '{repeated}' at 'webIdentityToken' failed")
    check = ask(aws)
    assert "webIdentityToken" in check.seen and repeated not in check.seen


def test_no_answer_from_sts_is_an_error(aws, fake_aws):
    for _each in range(10):
        fake_aws.before(CALL, no_answer)
    check = ask(aws)
    assert check.status == "error" and "gave no answer" in check.seen and "sts.example.com" in check.seen


def test_no_answer_from_sts_is_skipped_after_another_error(aws, fake_aws):
    for _each in range(10):
        fake_aws.before(CALL, no_answer)
    report = Report()
    report.error("token-signature", "It was forged.")
    assert ask(aws, report).status == "skipped"
    assert report.diagnosis.startswith("It was forged.")
