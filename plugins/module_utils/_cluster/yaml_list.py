# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change items of one list, or members of one mapping, in a YAML text, and no other byte.

Items are added in the style of their neighbors, in lists of both styles:

    command:                        command: [kube-apiserver, "--v=2"]
    - kube-apiserver   # a comment
    - --v=2

A change that this cannot make safely raises Fault. The caller parses the new text and compares it with what it means to
write, since a text can be laid out in more ways than are known here.
"""

from __future__ import annotations

import copy
import json
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import Document
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

if t.TYPE_CHECKING:
    import yaml

# Neither a number nor a date nor a truth value. Within brackets, older parsers take a colon for that of a mapping.
_PLAIN = re.compile(r"(?=--|[^/]*/)(?:--)?[A-Za-z0-9/][A-Za-z0-9:/._~?&=+@%,-]*(?<!:)")
_ITEM_START = re.compile(r"([ \t]*)-[ \t]+")
_MEMBER_START = re.compile(r"([ \t]*)")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\n]*)?\r?")
_COMMA = re.compile(r"\s*,\s*")


class Item(t.NamedTuple):
    """An item of the new list: the one at ``origin`` in the old list, or a new one; with ``text``, that as its value.

    ``text`` of several lines is a block of its own, which is indented below the dash.
    """

    origin: int | None
    text: str | None = None


class Splice(t.NamedTuple):
    """A part of a text, and what comes into its place."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: t.Iterable[Splice]) -> str:
    """Return the text with its parts replaced."""
    pieces, position = [], 0
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if splice.start < position:
            raise Fault("two changes of it overlap")
        pieces += [text[position : splice.start], splice.text]
        position = splice.end
    return "".join([*pieces, text[position:]])


def written(value: str, like: yaml.Node | None = None, *, in_brackets: bool = False) -> str:
    """Return a string as YAML, quoted as ``like`` is, or plain if that is possible."""
    if not value.isprintable():
        raise Fault("it would have to hold a character that cannot be printed")
    style = getattr(like, "style", None)
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or in_brackets or not _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return value


def changes(document: Document, collection: yaml.CollectionNode, new: t.Sequence[Item]) -> list[Splice]:
    """Return what to change so that a list has the new items, in this order; of a mapping the members, as texts."""
    kept = [item.origin for item in new if item.origin is not None]
    if kept != sorted(set(kept)) or (new and not kept):
        raise Fault("none of its items may move, and one must stay")
    layout = _layout(document, collection)
    if not new:
        return layout.emptied()
    splices = [layout.deletion(index, kept) for index in range(len(layout.nodes)) if index not in kept]
    previous = None
    for item in new:
        if item.origin is None:
            splices.append(layout.insertion(previous, item.text or ""))
            continue
        previous = item.origin
        if item.text is not None:
            node = layout.nodes[previous]
            splices.append(Splice(_start(node), document.end(node), item.text))
    return splices


def _start(node: yaml.Node) -> int:
    return int(node.start_mark.index)


class _Layout:
    def __init__(self, document: Document, nodes: list[yaml.Node]) -> None:
        self.document = document
        self.text = document.text
        self.nodes = nodes


class _Block(_Layout):
    start = _ITEM_START
    dash = "- "

    def emptied(self) -> list[Splice]:
        return [self.deletion(index, ()) for index in range(len(self.nodes))]

    def deletion(self, index: int, kept: t.Sequence[int]) -> Splice:
        indent, line = self._line_of(index)
        end = self.document.end(self.nodes[index])
        rest = self._rest(end)
        if rest[1]:  # a comment of the user stays
            return Splice(line + len(indent), rest.start(1), "")
        if rest.end() < len(self.text):
            return Splice(line, rest.end() + 1, "")
        # The last line of a file, without a line break: that of the line before goes.
        return Splice(line - len(self._newline(line)), rest.end(), "")

    def insertion(self, previous: int | None, text: str) -> Splice:
        indent, line = self._line_of(previous or 0)
        if previous is None:
            newline = self._newline(self.text.find("\n", line) + 1)
            return Splice(line, line, self._lines(text, indent, newline=newline) + newline)
        end = self._rest(self.document.end(self.nodes[previous])).end()
        if self.text[end - 1 : end + 1] == "\r\n":
            end -= 1
        newline = self._newline(self.text.find("\n", end) + 1)
        return Splice(end, end, newline + self._lines(text, indent, newline=newline))

    def _lines(self, text: str, indent: str, *, newline: str) -> str:
        return f"{indent}{self.dash}" + f"{newline}{indent}{' ' * len(self.dash)}".join(text.split("\n"))

    def _line_of(self, index: int) -> tuple[str, int]:
        """Return an item's indentation, and where its line begins."""
        start = _start(self.nodes[index])
        line = self.text.rfind("\n", 0, start) + 1
        found = self.start.fullmatch(self.text, line, start)
        if not found:
            raise Fault("it has an item that does not begin on a line of its own")
        return found[1], line

    def _rest(self, end: int) -> re.Match[str]:
        """Return what follows an item on its line, up to the line break."""
        rest = _REST_OF_LINE.match(self.text, end)
        if not rest or self.text[rest.end() : rest.end() + 1] not in ("", "\n"):
            raise Fault("it has an item that does not end with its line")
        return rest

    def _newline(self, line: int) -> str:
        """Return the line break in front of a line; that of the first line if there is none."""
        line = line or self.text.find("\n") + 1
        return "\r\n" if self.text[max(line - 2, 0) : line] == "\r\n" else "\n"


class _BlockOfMembers(_Block):
    start = _MEMBER_START
    dash = ""


class _Flow(_Layout):
    def emptied(self) -> list[Splice]:
        return [Splice(_start(self.nodes[0]), self.document.end(self.nodes[-1]), "")]

    def deletion(self, index: int, kept: t.Sequence[int]) -> Splice:
        start, end = _start(self.nodes[index]), self.document.end(self.nodes[index])
        if min(kept) < index and self._gap(index - 1):
            return Splice(self.document.end(self.nodes[index - 1]), end, "")
        if index + 1 < len(self.nodes) and self._gap(index):
            return Splice(start, _start(self.nodes[index + 1]), "")
        comma = re.compile(r"\s*,").match(self.text, end)
        return Splice(start, comma.end() if comma else end, "")

    def insertion(self, previous: int | None, text: str) -> Splice:
        if previous is None:
            start = _start(self.nodes[0])
            return Splice(start, start, text + (self._gap(0) or ", "))
        end = self.document.end(self.nodes[previous])
        return Splice(end, end, (self._gap(previous) or self._gap(previous - 1) or ", ") + text)

    def _gap(self, index: int) -> str | None:
        """Return what separates an item from the next one, None if that is more than a comma and space."""
        if not 0 <= index < len(self.nodes) - 1:
            return None
        gap = self.text[self.document.end(self.nodes[index]) : _start(self.nodes[index + 1])]
        return gap if _COMMA.fullmatch(gap) else None


def _layout(document: Document, collection: yaml.CollectionNode) -> _Block | _Flow:
    is_mapping = collection.value and isinstance(collection.value[0], tuple)
    nodes = [_joined(document, *pair) for pair in collection.value] if is_mapping else collection.value
    if collection.flow_style:
        return _Flow(document, nodes)
    return (_BlockOfMembers if is_mapping else _Block)(document, nodes)


def _joined(document: Document, key: yaml.Node, value: yaml.Node) -> yaml.Node:
    """Return a mapping's member as one node, from its key to the end of its value."""
    node = copy.copy(value)
    node.start_mark = key.start_mark
    if document.is_alias(value):
        node.value = None  # it ends where the alias ends, not where what it stands for does
    return node
