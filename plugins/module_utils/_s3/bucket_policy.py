# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bucket policy statement that is ours, among those of others."""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import statements_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, quoted

# Stable for all time: the statement is found by it.
SID = "SelfhostedIrsaPublicDocuments"

_ACTION = "s3:GetObject"
_FORM = {"Sid": SID, "Effect": "Allow", "Principal": "*", "Action": _ACTION}
_NOT_OURS = (
    f"its statement {SID} is not the one that this collection writes, which allows everyone {_ACTION} without a "
    "condition"
)

Policy = dict[str, t.Any]


def with_public_objects(policy: Policy | None, arns: t.Iterable[str], *, purge: bool) -> Policy:
    """Return the policy that lets everyone read the objects of these ARNs (``*`` allowed).

    Our statement is merged, and every other statement stays as it was. Resources that our statement has already stay
    unless ``purge``, so that clusters which share a bucket cannot close each other. If nothing has to change, the
    answer equals ``policy``. Raises Fault if a statement has our Sid and says something else.
    """
    present = own_resources(policy)
    desired = {*arns} if purge else {*arns, *present}
    statement = {**_FORM, "Resource": sorted(desired)}
    if policy is None:
        return {"Version": "2012-10-17", "Statement": [statement]}
    statements = statements_of(policy)
    ours = [index for index, each in enumerate(statements) if each.get("Sid") == SID]
    if len(ours) == 1 and set(_resources(statements[ours[0]])) == desired:
        return policy
    position = ours[0] if ours else len(statements)
    others = [each for each in statements[position:] if each.get("Sid") != SID]
    return {**policy, "Statement": [*statements[:position], statement, *others]}


def own_resources(policy: Policy | None) -> list[str]:
    """Return what our statement opens. Raises Fault if a statement has our Sid and says something else."""
    found = []
    for each in statements_of(policy):
        if each.get("Sid") == SID:
            if not is_ours(each):
                raise Fault(f"{_NOT_OURS}: {quoted(as_json(each))}")
            found += _resources(each)
    return found


def is_ours(statement: t.Mapping[str, t.Any]) -> bool:
    """Return whether a statement is one that this collection wrote: in everything but its resources it has one form.

    A Sid alone proves nothing: a statement of that name may as well deny something, or allow it under a condition.
    """
    return _form(statement) == _FORM and all(isinstance(each, str) for each in _resources(statement))


def parts(policy: Policy | None) -> dict[str, t.Any]:
    """Return what several processes put into a policy, by name: each statement, and each resource of ours."""
    found: dict[str, t.Any] = {}
    for statement in statements_of(policy):
        if is_ours(statement):
            found.update({f"public path {arn}": arn for arn in _resources(statement)})
        else:
            found[f"statement {statement.get('Sid') or json.dumps(statement, sort_keys=True)}"] = statement
    return found


def with_parts(policy: Policy | None, added: t.Mapping[str, t.Any]) -> Policy:
    """Return the policy with these parts of another version of it, in place of those of the same names."""
    arns = [part for part in added.values() if isinstance(part, str)]
    if arns:
        with contextlib.suppress(Fault):  # what is desired cannot be merged into such a policy either
            policy = with_public_objects(policy, arns, purge=False)
    statements = {name: part for name, part in added.items() if not isinstance(part, str)}
    policy = policy or {"Version": "2012-10-17", "Statement": []}
    kept = [statement for statement in statements_of(policy) if not statements.keys() & parts({"Statement": statement})]
    return {**policy, "Statement": [*kept, *statements.values()]}


def as_json(policy: Policy) -> str:
    """Return the policy as PutBucketPolicy takes it."""
    return json.dumps(policy, sort_keys=True, separators=(",", ":"))


def _resources(statement: t.Mapping[str, t.Any]) -> list[t.Any]:
    """Return a statement's resources, which may be one string when there is only one."""
    return as_list(statement.get("Resource"))


def _form(statement: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a statement without its resources, in the spelling of ours. Actions have no case."""
    form = {name: value for name, value in statement.items() if name != "Resource"}
    if form.get("Principal") in ({"AWS": "*"}, {"AWS": ["*"]}):
        form["Principal"] = "*"
    if [str(action).lower() for action in as_list(form.get("Action"))] == [_ACTION.lower()]:
        form["Action"] = _ACTION
    return form
