# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts and names are in plain English."""

from __future__ import annotations

from pathlib import Path

import pytest

from copy_collection import source_files
from wording import WORDS, name_faults, word_faults

REPOSITORY = Path(__file__).resolve().parents[2]
# They hold these words as data, or quote others.
QUOTING = {"tests/tools/wording.py", "tests/tools/test_wording.py", "LICENSE"}


def files(*endings: str) -> list[Path]:
    """Sources of the repository with one of these endings, or all text."""
    return [
        REPOSITORY / name
        for name in source_files(REPOSITORY)
        if str(name) not in QUOTING
        and name.parts[0] not in ("LICENSES", "changelogs")
        and (name.suffix in endings if endings else name.suffix not in (".svg", ".png", ".gz"))
        and not (REPOSITORY / name).is_symlink()
    ]


def planted(tmp_path: Path, text: str) -> list[Path]:
    file = tmp_path / "planted.py"
    file.write_text(text, encoding="utf-8")
    return [file]


def test_no_text_uses_private_words() -> None:
    assert list(word_faults(files(), REPOSITORY)) == []


def test_every_test_has_a_name_that_stands_alone() -> None:
    tests = [file for file in files(".py") if file.name.startswith("test_")]
    assert len(tests) > 100
    assert list(name_faults(tests, REPOSITORY)) == []


@pytest.mark.parametrize("word", [*WORDS, *(f"{word}s" for word in WORDS), "Somebody"])
def test_a_private_word_is_a_fault(tmp_path: Path, word: str) -> None:
    (found,) = word_faults(planted(tmp_path, f"x = 1\n# for {word}: y"), tmp_path)
    assert found.startswith(f"planted.py:2: instead of {word!r} write: ")


@pytest.mark.parametrize("text", ["mushroom", "unwanted", "renewed", "classroom = 1"])
def test_a_word_that_contains_a_private_one_is_not_a_fault(tmp_path: Path, text: str) -> None:
    assert list(word_faults(planted(tmp_path, text), tmp_path)) == []


@pytest.mark.parametrize("name", ["test_is_refused", "test_warns_of_nothing", "test_those_for_people_get_lines"])
def test_a_name_without_a_subject_is_a_fault(tmp_path: Path, name: str) -> None:
    source = f"class TestPlan:\n    def {name}(self):\n        pass\n"
    assert list(name_faults(planted(tmp_path, source), tmp_path)) == [
        f"planted.py:2: {name} does not say what it is about"
    ]


def test_a_name_with_a_subject_is_not_a_fault(tmp_path: Path) -> None:
    source = "def test_a_plan_is_refused(): pass\ndef test_island_names(): pass\ndef is_refused(): pass\n"
    assert list(name_faults(planted(tmp_path, source), tmp_path)) == []
