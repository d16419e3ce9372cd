# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an import by Galaxy is a fault."""

from __future__ import annotations

from typing import Any

import pytest

from check_import import faults

STRINGS: dict[str, Any] = {"doc": {"a": 1}, "examples": "a", "return": {"a": 1}}
SOUND: list[dict[str, Any]] = [
    {"content_type": "module", "content_name": "a", "doc_strings": STRINGS, "readme_html": None},
    {"content_type": "filter", "content_name": "b", "doc_strings": STRINGS, "readme_html": None},
    {"content_type": "module_utils", "content_name": "c", "doc_strings": None, "readme_html": None},
    {"content_type": "role", "content_name": "d", "doc_strings": None, "readme_html": "<p>"},
]


def imported(*contents: dict[str, Any]) -> dict[str, Any]:
    return {"docs_blob": {"contents": [*contents]}}


def test_a_sound_import_has_no_faults() -> None:
    assert list(faults("Loading module a\n", imported(*SOUND))) == []


@pytest.mark.parametrize("line", ["ERROR: Error running ansible-doc: unknown doc_fragment(s)", "WARNING: no changelog"])
def test_what_the_importer_complains_about_is_a_fault(line: str) -> None:
    assert list(faults(f"Loading\n{line}\n", imported(*SOUND))) == [line]


@pytest.mark.parametrize("strings", [None, {}, {**STRINGS, "doc": None}, {**STRINGS, "examples": ""}])
def test_a_module_without_documentation_is_a_fault(strings: dict[str, Any] | None) -> None:
    found = list(faults("", imported({**SOUND[0], "doc_strings": strings})))
    assert found
    assert all(fault.startswith("module a: ") for fault in found)


def test_an_import_of_nothing_is_a_fault() -> None:
    assert list(faults("", {})) == ["the importer found nothing"]
    assert list(faults("", imported({**SOUND[3], "readme_html": ""}))) == ["role d: Galaxy would show no README"]
