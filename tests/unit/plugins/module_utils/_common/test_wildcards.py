# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wildcards of AWS policies, compared with regular expressions and with fnmatch."""

from __future__ import annotations

import fnmatch
import re

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import fits


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "anything/at:all", True),
        ("?", "a", True),
        ("?", "", False),
        ("?", "ab", False),
        ("a*c", "abbc", True),
        ("a*c", "abcb", False),
        ("*/keys.json", "prod/keys.json", True),
        ("*/keys.json", "keys.json", False),
        ("system:serviceaccount:*:app", "system:serviceaccount:shop:app", True),
        ("[a-c]", "b", False),
        ("[a-c]", "[a-c]", True),
        ("A", "a", False),
        ("a\n*", "a\nb", True),
    ],
)
def test_patterns_cover_the_whole_text(pattern, text, is_match):
    assert fits(pattern, text) is is_match


@hypothesis.given(st.text("ab*?[]!.\n", max_size=8), st.text("ab*?[]!.\n", max_size=8))
def test_patterns_match_like_regular_expressions(pattern, text):
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    assert fits(pattern, text) == bool(re.fullmatch(expression, text, re.DOTALL))


@hypothesis.given(st.text("ab*?", max_size=8), st.text("abAB", max_size=8))
def test_patterns_match_like_fnmatch_without_its_character_sets(pattern, text):
    assert fits(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize("text", ["a" * 5000, "a" * 5000 + "b"])
def test_hostile_patterns_take_little_time(text):
    assert fits("*a" * 200 + "*b", text) is text.endswith("b")
