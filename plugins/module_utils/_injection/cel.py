# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as literals of the Common Expression Language, in which admission policies are written.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values
"""

from __future__ import annotations

import typing as t


def text(value: str) -> str:
    """Return the literal of a text. No value ends it early, so what a user sets cannot become an expression."""
    return "'" + "".join(map(_character, value)) + "'"


def texts(values: t.Iterable[str]) -> str:
    """Return the literal of a list of texts."""
    return "[" + ", ".join(map(text, values)) + "]"


def boolean(value: bool) -> str:
    return "true" if value else "false"


def _character(character: str) -> str:
    if character in "'\\":
        return "\\" + character
    if " " <= character <= "~":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
