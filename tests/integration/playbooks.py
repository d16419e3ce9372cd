# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook as a user runs it, and what came of it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preloaded import PreloadedRun, preloaded
from tests.sandbox import Sandbox

HERE = Path(__file__).resolve().parent
COLLECTIONS = "ANSIBLE_COLLECTIONS_PATH"
PROVISION = "selfhosted.irsa.provision"
TEARDOWN = "selfhosted.irsa.teardown"
VERIFY = "selfhosted.irsa.verify"

ANSIBLE_PLAYBOOK = [sys.executable, str(Path(sys.executable).with_name("ansible-playbook"))]

# Seconds for a document to arrive. The default is for hosts that are down; everything in these tests is up.
PATIENCE = 60

# How the controller is written into an inventory, if it must be: as itself and with its own Python.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

Play = dict[str, Any]


@dataclass
class Record:
    """What one task came to on one host."""

    host: str
    task: str
    status: str
    result: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


@dataclass
class Run:
    """A run of ansible-playbook that has ended.

    :ivar calls: the sandbox's log of it
    """

    exit_code: int
    output: str
    calls: list[dict[str, Any]]
    records: list[Record]

    def ok(self) -> Run:
        """Fails the test, with the whole output, unless the run ended well."""
        assert self.exit_code == 0, self.output
        return self

    @property
    def writes(self) -> list[str]:
        """:return: the writes that reached the endpoint, in order, as results name them"""
        return [f"{call['service']}:{call['operation']}" for call in self.calls if call["write"]]

    @property
    def counted_calls(self) -> list[str]:
        """:return: the API calls, without anonymous fetches"""
        return [f"{call['service']}:{call['operation']}" for call in self.calls if not call["anonymous"]]

    @property
    def changed(self) -> dict[str, int]:
        """:return: the `changed=` of each host's last line"""
        return {record.host: record.result["changed"] for record in self.records if record.status == "stats"}

    @property
    def failures(self) -> dict[str, str]:
        """:return: the message that stopped each host that was stopped"""
        return {
            record.host: str(record.result.get("msg"))
            for record in self.records
            if record.status in ("failed", "unreachable")
        }

    @property
    def failure(self) -> str:
        """:return: the one message of a run that was to fail"""
        assert self.exit_code != 0, self.output
        (message,) = self.failures.values()
        return message

    @property
    def warnings(self) -> list[str]:
        return [warning for record in self.records for warning in record.warnings]

    def warnings_of(self, host: str) -> list[str]:
        return [warning for record in self.records if record.host == host for warning in record.warnings]

    def writes_to(self, bucket: str) -> list[str]:
        """:return: of the writes those to a bucket"""
        return [
            f"{call['service']}:{call['operation']}"
            for call in self.calls
            if call["write"] and call["bucket"] == bucket
        ]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """:return: `irsa_issuer_result` of each host that the role left it on"""
        found = {}
        for record in self.records:
            for item in record.result.get("results", [record.result]):
                facts = item.get("ansible_facts", {}) if isinstance(item, dict) else {}
                if "irsa_issuer_result" in facts:
                    host = item[item["ansible_loop_var"]] if "ansible_loop_var" in item else record.host
                    found[host] = facts["irsa_issuer_result"]
        return found

    @property
    def result(self) -> dict[str, Any]:
        """:return: `irsa_issuer_result` of a run for one host"""
        results = list(self.results.values())
        assert len(results) == 1, self.output
        return results[0]

    @property
    def actions(self) -> list[str]:
        return list(self.result["actions"])

    @property
    def aws_actions(self) -> list[str]:
        """:return: the actions but for those on key files, which no endpoint sees"""
        return [action for action in self.actions if not action.startswith("file:")]

    def clusters(self, task: str) -> dict[str, Any]:
        """:return: what a task that prints lines returned beside them, by host"""
        (record,) = (record for record in self.records if record.task == task)
        found: dict[str, Any] = record.result["clusters"]
        return found

    def drawn(self, host: str | None = None) -> dict[str, dict[str, Any]]:
        """:return: the entries of all diffs (of one host) by their header, in order"""
        entries: dict[str, dict[str, Any]] = {}
        for record in self.records:
            diff = record.result.get("diff") or []
            if host in (None, record.host):
                for entry in diff if isinstance(diff, list) else [diff]:
                    entries[entry["after_header"]] = entry
        return entries


class Running:
    """A run that has been started. `wait` for it."""

    def __init__(
        self, process: subprocess.Popen[str] | PreloadedRun, sandbox: Sandbox, *, mark: int, record: Path
    ) -> None:
        self._process = process
        self._sandbox = sandbox
        self._mark = mark
        self._record = record

    def wait(self) -> Run:
        output = self._process.communicate()[0]
        lines = self._record.read_text(encoding="utf-8").splitlines() if self._record.exists() else []
        records = [Record(**{"task": "", **json.loads(line)}) for line in lines]
        return Run(self._process.returncode, output, self._sandbox.log(self._mark), records)


class Operator:
    """A user who runs ansible-playbook in an own folder, with the environment that leads to the sandbox.

    Once the sandbox has been reset, what the user made there is gone, so another run fails the test.

    :ivar variables: handed to every run, beneath those of the run itself
    :ivar environment: likewise
    :ivar by_command: whether runs start by themselves, and not from a process that has loaded their libraries
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self._generation = sandbox.generation
        self.folder = folder
        self.variables: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.by_command = False
        self._numbers = itertools.count(1)
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o700)
        self.key = self.keys / "sa-signer.key"
        (folder / "home").mkdir()
        (folder / "ansible.cfg").touch()

    def start_over(self) -> None:
        """Empties the sandbox, and goes on with an empty account."""
        self.sandbox.reset()
        self._generation = self.sandbox.generation

    def provision(self, *arguments: str, **more: Any) -> Run:
        """Runs `selfhosted.irsa.provision`; see `start`."""
        return self.start(PROVISION, *arguments, **more).wait()

    def teardown(self, *arguments: str, **more: Any) -> Run:
        """Runs `selfhosted.irsa.teardown`; see `start`."""
        return self.start(TEARDOWN, *arguments, **more).wait()

    def verify(
        self,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] | None = None,
        **more: Any,
    ) -> Run:
        """Runs `selfhosted.irsa.verify` with patience for a machine that is busy; see `start`."""
        patient = {"irsa_verify_timeout": PATIENCE}
        if hosts is None:
            variables = {**patient, **(variables or {})}
        else:
            hosts = {name: {**patient, **values} for name, values in hosts.items()}
        return self.start(VERIFY, *arguments, variables=variables, hosts=hosts, **more).wait()

    def play(self, plays: Sequence[Play], *arguments: str, **more: Any) -> Run:
        """Runs a playbook of one's own; see `start`."""
        playbook = self.folder / f"playbook-{next(self._numbers)}.yml"
        playbook.write_text(json.dumps(plays), encoding="utf-8")
        return self.start(str(playbook), *arguments, **more).wait()

    def start(
        self,
        playbook: str,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Starts ansible-playbook.

        :param variables: extra variables, in the form that YAML gives them
        :param hosts: an inventory of hosts that all are this machine, each with its variables, and the playbook is for
            them; without it only the implicit localhost
        :param environment: variables to set
        """
        number = next(self._numbers)
        content = {"irsa_issuer_verify_timeout": PATIENCE, **self.variables, **(variables or {})}
        inventory = None
        if hosts is not None:
            content["irsa_hosts"] = "clusters"
            inventory = {"clusters": {"hosts": {name: {**LOCAL, **values} for name, values in hosts.items()}}}
        command = [*ANSIBLE_PLAYBOOK, playbook, *arguments]
        for option, value in (("--extra-vars=@", content), ("--inventory=", inventory)):
            if value:
                path = self.folder / f"{option.strip('-=@')}-{number}.yml"
                path.write_text(json.dumps(value), encoding="utf-8")
                command.append(f"{option}{path}")
        return self.launch(command, environment)

    def launch(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Running:
        """Starts a program that runs ansible-playbook, or that itself.

        :param environment: variables to set
        """
        assert self._generation == self.sandbox.generation, (
            "The sandbox was reset after this operator was made, so what it had made there is gone. Within a file, "
            "tests that share an operator must come before those that empty the sandbox."
        )
        record = self.folder / f"record-{next(self._numbers)}.jsonl"
        settings = {**self._environ(), "IRSA_TEST_RECORD": str(record), **self.environment, **(environment or {})}
        mark = self.sandbox.mark()
        return Running(self._process(command, settings), self.sandbox, mark=mark, record=record)

    def _process(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str] | PreloadedRun:
        if not self.by_command and command[:2] == ANSIBLE_PLAYBOOK and (server := preloaded(environment)):
            return server.start(command[1:], folder=self.folder, environment=environment)
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in self.sandbox.environ().items()
            # A person's own Ansible settings must not leak into a test; where the collections are is told by `make`.
            if not name.startswith("ANSIBLE_") or name == COLLECTIONS
        }
        return {
            **kept,
            COLLECTIONS: os.environ[COLLECTIONS],
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            # A fault that stays is the same after three tries as after ten.
            "AWS_MAX_ATTEMPTS": "3",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home" / ".ansible"),
            # Ansible asks the password database, not HOME, for the home folder of a module that it ships.
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "home" / ".ansible" / "remote"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "home" / ".ansible_async"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }

    def key_files(self) -> Iterator[Path]:
        """:return: what is in the folder for keys"""
        return self.keys.iterdir()
