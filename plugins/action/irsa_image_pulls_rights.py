# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_image_pulls_rights, in the controller's process if possible."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._direct import DirectAction

from ansible_collections.selfhosted.irsa.plugins.modules import irsa_image_pulls_rights
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt


class ActionModule(DirectAction):
    module = irsa_image_pulls_rights

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        warn_of_misspelt(task_vars or {})
        return super().run(tmp, task_vars)
