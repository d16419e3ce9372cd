# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a role's result and its example from its README into its argument specification, which ansible-doc shows.

An argument specification has no place for results, so they become a part of the description. Both stand between
comments, ``# begin: result`` and ``# end: result``, ``# begin: example`` and ``# end: example``.
"""

from __future__ import annotations

import re
import textwrap

import yaml

from write_variables import REPOSITORY, ROLES

_RESULT = re.compile(
    r"^## Result\n\n(?P<lead>.*?)\n\n\| key \| meaning \|\n\|[-|]+\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE
)
_EXAMPLE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def markup(text: str) -> str:
    """Convert Markdown to Ansible's markup."""
    return re.sub(r"`([^`]+)`", r"C(\1)", text).replace(r"\|", "|")


def result(readme: str) -> str:
    """Return the entries of a description that say what the role returns. Raises ValueError if the README does not."""
    found = _RESULT.search(readme)
    if not found:
        raise ValueError("There is no table under '## Result'")
    rows = [row.strip("|").split(" | ", 1) for row in found["rows"].splitlines()]
    texts = [found["lead"], *(f"{keys.strip()} - {meaning.strip()}." for keys, meaning in rows)]
    # A line ends with the word that reaches the width, and yamllint allows 120 characters.
    return textwrap.indent(yaml.safe_dump([*map(markup, texts)], width=75, allow_unicode=True), "      ")


def example(readme: str) -> str:
    """Return the first block of YAML as the examples of an argument specification."""
    found = _EXAMPLE.search(readme)
    if not found:
        raise ValueError("There is no block of YAML")
    return "    examples: |\n" + textwrap.indent(found[1], "      ")


def with_part(specification: str, part: str, contents: str) -> str:
    """Return a specification with what is between the two comments replaced. Raises ValueError if it lacks them."""
    pattern = re.compile(rf"( *# begin: {part}, [^\n]*\n).*?( *# end: {part}\n)", re.DOTALL)
    changed, count = pattern.subn(lambda found: found[1] + contents + found[2], specification)
    if count != 1:
        raise ValueError(f"There is no place for the {part}")
    return changed


def documented(role: str) -> tuple[str, str]:
    """Return a role's argument specification as it is, and as it should be."""
    folder = REPOSITORY / "roles" / role
    readme = (folder / "README.md").read_text(encoding="utf-8")
    now = (folder / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return now, with_part(with_part(now, "result", result(readme)), "example", example(readme))


def main() -> None:
    for role in ROLES:
        specification = documented(role)[1]
        (REPOSITORY / "roles" / role / "meta" / "argument_specs.yml").write_text(specification, encoding="utf-8")
