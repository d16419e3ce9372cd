# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages for users: short enough, not too wide, and with links that lead somewhere in the tarball, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from guide_blocks import REPOSITORY, pages

PAGES = pages()
_LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: list[str] = []
    for heading in _HEADING.findall(_CODE.sub("", page)):
        text = re.sub(r"\]\([^)]*\)", "", heading).lower()
        found.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return set(found)


def link_faults(page: Path, root: Path, ignored: list[str]) -> Iterator[str]:
    """Links of a page to what does not exist, or is not in the tarball."""
    for target, anchor in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        file = (page.parent / target).resolve() if target else page
        if not file.is_relative_to(root) or not file.exists():
            yield f"{page.name}: {target} does not exist"
        elif any(fnmatch(part, pattern) for part in file.relative_to(root).parts for pattern in ignored):
            yield f"{page.name}: {target} is not in the tarball"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{page.name}: {target}#{anchor} does not exist"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere_in_the_tarball(page: str) -> None:
    ignored = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    assert list(link_faults(REPOSITORY / page, REPOSITORY, ignored)) == []


@pytest.mark.parametrize("page", PAGES)
def test_code_needs_no_scrolling(page: str) -> None:
    """Output and drawings are as wide as they are."""
    blocks = [block for block in PAGES[page] if block.language != "text" or page == "README.md"]
    assert [f"{block.name}: {line}" for block in blocks for line in block.text.splitlines() if len(line) > 100] == []


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.md").touch()
    (tmp_path / "b.md").write_text("# What `is` it, [really](c.md)?\n")
    page = tmp_path / "README.md"
    page.write_text(
        "# Title\n[a](#title) [b](b.md#what-is-it-really) [c](https://x.example/c)\n```yaml\n# [d](d)\n```\n"
        "[e](gone.md) [f](tests/a.md) [g](b.md#gone) [h](#gone) [i](../x.md)\n"
    )
    assert list(link_faults(page, tmp_path, ["tests", ".*"])) == [
        "README.md: gone.md does not exist",
        "README.md: tests/a.md is not in the tarball",
        "README.md: b.md#gone does not exist",
        "README.md: #gone does not exist",
        "README.md: ../x.md does not exist",
    ]
