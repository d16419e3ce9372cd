# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.sandbox``, as the Makefile and people use it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE = [sys.executable, "-m", "tests.sandbox"]
WHO = (
    "import boto3; "
    "print(boto3.client('sts').get_caller_identity()['Arn'], boto3.client('s3').list_buckets()['Buckets'])"
)


def sandbox(*arguments: Any, **options: Any) -> Any:
    return subprocess.run([*MODULE, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / "state"
    yield folder
    if (folder / "env.sh").exists():
        assert sandbox("stop", "--state", str(folder)).returncode == 0


def test_run_surrounds_a_command(state: Any) -> None:
    misleading = {**os.environ, "AWS_PROFILE": "absent", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = sandbox("run", "--state", str(state), "--", sys.executable, "-c", WHO, env=misleading)
    assert (done.returncode, done.stdout) == (0, "arn:aws:iam::123456789012:user/operator []\n"), done.stderr
    calls = [json.loads(line)["operation"] for line in (state / "calls.jsonl").read_text().splitlines()]
    assert calls == ["GetCallerIdentity", "ListBuckets"]
    assert not (state / "env.sh").exists()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["/absent/command"], 127),
    ],
)
def test_run_exits_as_the_command_does(state: Any, command: Any, code: str) -> None:
    assert sandbox("run", "--state", str(state), "--", *command).returncode == code


def test_run_needs_a_command(state: Any) -> None:
    done = sandbox("run", "--state", str(state))
    assert done.returncode == 2
    assert "needs a command" in done.stderr


def test_sandbox_can_be_started_used_and_stopped(state: Any) -> None:
    started = sandbox("start", "--state", str(state))
    assert started.returncode == 0, started.stderr
    environment = state / "env.sh"
    assert started.stdout == environment.read_text()
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    script = f'. "{environment}" && "{sys.executable}" -c "{WHO}"'
    used = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert used.stdout.startswith("arn:aws:iam::123456789012:user/operator")

    again = sandbox("start", "--state", str(state))
    assert (again.returncode, again.stdout) == (0, started.stdout)
    beside = sandbox("run", "--state", str(state), "--", "true")
    assert beside.returncode == 1
    assert "already running" in beside.stderr

    for dummy in range(2):
        assert sandbox("stop", "--state", str(state)).returncode == 0
        assert not environment.exists()
    after = subprocess.run(
        ["sh", "-c", f'{started.stdout}\n"{sys.executable}" -c "{WHO}"'], capture_output=True, check=False
    )
    assert after.returncode != 0


def test_stop_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert sandbox("stop", "--state", str(tmp_path / "absent")).returncode == 0
    assert not (tmp_path / "absent").exists()


def test_a_start_that_fails_says_where_to_look(state: Any) -> None:
    state.mkdir()
    (state / "ca.pem").mkdir()
    failed = sandbox("start", "--state", str(state))
    assert failed.returncode == 1
    assert "server.log" in failed.stderr
    assert "ca.pem" in (state / "server.log").read_text()
