# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to write into a role's trust policy, with the values of the token that it should accept."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import copyable_members
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits, is_pattern
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    SUBJECT,
    Evaluated,
    TokenRequest,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import ACTION


def principal_remedy(request: TokenRequest) -> str:
    """Say what makes a role trust the provider."""
    elements = {"Effect": "Allow", "Principal": {"Federated": request.provider_arn}, "Action": ACTION}
    condition = _condition(request, None)
    return f"The statement in its trust policy should have: {copyable_members({**elements, **condition})}"


def condition_remedy(evaluated: t.Iterable[Evaluated], request: TokenRequest) -> str | None:
    """Say which condition accepts the token and no more than is meant; None if its claims are unknown.

    A pattern that the policy has for this service account stays, but in a condition in which it works.
    """
    patterns = (value for each in evaluated if each.condition.part == SUBJECT for value in each.condition.values)
    subject = request.subject or ""
    pattern = next((value for value in patterns if is_pattern(value) and fits(value, subject)), None)
    condition = _condition(request, pattern)
    return f"The condition in its trust policy should be: {copyable_members(condition)}" if condition else None


def _condition(request: TokenRequest, pattern: str | None) -> dict[str, t.Any]:
    accepted = request.right_audience or request.audience
    if request.subject is None or accepted is None:
        return {}
    subject, audience = f"{request.host_path}:sub", f"{request.host_path}:aud"
    equal = {audience: accepted, **({} if pattern else {subject: request.subject})}
    block = {"StringEquals": equal, **({"StringLike": {subject: pattern}} if pattern else {})}
    return {"Condition": block}
