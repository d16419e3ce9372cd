# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the statements of a role's trust policy are about: tokens of an OIDC provider, or something else."""

from __future__ import annotations

import typing as t
from urllib.parse import unquote

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import (
    Statement,
    is_everyone,
    member,
    statements_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.condition_keys import may_mean
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    TokenRequest,
    evaluate_conditions,
    strings,
)

ACTION = "sts:AssumeRoleWithWebIdentity"


def policy_of(document: t.Any) -> t.Any:
    """Return a policy as an object, None if it cannot be read.

    botocore decodes it, but cannot decode that of every store.
    """
    if not isinstance(document, str):
        return document
    try:
        return parse_json(unquote(document))
    except ValueError:
        return None


def concerns_action(statement: Statement) -> bool:
    """Return whether a statement is about assuming the role with a token."""

    def includes(name: str) -> bool:
        return any(fits(pattern.lower(), ACTION.lower()) for pattern in strings(statement.get(name)))

    return not includes("NotAction") if "NotAction" in statement else includes("Action")


def names_provider(statement: Statement, provider_arn: str) -> bool:
    """Return whether a statement is about those with a token of a provider, by its ARN or as a part of everyone."""
    negated = "NotPrincipal" in statement
    principal = statement.get("NotPrincipal" if negated else "Principal")
    return (is_everyone(principal) or provider_arn in strings(member(principal, "Federated"))) != negated


def may_trust(document: t.Any, provider_arn: str) -> bool:
    """Return whether anyone with a token of a provider may be able to assume a role with this trust policy.

    In doubt that is so: for a policy that cannot be read and mentions the provider, for conditions, unless they ask for
    a token of another issuer, and for a wildcard in the provider's ARN, which stores other than AWS may accept.
    """
    policy = policy_of(document)
    if policy is None:
        return provider_arn in unquote(str(document))
    statements = [_with_usual_names(statement) for statement in statements_of(_with_usual_names(policy))]
    concerned = [each for each in statements if concerns_action(each)]
    if any(
        _is(each, "deny") and not each.get("Condition") and names_provider(each, provider_arn) for each in concerned
    ):
        return False
    # A role that names the provider for another action, such as sts:AssumeRole by mistake, was made for it as well.
    by_arn = any(_is(each, "allow") and _names_by_arn(each, provider_arn) for each in statements)
    return by_arn or any(
        _is(each, "allow") and names_provider(each, provider_arn) and not _asks_for_another_issuer(each, provider_arn)
        for each in concerned
    )


def _with_usual_names(value: t.Any) -> t.Any:
    """Return an object of a policy with its members named as AWS documents them, in whatever case they are."""
    if not isinstance(value, dict):
        return value
    usual = ("Statement", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")
    names = {name.lower(): name for name in usual}
    return {names.get(str(name).lower(), name): each for name, each in value.items()}


def _is(statement: Statement, effect: str) -> bool:
    return str(statement.get("Effect")).lower() == effect


def _names_by_arn(statement: Statement, provider_arn: str) -> bool:
    principal = statement.get("Principal")
    return any(fits(pattern, provider_arn) for pattern in strings(member(principal, "Federated")))


def _asks_for_another_issuer(statement: Statement, provider_arn: str) -> bool:
    """Return whether a condition is never met by a token of this issuer, since it is about a claim of another one's."""
    request = TokenRequest(provider_arn=provider_arn, subject=None, audience=None)
    return any(
        each.is_met is False and not may_mean(each.condition.key, request.host_path)
        for each in evaluate_conditions(statement.get("Condition"), request)
    )
