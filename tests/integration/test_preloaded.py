# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that starts from loaded libraries is what the command is: output, results, calls, exit code."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

import preloaded
from playbooks import LOCAL, Operator, Run

BUCKET = {"irsa_issuer_bucket": "irsa-preloaded"}

# What Python and Ansible say of the process that they run in.
ABOUT_ITSELF = """
import ansible.constants, json, locale, os, signal, sys, threading
from ansible.module_utils._internal import is_controller
print(json.dumps({
    "main": __name__, "file": __file__, "arguments": sys.argv, "path": sys.path, "folder": os.getcwd(),
    "environment": {name: value for name, value in os.environ.items() if name != "IRSA_TEST_RECORD"},
    "executable": sys.executable, "encoding": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering],
    "files": sorted(os.listdir("/proc/self/fd"))[:3], "input": os.readlink("/proc/self/fd/0"),
    "on the controller": is_controller, "threads": threading.active_count(), "umask": os.umask(0o22),
    "home": ansible.constants.ANSIBLE_HOME, "child": str(signal.getsignal(signal.SIGCHLD)),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
}, indent=0))
print("to stderr", file=sys.stderr, flush=True)
sys.exit(7)
"""


def plain(output: str) -> str:
    """:return: an output without what differs from run to run: durations, temporary names, process IDs, dates"""
    return re.sub(r"\d+(?:[.:]\d+)*|/tmp/\S+", "N", output)


def both(operator: Operator, run: Any) -> tuple[Run, Run]:
    """Runs something by the command and from loaded libraries, on an empty account each time."""
    ended = []
    for by_command in (True, False):
        operator.start_over()
        operator.by_command = by_command
        ended.append(run())
    return ended[0], ended[1]


@pytest.mark.parametrize("shipped", [False, True], ids=["in-process", "shipped"])
def test_a_run_is_that_of_the_command(operator: Operator, shipped: bool) -> None:
    variables = {**BUCKET, "irsa_issuer_key_path": str(operator.key)}
    hosts = {"cluster": {**LOCAL, **variables, "ansible_pipelining": False}} if shipped else None

    command, forked = both(
        operator,
        lambda: operator.provision(
            "--check", "--diff", "-vv", variables=None if shipped else variables, hosts=hosts
        ).ok(),
    )

    assert plain(forked.output) == plain(command.output)
    assert forked.actions == command.actions != []
    assert sorted(forked.counted_calls) == sorted(command.counted_calls)
    assert [record.task for record in forked.records] == [record.task for record in command.records]


def test_a_run_that_fails_is_that_of_the_command(operator: Operator) -> None:
    command, forked = both(operator, lambda: operator.provision(variables=BUCKET))
    assert plain(forked.output) == plain(command.output)
    assert forked.exit_code == command.exit_code != 0
    assert forked.failure == command.failure


def test_the_process_is_that_of_the_command(operator: Operator) -> None:
    script = operator.folder / "about.py"
    script.write_text(ABOUT_ITSELF, encoding="utf-8")
    environment = {**operator._environ(), "TZ": "Asia/Kathmandu"}
    operator.by_command = True
    command = operator._process([sys.executable, str(script), "an argument"], environment)
    server = preloaded.preloaded(environment)
    assert server
    forked = server.start([str(script), "an argument"], folder=operator.folder, environment=environment)

    outputs = [process.communicate()[0] for process in (command, forked)]
    assert outputs[0] == outputs[1]
    assert "to stderr" in outputs[0]
    assert command.returncode == forked.returncode == 7


def test_a_killed_run_ends_as_the_command_does(operator: Operator) -> None:
    script = operator.folder / "killed.py"
    script.write_text("import os; os.kill(os.getpid(), 9)", encoding="utf-8")
    environment = operator._environ()
    server = preloaded.preloaded(environment)
    assert server
    run = server.start([str(script)], folder=operator.folder, environment=environment)
    assert (run.communicate()[0], run.returncode) == ("", -9)


@pytest.mark.parametrize("name", ["PYTHONPATH", "LC_ALL", "OPENSSL_CONF"])
def test_a_run_with_another_interpreter_environment_starts_by_itself(operator: Operator, name: str) -> None:
    environment = operator._environ()
    assert preloaded.preloaded(environment) is not None
    assert preloaded.preloaded({**environment, name: "other"}) is None
    assert preloaded.preloaded({**environment, "ANSIBLE_FORKS": "3"}) is not None


def test_nothing_that_reads_ansibles_settings_is_loaded_beforehand(operator: Operator) -> None:
    script = operator.folder / "loaded.py"
    script.write_text(
        "import sys; print(*(name in sys.modules for name in ('ansible.errors', 'boto3', 'ansible.constants')))",
        encoding="utf-8",
    )
    environment = operator._environ()
    server = preloaded.preloaded(environment)
    assert server
    run = server.start([str(script)], folder=operator.folder, environment=environment)
    assert run.communicate()[0] == "True True False\n"
