# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Untrusted values, such as a token's claims: quote them in messages, recognize what cannot be in a URL, and read lists
that may be a single item.
"""

from __future__ import annotations

import typing as t

# Longer than any issuer or service account name, shorter than a page.
_MAX_CHARACTERS = 300
_MAX_LISTED = 10


def quoted(value: t.Any) -> str:
    """Return a value on one line, with control characters escaped and cut if it is long; a list or an object only
    by its type.
    """
    if isinstance(value, (list, tuple, dict)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return str(value)[:_MAX_CHARACTERS]
    return repr(value[:_MAX_CHARACTERS]) + ("…" if len(value) > _MAX_CHARACTERS else "")


def listed(values: t.Iterable[t.Any]) -> str:
    """Return values separated by commas, the first ten and the number of the others; ``none`` for no values."""
    items = list(values)
    rest = len(items) - _MAX_LISTED
    shown = ", ".join(quoted(item) for item in items[:_MAX_LISTED])
    return (shown or "none") + (f" and {rest} more" if rest > 0 else "")


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII without a space, as every URL is (RFC 3986)."""
    return text.isascii() and text.isprintable() and " " not in text


def as_list(value: t.Any) -> list[t.Any]:
    """Return a list for a value that may be a single item, as in policies and in YAML; an empty list for None."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
