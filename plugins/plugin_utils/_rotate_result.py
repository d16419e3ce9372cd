# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of role irsa_rotate: what all rounds of a run have done, and what the last one has read."""

from __future__ import annotations

import typing as t

_OF_PLAN = ("status", "table", "refusals", "next_phase", "next_at", "reasons")
_OF_RUN = ("forced", "warnings", "notes", "actions")


def of(settings: t.Mapping[str, t.Any], plan: t.Mapping[str, t.Any], done: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return ``irsa_rotate_result``, given the plan of the last round and what the run has done."""
    return {
        "phase": settings["phase"],
        "done": list(done["phases"]),
        **{name: plan[name] for name in _OF_PLAN},
        **{name: list(done[name]) for name in _OF_RUN},
        "changed": bool(done["actions"]),
    }
