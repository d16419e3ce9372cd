# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs a rotation, and which earlier runs are known to have ended."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_runs


def test_only_ended_runs_of_this_person_on_this_machine_are_dead():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own, dead = _rotate_runs.who(os.getpid()), _rotate_runs.who(ended.pid)
    others = [f"somebody@elsewhere, process {ended.pid}", "platform-ci", own]
    assert _rotate_runs.dead([*others, dead]) == {dead}


def test_a_run_is_named_after_its_ansible_playbook():
    """Each task is a process of its own, whose parent is that of the run."""
    assert _rotate_runs.own_process() == os.getppid()
    assert _rotate_runs.who(17).endswith(", process 17")
