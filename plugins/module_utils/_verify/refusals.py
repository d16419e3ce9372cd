# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What STS means by refusing a token, and which finding explains it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import copyable_members
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import token_or_none

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
TRANSIENT = "IDPCommunicationError"

_NETWORK = ("dns-resolve", "tcp-connect", "tls-", "http-", "bucket-", "object-")
_DOCUMENTS = ("discovery-", "jwks-")
_KEYS = ("apiservers-agree", "signer-external", "cluster-keys")
# What API servers do now says nothing certain about a token that one of them signed some time ago.
SERVERS = ("apiserver", "signer-", "cluster-")
# Whether a pod gets a token has no effect on the token that STS was asked about.
_PODS = ("account-", "injection-", "pods-")


# What must accept a token before a policy that cannot be seen is suspected.
_ACCEPTING = frozenset(
    {
        *(
            "provider-exists",
            "provider-audience",
            "token-issuer",
            "token-audience",
            "token-lifetime",
            "token-signature",
        ),
        *("role-exists", "trust-provider", "trust-subject", "trust-audience"),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer of STS: its code, a part of its text, its meaning, and how the ids of checks that explain it start.

    Other findings do not explain it, unless it is ``vague``. ``by_organization``: a policy of the organization may be
    the reason. If no finding explains it, the remedy is that of the check ``remedy``.
    """

    code: str
    text: str = ""
    meaning: str
    checks: tuple[str, ...] = ()
    vague: bool = False
    by_organization: bool = False
    remedy: str = "sts-assume"


REFUSALS = (
    Refusal(
        code="InvalidIdentityToken",
        text="retrieve verification key",
        meaning=(
            "STS could not read the issuer's documents (unreachable, slow or malformed), or they do not contain the "
            "key that the token names."
        ),
        checks=(*_NETWORK, *_DOCUMENTS, "jwk-", "algorithms", "kid-expected", *_KEYS, "token-kid"),
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="No OpenIDConnect provider found",
        meaning="The account of the role has no provider for exactly the token's issuer.",
        checks=("provider-exists", "token-issuer", "apiserver-issuer", "apiservers-agree", "cluster-issuer"),
        remedy="provider-exists",
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="Incorrect token audience",
        meaning="The token's audience is not among the provider's client IDs.",
        checks=("provider-audience", "token-audience"),
        remedy="provider-audience",
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="thumbprint",
        meaning=(
            "AWS does not know the CA of the host's certificate, and none of the provider's thumbprints belongs to the "
            "certificate's chain."
        ),
        checks=("provider-thumbprints", "tls-"),
        remedy="provider-thumbprints",
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="expired",
        meaning="The token has expired.",
        checks=("token-lifetime",),
        remedy="token-lifetime",
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="required claim",
        meaning="The token lacks a claim: STS requires iss, sub, aud, iat and exp.",
        checks=("token-issuer", "token-audience", "token-lifetime", "token-format"),
        remedy="token-format",
    ),
    Refusal(
        code="InvalidIdentityToken",
        meaning="STS considers the token, or the key it names, invalid.",
        checks=("jwk-", "algorithms", "token-format", "token-signature", "token-lifetime"),
        vague=True,
    ),
    Refusal(
        code="ExpiredToken",
        meaning="The token has expired.",
        checks=("token-lifetime",),
        remedy="token-lifetime",
    ),
    Refusal(
        code="IDPRejectedClaim",
        meaning="The issuer rejected the token, or the token has expired or was revoked.",
        checks=("token-",),
    ),
    Refusal(
        code="RegionDisabled",
        meaning="STS is not activated in this region for the account of the role. An administrator can activate it.",
    ),
    Refusal(
        code=TRANSIENT,
        meaning="STS could not reach the issuer. This is temporary, unless the issuer can be reached only from here.",
        checks=_NETWORK,
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    Refusal(
        code="AccessDenied",
        text="resource control policy",
        meaning="A resource control policy (RCP) of the organization denies it.",
        by_organization=True,
    ),
    Refusal(
        code="AccessDenied",
        meaning=(
            "The role does not exist, its trust policy does not accept the token, or one of them was changed a moment "
            "ago."
        ),
        checks=("role-exists", "trust-"),
        by_organization=True,
    ),
)


def matching_refusal(code: str, message: str) -> Refusal | None:
    """Return what is known of an answer, None for nothing."""
    return next(
        (refusal for refusal in REFUSALS if code.startswith(refusal.code) and refusal.text.lower() in message.lower()),
        None,
    )


def blamed_for(report: Report, refusal: Refusal | None, *, is_aws: bool) -> Check | None:
    """Return the check that most likely explains the refusal: an error that matches the answer, else any error if the
    answer names no cause, else a warning that matches it.

    The STS of another store may have one answer for all that it refuses, as Ceph has AccessDenied without a message.
    """
    errors = errors_of(report)
    if report.passed("token-issuer") and report.passed("token-signature"):
        errors = [check for check in errors if not check.id.startswith(SERVERS)]
    warnings = [check for check in report.checks if check.status == WARNING and _may_refuse(check)]
    first = next(iter(errors), None)
    if not is_aws:
        return first or _matching(warnings, refusal)
    by_any = first if refusal is None or refusal.vague else None
    return _matching(errors, refusal) or by_any or _matching(warnings, refusal)


def errors_of(report: Report) -> list[Check]:
    """Return the errors for which STS may refuse a token."""
    return [check for check in report.checks if check.status == ERROR and not check.id.startswith(_PODS)]


def _matching(checks: t.Sequence[Check], refusal: Refusal | None) -> Check | None:
    return next((check for check in checks if refusal and check.id.startswith(refusal.checks)), None)


def _may_refuse(warning: Check) -> bool:
    """Whether a warning may explain a refusal. A role that accepts too much is not a reason to refuse anyone."""
    return not warning.certain or not warning.id.startswith(("trust-", *_PODS))


def is_probably_by_organization(report: Report, refusal: Refusal) -> bool:
    """Whether a policy of the organization is the likely reason: everything that can be seen from here accepts the
    token, or the answer says so.
    """
    if not refusal.checks:
        return refusal.by_organization
    accepting = {check.id for check in report.checks if check.status in (OK, WARNING) and check.certain}
    return refusal.by_organization and not errors_of(report) and accepting.issuperset(_ACCEPTING)


def exemption(refusal: Refusal, *, issuer: str, token: str) -> tuple[str, str]:
    """Return cause and remedy for a resource control policy that denies what a token asks for.

    The statements are those of AWS's examples, EnforceTrustedOIDCProviders and others:
    https://github.com/aws-samples/data-perimeter-policy-examples/tree/main/resource_control_policies
    """
    cause = refusal.meaning
    if refusal.checks:
        cause = (
            "The trust policy accepts this token without a Deny, and documents, key and provider are right. So either "
            "one of them was changed a moment ago, or a resource control policy (RCP) of the organization denies "
            "sts:AssumeRoleWithWebIdentity. Only the organization's administrators can read it."
        )
    key, parsed = f"{issuer.removeprefix('https://')}:sub", token_or_none(token)
    provider, subject = ({"Null": {key: "true"}}, {key: parsed.subject if parsed else "…"})
    return cause, (
        "Try again in a minute. If STS still refuses, ask the administrators to exempt the issuer. A statement that "
        f"lists the trusted providers needs this condition key, too: {copyable_members(provider)}. One that lists "
        f"trusted subjects needs in its StringNotEquals: {copyable_members(subject)}. One with aws:PrincipalOrgID or "
        "aws:PrincipalAccount must leave out this action, since requests with a token have neither key."
    )
