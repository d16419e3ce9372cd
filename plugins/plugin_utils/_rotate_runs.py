# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs the playbook, as others are told of it, and which earlier runs on this machine have ended without a word."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
import typing as t

_BY = re.compile(r"(?P<who>.+), process (?P<process>\d+)(?: \(start (?P<start>\d+)\))?")


def who(process: int) -> str:
    """Return what the record says of a run whose ansible-playbook is this process.

    When it started tells it from a later process that gets the same number.
    """
    start = _start_of(process)
    return f"{_person()}, process {process}" + (f" (start {start})" if start else "")


def own_process() -> int:
    """Return the process of ansible-playbook, from whose worker this is called."""
    return os.getppid()


def dead(runs: t.Iterable[str]) -> frozenset[str]:
    """Return those of the runs that were this person's on this machine, and whose process has ended."""
    found = []
    for run in runs:
        match = _BY.fullmatch(run)
        if match and match["who"] == _person() and not _is_alive(int(match["process"]), match["start"]):
            found.append(run)
    return frozenset(found)


def _person() -> str:
    # A container may run as a user who has no name.
    with contextlib.suppress(OSError, KeyError):
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return f"{os.getuid()}@{socket.gethostname()}"


def _is_alive(process: int, start: str | None) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return start is None or _start_of(process) in (start, None)


def _start_of(process: int) -> str | None:
    """Return when a process started, in clock ticks since the machine did; None where the system does not say so.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:
            # The name of the program before it may have spaces and parentheses.
            return stream.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
