# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run cost, as the system tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.cloud import REQUEST
from tests.bench.measuring import Command, CommandFailed, measure
from tests.bench.memory import family, proportional_set_size

# A child that uses more CPU than starting Python does, and tells how much it was.
CHILD = "import os\nwhile sum(os.times()[:2]) < 0.5: pass\nprint(sum(os.times()[:2]))"
LOG = b"""\
 * Running on http://127.0.0.1:40131
127.0.0.1 - - [24/Nov/2026 11:00:28] "PUT /bucket?policy HTTP/1.1" 200 -
127.0.0.1 - - [24/Nov/2026 11:00:28] "\x1b[35m\x1b[1mPUT /bucket?tagging HTTP/1.1\x1b[0m" 204 -
127.0.0.1 - - [24/Nov/2026 11:00:29] "\x1b[33mGET /bucket/keys.json HTTP/1.1\x1b[0m" 404 -
127.0.0.1 - - [24/Nov/2026 11:00:30] "HEAD /bucket HTTP/1.1" 200 -
127.0.0.1 - - [24/Nov/2026 11:00:31] "POST / HTTP/1.1" 200 -
127.0.0.1 - - [24/Nov/2026 11:00:32] "POST /moto-api/reset HTTP/1.1" 200 -
"""


def python(folder: Path, code: str) -> Command:
    return Command([sys.executable, "-c", code], folder, dict(os.environ))


def test_the_work_of_children_counts(tmp_path: Path) -> None:
    cost = measure(python(tmp_path, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"))
    assert cost.cpu >= float(cost.output)


def test_a_run_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ended with 3:\nwhy"):
        measure(python(tmp_path, "print('why'); raise SystemExit(3)"))


def test_only_the_given_variables_are_set(tmp_path: Path) -> None:
    command = Command([sys.executable, "-c", "import os; print(sorted(os.environ))"], tmp_path, {"LC_ALL": "C.UTF-8"})
    assert measure(command).output == "['LC_ALL']\n"


def test_a_family_is_a_process_and_its_descendants() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        parent.stdout.readline()
        found = list(family(parent.pid))
        assert len(found) == 2 and found[0] == parent.pid
        assert all(proportional_set_size(process) > 2**20 for process in found)
        parent.communicate(b"\n")
    assert proportional_set_size(parent.pid) == 0


def test_calls_are_counted_and_the_benchmarks_own_are_not() -> None:
    assert len(REQUEST.findall(LOG)) == 5
