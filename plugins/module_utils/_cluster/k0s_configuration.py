# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k0s' ClusterConfig as text: the arguments that it adds for a program, and the same text with others.

``extraArgs`` is a map, in which a name replaces k0s' own value. ``rawArgs`` is a list that follows all of that.
https://docs.k0sproject.io/stable/configuration/#specapi
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_members, yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Argument, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_list import Item
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import at, is_empty, member, scalar
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

API = "api"
CONTROLLER_MANAGER = "controllerManager"

_GROUP = "k0s.k0sproject.io/"
_KIND = "ClusterConfig"
_SPEC, _EXTRA, _RAW = "spec", "extraArgs", "rawArgs"


class ClusterConfig:
    """The text, and what is in it. Raises Fault for a text that is something else."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._root: t.Any = yaml_text.Document(text).root
        kind, version = (scalar(member(self._root, name)) for name in ("kind", "apiVersion"))
        is_mapping = is_empty(self._root) or getattr(self._root, "id", None) == "mapping"
        if not is_mapping or kind not in (None, _KIND) or not (version or _GROUP).startswith(_GROUP):
            raise Fault(f"it is {quoted(kind)} of version {quoted(version)}, and not {_KIND} of {_GROUP}")

    def setting(self, *path: str) -> str | None:
        """Return a value below spec, None if there is none."""
        return scalar(at(self._root, _SPEC, *path))

    def extra_args(self, section: str) -> dict[str, str]:
        """Return extraArgs of a section. Raises Fault for something other than a map of single values."""
        node: t.Any = at(self._root, _SPEC, section, _EXTRA)
        if is_empty(node):
            return {}
        if node.id != "mapping":
            raise Fault(f"spec.{section}.{_EXTRA} is not a map")
        return {name.value: _text(member(node, name.value), section, _EXTRA) for name, dummy in node.value}

    def raw_args(self, section: str) -> list[str]:
        """Return rawArgs of a section. Raises Fault for something other than a list of single values."""
        node: t.Any = at(self._root, _SPEC, section, _RAW)
        if is_empty(node):
            return []
        if node.id != "sequence":
            raise Fault(f"spec.{section}.{_RAW} is not a list")
        return [_text(each, section, _RAW) for each in node.value]

    def with_extra_arg(self, section: str, name: str, value: str) -> ClusterConfig:
        """Return it with another value of a name in extraArgs. Raises Fault if that cannot be done safely."""
        path = (_SPEC, section, _EXTRA, name)
        return self._changed(section, yaml_members.with_value(self.text, path, value))

    def without_extra_arg(self, section: str, name: str) -> ClusterConfig:
        """Return it without a name in extraArgs. Raises Fault if that cannot be done safely."""
        return self._changed(section, yaml_members.without(self.text, (_SPEC, section, _EXTRA, name)))

    def added_extra_arg(self, section: str, name: str) -> bool:
        """Whether a name in extraArgs was added by with_extra_arg, and not by the user."""
        return yaml_members.is_ours(self.text, (_SPEC, section, _EXTRA, name))

    def with_raw_args(self, section: str, items: t.Sequence[Argument]) -> ClusterConfig:
        """Return it with other rawArgs, each of which may come from raw_args. Raises Fault if that cannot be done
        safely.
        """
        new = [Item(item.origin, item.text if item.origin is None else None) for item in items]
        changed = self._changed(section, yaml_members.with_items(self.text, (_SPEC, section, _RAW), new))
        if changed.raw_args(section) != [item.text for item in items]:
            raise Fault("an edit of it would change something else, too. Its layout is not known here")
        return changed

    def raw_arguments(self, section: str) -> Arguments:
        """Return rawArgs as arguments that know where they come from."""
        return Arguments.of(self.raw_args(section))

    def _changed(self, section: str, text: str) -> ClusterConfig:
        changed = ClusterConfig(text)
        if changed._rest(section) != self._rest(section):
            raise Fault("an edit of it would change something else, too. Its layout is not known here")
        return changed

    def _rest(self, section: str) -> t.Any:
        """Return what is in it besides the arguments of a section, without that section if it has nothing else."""
        spec = member(self._root, _SPEC)
        arguments = (_EXTRA, _RAW)
        return [_tree(self._root, (_SPEC,)), _tree(spec, (section,)), _tree(member(spec, section), arguments)]


def _tree(node: t.Any, left_out: tuple[str, ...]) -> t.Any:
    """Return what a mapping means without some of its keys. Nothing, null and an empty mapping are the same to k0s."""
    if is_empty(node):
        return []
    return [
        (yaml_text.tree(name), yaml_text.tree(value))
        for name, value in (node.value if node.id == "mapping" else [(node, node)])
        if name.value not in left_out
    ]


def _text(node: t.Any, section: str, name: str) -> str:
    text = scalar(node)
    if text is None:
        raise Fault(f"spec.{section}.{name} has something other than a single value")
    return text
