# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that this collection does not use, and names of tests that say nothing on their own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

# Each with what to write instead.
WORDS = {
    "stranger": "anonymous",
    "somebody": "another process, another user",
    "whoever": "the one who",
    "anew": "again",
    "room": "folder, module_utils",
    "doomed": "to be deleted",
    "foretold": "predicted",
    "wanted": "expected",
    "else than": "other than",
}
_PRIVATE = re.compile(rf"\b({'|'.join(WORDS)})s?\b", re.IGNORECASE)

# A CI log names the function, and not the class or the file that would be the subject of these verbs.
_CONTINUED = re.compile(
    r"test_(are|is|was|says?|changes|has|lists|draws|tells|keeps|leaves|finds|goes|ends|comes|makes|shows|warns|writes"
    r"|those|these)_"
)


def word_faults(files: Iterable[Path], root: Path) -> Iterator[str]:
    """Lines that use such a word."""
    for file in sorted(files):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for found in _PRIVATE.finditer(line):
                instead = WORDS[found[1].lower()]
                yield f"{file.relative_to(root)}:{number}: instead of {found[0]!r} write: {instead}"


def name_faults(files: Iterable[Path], root: Path) -> Iterator[str]:
    """Test functions whose name lacks its subject."""
    for file in sorted(files):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            if isinstance(node, ast.FunctionDef) and _CONTINUED.match(node.name):
                yield f"{file.relative_to(root)}:{node.lineno}: {node.name} does not say what it is about"
