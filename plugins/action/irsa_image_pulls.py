# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans and changes the kubelet of one node, so that images are pulled with the tokens of service accounts.

Parsing and planning run here on the controller; module irsa_kubelet reads and writes on the node.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable_lines
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls import node_plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.node_plan import NodePlan
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.provider import PullSettings, problems
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._node_action import NodeAction

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "operation": {"type": "str", "choices": ["plan", "step"], "required": True},
    "provider_path": {"type": "str", "required": True},
    "match_images": {"type": "list", "elements": "str", "required": True},
    "audience": {"type": "str", "default": "sts.amazonaws.com"},
    "role_arn": {"type": "str"},
    "region": {"type": "str"},
    "cache_duration": {"type": "str", "default": "0s"},
    "config_dir": {"type": "str", "default": "/etc/kubernetes"},
    "timeout": {"type": "int", "default": 120},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(NodeAction):
    node_module = "selfhosted.irsa.irsa_kubelet"
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        dummy, self._options = self.validate_argument_spec(ARGUMENT_SPEC)
        if self._options["operation"] == "plan":
            warn_of_misspelt(self._variables)
        try:
            return {**result, "changed": False, "actions": [], **self._result()}
        except IrsaError as error:
            said = printable_lines(str(error))
            return {**result, "failed": True, "changed": False, "actions": [], "msg": said, **error.details}

    def _result(self) -> dict[str, t.Any]:
        # A step plans again: what others have in the files is registered nowhere in between.
        settings = self._settings()
        plan = self._plan(settings)
        found = {
            "config": plan.config,
            "settings": dataclasses.asdict(settings),
            "needs_step": plan.step is not None,
            "seconds": None,
        }
        if self._options["operation"] == "plan" or plan.step is None:
            return found
        if not self._task.check_mode:
            found["seconds"] = self._node(self._request(plan.step))["seconds"]
        return {**found, "changed": True, "actions": plan.actions, "diff": plan.diff}

    def _plan(self, settings: PullSettings) -> NodePlan:
        request = {"operation": "read", "provider_path": settings.provider_path}
        first = self._node(request)
        config = node_plan.config_to_read(first, settings)
        return node_plan.plan(self._node({**request, "config": config}), settings, state=self._options["state"])

    def _request(self, step: dict[str, t.Any]) -> dict[str, t.Any]:
        # Contents have secrets of others, perhaps, so they are handed over apart from what the node may log.
        files = [{name: value for name, value in each.items() if name != "content"} for each in step["files"]]
        contents = [each["content"] for each in step["files"]]
        taken = {**step, "files": files, "timeout": self._options["timeout"]}
        return {"operation": "step", "step": taken, "contents": contents}

    def _settings(self) -> PullSettings:
        options = self._options
        settings = PullSettings(
            provider_path=options["provider_path"],
            match_images=options["match_images"],
            audience=options["audience"],
            config_dir=options["config_dir"],
            cache_duration=options["cache_duration"],
            role_arn=options["role_arn"],
            region=options["region"],
        )
        found = problems(settings)
        if found:
            intro = "Invalid variables for role irsa_image_pulls; nothing was changed."
            raise IrsaError("\n- ".join([intro, *found]))
        return settings
