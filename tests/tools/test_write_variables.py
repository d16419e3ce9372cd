# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import write_variables


@pytest.mark.parametrize(("file", "role", "make_table"), write_variables.TABLES)
def test_table_is_up_to_date_with_the_argument_specification(
    file: Path, role: str, make_table: Callable[[write_variables.Options], str]
) -> None:
    """If it is not, run `make guide`."""
    written = file.read_text(encoding="utf-8")
    contents = make_table(write_variables.load_options(role))
    assert written == write_variables.with_table(written, role, contents)


@pytest.mark.parametrize("role", write_variables.ROLES)
@pytest.mark.parametrize("make_table", [write_variables.short_table, write_variables.full_table])
def test_table_has_one_row_for_each_variable(role: str, make_table: Callable[[write_variables.Options], str]) -> None:
    options = write_variables.load_options(role)
    assert re.findall(r"^\| `(\w+)` \|", make_table(options), re.MULTILINE) == list(options)


def test_full_table_has_a_row_for_each_member_of_an_item() -> None:
    member = {"type": "str", "description": ["Its name."], "required": True}
    accounts = {"type": "list", "elements": "dict", "description": ["Accounts."], "options": {"name": member}}
    rows = write_variables.full_table({"accounts": accounts}).splitlines()[2:]
    assert rows == [
        "| `accounts` | list of dict | Accounts. | |",
        "| `accounts[].name` | str | Its name. | required |",
    ]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Path on O(irsa_issuer_key_host).", "Path on `irsa_issuer_key_host`."),
        ("Opens C(*/keys.json),\nwhere V(*) matches any text.", "Opens `*/keys.json`, where `*` matches any text."),
        ("Defaults to C(https://<bucket host>[/<prefix>]).", "Defaults to `https://<bucket host>[/<prefix>]`."),
        ("One of C(f(x|y)) and <none>.", "One of `f(x\\|y)` and \\<none\\>."),
        ("Audiences (client IDs), as ID(s).", "Audiences (client IDs), as ID(s)."),
        ("See role P(a.b.c#role).", "See role `a.b.c`."),
    ],
)
def test_markup_of_ansible_becomes_markdown(description: str, expected: str) -> None:
    assert write_variables.markdown(description) == expected


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"required": True}, "required"),
        ({}, ""),
        ({"default": False}, "`false`"),
        ({"default": "0600"}, "`'0600'`"),
        ({"default": ["sts.amazonaws.com"]}, "`[sts.amazonaws.com]`"),
        ({"default": {}}, "`{}`"),
        ({"default": ["a long text"] * 20}, f"`[{', '.join(['a long text'] * 20)}]`"),
    ],
)
def test_default_is_shown_as_yaml(option: dict[str, object], expected: str) -> None:
    assert write_variables.default(option) == expected


def test_document_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        write_variables.with_table("<!-- begin: variables of irsa_issuer -->", "irsa_issuer", "")
