# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_rotation_state, in the controller's process if possible."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._direct import DirectAction

from ansible_collections.selfhosted.irsa.plugins.modules import irsa_rotation_state


class ActionModule(DirectAction):
    module = irsa_rotation_state
    services = ("s3", "sts")
