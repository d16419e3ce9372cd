# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of role variables in docs/variables.md and the roles' READMEs from their argument specifications.

A table stands between two comments, ``<!-- begin: variables of ROLE -->`` and ``<!-- end: variables of ROLE -->``. The
page of the guides gets the first entry of each description and the choices, for role irsa_issuer only; the role's
README all entries and the types, and what the items of a list of dictionaries have, too. docs/verify.md gets the
variables of playbook verify, from the documentation of module irsa_verify.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from write_troubleshooting import escape

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = sorted(file.parents[1].name for file in (REPOSITORY / "roles").glob("*/meta/argument_specs.yml"))

# The playbook that has variables of its own, besides those of roles.
VERIFY = "verify"
_REPORT_PATH = [
    "File of a report, whose name ends in C(.md), C(.json) or C(.xml) (JUnit).",
    "Hosts with the same path share a report.",
]

Options = Mapping[str, Mapping[str, Any]]


def load_options(role: str) -> Options:
    """Load the variables of a role, or of playbook verify, with their specification, in the order of the file."""
    if role == VERIFY:
        return load_verify_variables()
    file = REPOSITORY / "roles" / role / "meta" / "argument_specs.yml"
    specification: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    options: Options = specification["argument_specs"]["main"]["options"]
    return options


def load_verify_variables() -> Options:
    """Load the variables of playbook verify: the options of module irsa_verify, a region, and the path of a report."""
    plugins = REPOSITORY / "plugins"
    options = {
        **_documented_options(plugins / "modules" / "irsa_verify.py"),
        **_documented_options(plugins / "doc_fragments" / "_route.py"),
        "region": _documented_options(plugins / "doc_fragments" / "_aws.py")["region"],
        "report_path": {"type": "path", "description": _REPORT_PATH},
    }
    del options["variable_prefix"]  # which is how the playbook has the module name these variables
    return {f"irsa_verify_{name}": _as_variable(option) for name, option in options.items()}


def _as_variable(option: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an option whose description names other options as variables."""
    description = option["description"] if isinstance(option["description"], list) else [option["description"]]
    return {**option, "description": [re.sub(r"\bO\((\w+)\)", r"O(irsa_verify_\1)", text) for text in description]}


def _documented_options(file: Path) -> Options:
    """Return the options in the first documentation of a plugin."""
    match = re.search(r'DOCUMENTATION = r"""\n(.*?)"""', file.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None, file
    options: Options = yaml.safe_load(match[1])["options"]
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
    (REPOSITORY / "docs" / "verify.md", VERIFY, full_table),
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
    # A row of a table is one line.
    shown: str = yaml.safe_dump(option["default"], default_flow_style=True, width=math.inf)
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
    source = "plugins/modules/irsa_verify.py" if role == VERIFY else "its argument_specs.yml"
    first = f"<!-- begin: variables of {role}, written by `make guide` from {source} -->"
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
