# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be copied from a text stands alone, and works when it is pasted."""

from __future__ import annotations

import json
import shlex

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import (
    copyable,
    copyable_members,
    copyable_variable,
    lines_of,
    pieces_of,
)

COMMAND = (
    "ansible-playbook selfhosted.irsa.provision -e irsa_issuer_bucket=example-irsa -e irsa_issuer_region=eu-west-1 "
    "-e irsa_issuer_key_path=KEY"
)
PATCH = """kubectl --namespace a patch secret b --type json --patch '[{"op": "remove", "path": "/a -b/c"}]'"""


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Wait a minute.", [("Wait a minute.", False)]),
        (
            "Run `x`. Then `y`, or wait.",
            [("Run", False), ("x", True), ("Then", False), ("y", True), ("or wait.", False)],
        ),
        ("Run `x`.", [("Run", False), ("x", True)]),
        ("A ` alone.", [("A ` alone.", False)]),
        ("", []),
    ],
)
def test_a_text_is_taken_apart(text, pieces):
    assert list(pieces_of(text)) == pieces


@pytest.mark.parametrize("command", [COMMAND, PATCH])
@pytest.mark.parametrize("width", [20, 60, 78, 200])
def test_a_long_command_is_broken_so_that_a_shell_reads_it_as_one(command, width):
    lines = lines_of(command, width)
    # A shell removes a backslash in front of a line end, and shlex does not.
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert (len(lines) == 1) == (len(command) <= width)


def test_members_of_a_json_object_are_indented():
    value = {"Condition": {"StringEquals": {"a:aud": "b `c`"}}}
    (piece,) = pieces_of(copyable_members(value))
    lines = lines_of(piece.text, 60)
    assert json.loads(f"{{{' '.join(lines)}}}") == value
    assert lines[:2] == ['"Condition": {', '  "StringEquals": {']


def test_a_variable_is_one_line_without_marks_of_others():
    (piece,) = pieces_of(copyable_variable("x", ["a", "`b`"]))
    assert lines_of(piece.text, 10) == ['x: ["a", "\\u0060b\\u0060"]']


def test_what_has_the_mark_in_it_is_not_marked():
    assert copyable("a `b`") == "a `b`"
