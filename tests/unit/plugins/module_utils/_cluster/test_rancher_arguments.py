# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The merge of defaults and lines, against the cases that k3s itself is tested with, and a restatement of the rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_arguments import Line, line, merged

DEFAULTS = {"aaa": "A", "bbb": "B"}


# The first four are cases of https://github.com/k3s-io/k3s/blob/master/pkg/util/args_test.go
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ccc=C", "bbb=BB"], "aaa=A bbb=BB ccc=C"),
        (["--ccc=C", "--bbb=DD", "--bbb=AA"], "aaa=A bbb=DD bbb=AA ccc=C"),
        (["ccc=C", "bbb-=DD"], "aaa=A bbb=DD bbb=B ccc=C"),
        (["--ccc=C", "--bbb+=DD"], "aaa=A bbb=B bbb=DD ccc=C"),
        ([], "aaa=A bbb=B"),
        (["bbb=X", "bbb-=N"], "aaa=A bbb=N bbb=X"),
        (["bbb-=X", "bbb-=Y"], "aaa=A bbb=Y bbb=X bbb=B"),
        (["bbb+=X", "bbb=Y"], "aaa=A bbb=B bbb=X bbb=Y"),
        (["ccc-=X", "ccc=Y"], "aaa=A bbb=B ccc=X ccc=Y"),
        (["v", "aaa=x=y"], "aaa=x=y bbb=B v=true"),
        (["aaa="], "aaa= bbb=B"),
    ],
)
def test_lines_take_the_place_of_defaults_or_go_in_front_or_behind(lines, expected):
    assert merged(DEFAULTS, map(line, lines)) == [f"--{flag}" for flag in expected.split(" ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", Line("a", "", "b")),
        ("--a+=b-=c", Line("a", "+", "b-=c")),
        ("a-b-=", Line("a-b", "-", "")),
        ("a+-=x", Line("a", "-", "x")),
        ("a+", Line("a", "+", "true")),
    ],
)
def test_a_line_has_a_name_a_sign_and_a_value(text, expected):
    assert line(text) == expected


LINES = st.lists(st.builds(Line, st.sampled_from("abc"), st.sampled_from(["", "+", "-"]), st.text("xyz=", max_size=3)))


@given(LINES)
def test_nothing_is_lost_but_a_default_that_a_plain_line_replaces(lines):
    defaults = {"a": "default", "d": "other"}
    expected = []
    for name in "abcd":
        mine = [each for each in lines if each.name == name]
        default = [defaults[name]] if name in defaults and (not mine or mine[0].sign) else []
        in_front = [each.value for each in reversed(mine) if each.sign == "-"]
        behind = [each.value for each in mine if each.sign != "-"]
        expected += [f"--{name}={value}" for value in in_front + default + behind]
    assert merged(defaults, lines) == expected


@given(LINES)
def test_a_line_that_is_written_reads_as_the_same(lines):
    assert [line(each.text) for each in lines] == lines
