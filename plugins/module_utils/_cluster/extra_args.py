# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change extraArgs of one component in a ClusterConfiguration, and no other byte of its text.

It is a list. In v1beta3 it is a map, from which entries can only be taken away.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_list
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_list import Item, Splice, written
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import (
    Document,
    collection,
    is_empty,
    key,
    member,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

if t.TYPE_CHECKING:
    import yaml

# A flag's name and value.
Entry = tuple[str, str]
# An entry with its position in the list that was read, None if it is new.
Placed = tuple["int | None", Entry]

_NAME = "extraArgs"


def merged(old: t.Sequence[Entry], name: str, new: t.Sequence[str]) -> list[Placed]:
    """Return the list with other values of one flag, in which as much as possible stays where it is."""
    mine = [index for index, entry in enumerate(old) if entry[0] == name]
    matcher = difflib.SequenceMatcher(None, [old[index][1] for index in mine], list(new), autojunk=False)
    # Positions in the old list by those among the new values.
    kept = {
        block.b + step: mine[block.a + step] for block in matcher.get_matching_blocks() for step in range(block.size)
    }
    place = max(kept.values()) + 1 if kept else next(iter(mine), len(old))
    added: dict[int, list[Placed]] = {}
    for index in reversed(range(len(new))):
        if index in kept:
            place = kept[index]
        else:
            added.setdefault(place, []).insert(0, (None, (name, new[index])))
    result: list[Placed] = []
    for index, entry in enumerate(old):
        result += added.get(index, [])
        if entry[0] != name or index in kept.values():
            result.append((index, entry))
    return result + added.get(len(old), [])


def splices(document: Document, component: str, entries: t.Sequence[Placed]) -> list[Splice]:
    """Return what to change so that a component has these entries. Raises Fault if that cannot be done safely."""
    section = member(document.root, component)
    node = member(section, _NAME)
    if document.is_shared(section) or document.is_shared(node):
        raise Fault(f"{component} is used in several places (YAML anchors). Write it out")
    found = collection(node)
    if found and any(index is not None for index, dummy in entries):
        in_braces = bool(found.flow_style or getattr(found.value[0], "flow_style", None))
        changed = [Item(index, None if index is not None else _text(entry, in_braces)) for index, entry in entries]
        return yaml_list.changes(document, found, changed)
    if any(not is_empty(each) and getattr(each, "flow_style", True) for each in (document.root, section)):
        raise Fault(f"{component} is not written as a block. Write it as one")
    return [_section(document, component, entries)]


def _section(document: Document, component: str, entries: t.Sequence[Placed]) -> Splice:
    """Return the list as a whole, in the place of what is there of it."""
    section, title = member(document.root, component), key(document.root, component)
    newline = "\r\n" if "\r\n" in document.text else "\n"
    lines = [
        line for dummy, entry in entries for line in ("- " + _text(entry, False).replace("\n", "\n  ")).split("\n")
    ]

    def below(indent: str) -> str:
        return "".join(f"{newline}{indent}{line}" for line in lines)

    if title is None or section is None:
        end = len(document.text.rstrip())
        return Splice(end, end, f"{newline}{component}:{newline}  {_NAME}:{below('  ')}")
    if is_empty(section):
        return Splice(document.colon(title), _end(document, title, section), f"{newline}  {_NAME}:{below('  ')}")
    name, node = key(section, _NAME), member(section, _NAME)
    indent = " " * section.start_mark.column
    if name is None or node is None:
        start = section.start_mark.index
        return Splice(start, start, f"{_NAME}:{below(indent)}{newline}{indent}")
    if lines:
        return Splice(document.colon(name), _end(document, name, node), below(indent))
    if len(section.value) == 1:
        return Splice(document.colon(title), _end(document, name, node), " {}")
    # The line break behind it goes, too; at the end of the text that in front of it.
    start, end = name.start_mark.index - name.start_mark.column, _end(document, name, node)
    after = document.text.find("\n", end) + 1
    return Splice(start, after, "") if after else Splice(start - len(newline), end, "")


def _end(document: Document, title: yaml.Node, node: yaml.Node) -> int:
    """Return where the value of a key ends."""
    return document.colon(title) if node.start_mark.index == node.end_mark.index else document.end(node)


def _text(entry: Entry, in_braces: bool) -> str:
    name, value = entry
    if in_braces:
        return f"{{name: {name}, value: {written(value, in_brackets=True)}}}"
    return f"name: {name}\nvalue: {written(value)}"
