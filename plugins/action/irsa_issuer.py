# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_issuer, in the controller's process where it can, and for its role with the role's variables."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import warm
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_issuer
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _issuer_role
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._direct import DirectAction

_issuer_role.argument_spec()
warm(["s3", "iam", "sts"])


class ActionModule(DirectAction):
    module = irsa_issuer

    def run(self, tmp: t.Any = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        if not boolean(self._task.args.get("from_role", False), strict=False):
            return super().run(tmp, task_vars)
        variables = task_vars or {}
        own = {name: value for name, value in self._task.args.items() if name != "from_role"}
        ran_for = f"{variables['ansible_play_name']} on {variables['inventory_hostname']}"
        try:
            role = _issuer_role.read(
                # The region is an option of amazon.aws's common ones.
                {*irsa_issuer.ARGUMENT_SPEC, "region"},
                variables,
                lambda value: _ansible_internals.template(self, value),
            )
        except _issuer_role.VariablesRefused as refusal:
            return {"failed": True, "changed": False, "msg": str(refusal), "ran_for": ran_for}
        self._task.args = {**role.options, **own}
        result = {**super().run(tmp, task_vars), "ran_for": ran_for}
        if result.get("failed"):
            return result
        return {
            **result,
            "more_to_do": result["key_wanted"] or role.backs_up,
            "key_host": role.key_host,
            "key_files": role.key_files,
        }

    def _ship(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # A key on the controller may be another user's than the AWS credentials are, so that one shipped module cannot
        # have both. Without any key there is nothing to do, and nobody to become for that.
        if self._task.args.get("state") != "absent" and not self._task.args.get("key"):
            return {"changed": False, **irsa_issuer.KEY_APART}
        return super()._ship(task_vars)
