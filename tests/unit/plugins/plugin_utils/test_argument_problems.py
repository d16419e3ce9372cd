# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems with types of variables, as this ansible-core reports them, in words for users."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._argument_problems import in_plain_words, not_text


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({"type": "float"}, "soon", "x is not a number."),
        ({"type": "int"}, "1.5", "x is not a whole number."),
        ({"type": "bool"}, "perhaps", "x is not true or false."),
        ({"type": "dict"}, 5, "x is not a dictionary."),
        ({"type": "list"}, {"a": 1}, "x is not a list."),
        ({"type": "list", "elements": "dict"}, ["text"], "x is not a list in which each item is a dictionary."),
        ({"type": "list", "elements": "int"}, ["a"], "x is not a list in which each item is a whole number."),
    ],
)
def test_a_wrong_type_is_a_sentence_about_the_variable(spec, value, expected):
    assert in_plain_words(ArgumentSpecValidator({"x": spec}).validate({"x": value}).error_messages) == [expected]


def test_what_is_clear_already_stays():
    found = ArgumentSpecValidator({"x": {"choices": ["a"]}, "y": {"required": True}}).validate({"x": "b"})
    assert in_plain_words(found.error_messages) == found.error_messages


def test_a_list_or_a_dictionary_is_no_text():
    spec = {"file": {"type": "path"}, "name": {"type": "str"}, "any": {"type": "raw"}, "many": {"type": "list"}}
    given = {"file": ["a.key"], "name": {"secret": "value"}, "any": ["a"], "many": ["a"], "unknown": ["a"]}
    assert not_text(spec, given) == [
        "file is a list; expected a single text.",
        "name is a dictionary; expected a single text.",
    ]
    assert not_text(spec, {"file": "a", "name": 1, "any": {}}) == []
