# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands, variables and JSON that people copy from a text. In the text they are between backticks, as in Markdown; on
a terminal they have lines of their own.
"""

from __future__ import annotations

import json
import re
import typing as t

_MARKED = re.compile("`([^`]+)`")
# An option of a command begins here, or a string in quotes, within which no line may be broken.
_OPTION = r"""('[^']*'|"[^"]*")|\s+(?=-)"""


class Piece(t.NamedTuple):
    """A part of a text, and whether it is to be copied."""

    text: str
    is_copyable: bool


def copyable(text: str) -> str:
    """Return a text marked as one to copy. One that comes from others may contain the mark, and then has none."""
    return text if "`" in text else f"`{text}`"


def copyable_variable(name: str, value: t.Any) -> str:
    """Return a variable as YAML, marked as one to copy."""
    return copyable(f"{name}: {_without_mark(json.dumps(value))}")


def copyable_members(value: t.Mapping[str, t.Any]) -> str:
    """Return the members of a JSON object without its braces, for pasting into another one, marked as one to copy."""
    return copyable(_without_mark(json.dumps(value)[1:-1]))


def _without_mark(text: str) -> str:
    return text.replace("`", "\\u0060")


def pieces_of(text: str) -> t.Iterator[Piece]:
    """Yield what a text says and what is to be copied from it, in turns, without the marks. Of punctuation that
    follows what is copied nothing remains.
    """
    for number, part in enumerate(_MARKED.split(text)):
        is_copyable = number % 2 == 1
        said = part.strip() if is_copyable or not number else re.sub(r"^[.,;:\s]+(?=\s|$)", "", part).strip()
        if said:
            yield Piece(said, is_copyable)


def lines_of(text: str, width: int) -> list[str]:
    """Return what is to be copied in lines that work when pasted: JSON indented, a long command with backslashes."""
    if text.startswith('"'):
        try:
            return [line[2:] for line in json.dumps(json.loads(f"{{{text}}}"), indent=2).splitlines()[1:-1]]
        except ValueError:
            return [text]
    return _lines_of_command(text, width) if " -" in text else [text]


def _lines_of_command(command: str, width: int) -> list[str]:
    lines = [""]
    for part in _parts_of(command):
        if lines[-1].strip() and len(f"{lines[-1]} {part} \\") > width:
            lines[-1] += " \\"
            lines.append(f"  {part}")
        else:
            lines[-1] = f"{lines[-1]} {part}" if lines[-1] else part
    return lines


def _parts_of(command: str) -> t.Iterator[str]:
    """Yield a command's parts, each of them an option with its value."""
    start = 0
    for match in re.finditer(_OPTION, command):
        if match[1] is None:
            yield command[start : match.start()]
            start = match.end()
    yield command[start:]
