# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the collection's playbooks and modules as a user does, and hands over what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_REQUESTS_LOG = Path(__file__).parent / "requests_log"
_KILL_POINTS = Path(__file__).parent / "kill_points"
_RECAP = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+)", re.MULTILINE)

# The service account whose trust policy is handed over with each result.
NAMESPACE = "irsa-e2e"
SERVICE_ACCOUNT = "app"

# What the playbook enable leaves, by part.
_ENABLED = """{'result': {
    'issuer': irsa_issuer_result,
    'servers': irsa_apiserver_result | default({}),
    'injection': irsa_injection_result,
    'accounts': irsa_service_accounts_result,
}}"""


@dataclass(frozen=True)
class Request:
    """A request that left this machine, as requests_log saw it."""

    method: str
    host: str
    target: str
    signed: bool
    action: str | None

    @property
    def is_write(self) -> bool:
        if self.action:
            return not self.action.startswith(("Get", "List"))
        # Questions to an API server are POSTs, too.
        is_question = "/selfsubjectaccessreviews" in self.target or "dryRun=All" in self.target
        return self.method not in ("GET", "HEAD") and not is_question


@dataclass(frozen=True)
class Run:
    """A run that has ended: its exit code, all that it printed, and what it left for the plays that follow."""

    exit_code: int
    output: str
    result: dict[str, Any] = field(default_factory=dict)
    trust_policy: dict[str, Any] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts."""
        return sum(map(int, _RECAP.findall(self.output)))

    @property
    def all_actions(self) -> list[str]:
        """What a run of the playbook enable says that it did or would do, in the order of its parts."""
        servers, accounts = self.result["servers"].values(), self.result["accounts"]
        parts = [self.result["issuer"], *servers, self.result["injection"], *accounts]
        return [action for part in parts for action in part.get("actions", [])]

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.is_write]

    @property
    def calls_that_write(self) -> list[str]:
        """The role's own account of its API calls that write."""
        return [action for action in self.result["actions"] if not action.startswith("file:")]


class Ansible:
    """ansible-playbook and ansible, run in a folder of one's own with the environment of the tests."""

    def __init__(self, folder: Path, hosts: str = "") -> None:
        """``hosts`` are lines of an inventory; localhost is Ansible's own implicit one."""
        self.folder = folder
        self._inventory = folder / "inventory"
        self._inventory.write_text(hosts + "\n", encoding="utf-8")

    def provision(self, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Run the playbook provision; in check mode with the option ``--check``.

        The API servers of the tests have the key files where the playbook makes them.
        """
        if "irsa_issuer_key_path" in variables and "irsa_issuer_key_host" not in variables:
            variables = {"irsa_issuer_apiserver_key_dir": str(self.folder), **variables}
        return self._play(_imported("provision"), "localhost", variables, *options, fails=fails)

    def teardown(self, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        return self._play(_imported("teardown"), "localhost", variables, *options, fails=fails)

    def enable(self, variables: Mapping[str, Any], *options: str, has_hosts: bool = True) -> Run:
        """Run the playbook enable. Its result has the parts that it reports: issuer, servers, injection, accounts."""
        host = "control_plane" if has_hosts else "localhost"
        return self._play(_imported("enable"), host, variables, *options, found=_ENABLED)

    def apiserver(self, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Import role irsa_apiserver in a play for the control plane. Its result is irsa_apiserver_result."""
        found = "{'result': irsa_apiserver_result}"
        return self._play(_importing_apiserver(), "control_plane", variables, *options, fails=fails, found=found)

    def rotate(self, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Run the playbook rotate for the control plane. Its result is irsa_rotate_result."""
        found = "{'result': irsa_rotate_result}"
        return self._play(_imported("rotate"), "control_plane", variables, *options, fails=fails, found=found)

    def rotate_until(self, variables: Mapping[str, Any], line: re.Pattern[str], number: int) -> str:
        """Run the playbook rotate, and kill it and all that it has started when such a line is printed for the n-th
        time. Returns what it printed, all of it if there are fewer such lines.
        """
        (self.folder / "play.yml").write_text(json.dumps([_imported("rotate")]), encoding="utf-8")
        (self.folder / "variables.json").write_text(json.dumps(dict(variables)), encoding="utf-8")
        printed = []
        with self._started("playbook", "play.yml", "-e", "@variables.json") as process:
            assert process.stdout is not None
            for text in process.stdout:
                printed.append(text)
                number -= bool(line.search(text))
                if number == 0:
                    kill_tree(process.pid)
                    break
        return "".join(printed)

    def rotate_to_a_point(self, variables: Mapping[str, Any], points: Path) -> tuple[str, str | None]:
        """Run the playbook rotate, and kill it and all that it has started right after a write that no run before has
        been killed after, as the folder ``points`` knows them (kill_points). Returns what it printed, and the point;
        None if it has ended by itself.
        """
        reached, over = points / "reached", threading.Event()
        for stale in (reached, points / "after-run"):
            stale.unlink(missing_ok=True)
        (self.folder / "play.yml").write_text(json.dumps([_imported("rotate")]), encoding="utf-8")
        (self.folder / "variables.json").write_text(json.dumps(dict(variables)), encoding="utf-8")

        def kill_there(pid: int) -> None:
            while not over.wait(0.02):
                if reached.exists():
                    kill_tree(pid)
                    return

        with self._started("playbook", "play.yml", "-e", "@variables.json", kill_points=points) as process:
            killer = threading.Thread(target=kill_there, args=(process.pid,))
            killer.start()
            # It ends with the last process that could print.
            output = process.communicate(timeout=1800)[0]
            over.set()
            killer.join()
        return output, reached.read_text(encoding="utf-8") if reached.exists() else None

    def service_accounts(self, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Run the role irsa_service_accounts. Its result is irsa_service_accounts_result, as accounts."""
        found = "{'result': {'accounts': irsa_service_accounts_result}}"
        return self._play(_including_accounts(), "localhost", variables, *options, fails=fails, found=found)

    def include_role(self, host: str, variables: Mapping[str, Any], *options: str) -> Run:
        """Include the role in a play of one's own on a host, as root."""
        return self._play(_including(host), host, variables, *options)

    def cluster_role(self, role: str, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Include another role of the collection on localhost. Its result is the fact that the role sets."""
        task = {"name": "What is tested", "ansible.builtin.include_role": {"name": f"selfhosted.irsa.{role}"}}
        play = {"name": "A play of one's own", "hosts": "localhost", "gather_facts": False, "tasks": [task]}
        return self._play(play, "localhost", variables, *options, fails=fails, found=f"{{'result': {role}_result}}")

    def node_role(self, role: str, host: str, variables: Mapping[str, Any], *options: str, fails: bool = False) -> Run:
        """Include a role of the collection in a play for a host, as root. Its result is the fact that the role sets."""
        return self._play(
            _including(host, role), host, variables, *options, fails=fails, found=f"{{'result': {role}_result}}"
        )

    def injection(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        """Run the role irsa_injection with the kubeconfig in the folder, its variables without their prefix."""
        given = {f"irsa_injection_{name}": value for name, value in variables.items()}
        given["irsa_kubeconfig"] = str(self.folder / "kubeconfig")
        return self.cluster_role("irsa_injection", given, *options, fails=fails)

    def _play(
        self,
        tested: dict[str, Any],
        host: str,
        variables: Mapping[str, Any],
        *options: str,
        fails: bool = False,
        found: str = "",
    ) -> Run:
        left = self.folder / "left.json"
        requests = self.folder / "requests"
        for stale in (left, requests):
            stale.unlink(missing_ok=True)
        (self.folder / "play.yml").write_text(json.dumps([tested, _hand_over(host, left, found)]), encoding="utf-8")
        (self.folder / "variables.json").write_text(json.dumps(dict(variables)), encoding="utf-8")
        ended = self._run("playbook", "play.yml", "--diff", "-e", "@variables.json", *options, requests=requests)
        assert (ended.returncode != 0) == fails, ended.stdout
        lines = requests.read_text(encoding="utf-8").splitlines() if requests.exists() else []
        seen = tuple(Request(**json.loads(line)) for line in lines)
        handed = json.loads(left.read_text(encoding="utf-8")) if left.exists() else {}
        return Run(ended.returncode, ended.stdout, requests=seen, **handed)

    def module(self, name: str, host: str = "localhost", **options: Any) -> dict[str, Any]:
        """Run one module and return its result; as root on another host."""
        return self.modules(name, host, **options)[host]

    def modules(self, name: str, hosts: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Run one module on the hosts of a pattern and return their results; as root on other hosts than this one."""
        with tempfile.TemporaryDirectory(dir=self.folder) as tree:
            become = [] if hosts == "localhost" else ["--become"]
            ended = self._run("adhoc", hosts, "-m", name, "-a", json.dumps(options), "--tree", tree, *become)
            assert ended.returncode == 0, ended.stdout
            return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in Path(tree).iterdir()}

    def _run(self, *command: str, requests: Path | None = None) -> subprocess.CompletedProcess[str]:
        with self._started(*command, requests=requests) as process:
            try:
                output, dummy = process.communicate(timeout=1800)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def _started(
        self, *command: str, requests: Path | None = None, kill_points: Path | None = None
    ) -> subprocess.Popen[str]:
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "False"}
        # What Ansible keeps for a moment on this side can be searched, too.
        environment["ANSIBLE_LOCAL_TEMP"] = str(self.folder / "ansible-temporary")
        hooks = (("IRSA_E2E_REQUESTS", requests, _REQUESTS_LOG), ("IRSA_E2E_KILL_POINTS", kill_points, _KILL_POINTS))
        for variable, value, hook in hooks:
            if value:
                path = (str(hook), os.environ.get("PYTHONPATH"))
                environment |= {variable: str(value), "PYTHONPATH": os.pathsep.join(filter(None, path))}
        if kill_points:
            # There are many runs, and none needs its modules as files.
            environment["ANSIBLE_PIPELINING"] = "True"
        return subprocess.Popen(
            [sys.executable, "-m", "ansible", *command, "-i", str(self._inventory)],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def kill_tree(pid: int) -> None:
    """Kill a process and its descendants, which Ansible gives sessions of their own."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family = [pid]
    for member in family:
        family += parents.get(member, [])
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def _imported(playbook: str) -> dict[str, Any]:
    return {"name": "What is tested", "ansible.builtin.import_playbook": f"selfhosted.irsa.{playbook}"}


def _including(host: str, role: str = "irsa_issuer") -> dict[str, Any]:
    task = {"name": "What is tested", "ansible.builtin.include_role": {"name": f"selfhosted.irsa.{role}"}}
    return {"name": "A play of one's own", "hosts": host, "become": True, "gather_facts": False, "tasks": [task]}


def _importing_apiserver() -> dict[str, Any]:
    task = {"name": "What is tested", "ansible.builtin.import_role": {"name": "selfhosted.irsa.irsa_apiserver"}}
    return {
        "name": "Change the API servers",
        "hosts": "control_plane",
        "become": True,
        "gather_facts": False,
        "tasks": [task],
    }


def _including_accounts() -> dict[str, Any]:
    task = {"name": "What is tested", "ansible.builtin.import_role": {"name": "selfhosted.irsa.irsa_service_accounts"}}
    # Defaults for other tasks of the user, with another cluster. The role must not write there.
    defaults = {"host": "https://127.0.0.1:1", "context": "nowhere", "api_key": "none", "validate_certs": False}
    return {
        "name": "Give accounts their roles",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/kubernetes.core.k8s": defaults, "kubernetes.core.k8s": defaults},
        "tasks": [task],
    }


def _hand_over(host: str, left: Path, found: str) -> dict[str, Any]:
    """A play after the one that is tested, which takes the result that it left, or what the expression finds."""
    policy = f"irsa_issuer_result.provider_arn | selfhosted.irsa.trust_policy('{NAMESPACE}', '{SERVICE_ACCOUNT}')"
    found = (
        found
        or f"{{'result': irsa_issuer_result, 'trust_policy': ({policy}) if irsa_issuer_result.provider_arn else {{}}}}"
    )
    task = {
        "name": "Hand over the result",
        "ansible.builtin.copy": {"content": f"{{{{ {found} | to_json }}}}", "dest": str(left), "mode": "0600"},
        "delegate_to": "localhost",
        "run_once": True,
        "become": False,
        "check_mode": False,
        "changed_when": False,
        "diff": False,
    }
    return {"name": "Take the result", "hosts": host, "gather_facts": False, "tasks": [task]}
