# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets are hidden in any value, also in part and spelled in another way."""

from __future__ import annotations

import json
import urllib.parse

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import MASK, Redaction

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYxT3k9zQ"
REDACTION = Redaction([SECRET])


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        lambda text: text[:25],
        lambda text: text[9:],
        lambda text: urllib.parse.quote(text, safe=""),
        lambda text: text.replace("/", "_").replace("+", "-"),
        lambda text: text[:20] + "\n" + text[20:],
        lambda text: repr(text[:20] + "\n" + text[20:]),
        lambda text: json.dumps("\0".join(text)),
        ":".join,
        lambda text: text.lower(),
    ],
    ids=["whole", "begin", "end", "URL", "base64url", "lines", "escaped", "UTF-16", "colons", "lower case"],
)
def test_a_secret_is_hidden_however_it_is_spelled(spell):
    shown = REDACTION.over(f"the value {spell(SECRET)} is refused")
    assert MASK in shown
    assert shown.startswith("the value ") and shown.endswith(" is refused")
    assert SECRET[10:22] not in shown


def test_secrets_are_hidden_at_any_depth_and_in_names():
    value = {"a": [{SECRET: (SECRET, 1, None, True)}], "n": 12345}
    assert REDACTION.over(value) == {"a": [{MASK: [MASK, 1, None, True]}], "n": 12345}


def test_numbers_are_hidden():
    digits = "123456789" * 6
    assert Redaction([digits]).over({"d": int(digits), "e": 65537}) == {"d": MASK, "e": 65537}


def test_several_secrets_in_one_text_are_each_hidden():
    assert REDACTION.over(f"{SECRET} and {SECRET}, not more") == f"{MASK} and {MASK}, not more"


def test_a_short_secret_is_hidden_and_a_very_short_one_is_not():
    assert Redaction(["hunter2hunter2", "abc"]).over("hunter2hunter2 abc") == f"{MASK} abc"


def test_the_boundaries_of_pem_are_no_secret():
    redaction = Redaction([f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"])
    assert redaction.over("give one -----BEGIN RSA PRIVATE KEY-----") == "give one -----BEGIN RSA PRIVATE KEY-----"


@hypothesis.given(st.text())
def test_other_texts_stay_as_they_are(text):
    assert REDACTION.over(text) == text
