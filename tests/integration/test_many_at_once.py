# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs at once on one bucket, in processes of their own, beside another writer: nothing of theirs or of it is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from playbooks import HERE
from tests.sandbox import Sandbox

pytestmark = pytest.mark.any_core


def test_concurrent_runs_lose_nothing(sandbox: Sandbox) -> None:
    """One round in which they create the bucket, and one in which it is there. ``make races`` tries more."""
    run(sandbox, "tests.races", "--rounds", "2", "--runs", "5")


def test_20_rotations_at_once_lose_no_key(sandbox: Sandbox) -> None:
    run(sandbox, "tests.races.publishers")


def run(sandbox: Sandbox, *module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=HERE.parents[1],
        env=sandbox.environ(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
