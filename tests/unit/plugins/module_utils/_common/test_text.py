# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Untrusted values in messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sts.amazonaws.com", "'sts.amazonaws.com'"),
        ("two\nlines \x1b[31m", "'two\\nlines \\x1b[31m'"),
        ("\ud800", "'\\ud800'"),
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (0, "0"),
        (1.5, "1.5"),
        ([], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_quoted_value(value, text):
    assert quoted(value) == text


def test_quoted_cuts_long_text():
    assert quoted("x" * 400) == f"'{'x' * 300}'…"


def test_listed_shows_the_first_of_many_values():
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(range(12)).endswith("9 and 2 more")


@given(JSON)
def test_quoted_is_one_printable_line(value):
    text = quoted(value)
    assert text.isprintable() and text.encode()
    assert len(text) < 3100
