# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what a cluster does by itself, with a word for the user."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce

_PAUSE_SECONDS = 0.2
# Informers of API servers are told of a change at once. This is for one whose connection has just broken.
_FOLLOW_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long to wait for API servers to follow a change, in seconds."""

    seconds: float
    pause: t.Callable[[float], None] = time.sleep
    now: t.Callable[[], float] = time.monotonic

    def until_none(
        self, lacks: t.Callable[[], str | None], what: str = "until every API server follows the new policies"
    ) -> str | None:
        """Ask until nothing is lacking; returns what still is in the end."""
        deadline = self.now() + self.seconds
        while (lacking := lacks()) is not None and self.now() < deadline:
            announce(what, f"Waiting up to {self.seconds:g} s {what}.")
            self.pause(_PAUSE_SECONDS)
        return lacking

    def let_servers_follow(self, what: str) -> None:
        """Wait as long as API servers may need to follow a change that cannot be asked for."""
        announce(what, f"Waiting {_FOLLOW_SECONDS:g} s until every API server follows {what}.")
        self.pause(_FOLLOW_SECONDS)
