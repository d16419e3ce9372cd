# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a static pod: which arguments its program gets, and the same bytes with other arguments or with an
annotation.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_list, yaml_members, yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Argument, Arguments, is_program
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_list import Item
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import at, items, member, scalar
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

if t.TYPE_CHECKING:
    import yaml

KUBE_APISERVER = "kube-apiserver"
KUBE_CONTROLLER_MANAGER = "kube-controller-manager"

_STRING = "tag:yaml.org,2002:str"
_ANNOTATIONS = ("metadata", "annotations")
_STRANGE_LAYOUT = "an edit of it would change something else, too. Its layout is not known here"


class StaticPod:
    """A manifest of a pod with one container that runs a program. Raises Fault for anything else."""

    def __init__(self, manifest: bytes, program: str = KUBE_APISERVER) -> None:
        self.content = manifest
        self.program = program
        self._document = yaml_text.Document(yaml_text.decoded(manifest))
        root = self._document.root
        if scalar(member(root, "kind")) != "Pod":
            raise Fault("it is not the manifest of a pod")
        spec = member(root, "spec")
        containers = member(spec, "containers")
        self._container = _container(items(containers), program)
        self._pod = spec
        self._above = [root, spec, containers, self._container]
        # Both lists, in the order in which the program gets them.
        # https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
        lists = (yaml_text.sequence(member(self._container, name)) for name in ("command", "args"))
        self._lists = [node for node in lists if node]
        self.arguments = Arguments.of([_text(node) for each in self._lists for node in each.value], program)
        self._check_program()

    def _check_program(self) -> None:
        texts = self.arguments.texts
        if not texts:
            raise Fault(f"its container {quoted(self._name)} gives {self.program} no arguments")
        if items(member(self._container, "command")) and not any(is_program(text, self.program) for text in texts):
            raise Fault(
                f"its container {quoted(self._name)} does not run {self.program} itself, but {quoted(texts[0])}"
            )

    @property
    def _name(self) -> str | None:
        return scalar(member(self._container, "name"))

    @property
    def user_id(self) -> str | None:
        """The user that the program runs as, if the manifest says so: the container's, else the pod's."""
        users = [scalar(at(node, "securityContext", "runAsUser")) for node in (self._container, self._pod)]
        return next((user for user in users if user), None)

    def sees(self, path: str) -> bool:
        """Whether a folder or a file of the host is in the container under the same path."""
        volumes = {
            scalar(member(volume, "name")): scalar(at(volume, "hostPath", "path"))
            for volume in items(member(self._pod, "volumes"))
        }
        mounts = [
            (volumes.get(scalar(member(mount, "name"))), scalar(member(mount, "mountPath")))
            for mount in items(member(self._container, "volumeMounts"))
            if member(mount, "subPath") is None
        ]
        return any(
            host and inside and posixpath.normpath(host) == posixpath.normpath(inside) and _is_below(path, host)
            for host, inside in mounts
        )

    def with_arguments(self, new: Arguments) -> StaticPod:
        """Return the manifest with other arguments and otherwise the same bytes.

        ``new`` comes from ``arguments``. Raises Fault if that cannot be done safely.
        """
        if new.texts == self.arguments.texts:
            return self
        if any(self._document.is_shared(node) for node in (*self._above, *self._lists)):
            raise Fault("its arguments are in a part that is used in several places (YAML anchors). Write them out")
        splices = []
        for node, part in zip(self._lists, self._parts(new), strict=True):
            if any(item.origin is None or item.text is not None for item in part) or len(part) != len(node.value):
                splices += yaml_list.changes(self._document, node, part)
        return self._checked(yaml_list.spliced(self._document.text, splices).encode(), new)

    def annotation(self, name: str) -> str | None:
        """Return the value of an annotation, None if there is none."""
        return scalar(at(self._document.root, *_ANNOTATIONS, name))

    def with_annotation(self, name: str, value: str) -> StaticPod:
        """Return the manifest with an annotation and otherwise the same bytes.

        Raises Fault if that cannot be done safely.
        """
        if self.annotation(name) == value:
            return self
        path = (*_ANNOTATIONS, name)
        after = StaticPod(yaml_members.with_value(self._document.text, path, value).encode(), self.program)
        before = yaml_text.tree(self._document.root)
        found = yaml_text.tree(after._document.root)
        if after.annotation(name) != value or _with_string(found, path, value) != _with_string(before, path, value):
            raise Fault(_STRANGE_LAYOUT)
        return after

    def _parts(self, new: Arguments) -> list[list[Item]]:
        """Return the new items of each list. A new argument joins the one behind it, at the end the one before it."""
        bounds = [len(node.value) for node in self._lists]
        parts: list[list[Item]] = [[] for dummy in bounds]
        waiting: list[str] = []
        place = 0
        for item in new.items:
            if item.origin is None:
                waiting.append(item.text)
                continue
            following = 0 if item.origin < bounds[0] else 1
            self._add(parts, waiting, place=following)
            place, waiting = following, []
            parts[place].append(self._kept(item, item.origin - (bounds[0] if place else 0), place=place))
        self._add(parts, waiting, place=place)
        return parts

    def _add(self, parts: list[list[Item]], texts: t.Iterable[str], *, place: int) -> None:
        node = self._lists[place]
        for text in texts:
            parts[place].append(Item(None, self._written(text, node, like=self._neighbor(node))))

    def _kept(self, item: Argument, index: int, *, place: int) -> Item:
        node = self._lists[place]
        old = node.value[index]
        return Item(index) if old.value == item.text else Item(index, self._written(item.text, node, like=old))

    @staticmethod
    def _written(text: str, node: yaml.SequenceNode, *, like: yaml.Node | None) -> str:
        return yaml_list.written(text, like, in_brackets=bool(node.flow_style))

    @staticmethod
    def _neighbor(node: yaml.SequenceNode) -> yaml.Node | None:
        """Return the flag whose style new ones are given: the first one."""
        return next((item for item in node.value if item.value.startswith("-")), None)

    def _checked(self, content: bytes, new: Arguments) -> StaticPod:
        """Return the new manifest. Raises Fault unless it has the new arguments and nothing else has changed."""
        after = StaticPod(content, self.program)
        same = yaml_text.tree(after._document.root, *after._lists) == yaml_text.tree(self._document.root, *self._lists)
        if after.arguments.texts != new.texts or not same:
            raise Fault(_STRANGE_LAYOUT)
        return after


def _container(nodes: t.Sequence[yaml.Node], program: str) -> yaml.Node:
    """Return the container that runs the program: by its name, else by its command."""
    named = [node for node in nodes if scalar(member(node, "name")) == program]
    found = named or [
        node
        for node in nodes
        if any(is_program(scalar(text) or "", program) for text in items(member(node, "command")))
    ]
    if len(found) != 1:
        raise Fault(f"it has {'several containers' if found else 'no container'} of {program}")
    return found[0]


def _with_string(tree: t.Any, path: tuple[str, ...], value: str) -> t.Any:
    """Return what a document means (yaml_text.tree) with a string at a path, in which keys above it come last."""
    if not path:
        return _STRING, value
    pairs = tree["map"] if isinstance(tree, dict) else []
    name = (_STRING, path[0])
    found = next((below for each, below in pairs if each == name), None)
    others = [pair for pair in pairs if pair[0] != name]
    return {"map": [*others, (name, _with_string(found, path[1:], value))]}


def _text(node: yaml.Node) -> str:
    if getattr(node, "tag", None) != _STRING:
        raise Fault(f"one of its arguments is not a string: line {node.start_mark.line + 1}")
    return str(node.value)


def _is_below(path: str, above: str) -> bool:
    return f"{posixpath.normpath(path)}/".startswith(f"{posixpath.normpath(above).rstrip('/')}/")
