# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/rotation.svg and the table of times in docs/rotation.md from the rules that the role goes by."""

from __future__ import annotations

import importlib
import re
import sys
import types
from typing import Any

import draw_rotation
from write_variables import REPOSITORY

GUIDE = REPOSITORY / "docs" / "rotation.md"
DRAWING = REPOSITORY / "docs" / "rotation.svg"
_COLLECTION = "ansible_collections.selfhosted.irsa"
_RULES = f"{_COLLECTION}.plugins.module_utils"
_PART = re.compile(r"(<!-- begin: timeline, [^\n]*-->\n).*?(<!-- end: timeline -->)", re.DOTALL)


def load(name: str) -> Any:
    """Import a module of the collection, also without Ansible, which would find the collection."""
    try:
        return importlib.import_module(f"{_RULES}.{name}")
    except ModuleNotFoundError:
        for package in ("ansible_collections", "ansible_collections.selfhosted", _COLLECTION):
            module = sys.modules.setdefault(package, types.ModuleType(package))
            module.__path__ = [str(REPOSITORY)] if package == _COLLECTION else []
        return importlib.import_module(f"{_RULES}.{name}")


def timeline() -> Any:
    """Return the rotation with the default variables."""
    return load("_rotation.timeline").timeline(load("_rotation.settings").Settings())


def drawing(found: Any) -> str:
    return draw_rotation.svg({moment.phase: moment.at for moment in found.moments}, found.bars)


def table(found: Any) -> str:
    """Return when each phase may be done at the earliest, and what it waits for, as Markdown."""
    duration = load("_common.moments").duration
    rows = ["", "| phase | at the earliest | after the wait of |", "|---|---|---|"]
    for moment in found.moments:
        at = duration(moment.at) + " after `prepare`" if moment.at else "at once"
        wait = f"`{moment.wait[0]}`: {duration(moment.wait[1])}" if moment.wait else ""
        rows.append(f"| `{moment.phase}` | {at} | {wait} |")
    return "\n".join([*rows, "", ""])


def guide(page: str, found: Any) -> str:
    """Return the guide with its table. Raises ValueError if it has no place for it."""
    changed, count = _PART.subn(lambda part: part[1] + table(found) + part[2], page)
    if count != 1:
        raise ValueError(f"There is no place for the timeline in {GUIDE}")
    return changed


def main() -> None:
    found = timeline()
    DRAWING.write_text(drawing(found), encoding="utf-8")
    GUIDE.write_text(guide(GUIDE.read_text(encoding="utf-8"), found), encoding="utf-8")
