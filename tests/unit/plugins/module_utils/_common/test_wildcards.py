# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wildcards of AWS policies, compared with regular expressions."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits


def test_long_patterns_are_matched_in_no_time():
    """A backtracking matcher would need longer for each of these than the universe exists."""
    assert not fits("*a" * 200 + "b", "a" * 5000)
    assert fits("*" * 200 + "a", "a" * 5000)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_wildcards_match_like_a_regular_expression(pattern, text):
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    assert fits(pattern, text) == (re.fullmatch(expression, text, re.DOTALL) is not None)
