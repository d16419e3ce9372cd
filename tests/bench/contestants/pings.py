# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floors: Ansible that does nothing, and five tasks that do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ..surroundings import Surroundings
from .contestant import UNCHANGED, Playbook, write_yaml

TASKS = 5


class EmptyPlay(Playbook):
    key = "empty"
    title = "a play without a task"
    phases = (UNCHANGED,)

    def prepare(self, surroundings: Surroundings) -> None:
        write_yaml(
            surroundings.folder / "empty.yml", [{"name": "Nothing", "hosts": "localhost", "gather_facts": False}]
        )

    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        return ["empty.yml"]

    def check(self, phase: str, output: str) -> None:
        """There is nothing to look at: a play without a task has no host in its recap."""


class Pings(Playbook):
    key = "pings"
    title = "five `ansible.builtin.ping` tasks"
    phases = (UNCHANGED,)

    def prepare(self, surroundings: Surroundings) -> None:
        tasks = [{"name": f"Ping {number}", "ansible.builtin.ping": {}} for number in range(1, TASKS + 1)]
        play = {"name": "Ping", "hosts": "localhost", "gather_facts": False, "tasks": tasks}
        write_yaml(surroundings.folder / "pings.yml", [play])

    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        return ["pings.yml"]
