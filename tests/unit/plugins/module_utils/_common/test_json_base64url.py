# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that Python's own readers accept and that are not JSON or base64url by their RFCs."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import decode_base64url, parse_json


def test_parse_json_returns_the_value():
    assert parse_json('{"keys": [1, null, "a"]}') == {"keys": [1, None, "a"]}


@pytest.mark.parametrize(
    "text",
    ["", "{", "{'keys': 1}", "NaN", '{"x": -Infinity}', "[" * 100_000, "[" * 101 + "]" * 101, "1" * 10_000, "1e999"],
    ids=["empty", "cut", "Python", "NaN", "infinity", "deep", "too deep", "huge number", "number like infinity"],
)
def test_parse_json_refuses_text_that_is_not_json(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100 + "]" * 100,
        json.dumps("[" * 1000),
        '{"a\\"[[": "]]"}',
        "[" + "[]," * 1000 + "1]",
        "1e308",
        "1.5",
        "-0.0",
    ],
    ids=["100 levels", "brackets in a string", "quote in a string", "neighbors", "large number", "fraction", "zero"],
)
def test_parse_json_accepts_what_json_loads_accepts(text):
    assert parse_json(text) == json.loads(text)


def test_parse_json_refuses_an_endless_string_in_linear_time():
    with pytest.raises(ValueError, match=r"."):
        parse_json('"' + '\\"' * 500_000)


@given(st.binary(min_size=1))
def test_decode_base64url_returns_the_octets(octets):
    assert decode_base64url(base64.urlsafe_b64encode(octets).decode().rstrip("=")) == octets


@pytest.mark.parametrize(
    "text",
    ["", "AAAA=", "AA==", "AA\nAA", "AA+/", "AAAAA", "ÄÖÜA"],
    ids=["empty", "one pad", "two pads", "line break", "other alphabet", "one letter too many", "not ASCII"],
)
def test_decode_base64url_refuses_other_text(text):
    with pytest.raises(ValueError, match="base64"):
        decode_base64url(text)
