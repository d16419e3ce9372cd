# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample of the fault matrix. `make faults` makes all of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from playbooks import HERE

pytestmark = pytest.mark.any_core


def test_a_sample_of_all_faults_in_all_calls_is_right() -> None:
    # A process of its own, since moto's state is global to one, and this one has it.
    command = [sys.executable, "-m", "tests.faults", "--sample"]
    made = subprocess.run(
        command, cwd=HERE.parents[1], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert made.returncode == 0, made.stdout
    assert " 0 wrong" in made.stdout
