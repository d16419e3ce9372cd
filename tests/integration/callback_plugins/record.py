# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what every task came to as one JSON line, for tests that look at results, diffs and warnings.

DOCUMENTATION:
  name: record
  type: notification
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def __init__(self) -> None:
        super().__init__()
        # Line buffered: what a run has come to must stand there also when it is killed.
        self._file = open(os.environ["IRSA_TEST_RECORD"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115

    def _write(self, status: str, result: Any) -> None:
        line = {
            "host": result.host.get_name(),
            "task": result.task.name,
            "status": status,
            "result": result.result,
            "warnings": [warning.event.msg for warning in result.warnings],
        }
        self._file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        for host in stats.processed:
            self._file.write(json.dumps({"host": host, "status": "stats", "result": stats.summarize(host)}) + "\n")
