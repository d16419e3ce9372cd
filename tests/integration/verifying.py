# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""irsa_verify in this process: its own main(), with options as in a task, in an environment that points to the sandbox.

A playbook for each of the many set-ups would take minutes.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.testing import patch_module_args

from ansible_collections.selfhosted.irsa.plugins.modules import irsa_verify
from playbooks import PATIENCE


@dataclass
class Verified:
    """What the module returned, also if it failed.

    :ivar printed: all of its output
    """

    result: dict[str, Any]
    printed: str

    @property
    def verdict(self) -> str:
        return str(self.result["verdict"])

    @property
    def checks(self) -> list[dict[str, Any]]:
        return list(self.result["checks"])

    def ids(self, *statuses: str) -> list[str]:
        """:return: the ids of the checks with these statuses, in order"""
        return [check["id"] for check in self.checks if check["status"] in statuses]

    @property
    def first(self) -> dict[str, Any] | None:
        """:return: the first error, or the first warning if there is no error"""
        for status in ("error", "warning"):
            for check in self.checks:
                if check["status"] == status:
                    return check
        return None

    def __str__(self) -> str:
        return self.result.get("report") or str(self.result.get("msg"))


def variables(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """:return: these options of irsa_verify as variables of its playbook, without those that are not set"""
    return {f"irsa_verify_{name}": value for name, value in {**options, **more}.items() if value is not None}


def verify(**options: Any) -> Verified:
    """Runs irsa_verify with these options, and with patience for a machine that is busy."""
    options = {"timeout": PATIENCE, **options}
    printed = io.StringIO()
    with patch_module_args(options), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        irsa_verify.main()
    return Verified(json.loads(printed.getvalue()), printed.getvalue())
