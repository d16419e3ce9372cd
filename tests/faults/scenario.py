# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the faults are put into."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from .module_runs import Step
from .stage import Stage


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario:
    """
    :ivar prepare: makes the state that a trial begins with, while the stage is connected
    :ivar steps: what is run
    :ivar playbook: which one does the same, if one does
    """

    name: str
    title: str
    prepare: Callable[[Stage], None]
    steps: Callable[[Stage], Sequence[Step]]
    playbook: str | None = None
