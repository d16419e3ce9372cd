# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a rotation over time as SVG: which key is published, accepted and signing, and the phases that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Protocol

LICENSE = """\
Copyright (c) 2026, the selfhosted.irsa authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
"""
WIDTH, LEFT, RIGHT, TOP = 940, 190, 40, 122
ROW, BAR = 30, 16
HOUR = 3600.0
# The wider the rotation, the fewer hours are named.
_TICKS = (1, 2, 3, 6, 12, 24, 48, 168)
# Okabe and Ito's palette, for those, too, who cannot tell red from green: https://jfly.uni-koeln.de/color/
COLORS, INK = {"old": "#d55e00", "new": "#0072b2"}, "#333333"


class Bar(Protocol):
    """What is so of a key, from a second to another; None: from before, or for good."""

    key: str
    what: str
    start: int | None
    end: int | None


def svg(at: Mapping[str, int], bars: Sequence[Bar]) -> str:
    """Return the drawing. Times are to scale.

    :param at: when each phase may be done, in seconds after the first
    """
    height = TOP + ROW * len(bars) + 44
    before, after = 1.2 * HOUR, max(at.values()) + 2 * HOUR

    def x(seconds: float | None, otherwise: float) -> float:
        return LEFT + ((otherwise if seconds is None else seconds) + before) / (after + before) * (WIDTH - LEFT - RIGHT)

    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="12">'
    )
    parts = [opening, f"<!--\n{LICENSE}-->", f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    hours = _hours(max(at.values()) / HOUR)
    parts += [_text(f"{count} h", x(count * HOUR, 0), height - 14, anchor="middle") for count in hours]
    for number, (phases, seconds) in enumerate(_together(at)):
        place, top = x(seconds, 0), 34 + 22 * (number % 4)
        parts.append(_rule(place, top - 8, height - 32))
        side, shift = ("start", 5) if place < WIDTH / 2 else ("end", -5)
        parts.append(_text(", ".join(phases), place + shift, top, anchor=side))
    for number, span in enumerate(bars):
        y, color = TOP + ROW * number, COLORS[span.key]
        start, end = x(span.start, -before), x(span.end, after)
        parts.append(_text(f"{span.key} key: {span.what}", LEFT - 10, y + BAR - 4, anchor="end"))
        parts.append(f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="{BAR}" rx="3" fill="{color}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _together(at: Mapping[str, int]) -> Iterator[tuple[list[str], float]]:
    """Phases that may follow each other at once stand at one line."""
    for seconds in sorted(set(at.values())):
        yield [phase for phase, when in at.items() if when == seconds], seconds


def _hours(last: float) -> Sequence[int]:
    step = next((tick for tick in _TICKS if last / tick <= 12), _TICKS[-1])
    return range(0, int(last) + step, step)


def _rule(x: float, top: float, bottom: float) -> str:
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{INK}" stroke-dasharray="3 3"/>'


def _text(content: str, x: float, y: float, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(content)}</text>'
