# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a role's trust policy let a token in, and if not, what of it keeps it out? Pure: a policy and a token's claims.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

What cannot be known here, such as the address that a pod's request comes from, and operators that are not understood
make neither a yes nor a no of a condition: it "cannot be judged".
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits

ACTION = "sts:AssumeRoleWithWebIdentity"

SUBJECT, AUDIENCE, CONDITION, PROVIDER = "subject", "audience", "condition", "provider"

UNJUDGED = "cannot be judged"

# Whom a trust policy lets in that has no condition on sub or aud, and what that means.
_WIDE_OPEN = {
    SUBJECT: (
        "every service account of the cluster",
        "Whoever may run a pod there, in whatever namespace, can become this role.",
    ),
    AUDIENCE: (
        "tokens for each of the provider's client IDs",
        "A token that was made for another program of those can be used for this role.",
    ),
}

# True, False, or None where it cannot be judged.
Answer = t.Optional[bool]

Context = t.Mapping[str, t.Union[str, t.Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What there is to say of one part of a trust policy."""

    status: str
    seen: str
    cause: t.Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A trust policy's findings by ``PROVIDER``, ``SUBJECT``, ``AUDIENCE`` and ``CONDITION`` (all other conditions).

    A part that depends on the provider's is missing where the provider is not trusted at all, and ``CONDITION`` where
    there is no such condition. ``allowed`` is None where it cannot be judged.
    """

    allowed: Answer
    findings: t.Mapping[str, Finding]


@dataclasses.dataclass(frozen=True)
class _Test:
    """One condition key under one operator: what it asks for, whether that holds, and why that cannot be judged."""

    operator: str
    key: str
    wanted: t.Sequence[str]
    holds: Answer
    reason: str = ""

    @property
    def part(self) -> str:
        name = self.key.rpartition(":")[2].lower()
        of_token = not self.key.lower().startswith(("aws:", "sts:"))
        return {"sub": SUBJECT, "aud": AUDIENCE}.get(name, CONDITION) if of_token else CONDITION

    def __str__(self) -> str:
        operator = self.operator if self.operator.replace(":", "").isalnum() else quoted(self.operator)
        return f"{operator} {quoted(self.key)}: {listed(self.wanted)}"


def context_of(
    host_path: str, subject: t.Optional[str], audience: t.Optional[str], provider_arn: str, **more: t.Optional[str]
) -> dict[str, t.Union[str, t.Sequence[str]]]:
    """The condition keys, in lower case, that STS makes of a token of an issuer. ``more`` are further claims.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    """
    claims = {"sub": subject, "aud": audience, **more}
    known = {f"{host_path}:{name}".lower(): value for name, value in claims.items() if value is not None}
    return {**known, "aws:federatedprovider": provider_arn}


def judge(policy: t.Any, provider_arn: str, host_path: str, context: Context) -> Judgement:
    """Evaluate a trust policy, as GetRole returns it, for a token with these condition keys of this provider."""
    statements = [each for each in as_list(_member(policy, "Statement")) if isinstance(each, dict)]
    literal = _member(policy, "Version") != "2012-10-17"  # older policies have no variables
    concerned = [each for each in statements if _concerns_action(each)]
    allowing = [each for each in concerned if each.get("Effect") == "Allow"]
    trusting = [each for each in allowing if _names_principal(each, provider_arn)]
    if not trusting:
        return Judgement(False, {PROVIDER: _untrusted(statements, allowing, provider_arn)})
    candidates = [_tests(each, context, host_path, literal) for each in trusting]
    best = min(candidates, key=_rank)
    findings = {
        PROVIDER: Finding(OK, f"The role trusts the provider {provider_arn}."),
        SUBJECT: _of_claim(best, SUBJECT, "sub", host_path, context),
        AUDIENCE: _of_claim(best, AUDIENCE, "aud", host_path, context),
    }
    others = [test for test in best if test.part == CONDITION]
    if others:
        findings[CONDITION] = _of_others(others)
    allowed = _all(test.holds for test in best)
    for statement in concerned:
        if statement.get("Effect") == "Deny" and _names_principal(statement, provider_arn):
            tests = _tests(statement, context, host_path, literal)
            denied = _all(test.holds for test in tests)
            if denied is not False:
                _add(findings, *_denial(tests, denied))
                allowed = False if denied else (allowed and None)
    return Judgement(allowed, findings)


def _member(value: t.Any, name: str) -> t.Any:
    return value.get(name) if isinstance(value, dict) else None


def _texts(value: t.Any) -> list[str]:
    return [each if isinstance(each, str) else quoted(each) for each in as_list(value)]


def _all(answers: t.Iterable[Answer]) -> Answer:
    found = list(answers)
    return False if False in found else None if None in found else True


def _concerns_action(statement: dict[str, t.Any]) -> bool:
    def among(name: str) -> bool:
        return any(fits(pattern.lower(), ACTION.lower()) for pattern in _texts(statement.get(name)))

    return not among("NotAction") if "NotAction" in statement else among("Action")


def _names_principal(statement: dict[str, t.Any], provider_arn: str) -> bool:
    negated = "NotPrincipal" in statement
    principal = statement.get("NotPrincipal" if negated else "Principal")
    everybody = principal == "*" or "*" in _texts(_member(principal, "AWS"))
    return (everybody or provider_arn in _texts(_member(principal, "Federated"))) != negated


_OPERATORS: dict[str, t.Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": fits,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}


def _tests(statement: dict[str, t.Any], context: Context, host_path: str, literal: bool) -> list[_Test]:
    condition = statement.get("Condition")
    if condition is None:
        return []
    if not isinstance(condition, dict):
        return [_Test("Condition", "", (), None, "it is no object")]
    tests = []
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            tests.append(_Test(str(operator), "", (), None, "it has no condition keys"))
            continue
        for key, value in keys.items():
            wanted = _texts(value)
            holds, reason = _holds(str(operator), str(key), wanted, context, host_path, literal)
            tests.append(_Test(str(operator), str(key), tuple(wanted), holds, reason))
    return tests


def _holds(
    operator: str, key: str, wanted: list[str], context: Context, host_path: str, literal: bool
) -> tuple[Answer, str]:
    actual = context.get(key.lower())
    if actual is None and not _is_of_issuer(key, host_path):
        return None, f"what {quoted(key)} will be is not known here"
    if operator == "Null":
        return (actual is None) == ("true" in [text.lower() for text in wanted]), ""
    quantifier, dummy, plain = operator.rpartition(":")
    name = plain.removesuffix("IfExists")
    negated = name in _NEGATED
    test = _OPERATORS.get(_NEGATED.get(name, name))
    if test is None or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        return None, f"the operator {quoted(operator)} is not known here"
    if actual is None:
        return _holds_without(quantifier, negated, if_exists=name != plain), ""
    if not literal and any("${" in text for text in wanted):
        return None, "it has a policy variable"
    several = [actual] if isinstance(actual, str) else list(actual)
    answers = [negated != any(test(text, each) for text in wanted) for each in several]
    return (all(answers) if quantifier == "ForAllValues" or (negated and not quantifier) else any(answers)), ""


def _holds_without(quantifier: str, negated: bool, if_exists: bool) -> bool:
    """What a condition is worth whose key the request does not have."""
    if if_exists or quantifier == "ForAllValues":
        return True
    return negated and not quantifier


def _is_of_issuer(key: str, host_path: str) -> bool:
    """Whether a condition key is one of an issuer's, ours or another; else it is AWS's own. Only the token has those."""
    prefix = key.rpartition(":")[0].lower()
    return prefix == host_path.lower() or "." in prefix.partition("/")[0]


def _rank(tests: t.Sequence[_Test]) -> tuple[int, int]:
    answers = [test.holds for test in tests]
    return answers.count(False), answers.count(None)


def _untrusted(
    statements: t.Sequence[dict[str, t.Any]], allowing: t.Sequence[dict[str, t.Any]], provider_arn: str
) -> Finding:
    if not allowing:
        actions = [text for each in statements if each.get("Effect") == "Allow" for text in _texts(each.get("Action"))]
        cause = "Anybody who trusts an OIDC provider with sts:AssumeRole alone gets this."
        return Finding(
            ERROR,
            f"The role's trust policy does not allow {ACTION} to anybody; it allows {listed(actions)}.",
            cause if actions else None,
        )
    federated = [text for each in allowing for text in _texts(_member(each.get("Principal"), "Federated"))]
    causes = [_arn_difference(provider_arn, found) for found in federated]
    return Finding(
        ERROR,
        f"The role trusts {listed(federated)}, and not the provider {provider_arn}.",
        next((cause for cause in causes if cause), None),
    )


def _arn_difference(wanted: str, found: str) -> t.Optional[str]:
    wanted_start, dummy, wanted_issuer = wanted.partition(":oidc-provider/")
    found_start, dummy, found_issuer = found.partition(":oidc-provider/")
    if not found_issuer:
        return None
    if wanted_issuer == found_issuer and wanted_start != found_start:
        parts = zip(("", "partition", "", "", "account"), wanted_start.split(":"), found_start.split(":"))
        where = next((name for name, one, other in parts if name and one != other), "account")
        return f"It is the provider of this issuer in another {where}: {found}."
    return difference(wanted_issuer, found_issuer)


def _of_claim(tests: t.Sequence[_Test], part: str, claim: str, host_path: str, context: Context) -> Finding:
    """What the conditions on ``sub`` or ``aud`` say of the token's own."""
    mine = [test for test in tests if test.part == part]
    actual = context.get(f"{host_path}:{claim}".lower())
    failed = [test for test in mine if test.holds is False]
    if failed:
        return Finding(
            ERROR, f"The role wants {failed[0]}; the token's {claim} is {quoted(actual)}.", _why(failed[0], host_path)
        )
    unknown = [test for test in mine if test.holds is None]
    if unknown:
        return Finding(WARNING, f"The condition {unknown[0]} {UNJUDGED}: {unknown[0].reason}.")
    if not any(test.key.lower() == f"{host_path}:{claim}".lower() and _narrows(test) for test in mine):
        whom, why = _WIDE_OPEN[part]
        return Finding(
            WARNING, f"The role's trust policy has no condition that narrows the {claim}: it lets in {whom}.", why
        )
    return Finding(OK, f"The role lets in the {claim} {quoted(actual)}.")


def _narrows(test: _Test) -> bool:
    """Whether a condition that holds keeps anybody out."""
    if test.operator == "Null" or "Not" in test.operator:
        return False
    if "Like" not in test.operator:
        return True
    return all(pattern.removeprefix("system:serviceaccount:").strip("*?:") for pattern in test.wanted)


def _why(test: _Test, host_path: str) -> t.Optional[str]:
    prefix = test.key.rpartition(":")[0]
    if prefix.lower() != host_path.lower():
        likeness = difference(host_path, prefix)
        return f"The condition's key is of another issuer, {quoted(prefix)}, not {host_path}. {likeness or ''}".rstrip()
    equals = "Equals" in test.operator and "Not" not in test.operator
    if equals and any("*" in text or "?" in text for text in test.wanted):
        return f"{test.operator} takes * and ? literally. StringLike has wildcards."
    return None


def _of_others(tests: t.Sequence[_Test]) -> Finding:
    failed = [test for test in tests if test.holds is False]
    if failed:
        cause = "STS knows sub, aud and amr of a token; it has no condition key for other claims of this issuer."
        return Finding(ERROR, f"The role's condition {failed[0]} does not hold.", cause)
    unknown = [test for test in tests if test.holds is None]
    if unknown:
        return Finding(WARNING, f"The role's condition {unknown[0]} {UNJUDGED}: {unknown[0].reason}.")
    return Finding(OK, f"The role's other conditions hold: {'; '.join(map(str, tests))}.")


def _denial(tests: t.Sequence[_Test], denied: Answer) -> tuple[str, Finding]:
    """The finding of a Deny statement, and the part that it looks at."""
    parts = [test.part for test in tests]
    part = next((name for name in (SUBJECT, AUDIENCE, CONDITION) if name in parts), PROVIDER)
    conditions = "; ".join(map(str, tests)) or "without a condition"
    if denied:
        return part, Finding(ERROR, f"A Deny statement of the role's trust policy applies: {conditions}.")
    reason = next(test.reason for test in tests if test.holds is None)
    return part, Finding(
        WARNING,
        f"Whether a Deny statement of the role's trust policy applies {UNJUDGED}: {conditions}: {reason}.",
    )


def _add(findings: dict[str, Finding], part: str, finding: Finding) -> None:
    """Add a finding, unless there is a graver one of that part."""
    gravity = (OK, WARNING, ERROR)
    present = findings.get(part)
    if present is None or gravity.index(finding.status) >= gravity.index(present.status):
        findings[part] = finding
