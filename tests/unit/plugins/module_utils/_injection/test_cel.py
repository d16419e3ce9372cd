# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Literals of CEL. Their escapes are also Python's, so Python's own parser is the judge.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values
"""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import cel


@given(st.text())
def test_a_literal_is_read_as_its_text(text):
    assert ast.literal_eval(cel.text(text)) == text
    assert cel.text(text).isascii() and cel.text(text).isprintable()


@given(st.lists(st.text()))
def test_a_list_is_read_as_its_texts(texts):
    assert ast.literal_eval(cel.texts(texts)) == texts


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("eu-west-1", "'eu-west-1'"),
        ("' + 'x", r"'\' + \'x'"),
        ("a\\", r"'a\\'"),
        ("line\nline", r"'line\u000aline'"),
        ("é💥", r"'\u00e9\U0001f4a5'"),
    ],
)
def test_a_text_is_escaped_as_the_specification_says(text, literal):
    assert cel.text(text) == literal
