# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy language, as far as resource policies use it: does a document allow or deny a request?

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Effect(Enum):
    """What a policy says about a request."""

    ALLOW = "Allow"
    DENY = "Deny"
    NONE = None


@dataclass(frozen=True)
class PolicyRequest:
    """:ivar principals: names of the requester by principal type, such as ``AWS``; empty for an anonymous one
    :ivar context: condition keys, all in lower case, and their values
    """

    action: str
    resource: str | None
    principals: Mapping[str, frozenset[str]] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


class UnknownCondition(Exception):
    """A condition operator that is not understood here."""


def evaluate(policy: Mapping[str, Any], request: PolicyRequest) -> Effect:
    """:return: DENY when a statement denies, else ALLOW when one allows, else NONE

    A condition that is not understood neither lets a request in nor a denied one through.
    """
    effect = Effect.NONE
    for statement in as_list(policy.get("Statement", [])):
        denies = statement.get("Effect") == "Deny"
        if not _applies(statement, request, in_doubt=denies):
            continue
        if denies:
            return Effect.DENY
        if statement.get("Effect") == "Allow":
            effect = Effect.ALLOW
    return effect


def as_list(value: Any) -> list[Any]:
    """:return: a value that the language lets stand for a list of one"""
    return value if isinstance(value, list) else [value]


def matches(pattern: str, value: str) -> bool:
    """:return: whether `value` fits `pattern`, with * and ? as the only wildcards"""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value) is not None


def _applies(statement: Mapping[str, Any], request: PolicyRequest, in_doubt: bool) -> bool:
    if not (_principal_fits(statement, request) and _action_fits(statement, request)):
        return False
    if not _resource_fits(statement, request):
        return False
    try:
        return _conditions_hold(statement.get("Condition", {}), request.context)
    except UnknownCondition:
        return in_doubt


def _principal_fits(statement: Mapping[str, Any], request: PolicyRequest) -> bool:
    if "NotPrincipal" in statement:
        return not _is_among(statement["NotPrincipal"], request)
    return "Principal" in statement and _is_among(statement["Principal"], request)


def _is_among(principal: Any, request: PolicyRequest) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    for kind, names in principal.items():
        for name in as_list(names):
            if (kind == "AWS" and name == "*") or name in request.principals.get(kind, ()):
                return True
    return False


def _action_fits(statement: Mapping[str, Any], request: PolicyRequest) -> bool:
    def fits(patterns: Any) -> bool:
        return any(matches(pattern.lower(), request.action.lower()) for pattern in as_list(patterns))

    if "NotAction" in statement:
        return not fits(statement["NotAction"])
    return fits(statement.get("Action", []))


def _resource_fits(statement: Mapping[str, Any], request: PolicyRequest) -> bool:
    resource = request.resource
    if resource is None:
        return True

    def fits(patterns: Any) -> bool:
        return any(matches(pattern, resource) for pattern in as_list(patterns))

    if "NotResource" in statement:
        return not fits(statement["NotResource"])
    return fits(statement.get("Resource", []))


def _conditions_hold(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    results = [
        _operator_holds(operator, context.get(key.lower()), [str(item) for item in as_list(expected)])
        for operator, keys in condition.items()
        for key, expected in keys.items()
    ]
    return all(results)


def _operator_holds(operator: str, actual: str | None, expected: list[str]) -> bool:
    if operator == "Null":
        return (actual is None) == (expected[0].lower() == "true")
    # Every key here has one value at most, so the two differ in what they say of a key that is not there alone:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    quantifier, _colon, plain = operator.rpartition(":")
    if quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownCondition(operator)
    if quantifier and actual is None:
        return quantifier == "ForAllValues"
    name = plain.removesuffix("IfExists")
    negated = name in NEGATED
    test = OPERATORS.get(NEGATED.get(name, name))
    if test is None:
        raise UnknownCondition(operator)
    if actual is None:
        return negated or name != plain
    return negated != any(test(actual, value) for value in expected)


def _numeric(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(actual: str, expected: str) -> bool:
        try:
            return compare(float(actual), float(expected))
        except ValueError:
            return False

    return test


def _in_network(actual: str, expected: str) -> bool:
    return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)


def _like(actual: str, expected: str) -> bool:
    return matches(expected, actual)


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, expected: actual == expected,
    "StringEqualsIgnoreCase": lambda actual, expected: actual.lower() == expected.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
    "IpAddress": _in_network,
    "NumericEquals": _numeric(lambda actual, expected: actual == expected),
    "NumericLessThan": _numeric(lambda actual, expected: actual < expected),
    "NumericLessThanEquals": _numeric(lambda actual, expected: actual <= expected),
    "NumericGreaterThan": _numeric(lambda actual, expected: actual > expected),
    "NumericGreaterThanEquals": _numeric(lambda actual, expected: actual >= expected),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}
