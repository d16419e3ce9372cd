# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round of a rotation: what was read, what may be done now, and the work."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, RETIRE_KEY, SIGN
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record as records
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import refusals, settings, stage, status
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import Decision, decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import (
    _rotate_keys,
    _rotate_phases,
    _rotate_runs,
    _rotate_work,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_reading import Read

Json = dict[str, t.Any]

_GOALS = {settings.ACCEPT: ACCEPT, settings.SIGN: SIGN, settings.RETIRE_ACCEPTED: RETIRE_KEY}
_EVENTS = {
    settings.ACCEPT: records.ACCEPTED,
    settings.SIGN: records.SIGNING,
    settings.RETIRE_ACCEPTED: records.DROPPED,
}
