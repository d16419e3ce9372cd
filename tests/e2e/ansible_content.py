# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of other people's Ansible content, restated, in a play with an inventory of variables as a user writes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GROUP = "k8s_cluster"

Task = Mapping[str, Any]


class Content:
    """A folder with an inventory, in which tasks run on this machine as its only host."""

    def __init__(self, folder: Path, defaults: Mapping[str, Any]) -> None:
        """``defaults`` are those of the roles, which every variable of the inventory's group overrules."""
        self.folder = folder
        self.inventory = folder / "inventory" / "mycluster"
        self.group_vars = self.inventory / "group_vars" / GROUP
        self.written = folder / "written"
        for made in (self.group_vars, self.inventory / "group_vars" / "all", self.written):
            made.mkdir(parents=True)
        host = f"node1 ansible_connection=local ansible_python_interpreter={sys.executable}"
        (self.inventory / "inventory.ini").write_text(f"[{GROUP}]\n{host}\n", encoding="utf-8")
        (self.inventory / "group_vars" / "all" / "defaults.yml").write_text(json.dumps(defaults), encoding="utf-8")

    def play(self, tasks: Sequence[Task]) -> None:
        """Run the tasks. In them, ``written`` is the folder of what they write."""
        play = [{"name": "What the roles do", "hosts": GROUP, "gather_facts": False, "tasks": tasks}]
        (self.folder / "play.yml").write_text(json.dumps(play), encoding="utf-8")
        command = ["playbook", "play.yml", "-i", str(self.inventory / "inventory.ini"), "-e", f"written={self.written}"]
        ended = subprocess.run(
            [sys.executable, "-m", "ansible", *command],
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(self.folder / "temporary")},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout

    def text(self, name: str) -> str:
        """What they wrote into a file."""
        return (self.written / name).read_text(encoding="utf-8")


def writes(name: str, content: str) -> Task:
    """A task that writes a file from a template."""
    return {"name": f"Write {name}", "ansible.builtin.copy": {"content": content, "dest": f"{{{{ written }}}}/{name}"}}
