# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bucket policy statement that is ours, among those of others."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list

# Stable for all time: the statement is found by it.
SID = "SelfhostedIrsaPublicDocuments"

Policy = dict[str, t.Any]


def with_public_objects(policy: Policy | None, arns: t.Iterable[str], *, purge: bool) -> Policy:
    """Return the policy that lets everyone read the objects of these ARNs (``*`` allowed).

    Our statement is merged, and every other statement stays as it was. Resources that our statement has already stay
    unless ``purge``, so that clusters which share a bucket cannot close each other. If nothing has to change, the
    answer equals ``policy``.
    """
    ours = own_statement(policy)
    desired = set(arns)
    if ours is not None and not purge:
        desired |= set(resources(ours))
    statement = {
        "Sid": SID,
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": sorted(desired),
    }
    if policy is None:
        return {"Version": "2012-10-17", "Statement": [statement]}
    if ours is not None and _comparable(ours) == _comparable(statement):
        return policy
    statements = _statements(policy)
    position = next((index for index, each in enumerate(statements) if each.get("Sid") == SID), len(statements))
    return {**policy, "Statement": [*statements[:position], statement, *statements[position + 1 :]]}


def is_policy(value: t.Any) -> bool:
    """Return whether a value has the form of a policy: an object with a statement or a list of them."""
    return isinstance(value, dict) and all(isinstance(statement, dict) for statement in _statements(value))


def own_statement(policy: Policy | None) -> dict[str, t.Any] | None:
    """Return our statement in a policy, None if there is none."""
    return next((statement for statement in _statements(policy or {}) if statement.get("Sid") == SID), None)


def resources(statement: t.Mapping[str, t.Any]) -> list[str]:
    """Return a statement's resources, which IAM writes as one string when there is only one."""
    return as_list(statement.get("Resource", []))


def as_json(policy: Policy) -> str:
    """Return the policy as PutBucketPolicy takes it."""
    return json.dumps(policy, sort_keys=True, separators=(",", ":"))


def _statements(policy: Policy) -> list[dict[str, t.Any]]:
    return as_list(policy.get("Statement", []))


def _comparable(statement: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    principal = statement.get("Principal")
    return {
        **statement,
        "Principal": "*" if principal in ({"AWS": "*"}, {"AWS": ["*"]}) else principal,
        "Action": as_list(statement.get("Action", [])),
        "Resource": sorted(resources(statement)),
    }
