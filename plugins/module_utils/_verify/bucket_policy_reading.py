# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a bucket policy lets everyone read an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import (
    Statement,
    is_for_everyone,
    statements_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits

_ACTION = "s3:getobject"

# A denial of plain HTTP does not concern the documents, which are always read over HTTPS.
_PLAIN_HTTP = tuple({"Bool": {"aws:SecureTransport": value}} for value in ("false", ["false"], False))


def fault_of(policy: t.Any, arn: str) -> str | None:
    """Return why a bucket policy (as an object, None if there is none) does not let everyone read the object of an ARN;
    None if it does. The reason is a clause about the policy, such as "there is no policy".

    A statement with a condition counts as one that does not allow but does deny, unless it denies plain HTTP.
    """
    statements = statements_of(policy)
    if not statements:
        return "there is no policy"
    denial = _denial(statements, arn)
    if denial or _is_open(statements, arn):
        return denial
    return _condition(statements, arn) or _other_principal(statements, arn) or _other_resource(statements, arn)


# --- each finds one reason, None if it does not apply


def _denial(statements: t.Sequence[Statement], arn: str) -> str | None:
    for each in statements:
        condition = each.get("Condition")
        if _applies(each, "Deny", arn=arn) and is_for_everyone(each) and condition not in _PLAIN_HTTP:
            return f"{_name(each)} denies it{', under a condition' if condition else ''}"
    return None


def _is_open(statements: t.Sequence[Statement], arn: str) -> bool:
    return any(
        _applies(each, "Allow", arn=arn) and is_for_everyone(each) and not each.get("Condition") for each in statements
    )


def _condition(statements: t.Sequence[Statement], arn: str) -> str | None:
    for each in statements:
        if _applies(each, "Allow", arn=arn) and is_for_everyone(each):
            return f"{_name(each)} has a condition"
    return None


def _other_principal(statements: t.Sequence[Statement], arn: str) -> str | None:
    for each in statements:
        if _applies(each, "Allow", arn=arn):
            return f"{_name(each)} allows it, but not to everyone"
    return None


def _other_resource(statements: t.Sequence[Statement], arn: str) -> str:
    public = [each for each in statements if each.get("Effect") == "Allow" and is_for_everyone(each)]
    resources = [resource for each in public for resource in as_list(each.get("Resource"))]
    return f"it opens {listed(resources)}, but not {arn}" if resources else "none of its statements is for everyone"


# --- what a statement says


def _applies(statement: Statement, effect: str, *, arn: str) -> bool:
    return (
        statement.get("Effect") == effect
        and _covers(statement, "Action", value=_ACTION, normalize=str.lower)
        and _covers(statement, "Resource", value=arn, normalize=str)
    )


def _covers(statement: Statement, name: str, *, value: str, normalize: t.Callable[[str], str]) -> bool:
    """Whether an element of a statement, or the absence of its inverse (``NotAction``), covers a value."""
    patterns = as_list(statement.get(name, statement.get(f"Not{name}")))
    matched = any(fits(normalize(each), value) for each in patterns if isinstance(each, str))
    return matched == (name in statement)


def _name(statement: Statement) -> str:
    return f"the statement {quoted(statement['Sid'])}" if statement.get("Sid") else "a statement without a Sid"
