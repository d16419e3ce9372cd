# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One command run, and what it cost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .memory import MemoryWatch


@dataclass(frozen=True)
class Command:
    """A command to run in a folder, with these variables and no others."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    :ivar wall: seconds from its start to its end
    :ivar cpu: seconds of CPU, its own and those of all that it started and waited for
    :ivar memory: the most bytes that it and all that it started were seen to hold at once
    """

    wall: float
    cpu: float
    memory: int
    output: str


class CommandFailed(Exception):
    """A command did not end as it was to."""


def measure(command: Command) -> Cost:
    """Runs a command.

    :raises CommandFailed: when its exit code is not 0, with its whole output
    """
    # A file rather than a pipe: the measuring process must not have to keep up with what is printed.
    log = command.folder / "output.log"
    with log.open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = MemoryWatch(process.pid)
        # Popen.wait would not tell what was used; Popen is told what wait4 learnt.
        status, usage = os.wait4(process.pid, 0)[1:]
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    watch.stop()
    text = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command.arguments)} ended with {process.returncode}:\n{text}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, watch.peak, text)
