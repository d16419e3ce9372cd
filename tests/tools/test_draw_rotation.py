# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing of a rotation over time."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from draw_rotation import COLORS, LEFT, WIDTH, svg

SVG = "{http://www.w3.org/2000/svg}"
HOUR = 3600
AT = {"prepare": 0, "accept": 0, "sign": HOUR, "retire-published": 25 * HOUR, "retire-accepted": 26 * HOUR}


@dataclass
class Bar:
    key: str
    what: str
    start: int | None
    end: int | None


BARS = [
    Bar("old", "published", None, 25 * HOUR),
    Bar("old", "accepted", None, 26 * HOUR),
    Bar("old", "signing", None, HOUR),
    Bar("new", "published", 0, None),
    Bar("new", "accepted", 0, None),
    Bar("new", "signing", HOUR, None),
]


def bars() -> list[dict[str, str]]:
    found = ElementTree.fromstring(svg(AT, BARS)).iter(f"{SVG}rect")
    return [rect.attrib for rect in found if rect.get("fill") in COLORS.values()]


def ends(rect: dict[str, str]) -> tuple[float, float]:
    start = float(rect["x"])
    return start, start + float(rect["width"])


def test_the_old_key_ends_where_the_rules_say_and_the_new_one_begins() -> None:
    published, accepted, signs, *of_new = map(ends, bars())
    assert published[0] == accepted[0] == signs[0] == LEFT
    new_published, new_accepted, new_signs = of_new
    assert new_published == new_accepted
    assert signs[1] == pytest.approx(new_signs[0], abs=0.2)
    # To scale: an hour is as wide everywhere.
    hour = new_signs[0] - new_published[0]
    assert published[1] - new_signs[0] == pytest.approx(24 * hour, abs=1)
    assert accepted[1] - published[1] == pytest.approx(hour, abs=0.5)


def test_each_phase_is_named_within_the_drawing() -> None:
    texts = {text.text: text.attrib for text in ElementTree.fromstring(svg(AT, BARS)).iter(f"{SVG}text")}
    assert {"prepare, accept", "sign", "retire-published", "retire-accepted"}.issubset(texts)
    for name, attributes in texts.items():
        width, x = 8 * len(name or ""), float(attributes["x"])
        start = {"start": x, "middle": x - width / 2, "end": x - width}[attributes["text-anchor"]]
        assert start >= 0 and start + width <= WIDTH
