# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of text for people: marked, indented, and wrapped to a width. What prints them adds the color.

A word (text between spaces) is never broken: an ARN, a URL or a flag must survive being copied.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import unicodedata

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable

# What a line can say besides the status of a check.
CHANGED = "changed"
PLANNED = "planned"
NEXT = "next"

# The usual terminal; wider lines are hard to read on any.
WIDTH = 80
# Longest label of a fact, and two spaces.
_LABEL_WIDTH = 12

Marks = t.Mapping[str, str]

MARKS: Marks = {OK: "✓", CHANGED: "✓", PLANNED: "~", WARNING: "!", ERROR: "✗", SKIPPED: "-", NEXT: "→"}
ASCII_MARKS: Marks = {OK: "+", CHANGED: "+", PLANNED: "~", WARNING: "!", ERROR: "x", SKIPPED: "-", NEXT: ">"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One fact, which may take several lines of a terminal.

    ``status`` gives it a mark and a color. ``label`` stands in front of the text, which is then aligned behind it;
    without one, further lines are indented by ``hanging``. ``whole`` text is never wrapped: it is for the shell.
    """

    text: str
    status: str | None = None
    indent: int = 0
    hanging: int = 2
    label: str = ""
    whole: bool = False


class Printed(t.NamedTuple):
    """One line of the terminal, and the status of the fact that it belongs to."""

    text: str
    status: str | None


def fact(label: str, text: str, *, status: str | None = None) -> Line:
    """Return a labeled fact. Facts below each other are aligned; an empty label continues the fact above."""
    return Line(text=text, label=label.ljust(_LABEL_WIDTH), status=status)


def facts(label: str, texts: t.Iterable[str]) -> list[Line]:
    """Return several facts under one label."""
    return [fact("" if number else label, text) for number, text in enumerate(texts)]


def prose(text: str) -> Line:
    """Return a sentence by itself."""
    return Line(text=text, hanging=0)


def next_step(text: str) -> Line:
    """Return a line that says what to do next."""
    return Line(text=text, label="Next: ", status=NEXT)


def layout(lines: t.Iterable[Line], *, width: int = WIDTH, marks: Marks | None = None) -> list[Printed]:
    """Wrap lines to a width. With ``marks`` there is a margin for them."""
    return [Printed(text, line.status) for line in lines for text in _wrapped(line, width, marks)]


def as_text(lines: t.Iterable[Line]) -> str:
    """Return lines as plain text without marks, as results have it."""
    return "\n".join(printed.text for printed in layout(lines))


def _wrapped(line: Line, width: int, marks: Marks | None) -> t.Iterator[str]:
    margin = "" if marks is None else f"{marks.get(line.status or '', ' ')} "
    text, label = printable(line.text), printable(line.label)
    first = f"{margin}{' ' * line.indent}{label}"
    blank = " " * _columns(first)
    # A word that does not fit after its label has more space below it.
    if label and max(map(_columns, text.split(" "))) > width - _columns(first):
        if first.strip():
            yield first.rstrip()
        first = blank = " " * (_columns(margin) + line.indent + line.hanging)
    elif not label:
        blank += " " * line.hanging
    yield from [f"{first}{text}"] if line.whole else _filled(text, width, first=first, following=blank)


def _filled(text: str, width: int, *, first: str, following: str) -> t.Iterator[str]:
    """Yield the text in lines of at most ``width`` columns, if its words allow that."""
    current, is_empty = first, True
    for gap, word in re.findall("( *)([^ ]+)", text):
        if is_empty:
            current, is_empty = f"{current}{word}", False
        elif _columns(current) + len(gap) + _columns(word) > width:
            yield current
            current = f"{following}{word}"
        else:
            current = f"{current}{gap}{word}"
    yield current.rstrip() if is_empty else current


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "FW" else 1
        for character in text
    )
