# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints lines for people in addition to what the stdout callback prints; silent if that is for programs."""

from __future__ import annotations

import locale
import shutil
import sys
import typing as t

from ansible import constants
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import (
    ASCII_MARKS,
    CHANGED,
    MARKS,
    NEXT,
    PLANNED,
    WIDTH,
    Line,
    Marks,
    Printed,
    layout,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING

# Stdout callbacks whose output is for programs, or that keep silent, have one of these in their names:
# ansible.posix.json, ansible.posix.jsonl, community.general.null.
_FOR_PROGRAMS = ("json", "xml", "csv", "null")
# These print the result of every task in full, so the same would follow the lines once more.
_PRINTING_RESULTS = ("minimal", "oneline")

# In a narrower terminal, nearly every word would need its own line.
_MIN_WIDTH = 40

_COLORS = {
    OK: constants.COLOR_OK,
    CHANGED: constants.COLOR_CHANGED,
    PLANNED: constants.COLOR_CHANGED,
    WARNING: constants.COLOR_WARN,
    ERROR: constants.COLOR_ERROR,
    SKIPPED: constants.COLOR_SKIP,
    NEXT: constants.COLOR_HIGHLIGHT,
}


def _terminal_width() -> int:
    """The columns of the terminal, or those in COLUMNS, but not more than lines for people should have."""
    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    return max(_MIN_WIDTH, min(WIDTH, columns))


def _marks() -> Marks:
    encoding = getattr(sys.stdout, "encoding", None) or locale.getpreferredencoding(False)
    try:
        "".join(MARKS.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII_MARKS
    return MARKS


# Taken when the plugin is loaded, since the worker processes in which tasks run have no terminal.
_WIDTH_HERE = _terminal_width()
_MARKS_HERE = _marks()


class Printer:
    """Lines on the user's terminal. ``callback`` is the name of the stdout callback."""

    def __init__(self, callback: str) -> None:
        name = callback.rpartition(".")[2]
        self.is_silent = any(part in name for part in _FOR_PROGRAMS)
        self.results_are_printed = name in _PRINTING_RESULTS

    @classmethod
    def here(cls) -> Printer:
        """The printer for this run of ansible-playbook."""
        return cls(str(constants.DEFAULT_STDOUT_CALLBACK))

    @property
    def verbose(self) -> bool:
        """Whether the user wants to see everything (-v)."""
        return bool(Display().verbosity)

    def show(self, lines: t.Iterable[Line]) -> None:
        """Print lines, all at once, so that those of two workers do not mix. The log file gets them without colors.

        An empty line goes first: with skipped hosts hidden, Ansible prints a task's name only when the task has ended,
        and the lines then stand below the task before it.
        """
        if self.is_silent:
            return
        printed = layout(lines, width=_WIDTH_HERE, marks=_MARKS_HERE)
        plain = "\n".join(["", *(line.text for line in printed)])
        colored = "\n".join(["", *map(_colored, printed)])
        if colored == plain:
            Display().display(plain)
        else:
            Display().display(colored, screen_only=True)
            Display().display(plain, log_only=True)


def _colored(line: Printed) -> str:
    return stringc(line.text, _COLORS[line.status]) if line.status else line.text
