# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of calls: one JSON line a request, written when its answer is known."""

from __future__ import annotations

import datetime
import json
import threading
from pathlib import Path
from typing import Any


class Journal:
    """Keeps the log in memory and in a file. Entries never hold a header or a body, so no secret can get in.

    :param path: the file, emptied first
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)

    def write(self, entry: dict[str, Any]) -> None:
        """Adds one entry, with the time."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        stamped = {"time": now, **entry}
        with self._lock:
            self._entries.append(stamped)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(stamped) + "\n")

    def mark(self) -> int:
        """:return: a place in the log, for `entries`"""
        with self._lock:
            return len(self._entries)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """:return: copies of the entries written after the mark `since`"""
        with self._lock:
            return [dict(entry) for entry in self._entries[since:]]
