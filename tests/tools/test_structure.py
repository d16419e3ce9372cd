# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, functions and signatures of plugins stay small."""

from __future__ import annotations

from pathlib import Path

import pytest

from structure import faults

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

DOCUMENTED = "DOCUMENTATION = '''\n{0}'''\nEXAMPLES = '''\n{0}'''\nRETURN = '''\n{0}'''\n".format("a: b\n" * 200)


def faults_of(tmp_path: Path, source: str, file: str = "modules/planted.py") -> list[str]:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    return list(faults(tmp_path))


def function(lines: int, head: str = "def planted():") -> str:
    """A function of so many lines, its docstring included."""
    return f'{head}\n    """Do nothing."""\n' + "    pass\n" * (lines - 2)


def test_plugins_stay_small() -> None:
    assert list(faults(PLUGINS)) == []


def test_a_file_of_300_lines_besides_documentation_is_allowed(tmp_path: Path) -> None:
    assert faults_of(tmp_path, DOCUMENTED + "x = 1\n" * 300) == []


@pytest.mark.parametrize("before", ["", DOCUMENTED], ids=["undocumented", "documented"])
def test_a_file_of_301_lines_is_a_fault(tmp_path: Path, before: str) -> None:
    (found,) = faults_of(tmp_path, before + "x = 1\n" * 301)
    assert found == "modules/planted.py has 301 lines besides documentation; at most 300 are allowed"


def test_the_catalogue_of_checks_may_be_longer(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "x = 1\n" * 301, "module_utils/_verify/catalogue.py") == []


def test_documentation_in_a_fragment_does_not_count(tmp_path: Path) -> None:
    block = "DOCUMENTATION = '''\n" + "a: b\n" * 400 + "'''\n"
    source = "class ModuleDocFragment:\n" + "".join(f"    {line}\n" for line in block.splitlines())
    assert faults_of(tmp_path, source, "doc_fragments/_planted.py") == []


@pytest.mark.parametrize("file", ["module_utils/_aws/planted.py", "action/planted.py", "plugin_utils/_planted.py"])
def test_documentation_where_ansible_reads_none_counts(tmp_path: Path, file: str) -> None:
    (found,) = faults_of(tmp_path, DOCUMENTED + "x = 1\n" * 300, file)
    assert found == f"{file} has 906 lines besides documentation; at most 300 are allowed"


def test_data_that_is_named_as_documentation_counts(tmp_path: Path) -> None:
    (found,) = faults_of(tmp_path, "RETURN = [\n" + "    1,\n" * 300 + "]\n")
    assert found == "modules/planted.py has 302 lines besides documentation; at most 300 are allowed"


@pytest.mark.parametrize("file", ["modules/planted.py", "lookup/planted.py", "filter/planted.py"])
def test_documentation_of_a_plugin_does_not_count(tmp_path: Path, file: str) -> None:
    assert faults_of(tmp_path, DOCUMENTED + "x = 1\n" * 300, file) == []


def test_a_function_of_40_lines_is_allowed(tmp_path: Path) -> None:
    assert faults_of(tmp_path, function(40)) == []


def test_a_function_of_41_lines_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults_of(tmp_path, function(41))
    assert found == "modules/planted.py:1: planted has 41 lines; at most 40 are allowed"


def test_decorators_count_as_lines_of_a_function(tmp_path: Path) -> None:
    (found,) = faults_of(tmp_path, "import functools\n\n\n@functools.cache\n" + function(40))
    assert found == "modules/planted.py:4: planted has 41 lines; at most 40 are allowed"


def test_a_method_and_a_nested_function_can_be_too_long(tmp_path: Path) -> None:
    method = "class A:\n" + "".join(f"    {line}\n" for line in function(41, "def planted(self):").splitlines())
    assert len(faults_of(tmp_path / "method", method)) == 1
    nested = "def outer():\n" + "".join(f"    {line}\n" for line in function(41).splitlines())
    assert [fault.split()[1] for fault in faults_of(tmp_path / "nested", nested)] == ["outer", "planted"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def planted(a, b, c): ...", None),
        ("def planted(a, b, c, *, d, e): ...", None),
        ("def planted(a, b, c, *d, **e): ...", None),
        ("def planted(a, b, c, d): ...", 4),
        ("def planted(a, b, /, c, d=1): ...", 4),
        ("async def planted(a, b, c, d): ...", 4),
        ("def outer():\n    def planted(a, b, c, d): ...", 4),
        ("class A:\n    def planted(self, a, b, c): ...", None),
        ("class A:\n    def planted(self, a, b, c, d): ...", 4),
        ("class A:\n    @classmethod\n    def planted(cls, a, b, c): ...", None),
        ("class A:\n    @classmethod\n    def planted(cls, a, b, c, d): ...", 4),
        ("class A:\n    @staticmethod\n    def planted(a, b, c): ...", None),
        ("class A:\n    @staticmethod\n    def planted(a, b, c, d): ...", 4),
    ],
)
def test_a_fourth_positional_parameter_is_a_fault(tmp_path: Path, source: str, count: int | None) -> None:
    found = faults_of(tmp_path, source)
    wording = f"planted has {count} positional parameters; at most 3 are allowed before *"
    assert [fault.split(": ", 1)[1] for fault in found] == ([wording] if count else [])
