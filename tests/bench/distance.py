# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delaying proxy of `delay`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Self

from . import delay

ROUND_TRIP = 0.08


class Distance:
    """A network between loopback and a port, as a context manager.

    :ivar port: the near end of it
    """

    port: int

    def __init__(self, far_port: int, round_trip: float = ROUND_TRIP) -> None:
        self._command = [sys.executable, delay.__file__, str(far_port), str(round_trip)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.communicate()
