# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times in the guide to rotations are those of the code."""

from __future__ import annotations

import pytest

from write_rotation import DRAWING, GUIDE, drawing, guide, timeline


def test_the_guide_and_its_drawing_have_the_times_of_the_code() -> None:
    page, found = GUIDE.read_text(encoding="utf-8"), timeline()
    assert guide(page, found) == page, "run make guide"
    assert drawing(found) == DRAWING.read_text(encoding="utf-8"), "run make guide"


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no place for the timeline"):
        guide("# Rotation\n", timeline())
