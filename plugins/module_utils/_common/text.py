# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Untrusted values, such as a token's claims: quote them in messages, recognize what cannot be in a URL, and read lists
that may be a single item.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import re
import typing as t

# Longer than any issuer or service account name, shorter than a page.
_MAX_CHARACTERS = 300
_MAX_LISTED = 10
# A page or two: no message of ours is longer, whatever it quotes.
_MAX_MESSAGE = 6000

# What the runners of CI systems obey where they find it in the output:
# https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
# https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands
_COMMAND = re.compile(r"#(?=#[A-Za-z]*\[)|:(?=:[A-Za-z-]+(?:\s[^\n]*)?::)")


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
    return _inert(repr(value[:_MAX_CHARACTERS])) + ("…" if len(value) > _MAX_CHARACTERS else "")


def json_type(value: t.Any) -> str:
    """Return the type of a JSON value with its article, as in "it is a list"."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else f"the value {str(value).lower()}"
    kinds = ((str, "a string"), ((list, tuple), "a list"), (dict, "an object"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "a number")


def cut(text: str, limit: int) -> str:
    """Return a text, cut if it is longer than the limit."""
    return text[:limit] + ("…" if len(text) > limit else "")


def listed(values: t.Iterable[t.Any]) -> str:
    """Return values separated by commas, the first ten and the number of the others; ``none`` for no values."""
    items = list(values)
    rest = len(items) - _MAX_LISTED
    shown = ", ".join(quoted(item) for item in items[:_MAX_LISTED])
    return (shown or "none") + (f" and {rest} more" if rest > 0 else "")


def printable(text: str) -> str:
    """Return text in one line, with everything escaped that a terminal or a CI system could obey or that cannot be
    encoded.
    """
    return _inert(text if text.isprintable() else "".join(map(_escaped, text)))


def shown(text: str, limit: int = _MAX_MESSAGE) -> str:
    """Return a message as ``printable`` does, cut if it is long."""
    return printable(text[:limit]) + ("…" if len(text) > limit else "")


def printable_lines(text: str) -> str:
    """Return a text of several lines, such as one side of a diff, with each line as ``printable`` returns it."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character in "\t\n\r" else character.encode("unicode_escape").decode("ascii")


def _inert(text: str) -> str:
    """Escape the first character of each command for a CI system."""
    return _COMMAND.sub(lambda command: f"\\x{ord(command[0]):02x}", text)


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII without a space, as every URL is (RFC 3986)."""
    return text.isascii() and text.isprintable() and " " not in text


def as_list(value: t.Any) -> list[t.Any]:
    """Return a list for a value that may be a single item, as in policies and in YAML; an empty list for None."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
