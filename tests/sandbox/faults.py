# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that a test asks for: dead from the Nth write on, or one call answered with an error a few times."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .answers import Refusal
from .call import Call


@dataclass
class _Error:
    operation: str
    status: int
    code: str
    message: str
    times: int


class Faults:
    """Knows what is to go wrong. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writes_left: int | None = None
        self._errors: list[_Error] = []

    def refuse_after(self, writes: int) -> None:
        """Lets `writes` more writes succeed, then drops every request, reads too, without executing it."""
        with self._lock:
            self._writes_left = writes

    def answer(self, operation: str, *, status: int, code: str, message: str, times: int) -> None:
        """Answers the next `times` calls of `operation` (``s3:PutBucketPolicy``) with an error, without executing."""
        with self._lock:
            self._errors.append(_Error(operation, status, code, message, times))

    def clear(self) -> None:
        """Forgets every fault."""
        with self._lock:
            self._writes_left = None
            self._errors.clear()

    def drops(self) -> bool:
        """:return: whether the connection is to be dropped"""
        with self._lock:
            return self._writes_left is not None and self._writes_left <= 0

    def check(self, call: Call) -> None:
        """:raises Refusal: when an error was asked for this call"""
        name = f"{call.service}:{call.operation}"
        with self._lock:
            error = next((error for error in self._errors if error.operation == name and error.times > 0), None)
            if error is None:
                return
            error.times -= 1
        raise Refusal(error.status, error.code, error.message)

    def count(self, call: Call, status: int) -> None:
        """Counts an executed call against the writes that were left."""
        if call.is_write and status < 400:
            with self._lock:
                if self._writes_left is not None:
                    self._writes_left -= 1
