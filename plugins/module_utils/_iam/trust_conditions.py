# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate one condition of a trust policy for a token.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

What cannot be known here, such as the address from which a pod sends its request, and unsupported operators make a
condition neither met nor unmet: it "cannot be evaluated".
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.condition_keys import claim_of, flaw_of, is_of_aws

# The parts of a trust policy about which something is found.
PROVIDER, SUBJECT, AUDIENCE, CONDITION = "provider", "subject", "audience", "condition"

# Whether a condition is met, or a request is allowed. None if it cannot be evaluated.
Decision: t.TypeAlias = "bool | None"

_OPERATORS: dict[str, t.Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": fits,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}
_QUANTIFIERS = ("", "ForAnyValue", "ForAllValues")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """A request to assume a role with a token of a provider, as far as it is known here: without a subject or an
    audience, what is asked of it cannot be evaluated.

    ``has_variables``: the policy may contain variables, which older versions of the policy language do not have.
    ``right_audience`` is the audience that the token should have, if it has a wrong one.
    """

    provider_arn: str
    subject: str | None
    audience: str | None
    has_variables: bool = True
    right_audience: str | None = None

    @property
    def host_path(self) -> str:
        """The issuer without https://, with which the condition keys begin."""
        return self.provider_arn.partition(":oidc-provider/")[2]

    def claim(self, name: str) -> str | None:
        """Return a claim of the token, None if it is unknown."""
        return self.value_of(f"{self.host_path}:{name}")

    def value_of(self, key: str) -> str | None:
        """Return the value of a condition key, in any case; None if the request does not have it or it is unknown.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
        """
        prefix = self.host_path.lower()
        values = {
            f"{prefix}:sub": self.subject,
            f"{prefix}:aud": self.audience,
            "aws:federatedprovider": self.provider_arn,
        }
        return values.get(key.lower())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition key under one operator, with the values that it is compared with."""

    operator: str
    key: str
    values: t.Sequence[str]

    @property
    def part(self) -> str:
        """The part of the policy that the condition belongs to, or was meant to."""
        claim = claim_of(self.key)
        if claim is None and not is_of_aws(self.key) and any(map(_is_subject, self.values)):
            return SUBJECT
        return {"sub": SUBJECT, "aud": AUDIENCE}.get(claim or "", CONDITION)

    def __str__(self) -> str:
        operator = self.operator if self.operator.replace(":", "").isalnum() else quoted(self.operator)
        return f"{operator} {quoted(self.key)}: {listed(self.values)}"

    def evaluate(self, request: TokenRequest) -> Evaluated:
        """Evaluate the condition for a request."""
        actual = request.value_of(self.key)
        if actual is None and not self._is_absent(request):
            return Evaluated(self, None, f"the value of {quoted(self.key)} is not known here")
        if self.operator == "Null":
            return Evaluated(self, (actual is None) == ("true" in [value.lower() for value in self.values]))
        matches = _OPERATORS.get(_NEGATED.get(self._name, self._name))
        if matches is None or self._quantifier not in _QUANTIFIERS:
            return Evaluated(self, None, f"the operator {quoted(self.operator)} is not supported here")
        if actual is None:
            return Evaluated(self, self._is_met_without_key())
        if request.has_variables and any("${" in value for value in self.values):
            return Evaluated(self, None, "it contains a policy variable")
        # A token has one value for each key, so the quantifiers make no difference here.
        return Evaluated(self, self._is_negated != any(matches(value, actual) for value in self.values))

    @property
    def _quantifier(self) -> str:
        return self.operator.rpartition(":")[0]

    @property
    def _name(self) -> str:
        """The operator without quantifier and IfExists."""
        return self.operator.rpartition(":")[2].removesuffix("IfExists")

    @property
    def _is_negated(self) -> bool:
        return self._name in _NEGATED

    def _is_met_without_key(self) -> bool:
        """Whether the condition is met by a request that does not have its key."""
        if self.operator.endswith("IfExists") or self._quantifier == "ForAllValues":
            return True
        return self._is_negated and not self._quantifier

    def _is_absent(self, request: TokenRequest) -> bool:
        """Whether the request is known not to have the key: one of SAML, or of an issuer, this or another, that the
        token does not have. All others are AWS's.
        """
        key, host_path = self.key.lower(), request.host_path.lower()
        if key in (f"{host_path}:sub", f"{host_path}:aud"):
            return False
        prefix = key.rpartition(":")[0]
        is_of_issuer = prefix in (host_path, "saml") or "." in prefix.partition("/")[0]
        return is_of_issuer or flaw_of(self.key, request.host_path) is not None


def _is_subject(value: str) -> bool:
    return value.startswith("system:serviceaccount:")


class Evaluated(t.NamedTuple):
    """A condition, whether it is met (None if that cannot be evaluated), and why it cannot be evaluated."""

    condition: Condition
    is_met: Decision
    reason: str = ""


def evaluate_conditions(block: t.Any, request: TokenRequest) -> list[Evaluated]:
    """Evaluate each condition of a statement's ``Condition``, which may hold anything."""
    if block is None:
        return []
    if not isinstance(block, dict):
        return [Evaluated(Condition(operator="Condition", key="", values=()), None, "it is not an object")]
    evaluated = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            keyless = Condition(operator=str(operator), key="", values=())
            evaluated.append(Evaluated(keyless, None, "it has no condition keys"))
            continue
        for key, value in keys.items():
            condition = Condition(operator=str(operator), key=str(key), values=tuple(strings(value)))
            evaluated.append(condition.evaluate(request))
    return evaluated


def all_met(evaluated: t.Iterable[Evaluated]) -> Decision:
    """Whether all conditions are met."""
    decisions = [each.is_met for each in evaluated]
    return False if False in decisions else None if None in decisions else True


def strings(value: t.Any) -> list[str]:
    """Return the strings in an element of a policy, in which a single one may stand for a list; other items are
    described.
    """
    return [each if isinstance(each, str) else quoted(each) for each in as_list(value)]
