# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all of them have in common."""

from __future__ import annotations

import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..measuring import Command, CommandFailed
from ..surroundings import Surroundings

RECAP = re.compile(r"^(\S+)\s+: ok=.*\bchanged=(\d+)\b", re.MULTILINE)
FIRST = "first"
UNCHANGED = "unchanged"


class Contestant(ABC):
    """Something that is run and measured.

    :ivar key: a short name that is not another's
    :ivar title: what a reader is told
    :ivar phases: the runs that follow one another on what the last one left
    """

    key: str
    title: str
    phases: ClassVar[Sequence[str]] = (FIRST, UNCHANGED)

    def why_not(self, surroundings: Surroundings) -> str | None:
        """Asked once, before all.

        :return: why it cannot be run on this machine, or nothing
        """
        return None

    def prepare(self, surroundings: Surroundings) -> None:  # noqa: B027, most need nothing
        """Writes what it needs into its folder; not measured."""

    @abstractmethod
    def command(self, surroundings: Surroundings, phase: str) -> Command:
        """:return: what to run"""

    def check(self, phase: str, output: str) -> None:  # noqa: B027, most are content with the exit code
        """Looks at what was printed.

        :raises CommandFailed: when the run did something other than the phase is to show
        """


class Playbook(Contestant):
    """ansible-playbook, with the Python that runs the benchmark."""

    @abstractmethod
    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        """:return: what ansible-playbook is given"""

    def command(self, surroundings: Surroundings, phase: str) -> Command:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return Command(
            [sys.executable, program, *self.arguments(surroundings)], surroundings.folder, surroundings.environment
        )

    def check(self, phase: str, output: str) -> None:
        changed = [int(count) for host, count in RECAP.findall(output)]
        if not changed or any((count > 0) is not (phase == FIRST) for count in changed):
            raise CommandFailed(f"{self.title}, {phase}: not what was to be shown:\n{output}")


def write_yaml(path: Path, content: Sequence[Any] | Mapping[str, Any]) -> str:
    """:return: the path of a file with that content, in the part of YAML that is JSON"""
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)
