# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment is made of: parts with a stamp, so that only what is missing or outdated is made."""

from __future__ import annotations

import shlex
import subprocess
import textwrap
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# Seconds without an end after which it is said what a command is doing.
SLOW = 15.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that is made again when its recipe changes or when making it was interrupted.

    :ivar stamp: file that is written last and holds the recipe
    :ivar title: what is printed while the part is made
    :ivar commands: what makes it, in order; their paths are absolute, so that a moved checkout is set up again
    :ivar files: what the commands read: requirements and scripts
    :ivar base: the part below, whose recipe belongs to this one's
    """

    stamp: Path
    title: str
    commands: tuple[tuple[str, ...], ...]
    files: tuple[Path, ...] = ()
    base: Part | None = None

    @property
    def recipe(self) -> str:
        """Everything that decides what comes out."""
        below = [self.base.recipe] if self.base else []
        files = [file.read_text(encoding="utf-8") for file in self.files]
        return "\n".join([*below, *map(shlex.join, self.commands), *files])

    @property
    def is_current(self) -> bool:
        """Whether the part is complete, and made by this recipe."""
        return self.stamp.exists() and self.stamp.read_text(encoding="utf-8") == self.recipe

    def make(self) -> None:
        """Run the commands, then write the stamp; raises CalledProcessError or OSError if a command fails."""
        print(f"== {self.title}", flush=True)
        self.stamp.unlink(missing_ok=True)
        for command in self.commands:
            _run(command)
        self.stamp.write_text(self.recipe, encoding="utf-8")


def _run(command: Sequence[str]) -> None:
    """Run a command. Print its output if it fails and, while it is slow, the last line of it from time to time."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        reader = threading.Thread(target=_read, args=(process.stdout, lines))
        reader.start()
        while process.poll() is None:
            try:
                process.wait(SLOW)
            except subprocess.TimeoutExpired:
                doing = lines[-1].strip() if lines else shlex.join(command)
                print(f"   waiting for: {textwrap.shorten(doing, 80, placeholder=' …')}", flush=True)
        reader.join()
    if process.returncode:
        print("".join(lines), end="", flush=True)
        raise subprocess.CalledProcessError(process.returncode, command)


def _read(output: IO[str], lines: list[str]) -> None:
    for line in output:
        lines.append(line)  # noqa: PERF402 - not at the end, but while the command runs
