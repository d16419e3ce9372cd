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
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.anonymous_request import undecided

_ACTION = "s3:getobject"


class Reading(t.NamedTuple):
    """What a policy says about anonymous reads of an object.

    ``fault`` is why it does not allow them, a clause such as "there is no policy"; None if it is not known to refuse
    them. ``doubts`` are clauses about statements that may decide otherwise, depending on what is not known here.
    """

    fault: str | None
    doubts: t.Sequence[str] = ()


def read(policy: t.Any, arn: str) -> Reading:
    """Read a bucket policy (as an object, None if there is none) for anonymous reads of the object of an ARN."""
    statements = statements_of(policy)
    if not statements:
        return Reading("there is no policy")
    denials = _for_everyone(statements, "Deny", arn=arn)
    certain = next((each for each in denials if undecided(each.get("Condition")) == []), None)
    if certain is not None:
        return Reading(f"{_name(certain)} denies it{_under(certain)}")
    doubts = [f"whether {_name(each)} denies it depends on {'; '.join(rest)}" for each, rest in _uncertain(denials)]
    allowances = _for_everyone(statements, "Allow", arn=arn)
    if any(undecided(each.get("Condition")) == [] for each in allowances):
        return Reading(None, doubts)
    hopes = [f"whether {_name(each)} allows it depends on {'; '.join(rest)}" for each, rest in _uncertain(allowances)]
    if hopes:
        return Reading(None, [*hopes, *doubts])
    return Reading(_unmet(allowances) or _other_principal(statements, arn) or _other_resource(statements, arn))


def _uncertain(statements: t.Iterable[Statement]) -> t.Iterator[tuple[Statement, list[str]]]:
    """Yield the statements of which it is not certain whether they apply, each with the conditions that decide."""
    for each in statements:
        conditions = undecided(each.get("Condition"))
        if conditions:
            yield each, conditions


# --- each finds one reason, None if it does not apply


def _unmet(allowances: t.Sequence[Statement]) -> str | None:
    if not allowances:
        return None
    return f"{_name(allowances[0])} allows it only under a condition that anonymous reads over HTTPS do not meet"


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


def _for_everyone(statements: t.Iterable[Statement], effect: str, *, arn: str) -> list[Statement]:
    return [each for each in statements if _applies(each, effect, arn=arn) and is_for_everyone(each)]


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


def _under(statement: Statement) -> str:
    return ", under a condition that anonymous reads over HTTPS meet" if statement.get("Condition") else ""


def _name(statement: Statement) -> str:
    return f"the statement {quoted(statement['Sid'])}" if statement.get("Sid") else "a statement without a Sid"
