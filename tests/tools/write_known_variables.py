# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the names of all variables that roles and playbooks read, with which misspelt ones are found.

They are the options of the roles' argument specifications and of module irsa_verify, and every other name in the YAML
of roles and playbooks and in the strings of their plugins: parameters of playbooks, and results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from write_variables import REPOSITORY, ROLES, VERIFY, load_options

FILE = REPOSITORY / "plugins" / "plugin_utils" / "_known_variables.py"

# The start of a variable that belongs to one role or to playbook verify.
PREFIXES = sorted([*(f"{role}_" for role in ROLES), "irsa_verify_"])

# A word of its own, as in an expression, and not a part of a module's full name or of an internal variable.
_WORD = re.compile(r"(?<![\w.])irsa_[a-z0-9_]+\b(?!\.yml|[*<])")
_LITERAL = re.compile(r'"(irsa_[a-z0-9_]+)"')
MODULES = {file.stem for file in (REPOSITORY / "plugins" / "modules").glob("irsa_*.py")}


def known_names() -> set[str]:
    """Return every variable that a role or a playbook of the collection knows."""
    documented = (name for role in (*ROLES, VERIFY) for name in load_options(role))
    return {*documented, *_names_elsewhere()} - {*MODULES, *ROLES}


def _names_elsewhere() -> Iterator[str]:
    for folder in ("playbooks", "roles"):
        for file in (REPOSITORY / folder).rglob("*.yml"):
            yield from _WORD.findall(_without_comments(file))
    for folder in ("action", "plugin_utils", "lookup"):
        for file in (REPOSITORY / "plugins" / folder).glob("*.py"):
            if file != FILE:
                yield from _LITERAL.findall(file.read_text(encoding="utf-8"))


def _without_comments(file: Path) -> str:
    return re.sub(r"^ *#.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)


def contents() -> str:
    """Return the text of the file."""
    head = FILE.read_text(encoding="utf-8").partition("\nPREFIXES")[0]
    prefixes = "".join(f'    "{prefix}",\n' for prefix in PREFIXES)
    names = "".join(f'        "{name}",\n' for name in sorted(known_names()))
    return f"{head}\nPREFIXES = (\n{prefixes})\n\nNAMES = frozenset(\n    {{\n{names}    }}\n)\n"


def main() -> None:
    FILE.write_text(contents(), encoding="utf-8")
