# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every case from the field has tests, and they exist."""

from __future__ import annotations

from pathlib import Path

import field_cases

ROOT = Path(__file__).parents[2]


def test_each_case_names_tests_that_exist() -> None:
    text = (ROOT / "tests/field/README.md").read_text(encoding="utf-8")
    found = field_cases.cases(text).keys()
    assert {f"U{number}" for number in range(1, 33)} <= found and len(found) >= 80
    assert list(field_cases.faults(text, ROOT)) == []


def test_a_missing_test_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text("class TestIt:\n    def test_one(self): ...\n\ndef test_two(): ...\n")
    table = (
        "| 1 | right | `tests/test_it.py::TestIt::test_one`, `tests/test_it.py::test_two` |\n"
        "| H2 | right | `tests/test_it.py::test_gone` |\n"
        "| 3b | right | to be written |\n"
        "| U4 | right | no test: the page for it says how |\n"
        "| U5 | right | no test: |\n"
    )
    assert list(field_cases.faults(table, tmp_path)) == [
        "case H2: tests/test_it.py has no test_gone",
        "case 3b names no test",
        "case U5 names no test",
    ]
