# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of distributions say the same things in the same order, and the table of support lists all of them.

What their snippets lead to is judged in tests/integration/test_distribution_snippets.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guide_blocks import REPOSITORY, specifications

FOLDER = REPOSITORY / "docs" / "distributions"
OVERVIEW = FOLDER / "README.md"
PAGES = sorted(set(FOLDER.glob("*.md")) - {OVERVIEW})
CHOICES = specifications()["irsa_apiserver_distribution"]["choices"]

HEADINGS = ["New cluster", "Running cluster", "What restarts", "Joining servers", "Going back"]
# Further headings, behind the others.
MORE = {"other.md": ["What is not possible"]}

# The values of irsa_apiserver_distribution that a page is about, where its name does not say so.
VALUES = {
    "cluster-api.md": ["cluster_api"],
    "local-clusters.md": ["kind", "k3d", "minikube"],
    "other.md": ["generic"],
}


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def table() -> dict[str, list[str]]:
    """The cells of the table of support by the value of the variable, which its first cell is."""
    section = text(OVERVIEW).partition("\n## What is supported\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def first_sentence(file: Path) -> str:
    """The text below the title, up to the first full stop that ends a sentence."""
    return text(file).partition("\n# ")[2].split("\n", 2)[2].partition(". ")[0]


def values(file: Path) -> list[str]:
    return VALUES.get(file.name, [file.stem])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_the_same_headings(page: Path) -> None:
    found = re.findall(r"^## (.*)$", text(page), re.MULTILINE)
    assert found == HEADINGS + MORE.get(page.name, [])


def test_the_table_of_support_lists_every_distribution() -> None:
    assert sorted(["auto", *table()]) == sorted(CHOICES)


def test_every_distribution_has_a_page() -> None:
    assert sorted(value for page in PAGES for value in values(page)) == sorted(table())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_begins_with_how_it_is_done_as_the_table_says(page: Path) -> None:
    how, rest = first_sentence(page).split(": ", 1)
    assert {how.lower()} == {table()[value][1] for value in values(page)}
    assert rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_overview_links_every_page(page: Path) -> None:
    assert f"]({page.name})" in text(OVERVIEW)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_live_distribution_is_found_and_any_other_one_is_named(page: Path) -> None:
    named = set(re.findall(r"irsa_apiserver_distribution: (\w+)", text(page)))
    if table()[values(page)[0]][1] == "live":
        assert not named
        assert "`auto` finds" in text(page)
    else:
        assert named
        assert named <= set(values(page))
