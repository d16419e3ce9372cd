# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which statements of a bucket policy are public, and so without effect while Block Public Access restricts the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import wildcards
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import (
    Statement,
    is_for_everyone,
    statements_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, cut, listed, quoted

_READING = "s3:getobject"
_MAX_SHOWN = 400  # characters of what a statement allows

# A statement for everyone is not public if one of these keys must have a fixed value. aws:SecureTransport, aws:Referer
# and the like are not among them.
_NARROWING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
# A request without the key does not meet these. It meets those that end in IfExists, begin with ForAllValues or negate.
_NARROWING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
_ANY_OF = "foranyvalue:"

# Wider ranges of addresses count as public, by IP version.
_WIDEST_RANGES = {4: 8, 6: 32}


class PublicStatement(t.NamedTuple):
    """A public statement and its number in the policy, which names it if it has no Sid."""

    number: int
    statement: Statement

    def __str__(self) -> str:
        sid = self.statement.get("Sid")
        name = f"the statement {quoted(sid)}" if sid else f"statement {self.number}"
        what = f"{_shown(self.statement, 'Action')} on {_shown(self.statement, 'Resource')}"
        condition = ", under a condition that AWS counts as public" if self.statement.get("Condition") else ""
        return f"{name} (allows everyone {cut(what, _MAX_SHOWN)}{condition})"

    def opens_only(self, arns: t.Sequence[str]) -> bool:
        """Return whether the statement lets everyone do nothing but read objects of these ARNs."""
        actions = as_list(self.statement.get("Action"))
        resources = as_list(self.statement.get("Resource"))
        return (
            bool(actions and resources)
            and all(str(action).lower() == _READING for action in actions)
            and all(any(_includes(arn, str(resource)) for arn in arns) for resource in resources)
        )

    def opens(self, arn: str) -> bool:
        """Return whether the statement lets everyone read the objects of this ARN."""
        actions, resources = as_list(self.statement.get("Action")), as_list(self.statement.get("Resource"))
        return (
            not self.statement.get("Condition")
            and any(wildcards.fits(str(action).lower(), _READING) for action in actions)
            and any(_includes(str(resource), arn) for resource in resources)
        )


def public_statements(policy: t.Any) -> list[PublicStatement]:
    """Return the statements of a policy that allow everyone something."""
    return [
        PublicStatement(number, each)
        for number, each in enumerate(statements_of(policy), 1)
        if each.get("Effect") == "Allow" and is_for_everyone(each) and not _is_narrowed(each)
    ]


def _includes(pattern: str, other: str) -> bool:
    """Return whether a pattern matches all that another one does; false if that is not certain."""
    return pattern == other or ("?" not in pattern and wildcards.fits(pattern, other))


def _shown(statement: Statement, element: str) -> str:
    inverse = f"Not{element}"
    return (
        f"everything but {listed(as_list(statement[inverse]))}"
        if inverse in statement
        else listed(as_list(statement.get(element)))
    )


def _is_narrowed(statement: Statement) -> bool:
    condition = statement.get("Condition")
    return any(
        _is_fixed(str(key).lower(), as_list(values))
        for operator, keys in (condition.items() if isinstance(condition, dict) else ())
        if str(operator).lower().removeprefix(_ANY_OF) in _NARROWING_OPERATORS and isinstance(keys, dict)
        for key, values in keys.items()
    )


def _is_fixed(key: str, values: t.Sequence[t.Any]) -> bool:
    """Return whether a condition key must have one of a set of fixed values."""
    if key not in _NARROWING_KEYS or not values:
        return False
    if key == "aws:sourceip":
        return all(_is_narrow_range(str(value)) for value in values)
    if key == "s3:dataaccesspointarn":  # the access point may be any one, if its account is fixed
        return all(_is_one_value(":".join(str(value).split(":")[:5])) for value in values)
    return all(_is_one_value(str(value)) for value in values)


def _is_one_value(value: str) -> bool:
    return not wildcards.is_pattern(value) and "${" not in value


def _is_narrow_range(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _WIDEST_RANGES[network.version]
