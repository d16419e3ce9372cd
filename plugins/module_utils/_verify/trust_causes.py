# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a trust policy does not accept a token: the usual ways to misspell a provider, a condition key and a value."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import Statement, member
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import is_pattern
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.condition_keys import PLACEHOLDER, SCHEME, flaw_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    SUBJECT,
    Condition,
    TokenRequest,
    strings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import ACTION
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.audience_difference import audience_difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference

_PROVIDER = ":oidc-provider/"
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
_POD_IDENTITY = "pods.eks.amazonaws.com"
_SUBJECT = "system:serviceaccount:"

_OTHER_CLAIMS = "STS has condition keys for sub, aud and amr of a token; it has no condition key for other claims."


def why_not_trusted(statements: t.Iterable[Statement], provider_arn: str) -> str | None:
    """Say what is wrong with the principals of statements that should name a provider; None if nothing is similar."""
    for statement in statements:
        principal = statement.get("Principal")
        by_type = principal if isinstance(principal, dict) else {None: principal}
        for kind, value in by_type.items():
            for name in strings(value):
                cause = arn_difference(provider_arn, name)
                if name == provider_arn:
                    where = f"under {quoted(kind)}" if kind else "without a type"
                    cause = f"The provider's ARN is {where}. The Principal of a provider is Federated."
                if cause:
                    return cause
    return None


def why_not_allowed(statements: t.Iterable[Statement]) -> str | None:
    """Say why statements do not allow the action of tokens; None if nothing is similar to it."""
    allowing = [each for each in statements if each.get("Effect") == "Allow"]
    actions = {action.lower().strip() for each in allowing for action in strings(each.get("Action"))}
    if any(_POD_IDENTITY in strings(member(each.get("Principal"), "Service")) for each in allowing):
        return "The role is for EKS Pod Identity, which gives no tokens to pods outside EKS."
    if any("withweb" in action for action in actions):
        return f"The action is misspelled: it is {ACTION}."
    if "sts:assumerolewithsaml" in actions:
        return "The role is for SAML. Tokens of service accounts are OIDC."
    return "A common mistake is to allow only sts:AssumeRole to an OIDC provider." if actions else None


def arn_difference(expected: str, actual: str) -> str | None:
    """Say how the ARN of a provider differs from the expected one; None if they have little in common."""
    expected_start, dummy, issuer = expected.partition(_PROVIDER)
    start, marker, actual_issuer = actual.partition(_PROVIDER)
    if not marker:
        return _issuer_instead_of_arn(expected, actual)
    if PLACEHOLDER.search(actual):
        return f"{quoted(actual)} has a placeholder that was never replaced."
    if actual.strip() == expected and actual != expected:
        return f"{quoted(actual)} has a space at its start or its end."
    if SCHEME.match(actual_issuer):
        bare = SCHEME.sub("", actual_issuer)
        if bare != issuer and difference(issuer, bare) is None:
            return None
        return " ".join(
            filter(None, ("It has https:// after oidc-provider/, which ARNs do not have.", difference(issuer, bare)))
        )
    if issuer == actual_issuer and expected_start != start:
        return _account_difference(expected_start, start, actual)
    return difference(issuer, actual_issuer)


def _issuer_instead_of_arn(expected: str, actual: str) -> str | None:
    issuer = expected.partition(_PROVIDER)[2]
    bare = SCHEME.sub("", actual.strip())
    if bare.rstrip("/").lower() == issuer.lower():
        return f"{quoted(actual)} is the issuer. Federated takes the ARN of its provider."
    if issuer.lower() in actual.lower():
        return f"{quoted(actual)} does not have the form of a provider's ARN."
    return None


def _account_difference(expected: str, actual: str, arn: str) -> str:
    """Say how the ARNs of two providers of one issuer differ before its name."""
    names = ("", "partition", "service", "region", "account")
    # Each ARN has five parts, but one that comes from a policy may have fewer.
    parts = zip(names, expected.split(":"), actual.split(":"), strict=False)
    name, value = next(((name, other) for name, one, other in parts if name and one != other), ("account", ""))
    if name in ("service", "region") or not value:
        return f"{quoted(arn)} does not have the form of a provider's ARN: its {name} is {quoted(value)}."
    return f"It is the provider of this issuer in another {name}: {arn}."


def why_unmet(condition: Condition, request: TokenRequest) -> str | None:
    """Say why a condition is not met; None if its key is right and its values are simply others."""
    flaw = _flaw_sentence(condition.key, request.host_path)
    if flaw:
        return flaw
    if condition.key.lower() == "aws:federatedprovider":
        return next(filter(None, (arn_difference(request.provider_arn, value) for value in condition.values)), None)
    if condition.key.lower() not in (f"{request.host_path}:sub".lower(), f"{request.host_path}:aud".lower()):
        return _OTHER_CLAIMS
    if "Not" in condition.operator or condition.operator == "Null":
        return None
    if "Equals" in condition.operator and any(map(is_pattern, condition.values)):
        return f"{condition.operator} takes * and ? literally. StringLike has wildcards."
    compare = _subject_difference if condition.part == SUBJECT else _audience_difference
    return next(filter(None, (compare(request, value) for value in condition.values)), None)


def _subject_difference(request: TokenRequest, value: str) -> str | None:
    """Say what is wrong with a value that is compared with a token's ``sub``."""
    subject, start = request.subject or "", value.lower().strip()
    names = [part for part in start.replace("/", ":").split(":") if part]
    if value == request.audience:
        return "The values of aud and sub are interchanged."
    if start.startswith("system:serviceaccounts"):
        return f"{quoted(value)} is a group of service accounts. The sub of a token is one of them."
    if start.strip("\"' ") == subject.lower() and start != subject.lower():
        return f"{quoted(value)} has quotes within the value."
    if start == subject.lower():
        return f"{quoted(value)} differs from it only in capital letters or spaces."
    expected = subject.removeprefix(_SUBJECT).split(":")
    if sorted(names[-2:]) != sorted(expected) or not subject.startswith(_SUBJECT):
        return None
    if names[-2:] != expected:
        return f"{quoted(value)} has namespace and name interchanged: it is {_SUBJECT}NAMESPACE:NAME."
    return f"{quoted(value)} is not written as {_SUBJECT}NAMESPACE:NAME."


def _audience_difference(request: TokenRequest, value: str) -> str | None:
    if value == request.subject or value.startswith(_SUBJECT):
        return "The values of aud and sub are interchanged."
    return audience_difference(request.audience or "", value)


def flaws_of(conditions: t.Iterable[Condition], host_path: str) -> str:
    """Return what is wrong with the keys of conditions, as sentences; empty for nothing."""
    sentences = (_flaw_sentence(each.key, host_path) for each in conditions)
    return " ".join(dict.fromkeys(filter(None, sentences)))


def _flaw_sentence(key: str, host_path: str) -> str | None:
    flaw = flaw_of(key, host_path)
    return flaw and f"No token has the condition key {quoted(key)}. {flaw}"
