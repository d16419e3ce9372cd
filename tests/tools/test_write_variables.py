# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest

import write_variables


@pytest.mark.parametrize(
    "file", write_variables.FILES, ids=lambda file: str(file.relative_to(write_variables.REPOSITORY))
)
def test_table_is_up_to_date_with_the_argument_specification(file: Path) -> None:
    """If it is not, run `make guide`."""
    written = file.read_text(encoding="utf-8")
    contents = write_variables.FILES[file](write_variables.load_options())
    assert written == write_variables.with_table(written, contents)


@pytest.mark.parametrize("make_table", [write_variables.short_table, write_variables.full_table])
def test_table_has_one_row_for_each_variable(make_table: object) -> None:
    options = write_variables.load_options()
    assert callable(make_table)
    assert re.findall(r"^\| `(\w+)` \|", make_table(options), re.MULTILINE) == list(options)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Path on O(irsa_issuer_key_host).", "Path on `irsa_issuer_key_host`."),
        ("Opens C(*/keys.json),\nwhere V(*) matches any text.", "Opens `*/keys.json`, where `*` matches any text."),
        ("Defaults to C(https://<bucket host>[/<prefix>]).", "Defaults to `https://<bucket host>[/<prefix>]`."),
        ("One of C(f(x|y)) and <none>.", "One of `f(x\\|y)` and \\<none\\>."),
        ("Audiences (client IDs), as ID(s).", "Audiences (client IDs), as ID(s)."),
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
    ],
)
def test_default_is_shown_as_yaml(option: dict[str, object], expected: str) -> None:
    assert write_variables.default(option) == expected


def test_document_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        write_variables.with_table(f"{write_variables.BEGIN} and no end", "")
