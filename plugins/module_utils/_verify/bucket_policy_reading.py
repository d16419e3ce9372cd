# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a bucket's policy let everybody read an object?

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, listed, quoted

_ACTION = "s3:getobject"

_OF_PLAIN_HTTP = tuple({"Bool": {"aws:SecureTransport": value}} for value in ("false", ["false"], False))


def fault_of(policy: t.Any, arn: str) -> t.Optional[str]:
    """Why a bucket policy (as an object; None where there is none) does not let everybody read the object of an ARN;
    None where it does. A statement with conditions counts as one that does not open and that does deny, unless it
    denies what is not encrypted on its way, which these documents always are.
    """
    statements = as_list(policy.get("Statement")) if isinstance(policy, dict) else []
    statements = [each for each in statements if isinstance(each, dict)]
    if not statements:
        return "there is none"
    denying = [each for each in statements if _applies(each, "Deny", arn) and _is_for_everybody(each)]
    denying = [each for each in denying if each.get("Condition") not in _OF_PLAIN_HTTP]
    if denying:
        under = ", under a condition" if denying[0].get("Condition") else ""
        return f"{_named(denying[0])} denies it{under}"
    allowing = [each for each in statements if _applies(each, "Allow", arn)]
    for_everybody = [each for each in allowing if _is_for_everybody(each)]
    if any(not each.get("Condition") for each in for_everybody):
        return None
    if for_everybody:
        return f"{_named(for_everybody[0])} has a condition"
    if allowing:
        return f"{_named(allowing[0])} allows it, and not to everybody"
    opened = [
        resource
        for each in statements
        if each.get("Effect") == "Allow" and _is_for_everybody(each)
        for resource in as_list(each.get("Resource"))
    ]
    return f"it opens {listed(opened)}, and not {arn}" if opened else "no statement of it is for everybody"


def _applies(statement: dict[str, t.Any], effect: str, arn: str) -> bool:
    return (
        statement.get("Effect") == effect
        and _covers(statement, "Action", "NotAction", _ACTION, str.lower)
        and _covers(statement, "Resource", "NotResource", arn, str)
    )


def _covers(statement: dict[str, t.Any], name: str, inverse: str, value: str, form: t.Callable[[str], str]) -> bool:
    patterns = [form(each) for each in as_list(statement.get(name, statement.get(inverse))) if isinstance(each, str)]
    return any(fits(pattern, value) for pattern in patterns) == (name in statement)


def _is_for_everybody(statement: dict[str, t.Any]) -> bool:
    principal = statement.get("Principal")
    if "NotPrincipal" in statement:
        return True
    return principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS")))


def _named(statement: dict[str, t.Any]) -> str:
    return f"the statement {quoted(statement['Sid'])}" if statement.get("Sid") else "a statement without a Sid"
