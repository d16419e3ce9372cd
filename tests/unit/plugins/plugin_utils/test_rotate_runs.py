# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs a rotation, and which earlier runs are known to have ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_runs


def test_only_ended_runs_of_this_person_on_this_machine_are_dead():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as ended:
        own, dead = _rotate_runs.who(os.getpid()), _rotate_runs.who(ended.pid)
        assert _rotate_runs.dead([own, dead]) == set()
    others = [f"root@elsewhere, process {ended.pid}", "platform-ci", own]
    assert _rotate_runs.dead([*others, dead]) == {dead}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a process started")
def test_a_run_whose_number_another_process_has_got_is_dead():
    own = _rotate_runs.who(os.getpid())
    start = int(own.rpartition("(start ")[2].rstrip(")"))
    former = own.replace(f"(start {start})", f"(start {start - 1})")
    assert _rotate_runs.dead([own, former]) == {former}


def test_a_run_is_named_after_its_ansible_playbook():
    """Each task is a process of its own, whose parent is that of the run."""
    assert _rotate_runs.own_process() == os.getppid()
    assert f", process {os.getpid()}" in _rotate_runs.who(os.getpid())
