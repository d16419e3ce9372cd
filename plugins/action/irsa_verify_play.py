# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_verify for playbook verify, with the playbook's variables as its options."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.action import irsa_verify as verify_action
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _verify_variables


class ActionModule(verify_action.ActionModule):
    shipped_name = "selfhosted.irsa.irsa_verify"

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        # A playbook of a collection runs in the collection's folder, but relative paths start from the caller's.
        options, report_path, problems = _verify_variables.read(
            task_vars or {}, lambda value: _ansible_internals.template(self, value), os.getcwd()
        )
        if problems:
            message = problems[0] if len(problems) == 1 else "\n- ".join(["Invalid variables:", *problems])
            return {"failed": True, "changed": False, "msg": message, "report_path": report_path}
        self._task.args = {**options, **self._task.args}
        return {**super().run(tmp, task_vars), "report_path": report_path}
