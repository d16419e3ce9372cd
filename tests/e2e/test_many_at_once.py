# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""20 runs at once on one bucket, each with a public path, a tag and a key of its own, beside another writer; and 20
rotations at once, each with a key of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("module", ["tests.races", "tests.races.publishers"], ids=["issuers", "rotations"])
def test_concurrent_runs_lose_nothing(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module],
        cwd=Path(__file__).parents[2],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    print(ended.stdout)  # the figures, shown by pytest -s
    assert ended.returncode == 0, ended.stdout
