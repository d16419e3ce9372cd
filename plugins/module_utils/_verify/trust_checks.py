# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's trust policy, read with credentials, against a token's claims."""

from __future__ import annotations

import json
import re
import typing as t
from urllib.parse import unquote

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import trust_evaluation
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_checks import Token

IDS = {
    trust_evaluation.PROVIDER: "trust-provider",
    trust_evaluation.SUBJECT: "trust-subject",
    trust_evaluation.AUDIENCE: "trust-audience",
    trust_evaluation.CONDITION: "trust-condition",
}

_TRUST = ("trust-provider", "trust-subject", "trust-audience")
_ALL = ("role-exists", *_TRUST)

# Account IDs are twelve digits at AWS; other stores have other ones.
_ROLE_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[A-Za-z0-9]+):role/(?:[\x21-\x7e]*/)?(?P<name>[\w+=,.@-]+)"
)


class RoleArn(t.NamedTuple):
    """The parts of a role's ARN; its name is without the path."""

    partition: str
    account_id: str
    name: str


def parse_role_arn(arn: str) -> RoleArn:
    """The parts of the ARN of a role; raises IrsaError where it is none."""
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise IrsaError(f"role_arn is {arn!r}; the ARN of a role is arn:aws:iam::<account ID>:role/<name>.")
    return RoleArn(match["partition"], match["account"], match["name"])


def check_trust(
    report: Report,
    aws: t.Optional[Aws],
    role_arn: str,
    provider_arn: str,
    token: t.Optional[Token],
    why_not: str = "It takes credentials, and there are none.",
) -> None:
    """Read the role's trust policy and report what it says of the provider and of the token.

    ``aws`` is None without credentials, and ``why_not`` says so. ``provider_arn`` is what the issuer's provider is
    called in the account of the role. Without a token the provider alone is judged. Raises IrsaError for a role_arn
    that is none.
    """
    role = parse_role_arn(role_arn)
    if aws is None:
        _skip(report, why_not, _ALL)
        return
    try:
        answer = aws.call("iam", "GetRole", f"role {role.name}", absent_codes=("NoSuchEntity",), RoleName=role.name)
    except IrsaError as failure:
        _skip(report, f"The role's trust policy is unknown: {failure}", _ALL)
        return
    found = (answer or {}).get("Role") or {}
    if found.get("Arn", role_arn) != role_arn:
        # Roles are asked for by name, and credentials of another account find a namesake there.
        _skip(report, f"The role's trust policy is unknown: the credentials see {found['Arn']} under that name.", _ALL)
        return
    if not found and account.is_of_another(aws, role.account_id):
        _skip(
            report, f"The role's trust policy is unknown: the credentials are of another account than {role_arn}.", _ALL
        )
        return
    if not found:
        report.error("role-exists", f"There is no role {role_arn}.")
        _skip(report, "It takes a role that exists.")
        return
    report.ok("role-exists", f"The role {role_arn} exists.")
    _report(report, _policy(found.get("AssumeRolePolicyDocument")), provider_arn, token)


def _skip(report: Report, why: str, ids: t.Iterable[str] = _TRUST) -> None:
    for check in ids:
        report.skipped(check, why)


def _policy(document: t.Any) -> t.Any:
    """A policy as an object; botocore decodes it unless it cannot."""
    if not isinstance(document, str):
        return document
    try:
        return json.loads(unquote(document))
    except (ValueError, RecursionError):
        return None


def _report(report: Report, policy: t.Any, provider_arn: str, token: t.Optional[Token]) -> None:
    host_path = provider_arn.partition(":oidc-provider/")[2]
    subject, audience = (token.subject, token.audience) if token else (None, None)
    context = trust_evaluation.context_of(host_path, subject, audience, provider_arn)
    judgement = trust_evaluation.judge(policy, provider_arn, host_path, context)
    for part, check in IDS.items():
        finding = judgement.findings.get(part)
        if token is None and check in _TRUST[1:]:
            _skip(report, "It takes a token that can be read.", [check])
        elif finding is None and check in _TRUST:
            _skip(report, "It takes a role that trusts the provider.", [check])
        elif finding is None:
            continue
        elif finding.status == trust_evaluation.OK:
            report.ok(check, finding.seen)
        else:
            tell = report.error if finding.status == trust_evaluation.ERROR else report.warning
            tell(check, finding.seen, finding.cause)
