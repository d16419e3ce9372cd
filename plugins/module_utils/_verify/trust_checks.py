# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's trust policy, read with credentials and evaluated for a token."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    AUDIENCE,
    CONDITION,
    PROVIDER,
    SUBJECT,
    TokenRequest,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import policy_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    provider_arn,
    usual_audience,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import trust_evaluation
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import parse_role_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import Token

IDS = {
    PROVIDER: "trust-provider",
    SUBJECT: "trust-subject",
    AUDIENCE: "trust-audience",
    CONDITION: "trust-condition",
}

_AUDIENCE = "token-audience"
_SIGNATURE = "token-signature"
_TRUST = ("trust-provider", "trust-subject", "trust-audience")
_ALL = ("role-exists", *_TRUST)


def check_trust(context: Context, role_arn: str, token: Token | None) -> None:
    """Read the role's trust policy and report what it says about the provider and the token.

    The provider is the issuer's in the account of the role. Without a token, only trust in the provider is evaluated.
    Raises IrsaError for an invalid role_arn.
    """
    report, aws, role = context.report, context.readable_aws, parse_role_arn(role_arn)
    if aws is None:
        report.skip(_ALL, context.unreadable_reason)
        return
    try:
        answer = aws.call("iam", "GetRole", f"role {role.name}", absent_codes=("NoSuchEntity",), RoleName=role.name)
    except IrsaError as failure:
        report.skip(_ALL, f"The role's trust policy is unknown: {failure}")
        return
    found = (answer or {}).get("Role") or {}
    if found.get("Arn", role_arn) != role_arn:
        # Roles are read by name, and credentials of another account find a role with the same name there.
        report.skip(_ALL, f"The role's trust policy is unknown: the credentials see {found['Arn']} under that name.")
    elif not found and account.is_other_account(aws, role.account_id):
        reason = f"The role's trust policy is unknown: the credentials do not belong to the account of {role_arn}."
        report.skip(_ALL, reason)
    elif not found:
        report.error("role-exists", f"The role {role_arn} does not exist.")
        report.skip(_TRUST, "The role does not exist.")
    else:
        report.ok("role-exists", f"The role {role_arn} exists.")
        request = TokenRequest(
            provider_arn=provider_arn(role.partition, role.account_id, context.issuer),
            subject=token.subject if token else None,
            audience=token.audience if token else None,
            right_audience=usual_audience(context.identity.audiences) if report.failed(_AUDIENCE) else None,
        )
        judgment = trust_evaluation.judge(policy_of(found.get("AssumeRolePolicyDocument")), request)
        _report(report, judgment, _unknown_claims(token))


def _unknown_claims(token: Token | None) -> dict[str, str]:
    """Return the checks whose claim is unknown, with the reason: they say nothing about a value that nobody knows."""
    if token is None:
        return dict.fromkeys(_TRUST[1:], "There is no readable token.")
    return {} if token.audience is not None else {_TRUST[2]: "The token's audience could not be determined."}


def _report(report: Report, judgment: trust_evaluation.Judgment, unknown: t.Mapping[str, str]) -> None:
    for part, check_id in IDS.items():
        assessment = judgment.assessments.get(part)
        # Some conditions are met by no token at all, such as one on a misspelled key.
        if check_id in unknown and (assessment is None or assessment.status != ERROR):
            report.skipped(check_id, unknown[check_id])
        elif assessment is None and check_id in _TRUST:
            report.skipped(check_id, "The role does not trust the provider.")
        elif assessment is None:
            continue
        elif assessment.status == OK:
            report.ok(check_id, assessment.seen)
        elif assessment.status == ERROR:
            remedy = _once(report, assessment.remedy)
            because = _explaining(report, check_id, assessment)
            report.error(check_id, assessment.seen, assessment.cause, remedy=remedy, because=because)
        else:
            report.warning(
                check_id,
                assessment.seen,
                assessment.cause,
                remedy=_once(report, assessment.remedy),
                certain=assessment.certain,
            )


def _explaining(report: Report, check_id: str, assessment: trust_evaluation.Assessment) -> str | None:
    """Return the error before which a role's refusal of a claim does not matter.

    No role is to trust what a token says that may be forged. A key that no token has is a fault of its own.
    """
    if check_id in (IDS[SUBJECT], IDS[AUDIENCE]) and report.failed(_SIGNATURE):
        return _SIGNATURE
    is_of_audience = check_id == IDS[AUDIENCE] and not assessment.is_misspelled
    return _AUDIENCE if is_of_audience and report.failed(_AUDIENCE) else None


def _once(report: Report, remedy: str | None) -> str | None:
    """Return a remedy, or where it stands if it was given before."""
    earlier = next((check.id for check in report.checks if remedy and check.remedy == shown(remedy)), None)
    return remedy if earlier is None else f"Follow the remedy of {earlier}."
