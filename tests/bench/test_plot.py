# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plot of the benchmark."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.bench.plot import Axis, Line, Plot, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_decades_are_equally_far_apart() -> None:
    axis = Axis.around([2, 700], 100, 400)
    assert axis.decades == [1, 10, 100, 1000]
    assert [axis.place(figure) for figure in axis.decades] == pytest.approx([100, 200, 300, 400])


def test_an_axis_ends_where_its_last_figure_is_a_decade() -> None:
    assert Axis.around([1, 1000], 0, 1).decades == [1, 10, 100, 1000]
    assert Axis.around([10], 0, 1).decades == [10, 100]


def test_points_are_where_the_axes_say() -> None:
    line = Line("first & <last>", [(1, 100), (10, 10), (100, 1)])
    drawing = ElementTree.fromstring(svg([Plot("seconds", "clusters", [line])]))
    (polyline,) = drawing.iter(f"{SVG}polyline")
    places = [tuple(map(float, place.split(","))) for place in polyline.attrib["points"].split()]
    (x1, y1), (x2, y2), (x3, y3) = places
    # SVG counts downwards: a line that falls grows.
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11) and x1 < x2
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.11) and y1 < y2
    assert "first & <last>" in [text.text for text in drawing.iter(f"{SVG}text")]


def test_a_legend_names_every_line() -> None:
    lines = [Line(f"line {number}", [(1, 1), (10, number + 2)]) for number in range(4)]
    drawing = ElementTree.fromstring(svg([Plot("left", "x", lines), Plot("right", "x", lines[:2])]))
    titles = [text.text for text in drawing.iter(f"{SVG}text")]
    assert [title for title in titles if title and title.startswith("line")] == [
        "line 0",
        "line 1",
        "line 2",
        "line 3",
        "line 0",
        "line 1",
    ]
