# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of tests/field/README.md: which tests show the right value of which case from the field.

A case that no test can show says what was done instead, after "no test:".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_ROW = re.compile(r"^\| (?P<case>[A-Z]*[0-9]+[a-z]?) \| [^|]+ \| (?P<tests>[^|]+) \|$", re.MULTILINE)
_INSTEAD = re.compile(r"^\| (?P<case>[A-Z]*[0-9]+[a-z]?) \| [^|]+ \| no test: [^|]{20,} \|$", re.MULTILINE)
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>(?:\w+::)?\w+)`")


def cases(text: str) -> dict[str, list[tuple[str, str]]]:
    """The tests of each case, as file and name; a test of a class is named with its class."""
    return {
        row["case"]: [(found["file"], found["name"]) for found in _TEST.finditer(row["tests"])]
        for row in _ROW.finditer(text)
    }


def faults(text: str, root: Path) -> Iterator[str]:
    """Cases without a test, and tests that do not exist."""
    instead = {row["case"] for row in _INSTEAD.finditer(text)}
    for case, tests in cases(text).items():
        if not tests and case not in instead:
            yield f"case {case} names no test"
        for file, name in tests:
            path = root / file
            if not path.is_file() or name not in _names(path):
                yield f"case {case}: {file} has no {name}"


def _names(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names
