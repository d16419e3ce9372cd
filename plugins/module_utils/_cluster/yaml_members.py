# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set and remove values below paths of keys in a YAML text, and change no other byte.

Keys that are missing are added. Each of them is put in double quotes, by which it is known when it is taken away again,
and nothing that the user wrote goes with it: neither an empty section nor a value that happens to be the default.

    spec:
      api:
        address: 192.0.2.1
        "rawArgs":
        - --service-account-issuer=https://example.com

A change that cannot be made safely raises Fault. The caller parses the new text and compares it with what it means to
write, since a text can be laid out in more ways than are known here.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_list
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_list import Item, Splice, spliced, written
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import (
    Document,
    at,
    collection,
    is_empty,
    key,
    member,
    scalar,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

if t.TYPE_CHECKING:
    import yaml

Path = tuple[str, ...]
# What is below a path: one value, or the items of a list.
_Leaf: t.TypeAlias = "str | list[str]"

_NULLS = ("", "~", "null")
_STRING = "tag:yaml.org,2002:str"


def with_value(text: str, path: Path, value: str) -> str:
    """Return the text with a string at this path."""
    document = Document(text)
    node = _found(document, path)
    if node is None or node.start_mark.index == node.end_mark.index:
        return _added(document, path, value)
    in_braces = bool(getattr(_at(document, path[:-1]), "flow_style", False))
    new = _styled(value, like=node, in_braces=in_braces)
    return spliced(text, [Splice(node.start_mark.index, document.end(node), new)])


def without(text: str, path: Path) -> str:
    """Return the text without the key at the end of this path, and without keys of ours that are empty then."""
    document = Document(text)
    if _found(document, path) is None:
        return text
    return _pruned(_removed(document, path), path[:-1])


def with_items(text: str, path: Path, items: t.Sequence[Item]) -> str:
    """Return the text with these items in the list at this path: those that stay by their position, and new ones."""
    document = Document(text)
    if collection(_found(document, path)) is None:
        texts = [item.text or "" for item in items]
        return _added(document, path, texts) if texts else text
    text, gone = _with_more(document, path, items)
    for index in reversed(gone):
        document = Document(text)
        node = _at(document, path)
        stays = [Item(each) for each in range(len(node.value)) if each != index]
        text = spliced(text, yaml_list.changes(document, node, stays))
    return _pruned(text, path)


def is_ours(text: str, path: Path) -> bool:
    """Whether the key at the end of this path is there, and written as those that are added here."""
    return _is_ours(Document(text), path)


def _is_ours(document: Document, path: Path) -> bool:
    return getattr(key(_at(document, path[:-1]), path[-1]), "style", None) == '"'


def _at(document: Document, path: Path) -> t.Any:
    return at(document.root, *path)


def _found(document: Document, path: Path) -> t.Any:
    """Return what is at a path. Raises Fault for a path that leads through a part that is used elsewhere, too."""
    node = document.root
    for name in path:
        node = member(node, name)
        if document.is_shared(node):
            raise Fault(f"{'.'.join(path)} is used in several places (YAML anchors). Write it out")
    return node


def _with_more(document: Document, path: Path, items: t.Sequence[Item]) -> tuple[str, list[int]]:
    """Return the text with the new items added, and the positions in it of those that must go."""
    node = _at(document, path)
    like = next((each for each in node.value if each.value.startswith("-")), None)
    more: list[Item] = []
    gone: list[int] = []
    following = 0
    for item in [*items, Item(len(node.value))]:
        if item.origin is None:
            more.append(Item(None, written(item.text or "", like, in_brackets=bool(node.flow_style))))
            continue
        gone += range(len(more), len(more) + item.origin - following)
        more += [Item(index) for index in range(following, item.origin + 1)]
        following = item.origin + 1
    return spliced(document.text, yaml_list.changes(document, node, more[:-1])), gone


# --- keys that are added


def _added(document: Document, path: Path, leaf: _Leaf) -> str:
    """Return the text with a value at a path where nothing is, or something empty."""
    depth = 0
    while depth < len(path) and not is_empty(_at(document, path[: depth + 1])):
        depth += 1
    parent, rest = _at(document, path[:depth]), path[depth:]
    if key(parent, rest[0]) is not None:
        return _filled(document, parent, path=rest, leaf=leaf)
    if is_empty(parent):
        return _appended(document.text, rest, leaf)
    if parent.id != "mapping":
        raise Fault(f"{quoted('.'.join(path[:depth]) or 'the document')} has something other than keys")
    in_braces = bool(getattr(parent, "flow_style", False))
    new = Item(None, _in_braces(rest, leaf) if in_braces else "\n".join(_lines(rest, leaf)))
    known = _last_with_known_end(document, parent)
    items = [Item(index) for index in range(len(parent.value))]
    items.insert(known + 1, new)
    return spliced(document.text, yaml_list.changes(document, parent, items))


def _last_with_known_end(document: Document, mapping: t.Any) -> int:
    """Return which member a new one can follow: the last one that does not end with a block (| or >); -1 for none."""
    for index in reversed(range(len(mapping.value))):
        try:
            document.end(mapping.value[index][1])
        except Fault:
            continue
        return index
    return -1


def _filled(document: Document, parent: t.Any, *, path: Path, leaf: _Leaf) -> str:
    """Return the text with a value in the place of an empty one."""
    title: t.Any = key(parent, path[0])
    node = member(parent, path[0])
    start, end = _span(document, title, node)
    now, body = document.text[start:end], _body_in_braces(path, leaf)
    if now[:1] == body[:1] and now[:1] in ("{", "["):
        # What stands between its braces stays, such as a comment.
        return spliced(document.text, [Splice(start + 1, start + 1, body[1:-1])])
    if now.lower() not in _NULLS:
        raise Fault(f"its key {quoted(path[0])} has something else for a value than is expected there")
    if getattr(parent, "flow_style", False) or (len(path) == 1 and isinstance(leaf, str)):
        return spliced(document.text, [Splice(start, end, body if now else f" {body}")])
    newline, indent = _newline(document.text), " " * title.start_mark.column
    below = "".join(f"{newline}{indent}{line}" for line in _lines(path, leaf)[1:])
    place = _end_of_line(document.text, end)
    return spliced(document.text, [Splice(start, end, ""), Splice(place, place, below)])


def _span(document: Document, title: t.Any, node: t.Any) -> tuple[int, int]:
    """Return where an empty value is: behind its key's colon if it is not written."""
    if node.start_mark.index == node.end_mark.index:
        return document.colon(title), document.colon(title)
    return int(node.start_mark.index), int(node.end_mark.index)


def _end_of_line(text: str, place: int) -> int:
    """Return where a line ends, behind a comment that may be on it."""
    end = text.find("\n", place)
    return len(text) if end < 0 else end - (text[end - 1] == "\r")


def _appended(text: str, path: Path, leaf: _Leaf) -> str:
    """Return the text of a document without anything in it, with a value at a path."""
    newline = _newline(text)
    lines = newline.join(_lines(path, leaf))
    return f"{text}{newline}{lines}" if text and not text.endswith("\n") else f"{text}{lines}{newline}"


def _lines(path: Path, leaf: _Leaf) -> list[str]:
    """Return a value with its keys as lines."""
    title = f"{json.dumps(path[0])}:"
    if len(path) > 1:
        return [title, *(f"  {line}" for line in _lines(path[1:], leaf))]
    if isinstance(leaf, str):
        return [f"{title} {written(leaf)}"]
    return [title, *(f"- {written(each)}" for each in leaf)]


def _in_braces(path: Path, leaf: _Leaf) -> str:
    return f"{json.dumps(path[0])}: {_body_in_braces(path, leaf)}"


def _body_in_braces(path: Path, leaf: _Leaf) -> str:
    """Return the value of the first key."""
    if len(path) > 1:
        return f"{{{_in_braces(path[1:], leaf)}}}"
    if isinstance(leaf, str):
        return written(leaf, in_brackets=True)
    return f"[{', '.join(written(each, in_brackets=True) for each in leaf)}]"


# --- keys that are removed


def _pruned(text: str, path: Path) -> str:
    """Return the text without keys of ours that are empty, from the end of the path upwards."""
    document = Document(text)
    while path and _is_ours(document, path) and is_empty(_at(document, path)):
        document, path = Document(_removed(document, path)), path[:-1]
    return document.text


def _removed(document: Document, path: Path) -> str:
    parent = _at(document, path[:-1])
    stays = [Item(index) for index, (name, dummy) in enumerate(parent.value) if name.value != path[-1]]
    return spliced(document.text, yaml_list.changes(document, parent, stays))


# --- style


def _styled(value: str, *, like: yaml.Node, in_braces: bool) -> str:
    """Return a string as YAML, in the style of the one whose place it takes, so that this can come back as it was."""
    if getattr(like, "style", None) is None and value.isprintable() and _is_plain(value, in_braces=in_braces):
        return value
    return written(value, like, in_brackets=in_braces)


def _is_plain(value: str, *, in_braces: bool) -> bool:
    """Whether a string may stand without quotes."""
    try:
        node = member(Document(f"{{k: {value}}}" if in_braces else f"k: {value}").root, "k")
    except Fault:
        return False
    return getattr(node, "tag", None) == _STRING and getattr(node, "style", "") is None and scalar(node) == value


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
