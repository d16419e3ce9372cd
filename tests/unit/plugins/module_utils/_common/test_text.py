# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Untrusted values in messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import (
    listed,
    printable,
    printable_lines,
    quoted,
    shown,
)

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


COMMANDS = (
    "##vso[task.setvariable variable=x]y",
    "##[error]x",
    "##teamcity[message]",
    "::error::x",
    "::error file=a.py,line=1::x",
    "::add-mask::x",
    "::set-output name=a::x",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "before", ["", "text ", "x" * 79, "line\n"], ids=["alone", "after text", "wrapped", "next line"]
)
def test_commands_for_ci_systems_are_escaped(command, before):
    for safe in (quoted(before + command), printable(before + command), printable_lines(before + command)):
        assert command[:5] not in safe
        assert "\\x23#" in safe or "\\x3a:" in safe


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::123456789012:oidc-provider/host",
        "arn:aws:s3:::bucket/keys.json and arn:aws:s3:::other",
        "[2001:db8::1]:443",
        "## A heading",
    ],
)
def test_ordinary_texts_stay_as_they_are(text):
    assert printable(text) == text
    assert quoted(text) == f"'{text}'"


@pytest.mark.parametrize(
    "character", ["\x1b", "\x85", "\u2028", "\u2029", "\u202e", "\u200b", "\x07", "\x7f", "\ud800", "\r"]
)
def test_characters_that_a_terminal_obeys_are_escaped(character):
    for safe in (quoted(f"a{character}b"), printable(f"a{character}b"), printable_lines(f"a{character}b")):
        assert character not in safe and safe.isprintable()


def test_lines_stay_lines_and_a_long_message_is_cut():
    assert printable_lines("a\nb\x1b\n") == "a\nb\\x1b\n"
    assert shown("a\nb") == "a b"
    assert shown("x" * 10, 4) == "xxxx…"
    assert len(shown("x" * 10**6)) < 10_000
