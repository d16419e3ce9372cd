# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two plots side by side, both axes logarithmic, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 470, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 34, 44
# Readable on white for those, too, who cannot tell red from green: Okabe and Ito's palette,
# https://jfly.uni-koeln.de/color/
COLORS = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73", "#cc79a7")
LICENSE = """\
Copyright (c) 2026, the selfhosted.irsa authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
"""
INK, GRID = "#333333", "#dddddd"


@dataclass(frozen=True)
class Line:
    """A line of a plot: points by x, all figures above 0."""

    title: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    title: str
    x_title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis of whole decades, from one length of the drawing to another.

    :ivar low: exponent of 10 at its beginning
    """

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def around(cls, figures: Sequence[float], start: float, end: float) -> Axis:
        low = math.floor(math.log10(min(figures)) + 1e-9)
        high = math.ceil(math.log10(max(figures)) - 1e-9)
        return cls(low, max(high, low + 1), start, end)

    def place(self, figure: float) -> float:
        share = (math.log10(figure) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def decades(self) -> list[float]:
        return [10.0**exponent for exponent in range(self.low, self.high + 1)]


def svg(plots: Sequence[Plot]) -> str:
    """:return: the drawing, with a legend under each plot"""
    rows = max(len(plot.lines) for plot in plots)
    width, height = WIDTH * len(plots), HEIGHT + 18 * rows + 8
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="sans-serif" font-size="12">'
        ),
        f"<!--\n{LICENSE}-->",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, plot in enumerate(plots):
        parts += [f'<g transform="translate({index * WIDTH} 0)">', *draw(plot), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def draw(plot: Plot) -> Iterator[str]:
    points = [point for line in plot.lines for point in line.points]
    x_axis = Axis.around([x for x, figure in points], LEFT, WIDTH - RIGHT)
    y_axis = Axis.around([figure for x, figure in points], HEIGHT - BOTTOM, TOP)
    yield text(plot.title, LEFT, TOP - 14, weight="bold")
    for figure in x_axis.decades:
        x = x_axis.place(figure)
        yield rule((x, TOP), (x, HEIGHT - BOTTOM))
        yield text(f"{figure:,g}", x, HEIGHT - BOTTOM + 16, anchor="middle")
    for figure in y_axis.decades:
        y = y_axis.place(figure)
        yield rule((LEFT, y), (WIDTH - RIGHT, y))
        yield text(f"{figure:,g}", LEFT - 6, y + 4, anchor="end")
    yield text(plot.x_title, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 34, anchor="middle")
    for index, line in enumerate(plot.lines):
        color = COLORS[index % len(COLORS)]
        places = [(x_axis.place(x), y_axis.place(figure)) for x, figure in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>'
        y = HEIGHT + 18 * index + 10
        yield f'<rect x="{LEFT}" y="{y - 9}" width="18" height="9" fill="{color}"/>'
        yield text(line.title, LEFT + 26, y)


def rule(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def text(content: str, x: float, y: float, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">'
        f"{escape(content)}</text>"
    )
