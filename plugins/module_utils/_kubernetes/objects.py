# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read Kubernetes objects that may have any shape: what a member should be but is not counts as missing."""

from __future__ import annotations

import typing as t


def at(value: t.Any, *names: str) -> t.Any:
    """Return a member of a member and so on; None if one of them is missing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_at(value: t.Any, *names: str) -> str:
    """Return a member that is a text; empty if it is missing."""
    found = at(value, *names)
    return found if isinstance(found, str) else ""


def items_at(value: t.Any, *names: str) -> list[t.Any]:
    """Return a member that is a list; empty if it is missing."""
    found = at(value, *names)
    return found if isinstance(found, list) else []


def names_at(value: t.Any, *names: str) -> set[str]:
    """Return the names of the members of an object, or the ``name`` of each object in a list."""
    found = at(value, *names)
    if isinstance(found, dict):
        return {name for name in found if isinstance(name, str)}
    return {text_at(item, "name") for item in found} - {""} if isinstance(found, list) else set()
