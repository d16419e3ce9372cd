# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of add-ons and the files beside them, with the settings that a reader takes from the pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from guide_blocks import REPOSITORY, pages

FOLDER = REPOSITORY / "docs" / "add-ons"
OVERVIEW = FOLDER / "README.md"
PAGES = sorted(set(FOLDER.glob("*.md")) - {OVERVIEW})
VALUES = sorted(FOLDER.glob("*-values.yml"))
# Variables for role irsa_service_accounts.
VARIABLES = sorted(set(FOLDER.glob("*.yml")) - set(VALUES))

BLOCKS = {page: pages()[str(page.relative_to(REPOSITORY))] for page in [OVERVIEW, *PAGES]}


def page_of(file: Path) -> Path:
    """Return the page that a file belongs to: that of the longest name with which the file's begins."""
    return max((page for page in PAGES if file.stem.startswith(page.stem)), key=lambda page: len(page.stem))


def settings() -> dict[str, Any]:
    """Return what all pages together have the reader write into add-ons.yml."""
    found: dict[str, Any] = {}
    for blocks in BLOCKS.values():
        for block in blocks:
            if block.file == "add-ons.yml":
                (document,) = block.documents
                found |= document
    return found


def needed(file: Path) -> set[str]:
    """Return the variables that a file needs."""
    words = re.findall(
        r"'[^']*'|(\w+)", " ".join(re.findall(r"{{(.*?)}}", file.read_text(encoding="utf-8"), re.DOTALL))
    )
    return set(words) & settings().keys()
