# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML as text with places: which part of a text is which value."""

from __future__ import annotations

import copy
import typing as t

try:
    import yaml

    class _Loader(yaml.SafeLoader):
        """Composes nodes as usual, but gives an alias the place of the alias, not that of its anchor."""

        def __init__(self, text: str) -> None:
            super().__init__(text)
            self.aliased: list[yaml.Node] = []
            self.by_alias: set[int] = set()

        def compose_node(self, parent: t.Any, index: t.Any) -> t.Any:
            if not self.check_event(yaml.AliasEvent):
                return super().compose_node(parent, index)
            event: t.Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
            node: t.Any = super().compose_node(parent, index)
            # An end that is not known yet: this alias is within what it stands for.
            if len(self.aliased) >= _MAX_ALIASES or node.end_mark is None:
                raise yaml.composer.ComposerError(None, None, "aliases without end", event.start_mark)
            self.aliased.append(node)
            alias = copy.copy(node)
            alias.start_mark, alias.end_mark = event.start_mark, event.end_mark
            self.by_alias.add(id(alias))
            return alias

    YAML_IMPORT_ERROR: ImportError | None = None
except ImportError as import_error:
    YAML_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# More than anybody writes, and few enough that aliases of aliases stay harmless.
_MAX_ALIASES = 20


class Document:
    """One YAML document. Raises Fault for a text that is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        loader = None
        try:
            loader = _Loader(text)
            self.root = loader.get_single_node()
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise Fault(f"it is not one YAML document{_place(error)}") from None
        self._aliased = {id(node) for node in loader.aliased}
        self._by_alias = loader.by_alias
        # Nodes are told apart by their id, so they must live as long as this does.
        self._nodes = loader.aliased

    def is_alias(self, node: yaml.Node | None) -> bool:
        return id(node) in self._by_alias

    def is_shared(self, node: yaml.Node | None) -> bool:
        """Whether this part of the text is also used in another place."""
        return id(node) in self._aliased or self.is_alias(node)

    def end(self, node: yaml.Node) -> int:
        """Return where the last character of a node ends. PyYAML's own mark of a block is where the next token is."""
        if self.is_alias(node) or getattr(node, "flow_style", None) or not node.value:
            return int(node.end_mark.index)
        if isinstance(node, yaml.ScalarNode):
            if node.style in ("|", ">"):
                raise Fault("it has a block (| or >) next to the place that changes. Write it on one line")
            return int(node.end_mark.index)
        last = node.value[-1]
        return self.end(last[1] if isinstance(last, tuple) else last)

    def colon(self, key: yaml.Node) -> int:
        """Return where the value of a mapping's key may begin: behind its colon."""
        return self.text.index(":", key.end_mark.index) + 1


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def decoded(content: bytes) -> str:
    """Return the text of a file. Raises Fault unless it is UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("it is not text in UTF-8") from None


def member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of a mapping's key, None if there is none. Raises Fault for a key that is there twice, and for
    merge keys, which may bring any key.
    """
    if not isinstance(node, yaml.MappingNode):
        return None
    found = []
    for each, value in node.value:
        if each.tag == "tag:yaml.org,2002:merge":
            raise Fault("it has a merge key (<<). Write out what it merges")
        if each.value == name:
            found.append(value)
    if len(found) > 1:
        raise Fault(f"it has the key {quoted(name)} twice in one mapping")
    return found[0] if found else None


def key(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return a mapping's key itself, None if there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((each for each, dummy in pairs if each.value == name), None)


def at(node: yaml.Node | None, *names: str) -> yaml.Node | None:
    """Return what is below a path of keys, None if there is nothing."""
    for name in names:
        node = member(node, name)
    return node


def sequence(node: yaml.Node | None) -> yaml.SequenceNode | None:
    """Return a sequence with items, None for anything else."""
    return node if isinstance(node, yaml.SequenceNode) and node.value else None


def collection(node: yaml.Node | None) -> yaml.CollectionNode | None:
    """Return a sequence or a mapping with something in it, None for anything else."""
    return node if isinstance(node, yaml.CollectionNode) and node.value else None


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a sequence; none for anything else."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def scalar(node: yaml.Node | None) -> str | None:
    """Return a scalar as it is written, None for null and for anything else."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
        return None
    return str(node.value)


def scalars(node: yaml.Node | None) -> list[str]:
    """Return all scalars below a node, in order, the keys of mappings among them."""
    if isinstance(node, yaml.CollectionNode):
        parts = [part for each in node.value for part in (each if isinstance(each, tuple) else (each,))]
        return [text for part in parts for text in scalars(part)]
    return [node.value] if isinstance(node, yaml.ScalarNode) else []


def is_empty(node: yaml.Node | None) -> bool:
    """Whether there is nothing, null, or an empty collection."""
    return node is None or not node.value or node.tag == "tag:yaml.org,2002:null"


def tree(node: yaml.Node | None, *replaced: yaml.Node) -> t.Any:
    """Return what a node means, without its layout and style, and with only the place of the nodes that are replaced.

    Two texts with the same tree mean the same.
    """
    if node is None or any(node is each for each in replaced):
        return None
    if isinstance(node, yaml.MappingNode):
        return {"map": [(tree(name, *replaced), tree(value, *replaced)) for name, value in node.value]}
    if isinstance(node, yaml.SequenceNode):
        return [tree(item, *replaced) for item in node.value]
    return node.tag, node.value


def value_of(text: str) -> t.Any:
    """Return what one YAML document means. Raises Fault for a text that is none, as Document does."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Fault(f"it is not one YAML document{_place(error)}") from None
