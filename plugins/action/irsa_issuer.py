# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_issuer, in the controller's process if possible."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._direct import DirectAction

# The module imports it when it verifies. Imported here, it is there before Ansible forks a worker for each host.
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_issuer


class ActionModule(DirectAction):
    module = irsa_issuer
    services = ("s3", "iam", "sts")

    def _ship(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # A key on the controller may belong to another user than the AWS credentials do, so that one shipped module
        # cannot have both: the key needs a task of its own.
        arguments = self._task.args
        if arguments.get("state") != "absent" and arguments.get("key_path") and not arguments.get("key"):
            return {"changed": False, **irsa_issuer.KEY_WANTED_RESULT}
        return super()._ship(task_vars)
