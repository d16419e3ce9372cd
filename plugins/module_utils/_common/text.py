# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How text from outside, such as a token's claims, is put into a sentence, and lists that policies abbreviate."""

from __future__ import annotations

import typing as t

# Longer than any issuer or service account name, shorter than a page.
_MOST_CHARACTERS = 300
_MOST_LISTED = 10


def quoted(value: t.Any) -> str:
    """A value in one line, its control characters escaped, cut where it is long; of lists and objects only what they
    are.
    """
    if isinstance(value, (list, tuple, dict)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return str(value)[:_MOST_CHARACTERS]
    return repr(value[:_MOST_CHARACTERS]) + ("…" if len(value) > _MOST_CHARACTERS else "")


def listed(values: t.Iterable[t.Any]) -> str:
    """Some values after one another, ``none`` where there are none."""
    several = list(values)
    rest = len(several) - _MOST_LISTED
    names = ", ".join(quoted(value) for value in several[:_MOST_LISTED])
    return (names or "none") + (f" and {rest} more" if rest > 0 else "")


def as_list(value: t.Any) -> list[t.Any]:
    """A value where the policy language, or YAML, lets a single item stand for a list of one; None is an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
