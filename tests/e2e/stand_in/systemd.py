# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays systemd for one server: starts services by their unit files, starts them again, and tells what it knows.

What it knows is said in the words of `systemctl show`:
https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOCKET = "/run/stand-in/systemd"
UNITS = Path("/etc/systemd/system")
LOGS = Path("/var/log/stand-in")
_STOP_SECONDS = 30.0
# DefaultStartLimitIntervalSec and DefaultStartLimitBurst
_LIMIT_SECONDS, _LIMIT_STARTS = 10.0, 5
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


@dataclass
class Unit:
    """The part of a unit file that matters here."""

    name: str
    options: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str) -> Unit | None:
        """The unit as its file and the files in its folder .d have it now; None without a file."""
        path = UNITS / name
        if not path.exists():
            return None
        found: dict[str, list[str]] = {}
        for file in (path, *sorted((UNITS / f"{name}.d").glob("*.conf"))):
            for line in file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
                option, is_option, value = line.strip().partition("=")
                if is_option and not option.startswith(("#", ";")):
                    # An empty value clears the list: systemd.service(5)
                    found[option] = [*found.get(option, []), value.strip()] if value.strip() else []
        return cls(name, found)

    def last(self, option: str, default: str = "") -> str:
        return (self.options.get(option) or [default])[-1]

    @property
    def command(self) -> list[str]:
        return shlex.split(self._specified(self.last("ExecStart")))

    @property
    def environment(self) -> list[str]:
        return [word for value in self.options.get("Environment", []) for word in shlex.split(value)]

    @property
    def environment_files(self) -> list[tuple[str, bool]]:
        """Paths, and whether the file may be missing."""
        values = [self._specified(value) for value in self.options.get("EnvironmentFile", [])]
        return [(value.lstrip("-"), value.startswith("-")) for value in values]

    def _specified(self, value: str) -> str:
        return value.replace("%N", self.name.removesuffix(".service")).replace("%n", self.name)

    def variables(self) -> dict[str, str]:
        """The environment of its process. Raises FileNotFoundError for a file that must be there."""
        words = list(self.environment)
        for path, may_be_missing in self.environment_files:
            if may_be_missing and not Path(path).exists():
                continue
            words += shlex.split(Path(path).read_text(encoding="utf-8"), comments=True)
        own = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        return {**own, **dict(word.split("=", 1) for word in words)}


class Service:
    """A service, its process, and what became of it."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.active, self.sub = "inactive", "dead"
        self.invocation, self.started, self.restarts = "", 0, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._goes_on = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_up = threading.Event()

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._thread and self._thread.is_alive():
            return
        self._is_up.clear()
        self.restarts = 0
        self._goes_on = threading.Event()
        self._goes_on.set()
        self.active, self.sub = "activating", "start"
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End its process, and wait for that."""
        self._goes_on.clear()
        if self._process and self._process.poll() is None:
            self.active, self.sub = "deactivating", "stop-sigterm"
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self._thread:
            self._thread.join()
        self.active, self.sub = "inactive", "dead"

    def wait(self) -> bool:
        """Wait until its start has succeeded or failed for good, and say which."""
        while not self._is_up.wait(0.1):
            if self._thread is None or not self._thread.is_alive():
                return False
        return True

    def _keep(self) -> None:
        goes_on, starts = self._goes_on, list[float]()
        while goes_on.is_set():
            starts = [*(at for at in starts if time.monotonic() - at < _LIMIT_SECONDS), time.monotonic()]
            if len(starts) > _LIMIT_STARTS:
                self.note("Start request repeated too quickly.")
                self.active, self.sub = "failed", "failed"
                return
            code = self._run()
            if not goes_on.is_set():
                return
            self.note(f"Main process exited, code=exited, status={code}")
            restart = self.unit.last("Restart", "no")
            if restart == "no" or (restart == "on-failure" and code == 0):
                self.active, self.sub = ("failed", "failed") if code else ("inactive", "dead")
                return
            self.active, self.sub = "activating", "auto-restart"
            self._pause(goes_on, float(self.unit.last("RestartSec", "0.1").removesuffix("s")))
            self.restarts += 1

    @staticmethod
    def _pause(goes_on: threading.Event, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while goes_on.is_set() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _run(self) -> int:
        """Run its process once, and return how that ended."""
        self.unit = Unit.load(self.unit.name) or self.unit
        has_word = self.unit.last("Type") == "notify"
        address = f"/run/stand-in/notify-{uuid.uuid4().hex}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, self.log.open("ab") as log:
            told.bind(address)
            told.settimeout(0.1)
            self.invocation, self.started = uuid.uuid4().hex, time.monotonic_ns() // 1000
            self._process = subprocess.Popen(
                self.unit.command,
                env={**self.unit.variables(), "NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            if has_word:
                self.active, self.sub = "activating", "start"
            while has_word and self._process.poll() is None and self.active == "activating":
                try:
                    has_word = b"READY=1" not in told.recv(4096)
                except TimeoutError:
                    continue
            if not has_word and self._process.poll() is None:
                self.active, self.sub = "active", "running"
                self._is_up.set()
            return self._process.wait()

    @property
    def log(self) -> Path:
        return LOGS / f"{self.unit.name}.log"

    def note(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{self.unit.name}: {text}\n")


class Manager:
    """All services of the server, and who asks for them by a socket."""

    def __init__(self) -> None:
        for folder in (Path(SOCKET).parent, LOGS):
            folder.mkdir(parents=True, exist_ok=True)
        self._services: dict[str, Service] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(SOCKET)
        self._listener.listen()

    def serve(self) -> None:
        while True:
            connection, dummy = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            question = json.loads(stream.readline())
            stream.write(json.dumps(getattr(self, f"do_{question.pop('do')}")(**question)))

    def _service(self, name: str) -> Service | None:
        unit = Unit.load(name)
        if unit is None:
            return None
        return self._services.setdefault(name, Service(unit))

    def do_show(self, units: list[str]) -> list[dict[str, Any]]:
        return [dict(self._properties(name)) for name in units]

    def do_restart(self, unit: str, waits: bool) -> bool:
        """Restart or start a service; True if it is up, or is not waited for."""
        service = self._service(unit)
        if service is None:
            return False

        def restart() -> bool:
            service.stop()
            service.start()
            return service.wait()

        if waits:
            return restart()
        threading.Thread(target=restart, daemon=True).start()
        return True

    def do_stop(self, unit: str) -> bool:
        service = self._service(unit)
        if service:
            service.stop()
        return service is not None

    def do_log(self, unit: str, lines: int) -> str:
        path = LOGS / f"{unit}.log"
        found = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        return "".join(f"{line}\n" for line in found[-lines:])

    def _properties(self, name: str) -> Iterator[tuple[str, Any]]:
        """Properties in the order in which systemctl prints them, whatever the order in which they were asked for."""
        service = self._service(name)
        unit = Unit.load(name)
        yield "NRestarts", service.restarts if service else 0
        yield "ExecMainStartTimestampMonotonic", service.started if service else 0
        if unit:
            words = unit.command
            shown = f"path={words[0]} ; argv[]={' '.join(words)} ; ignore_errors=no ; start_time=[n/a]"
            yield "ExecStart", f"{{ {shown} ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }}"
        yield (
            "Environment",
            " ".join(f'"{word}"' if " " in word else word for word in (unit.environment if unit else [])),
        )
        if unit and unit.environment_files:
            yield (
                "EnvironmentFiles",
                [f"{path} (ignore_errors={'yes' if may else 'no'})" for path, may in unit.environment_files],
            )
        yield "Id", name
        yield "LoadState", "loaded" if unit else "not-found"
        yield "ActiveState", service.active if service else "inactive"
        yield "SubState", service.sub if service else "dead"
        yield "InvocationID", service.invocation if service else ""
