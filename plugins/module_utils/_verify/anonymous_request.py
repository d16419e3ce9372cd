# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the request with which STS reads a document meets the conditions of a bucket policy's statement.

That request is anonymous, over HTTPS and from the internet, which decides most conditions. What that does not decide,
such as the address that it comes from, leaves a condition neither met nor unmet.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits

# Every value that such a request may have. AWS requires TLS 1.2 of clients and of issuers.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
_VALUES: t.Mapping[str, tuple[str, ...]] = {
    "aws:securetransport": ("true",),
    "s3:tlsversion": ("1.2", "1.3"),
    "aws:principaltype": ("Anonymous",),
    "aws:principalaccount": ("anonymous",),
    "aws:userid": ("anonymous",),
    "aws:principalisawsservice": ("false",),
    "aws:viaawsservice": ("false",),
}
# Beginnings of keys that it does not have: those of signed requests, private networks, access points and writes.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
_ABSENT = (
    *("aws:principalarn", "aws:principalorg", "aws:principaltag/", "aws:principalservicename", "aws:username"),
    *("aws:multifactorauth", "aws:tokenissuetime", "aws:calledvia", "aws:federatedprovider", "aws:ec2instancesource"),
    *("aws:sourcearn", "aws:sourceaccount", "aws:sourceorg", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourceidentity"),
    *("aws:requesttag/", "aws:tagkeys", "s3:x-amz-", "s3:requestobjecttag", "s3:locationconstraint"),
    *("s3:dataaccesspoint", "s3:accesspoint", "s3:versionid", "s3:prefix", "s3:delimiter", "s3:max-keys"),
)
_SOURCE_IP = "aws:sourceip"
_TIMES = ("aws:currenttime", "aws:epochtime")

# Of the address of a client on the internet, it is only known that it is none of private networks:
# https://www.rfc-editor.org/rfc/rfc1918#section-3, https://www.rfc-editor.org/rfc/rfc4193#section-3.1
_ALL_ADDRESSES = ("0.0.0.0/0", "::/0")
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def _moment(text: str) -> float:
    """Return a date of a policy, ISO 8601 or seconds since 1970, in seconds. Raises ValueError."""
    if text.replace(".", "", 1).isdigit():
        return float(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()


def _comparisons(kind: str, read: t.Callable[[str], float]) -> dict[str, t.Callable[[str, str], bool]]:
    """Return the operators of a kind of number. Each takes the policy's value and that of the request."""
    return {
        f"{kind}Equals": lambda given, actual: read(actual) == read(given),
        f"{kind}LessThan": lambda given, actual: read(actual) < read(given),
        f"{kind}LessThanEquals": lambda given, actual: read(actual) <= read(given),
        f"{kind}GreaterThan": lambda given, actual: read(actual) > read(given),
        f"{kind}GreaterThanEquals": lambda given, actual: read(actual) >= read(given),
    }


_OPERATORS: dict[str, t.Callable[[str, str], bool]] = {
    "StringEquals": lambda given, actual: given == actual,
    "StringEqualsIgnoreCase": lambda given, actual: given.lower() == actual.lower(),
    "StringLike": fits,
    "ArnEquals": fits,
    "ArnLike": fits,
    "Bool": lambda given, actual: given.lower() == actual,
    **_comparisons("Numeric", float),
    **_comparisons("Date", _moment),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


class Condition(t.NamedTuple):
    """One condition key under one operator, with the values that it is compared with."""

    operator: str
    key: str
    values: t.Sequence[str]

    def __str__(self) -> str:
        operator = self.operator if self.operator.replace(":", "").isalnum() else quoted(self.operator)
        return f"{operator} {quoted(self.key)}: {listed(self.values)}"

    def is_met(self) -> bool | None:
        """Whether the request meets the condition; None if that is not certain."""
        actual = _values_of(self.key.lower())
        quantifier, dummy, rest = self.operator.rpartition(":")
        name = rest.removesuffix("IfExists")
        if actual is not None and name == "Null":
            return bool(actual) != ("true" in [value.lower() for value in self.values])
        is_negated = name in _NEGATED
        if actual == ():
            return rest != name or quantifier == "ForAllValues" or (is_negated and not quantifier)
        matched = self._matches(_NEGATED.get(name, name), actual)
        return None if matched is None else matched != is_negated

    def _matches(self, operator: str, actual: t.Sequence[str] | None) -> bool | None:
        """Whether one of the values fits, by an operator that is not negated."""
        if self.key.lower() == _SOURCE_IP and operator == "IpAddress":
            return _covers_the_internet(self.values)
        matches = _OPERATORS.get(operator)
        if actual is None or matches is None or any("${" in value for value in self.values):
            return None
        try:
            found = {any(matches(value, each) for value in self.values) for each in actual}
        except (ValueError, OverflowError):
            return None
        return found.pop() if len(found) == 1 else None


def undecided(block: t.Any) -> list[str] | None:
    """Return the conditions in a statement's ``Condition`` that are not certain; None if one is certainly not met.

    So an empty list says that all are met.
    """
    if not block:
        return []
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        return ["it has not the form of one"]
    conditions = [
        Condition(str(operator), str(key), [each if isinstance(each, str) else quoted(each) for each in as_list(value)])
        for operator, keys in block.items()
        for key, value in keys.items()
    ]
    answers = [condition.is_met() for condition in conditions]
    if False in answers:
        return None
    return [str(condition) for condition, answer in zip(conditions, answers, strict=True) if answer is None]


def _values_of(key: str) -> tuple[str, ...] | None:
    """Return each value that the request may have for a key, none if it does not have it; None if that is unknown."""
    if key in _VALUES:
        return _VALUES[key]
    if key in _TIMES:
        return (str(datetime.datetime.now(datetime.timezone.utc).timestamp()),)
    return () if key.startswith(_ABSENT) else None


def _covers_the_internet(networks: t.Sequence[str]) -> bool | None:
    """Whether networks contain the address of every client on the internet (True) or of none (False); else None."""
    if any(network in _ALL_ADDRESSES for network in networks):
        return True
    try:
        parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
    except ValueError:
        return None
    return False if all(any(_is_within(each, private) for private in _PRIVATE) for each in parsed) else None


def _is_within(network: t.Any, other: t.Any) -> bool:
    return network.version == other.version and bool(network.subnet_of(other))
