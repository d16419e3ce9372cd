# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory of a process and of all that it has started, as far as the system tells it apart from what is shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
# Often enough to see a worker that lives for some tenths of a second; looking costs the watched processes a little,
# too.
INTERVAL = 0.25


def family(root: int) -> Iterator[int]:
    """:return: the processes that descend from one, and that one"""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                # The program's name, in parentheses, may hold anything; the parent is the second field after it.
                parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except (OSError, UnicodeDecodeError):
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    while found:
        process = found.pop()
        yield process
        found.extend(children.get(process, []))


def proportional_set_size(process: int) -> int:
    """:return: the bytes a process holds, each shared page divided by those who share it; 0 when it has ended"""
    try:
        for line in (PROC / str(process) / "smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class MemoryWatch:
    """Looks again and again at what a process and its descendants hold, until `stop` is called.

    :ivar peak: the most that was seen, in bytes
    """

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = process
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.peak = max(self.peak, sum(map(proportional_set_size, family(self._process))))

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
