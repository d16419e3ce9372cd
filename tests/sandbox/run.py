# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a sandbox around a command, or in the foreground until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from .background import hold_lock, write_environment
from .sandbox import Sandbox


def run(state: str, command: list[str]) -> int:
    """:return: the command's exit code, 128 and the signal's number when a signal ended it"""
    sandbox = Sandbox(state)
    with hold_lock(sandbox.state_dir), sandbox:
        try:
            child = subprocess.Popen(command, env=sandbox.environ())
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        # The terminal sends an interrupt to the child as well: it decides when to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _frame: child.send_signal(number))
        code = child.wait()
        return code if code >= 0 else 128 - code


def serve(state: str, ready_fd: int | None) -> int:
    """Serves until a signal or the control API's /stop.

    :param ready_fd: a file descriptor to write a line to as soon as requests are answered
    """
    sandbox = Sandbox(state)
    with hold_lock(sandbox.state_dir), sandbox:

        def stop(_number: int, _frame: Any) -> None:
            sandbox.stop_requested.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        write_environment(sandbox)
        if ready_fd is None:
            print(f"Serving; the environment is in {sandbox.state_dir / 'env.sh'}", file=sys.stderr)
        else:
            os.write(ready_fd, b"ready\n")
            os.close(ready_fd)
        sandbox.stop_requested.wait()
    return 0
