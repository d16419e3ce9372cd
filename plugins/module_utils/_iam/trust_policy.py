# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of a role's trust policy by which service accounts may assume the role.

There is one for each provider and audience, since a token must meet all conditions of a statement. It lists all its
service accounts, which takes fewer characters than a statement for each.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import Statement, member
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import is_provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import ACTION
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE, refuse_mistake

Policy = dict[str, t.Any]

# The default and the highest value of the quota:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_CHARACTERS = 2048
HIGHEST_QUOTA = 4096

VERSION = "2012-10-17"

_SID = "SelfhostedIrsa"
_PROVIDER = ":oidc-provider/"
_SUBJECT = "system:serviceaccount:"


def trust_policy(
    arns: t.Iterable[str], *, subjects: t.Iterable[str], audience: str = DEFAULT_AUDIENCE, limit: int = MAX_CHARACTERS
) -> Policy:
    """Return the trust policy of a role that service accounts may assume, by tokens of any of these providers.

    Raises Fault if IAM would refuse it for its length.
    """
    subjects = list(subjects)
    policy = {
        "Version": VERSION,
        "Statement": [statement_of(arn, audience=audience, subjects=subjects) for arn in dict.fromkeys(arns)],
    }
    check_length(policy, limit)
    return policy


def statement_of(arn: str, *, audience: str, subjects: t.Iterable[str]) -> Statement:
    """Return the statement for a provider and an audience.

    Both conditions are StringEquals, as AWS asks for:
    https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    """
    host_path = arn.split(_PROVIDER, 1)[1]
    sorted_subjects = sorted(set(subjects))
    return {
        "Sid": sid_of(arn, audience),
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": ACTION,
        "Condition": {
            "StringEquals": {
                f"{host_path}:aud": audience,
                f"{host_path}:sub": sorted_subjects[0] if len(sorted_subjects) == 1 else sorted_subjects,
            }
        },
    }


def sid_of(arn: str, audience: str) -> str:
    """Return the Sid of our statement for a provider and an audience. It is stable: the statement is found by it.

    A Sid has letters and digits only, and no two statements of a policy have the same one.
    """
    return _SID + hashlib.sha256(f"{arn} {audience}".encode()).hexdigest()[:16]


def subject_of(namespace: str, service_account: str) -> str:
    """Return the subject of a service account's tokens."""
    return f"{_SUBJECT}{namespace}:{service_account}"


def check_issuer_of(arn: str) -> None:
    """Raise IrsaError if a provider has the address of a document as its issuer, so no token could be of it."""
    refuse_mistake(f"https://{arn.partition(_PROVIDER)[2]}")


def as_json(policy: Policy) -> str:
    """Return a policy as the text that is sent, which is the text whose characters IAM counts."""
    return json.dumps(policy, separators=(",", ":"))


def checked_limit(value: t.Any) -> int:
    """Return the number of characters that a trust policy may have. Raises Fault if no quota allows it."""
    try:
        limit = int(value)
    except (TypeError, ValueError):
        limit = 0
    if not 1 <= limit <= HIGHEST_QUOTA:
        raise Fault(f"is {quoted(value)}; it is a number of characters, and AWS raises the quota to {HIGHEST_QUOTA}")
    return limit


def check_length(policy: Policy, limit: int = MAX_CHARACTERS) -> None:
    """Raise Fault if a trust policy is longer than IAM accepts."""
    length = len(as_json(policy))
    if length > limit:
        raise Fault(
            f"the trust policy would have {length} characters, and IAM accepts {limit}; give some of the service "
            "accounts a role of their own, or have AWS raise the quota for role trust policies (up to "
            f"{HIGHEST_QUOTA}) and set the limit to it"
        )


class Grant(t.NamedTuple):
    """What one of our statements says: these subjects may assume the role with tokens of a provider for an audience."""

    arn: str
    audience: str
    subjects: frozenset[str]


def grant_of(statement: Statement) -> Grant | None:
    """Return what a statement says if it is one of ours, else None.

    A Sid alone proves nothing. So in everything but its subjects it must be the statement that is written here.
    """
    arn = member(statement.get("Principal"), "Federated")
    if not is_provider_arn(arn):
        return None
    host_path = arn.split(_PROVIDER, 1)[1]
    values = member(statement.get("Condition"), "StringEquals")
    audience, subjects = member(values, f"{host_path}:aud"), as_list(member(values, f"{host_path}:sub"))
    if not isinstance(audience, str) or not subjects or not all(isinstance(each, str) for each in subjects):
        return None
    ours = statement_of(arn, audience=audience, subjects=subjects)
    # Subjects have no order, and a single one need not be a list.
    subject_values = {f"{host_path}:sub": ours["Condition"]["StringEquals"][f"{host_path}:sub"]}
    written = {**statement, "Condition": {**statement["Condition"], "StringEquals": {**values, **subject_values}}}
    return Grant(arn, audience, frozenset(subjects)) if written == ours else None
