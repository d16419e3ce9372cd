# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain moto_server, which all contestants talk to, and how often it was called."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"
STARTED = re.compile(rb"Running on http://[^:]+:(\d+)")
# A line of the access log, which has colors for some statuses. It is written before the answer is, so a caller that
# has ended has left all of its lines.
REQUEST = re.compile(rb'"(?:\x1b\[\d+m)*(?:GET|HEAD|PUT|POST|DELETE) (?!/moto-api/)[^"]*" \d{3} ')


class Cloud:
    """The server, as a context manager.

    :ivar port: where it listens on loopback
    """

    port: int

    def __init__(self, folder: Path) -> None:
        self._log = folder / "cloud.log"
        self._read = 0

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", "0"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while not (started := STARTED.search(self._log.read_bytes())):
            if self._process.poll() is not None:
                raise RuntimeError(f"moto_server did not start: {self._log.read_text(encoding='utf-8')}")
            time.sleep(0.05)
        self.port = int(started[1])
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait()

    def reset(self) -> None:
        """Takes everything away that has been made in it, and forgets the calls."""
        connection = HTTPConnection(LOOPBACK, self.port)
        connection.request("POST", "/moto-api/reset")
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"moto_server answered {status} where it was to empty itself")
        self.calls()

    def calls(self) -> int:
        """:return: how many API calls have come in since this was last asked"""
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        return len(REQUEST.findall(new))
