# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading policies of others, which may have any form that JSON allows."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list

Statement = dict[str, t.Any]


def statements_of(policy: t.Any) -> list[Statement]:
    """Return the statements of a policy, which may be a list or a single one. What is not an object is left out."""
    return [each for each in as_list(member(policy, "Statement")) if isinstance(each, dict)]


def is_policy(value: t.Any) -> bool:
    """Return whether a value has the form of a policy: an object with a statement or a list of them."""
    return isinstance(value, dict) and all(isinstance(each, dict) for each in as_list(value.get("Statement")))


def member(value: t.Any, name: str) -> t.Any:
    """Return a member of an object, None if it has none of that name or is not an object."""
    return value.get(name) if isinstance(value, dict) else None


def is_for_everyone(statement: Statement) -> bool:
    """Return whether a statement names everyone, or everyone but some."""
    return "NotPrincipal" in statement or is_everyone(statement.get("Principal"))


def is_everyone(principal: t.Any) -> bool:
    """Return whether a principal is everyone, in either of its two forms, or everyone is among others in it."""
    return "*" in as_list(principal) or "*" in as_list(member(principal, "AWS"))
