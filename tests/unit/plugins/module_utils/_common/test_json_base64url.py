# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that Python's own readers accept and that are not JSON or base64url by their RFCs."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import decode_base64url, parse_json


def test_parse_json_returns_the_value():
    assert parse_json('{"keys": [1, null, "a"]}') == {"keys": [1, None, "a"]}


@pytest.mark.parametrize(
    "text",
    ["", "{", "{'keys': 1}", "NaN", '{"x": -Infinity}', "[" * 100_000, "1" * 10_000],
    ids=["empty", "cut", "Python", "NaN", "infinity", "too deep", "huge number"],
)
def test_parse_json_refuses_text_that_is_not_json(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


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
