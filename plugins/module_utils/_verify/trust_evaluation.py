# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate a role's trust policy for a token: whether it accepts the token, and if not, which part rejects it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import Statement, member, statements_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SEVERITY, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.condition_keys import flaw_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    AUDIENCE,
    CONDITION,
    PROVIDER,
    SUBJECT,
    Condition,
    Decision,
    Evaluated,
    TokenRequest,
    all_met,
    evaluate_conditions,
    strings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import (
    ACTION,
    concerns_action,
    names_provider,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_causes import (
    flaws_of,
    why_not_allowed,
    why_not_trusted,
    why_unmet,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_remedies import (
    condition_remedy,
    principal_remedy,
)

# Part of each assessment of what cannot be evaluated.
UNDECIDED = "cannot be evaluated"

# What a trust policy accepts that does not restrict sub or aud, and what follows from that.
_WIDE_OPEN = {
    SUBJECT: (
        "every service account of the cluster",
        "Anyone who can run a pod in the cluster, in any namespace, can assume this role.",
    ),
    AUDIENCE: (
        "tokens for any of the provider's client IDs",
        "A token that was issued for another program with one of these client IDs can be used for this role.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What was found about one part of a trust policy. ``is_misspelled``: a condition key that no token has."""

    status: str
    seen: str
    cause: str | None = None
    remedy: str | None = None
    is_misspelled: bool = False

    @property
    def certain(self) -> bool:
        """Whether it could be evaluated."""
        return UNDECIDED not in self.seen


@dataclasses.dataclass(frozen=True)
class Judgment:
    """The assessments of a trust policy, by ``PROVIDER``, ``SUBJECT``, ``AUDIENCE`` and ``CONDITION`` (the others).

    Without trust in the provider there is only ``PROVIDER``, and without other conditions there is no ``CONDITION``.
    ``allowed`` is None if it cannot be evaluated.
    """

    allowed: Decision
    assessments: t.Mapping[str, Assessment]


def judge(policy: t.Any, request: TokenRequest) -> Judgment:
    """Evaluate a trust policy, as GetRole returns it, for a request."""
    # Older versions have no policy variables.
    request = dataclasses.replace(request, has_variables=member(policy, "Version") == "2012-10-17")
    statements = statements_of(policy)
    concerned = [each for each in statements if concerns_action(each)]
    allowing = [each for each in concerned if each.get("Effect") == "Allow"]
    trusting = [each for each in allowing if names_provider(each, request.provider_arn)]
    if not trusting:
        return Judgment(False, {PROVIDER: _assess_missing_trust(statements, allowing, request=request)})
    best = min((evaluate_conditions(each.get("Condition"), request) for each in trusting), key=_rank)
    assessments = {
        PROVIDER: Assessment(OK, f"The role trusts the provider {request.provider_arn}."),
        SUBJECT: _assess_claim(best, SUBJECT, request),
        AUDIENCE: _assess_claim(best, AUDIENCE, request),
    }
    others = [each for each in best if each.condition.part == CONDITION]
    if others:
        assessments[CONDITION] = _assess_other_conditions(others, request)
    allowed = all_met(best)
    for number, statement in enumerate(statements, 1):
        is_denial = statement.get("Effect") == "Deny" and concerns_action(statement)
        if is_denial and names_provider(statement, request.provider_arn):
            allowed = _apply_denial(assessments, _Denial(statement, number), request=request, allowed=allowed)
    return Judgment(allowed, assessments)


def _rank(evaluated: t.Sequence[Evaluated]) -> tuple[int, int]:
    """Return the rank of a statement: the one that is nearest to accepting the request is first."""
    answers = [each.is_met for each in evaluated]
    return answers.count(False), answers.count(None)


def _assess_missing_trust(
    statements: t.Sequence[Statement], allowing: t.Sequence[Statement], *, request: TokenRequest
) -> Assessment:
    """Assess a policy that does not trust the provider. ``allowing`` are statements with the action."""
    remedy = principal_remedy(request)
    if not allowing:
        actions = [
            action for each in statements if each.get("Effect") == "Allow" for action in strings(each.get("Action"))
        ]
        seen = f"The role's trust policy does not allow {ACTION}; it allows {listed(actions)}."
        return Assessment(ERROR, seen, why_not_allowed(statements), remedy)
    federated = [arn for each in allowing for arn in strings(member(each.get("Principal"), "Federated"))]
    trusted = f"trusts {listed(federated)}, but not" if federated else "trusts no OIDC provider, so not"
    seen = f"The role {trusted} the provider {request.provider_arn}."
    return Assessment(ERROR, seen, why_not_trusted(allowing, request.provider_arn), remedy)


def _assess_claim(evaluated: t.Sequence[Evaluated], part: str, request: TokenRequest) -> Assessment:
    """Assess the conditions on ``sub`` or ``aud``."""
    claim = {SUBJECT: "sub", AUDIENCE: "aud"}[part]
    actual = request.claim(claim)
    own = [each for each in evaluated if each.condition.part == part]
    remedy = condition_remedy(evaluated, request)
    unmet = next((each.condition for each in own if each.is_met is False), None)
    if unmet is not None:
        flaw = flaw_of(unmet.key, request.host_path)
        if flaw:
            seen = f"The role requires {unmet}, and no token has that key."
            return Assessment(ERROR, seen, flaw, remedy, is_misspelled=True)
        compared = "" if actual is None else f"; the token's {claim} is {quoted(actual)}"
        return Assessment(ERROR, f"The role requires {unmet}{compared}.", why_unmet(unmet, request), remedy)
    undecided = next((each for each in own if each.is_met is None), None)
    if undecided is not None:
        return Assessment(WARNING, f"The condition {undecided.condition} {UNDECIDED}: {undecided.reason}.")
    key = f"{request.host_path}:{claim}".lower()
    if not any(each.condition.key.lower() == key and _restricts(each.condition) for each in own):
        accepted, consequence = _WIDE_OPEN[part]
        seen = f"No condition of the role's trust policy restricts the {claim}: it accepts {accepted}."
        flaws = flaws_of((each.condition for each in own), request.host_path)
        return Assessment(WARNING, seen, f"{flaws} {consequence}".lstrip(), remedy)
    return Assessment(OK, f"The role accepts the {claim} {quoted(actual)}.")


def _restricts(condition: Condition) -> bool:
    """Whether a condition that is met rejects anything."""
    if condition.operator == "Null" or "Not" in condition.operator:
        return False
    if "Like" not in condition.operator:
        return True
    return all(pattern.removeprefix("system:serviceaccount:").strip("*?:") for pattern in condition.values)


def _assess_other_conditions(evaluated: t.Sequence[Evaluated], request: TokenRequest) -> Assessment:
    """Assess the conditions on other keys than ``sub`` and ``aud``."""
    unmet = next((each.condition for each in evaluated if each.is_met is False), None)
    if unmet is not None:
        return Assessment(ERROR, f"The role's condition {unmet} is not met.", why_unmet(unmet, request))
    undecided = next((each for each in evaluated if each.is_met is None), None)
    if undecided is not None:
        return Assessment(WARNING, f"The role's condition {undecided.condition} {UNDECIDED}: {undecided.reason}.")
    conditions = "; ".join(str(each.condition) for each in evaluated)
    return Assessment(OK, f"The role's other conditions are met: {conditions}.")


class _Denial(t.NamedTuple):
    """A Deny statement, and which one of the policy it is."""

    statement: Statement
    number: int

    def __str__(self) -> str:
        sid = self.statement.get("Sid")
        return f"Deny statement {quoted(sid) if isinstance(sid, str) and sid else f'number {self.number}'}"


def _apply_denial(
    assessments: dict[str, Assessment], denial: _Denial, *, request: TokenRequest, allowed: Decision
) -> Decision:
    """Add the assessment of a Deny statement, unless it does not apply. Returns whether the request is allowed in spite
    of it.
    """
    evaluated = evaluate_conditions(denial.statement.get("Condition"), request)
    denied = all_met(evaluated)
    if denied is False:
        return allowed
    part, assessment = _assess_denial(denial, evaluated, request=request)
    _add_unless_less_severe(assessments, part, assessment)
    return False if denied or allowed is False else None


def _assess_denial(
    denial: _Denial, evaluated: t.Sequence[Evaluated], *, request: TokenRequest
) -> tuple[str, Assessment]:
    """Assess a Deny statement that may apply. Return the part of the policy to which it belongs, and the assessment."""
    parts = [each.condition.part for each in evaluated]
    part = next((name for name in (SUBJECT, AUDIENCE, CONDITION) if name in parts), PROVIDER)
    conditions = "; ".join(str(each.condition) for each in evaluated) or "without a condition"
    name, remedy = f"The {denial}", f"Remove the {denial}, or change it so that it does not apply to this token."
    cause = flaws_of((each.condition for each in evaluated), request.host_path) or "A Deny wins over every Allow."
    undecided = next((each for each in evaluated if each.is_met is None), None)
    if undecided is None:
        seen = f"{name} in the role's trust policy applies: {conditions}."
        return part, Assessment(ERROR, seen, cause, remedy)
    seen = f"{name} in the role's trust policy may apply. That {UNDECIDED}: {conditions}: {undecided.reason}."
    return part, Assessment(WARNING, seen, cause, remedy)


def _add_unless_less_severe(assessments: dict[str, Assessment], part: str, assessment: Assessment) -> None:
    """Add an assessment, unless there is a more severe one of that part."""
    present = assessments.get(part)
    if present is None or SEVERITY.index(assessment.status) >= SEVERITY.index(present.status):
        assessments[part] = assessment
