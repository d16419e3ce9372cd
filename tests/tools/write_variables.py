# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of role variables in docs/variables.md and the roles' READMEs from their argument specifications.

A table stands between two comments, ``<!-- begin: variables of ROLE -->`` and ``<!-- end: variables of ROLE -->``. The
page of the guides gets the first entry of each description and the choices, for role irsa_issuer only; the role's
README all entries and the types, and what the items of a list of dictionaries have, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from write_troubleshooting import escape

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = sorted(file.parents[1].name for file in (REPOSITORY / "roles").glob("*/meta/argument_specs.yml"))

Options = Mapping[str, Mapping[str, Any]]


def load_options(role: str) -> Options:
    """Load a role's variables with their specification, in the order of the file."""
    file = REPOSITORY / "roles" / role / "meta" / "argument_specs.yml"
    specification: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    options: Options = specification["argument_specs"]["main"]["options"]
    return options


def short_table(options: Options) -> str:
    """Return a table of name, first entry of the description with choices, and default."""
    rows = (
        [f"`{name}`", " ".join([markdown(option["description"][0]), *choices(option)]), default(option)]
        for name, option in options.items()
    )
    return table(["variable", "meaning", "default"], rows)


def full_table(options: Options) -> str:
    """Return a table of name, type, whole description with choices, and default."""
    rows = (
        [
            f"`{name}`",
            type_of(option),
            " ".join([*map(markdown, option["description"]), *choices(option)]),
            default(option),
        ]
        for name, option in with_members(options)
    )
    return table(["variable", "type", "meaning", "default"], rows)


def with_members(options: Options) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each variable, and after it the members that its value has, or the items of a list."""
    for name, option in options.items():
        yield name, option
        for member, its_option in option.get("options", {}).items():
            yield f"{name}{'[]' if option['type'] == 'list' else ''}.{member}", its_option


# File, role, form.
TABLES: Sequence[tuple[Path, str, Callable[[Options], str]]] = [
    (REPOSITORY / "docs" / "variables.md", "irsa_issuer", short_table),
    *((REPOSITORY / "roles" / role / "README.md", role, full_table) for role in ROLES),
]


def table(header: list[str], rows: Iterator[list[str]]) -> str:
    """Return a Markdown table; an empty cell is one space wide."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|\n" for line in lines)


def type_of(option: Mapping[str, Any]) -> str:
    elements = option.get("elements")
    return f"{option['type']} of {elements}" if elements else str(option["type"])


def choices(option: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence with the choices of an option that has any."""
    if "choices" in option:
        yield "Choices: " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."


def default(option: Mapping[str, Any]) -> str:
    """Return what the column of defaults says. A default that the role computes is in the description."""
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    shown: str = yaml.safe_dump(option["default"], default_flow_style=True)
    return "`" + shown.removesuffix("...\n").strip() + "`"


def markdown(description: str) -> str:
    """Convert Ansible's markup to Markdown that may stand in a table.

    https://docs.ansible.com/projects/ansible/latest/dev_guide/ansible_markup.html
    """
    # The type of a plugin is for links, which a table has none of.
    description = re.sub(r"\bP\(([^()#]+)#\w+\)", r"P(\1)", " ".join(description.split()))
    parts = re.split(r"\b[BCEILMOPV]\(((?:[^()]|\([^()]*\))*)\)", description)
    plain, code = parts[::2], parts[1::2]
    escaped = map(escape, plain)
    quoted = ["`" + text.replace("|", r"\|") + "`" for text in code] + [""]
    return "".join(text + word for text, word in zip(escaped, quoted, strict=True))


def with_table(document: str, role: str, contents: str) -> str:
    """Return a document with the role's table, between its two comments, replaced. Raises ValueError if it has none."""
    first = f"<!-- begin: variables of {role}, written by `make guide` from its argument_specs.yml -->"
    last = f"<!-- end: variables of {role} -->"
    head, begin, rest = document.partition(first)
    dummy, end, tail = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"There is no table between {first} and {last}")
    return f"{head}{begin}\n\n{contents}\n{end}{tail}"


def main() -> None:
    for file, role, make_table in TABLES:
        document = file.read_text(encoding="utf-8")
        file.write_text(with_table(document, role, make_table(load_options(role))), encoding="utf-8")
