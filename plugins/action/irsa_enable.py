# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of playbook enable before any of its roles runs."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _enable_variables

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "pattern": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        values = {
            name: _ansible_internals.template(self, variables[name])
            for name in _enable_variables.NAMES
            if name in variables
        }
        try:
            enabling = _enable_variables.read(values, hosts=options["hosts"], pattern=options["pattern"], folder=".")
        except IrsaError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error)}
        return {**result, "changed": False, **dataclasses.asdict(enabling)}
