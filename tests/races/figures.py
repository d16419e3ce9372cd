# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a round as text."""

from __future__ import annotations

import statistics

from .rounds import Round


def figures(done: Round) -> str:
    """The figures, then what was lost and what failed."""
    seconds = [run.seconds for run in done.runs]
    whole = [window.whole for window in done.windows]
    unseen = [window.unseen for window in done.windows]
    lines = (
        f"{len(done.runs)} runs of {min(seconds):.1f} to {max(seconds):.1f} s made {len(whole)} writes.",
        f"The other writer made {done.statements} statements and {done.tags} tags.",
        f"At its second look {done.missing} of them were missing, and it wrote them again.",
        f"From read to answered write: {_spread(whole)}. Of that unseen: {_spread(unseen)}.",
        f"Lost: {len(done.lost)}. Failed: {len(done.failures)}.",
    )
    return "\n".join([*lines, *done.lost, *done.failures])


def _spread(seconds: list[float]) -> str:
    milliseconds = [1000 * each for each in seconds] or [0.0]
    return f"median {statistics.median(milliseconds):.0f} ms, at most {max(milliseconds):.0f} ms"
