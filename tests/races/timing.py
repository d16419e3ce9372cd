# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the calls of a run take, and with it the windows in which another process's write is lost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

SETTINGS = ("BucketPolicy", "BucketTagging")


@dataclass
class Call:
    """A call, by the seconds of one clock for all processes of this machine."""

    name: str
    sent: float
    answered: float = 0.0


@dataclass(frozen=True)
class Window:
    """The windows of one write.

    ``whole``: from sending the read that it is based on until its own answer. ``unseen``: from sending the read that
    accompanies it until it was sent itself; what others write before that is noticed.
    """

    whole: float
    unseen: float


class Clock:
    """Notes the calls of a client."""

    def __init__(self, client: Any) -> None:
        self.calls: list[Call] = []
        client.meta.events.register("before-send.s3", self._sent)
        client.meta.events.register("after-call.s3", self._answered)

    def _sent(self, request: Any, event_name: str, **_ignored: Any) -> None:
        self.calls.append(Call(event_name.rpartition(".")[2], time.monotonic()))

    def _answered(self, model: Any, **_ignored: Any) -> None:
        open_calls = [call for call in self.calls if call.name == model.name and not call.answered]
        if open_calls:
            open_calls[0].answered = time.monotonic()

    def windows(self) -> list[Window]:
        """The windows of all writes that were based on a read."""
        return [window for setting in SETTINGS for window in self._windows_of(setting)]

    def _windows_of(self, setting: str) -> list[Window]:
        found = []
        reads = [call for call in self.calls if call.name == f"Get{setting}"]
        for write in (call for call in self.calls if call.name == f"Put{setting}" and call.answered):
            before = [call for call in reads if call.answered and call.answered < write.sent]
            beside = [call for call in reads if call.sent <= write.sent and call not in before]
            if before:
                last = max(beside or before, key=lambda call: call.sent)
                found.append(Window(write.answered - before[-1].sent, write.sent - last.sent))
        return found
