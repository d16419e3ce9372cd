# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts ansible-playbook by a fork of a process that has loaded its libraries: that is much of the time of a run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = Path(__file__).with_name("preloaded_server.py")

# The interpreter and the C library read these when they start, so a run with other values must start by itself.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OPENSSL_", "GLIBC_", "MALLOC_")


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


class Preloaded:
    """The process that forks for each run. It ends when this process does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._read_at_start = _read_at_start(environment)
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER), str(theirs.fileno())],
                env={**environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # A pipe, as that of a run will be: Python asks a file for its position. Nothing is written to it.
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a run with this environment would start the same interpreter."""
        return _read_at_start(environment) == self._read_at_start

    def start(self, script: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> PreloadedRun:
        """Start a script of this interpreter: its path and its arguments."""
        request = {"script": list(script), "folder": str(folder), "environment": {**environment}}
        reading, writing = os.pipe()
        ending, theirs = socket.socketpair()
        with theirs, open(writing, "wb"), os.fdopen(os.memfd_create("request"), "w+", encoding="utf-8") as file:
            json.dump(request, file)
            file.flush()
            socket.send_fds(self._requests, [b"r"], [file.fileno(), writing, theirs.fileno()])
        return PreloadedRun(reading, ending)


_started: list[Preloaded] = []


def preloaded(environment: Mapping[str, str]) -> Preloaded | None:
    """The process to start runs with this environment from, or None if they must start by themselves."""
    if not _started:
        _started.append(Preloaded(environment))
    return _started[0] if _started[0].fits(environment) else None


class PreloadedRun:
    """A run that has been started: as much of subprocess.Popen as the tests use."""

    def __init__(self, output: int, ending: socket.socket) -> None:
        self._output = output
        self._ending = ending
        self.returncode = 0

    def communicate(self) -> tuple[str, None]:
        """Wait for the end of the run, and return its output."""
        with self._ending, open(self._output, encoding="utf-8") as output:
            text = output.read()
            self.returncode = int(self._ending.recv(16))
        return text, None
