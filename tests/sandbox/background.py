# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox in the background: started once per state folder, found again by its files, stopped by request."""

from __future__ import annotations

import fcntl
import http.client
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from .environment import REMOVED
from .sandbox import Sandbox

ENVIRONMENT_FILE = "env.sh"
CONTROL_FILE = "control"
LOCK_FILE = "lock"
OUTPUT_FILE = "server.log"
REPOSITORY = Path(__file__).resolve().parents[2]


class AlreadyRunning(Exception):
    """Another sandbox uses the state folder."""


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Holds the folder's lock for as long as the sandbox runs: a process that gets it knows that none does.

    :raises AlreadyRunning: when another process holds it
    """
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"A sandbox is already running in {folder}") from None
        try:
            yield
        finally:
            for name in (ENVIRONMENT_FILE, CONTROL_FILE):
                (folder / name).unlink(missing_ok=True)


def write_environment(sandbox: Sandbox) -> None:
    """Writes what other processes need: env.sh to be sourced, and the address of the control API."""
    lines = [f"unset {' '.join(REMOVED)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sandbox.env.items()]
    _write(sandbox.state_dir / ENVIRONMENT_FILE, "\n".join(lines) + "\n")
    _write(sandbox.state_dir / CONTROL_FILE, sandbox.control_url + "\n")


def start(state: str) -> int:
    """Starts a sandbox unless one runs in this folder already, and prints its environment.

    :return: the exit code
    """
    folder = Path(state).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_running(folder) and not _start_process(folder):
        print(f"The sandbox did not start: see {folder / OUTPUT_FILE}", file=sys.stderr)
        return 1
    print((folder / ENVIRONMENT_FILE).read_text(encoding="utf-8"), end="")
    return 0


def stop(state: str) -> int:
    """Stops the sandbox in this folder, and returns when it is gone; it is fine when there is none.

    :return: the exit code
    """
    folder = Path(state).resolve()
    if not folder.is_dir() or not _is_running(folder):
        return 0
    control = urlsplit((folder / CONTROL_FILE).read_text(encoding="utf-8").strip())
    connection = http.client.HTTPConnection(control.netloc, timeout=60)
    connection.request("POST", "/stop")
    connection.getresponse().read()
    connection.close()
    with (folder / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return 0


def _start_process(folder: Path) -> bool:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "tests.sandbox", "serve", "--state", str(folder), "--ready-fd", str(writer)]
    with (folder / OUTPUT_FILE).open("wb") as output:
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    os.close(writer)
    with os.fdopen(reader) as ready:
        return ready.read() != ""


def _is_running(folder: Path) -> bool:
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _write(path: Path, text: str) -> None:
    """Puts a file that holds credentials in place whole, so that a reader never sees half of it."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
