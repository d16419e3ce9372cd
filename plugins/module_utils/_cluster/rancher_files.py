# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of k3s and RKE2: config.yaml, and then the files in config.yaml.d in the order of their names.

A key takes the place of what earlier files say, ``key+`` adds to it.
https://github.com/k3s-io/k3s/blob/master/pkg/configfilearg/parser.go
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Files, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# In small letters or capitals: https://github.com/k3s-io/k3s/blob/master/pkg/agent/util/strings.go
ENDINGS = (".yaml", ".yml")

_NULL = "tag:yaml.org,2002:null"
_CONFIG_OPTIONS = ("--config", "-c")

# A scalar (None: null), or a list of them.
Value = t.Optional["str | tuple[str, ...]"]


class Entry(t.NamedTuple):
    """One key of one file, without its plus sign."""

    path: str
    key: str
    adds: bool
    value: Value

    @property
    def values(self) -> tuple[str, ...]:
        """The value as a list, as it is added to others."""
        if isinstance(self.value, tuple):
            return self.value
        return () if self.value is None else (self.value,)


class Item(t.NamedTuple):
    """One value of a key, and the file that it is in."""

    path: str
    value: str


class Configuration:
    """What all files together say for some keys, as strings.

    :ivar entries: each key of each file, in the order in which they count
    """

    def __init__(self, entries: t.Iterable[Entry]) -> None:
        self.entries = tuple(entries)

    def items(self, key: str) -> list[Item]:
        """Return the values of a key in order, none if it is unset. A single value is a list of one."""
        found: list[Entry] = []
        for entry in self.entries:
            if entry.key == key:
                found = [*found, entry] if entry.adds else [entry]
        # null alone is an empty value, but nothing beside others.
        is_alone = len(found) == 1
        return [
            Item(entry.path, value)
            for entry in found
            for value in ([""] if entry.value is None and is_alone else entry.values)
        ]

    def values(self, key: str) -> list[str]:
        """Return the values of a key in order."""
        return [item.value for item in self.items(key)]

    def value(self, *names: str) -> str | None:
        """Return the value of a key that has one, given all its names; None if it is unset or empty."""
        values = [value for name in names for value in self.values(name)]
        return (values or [""])[-1] or None


def config_path(unit: Unit, *, variable: str, default: str) -> str:
    """Return the path of the configuration file, which the variable or the command may change. It may be a URL.

    Raises Fault if the command names none.
    """
    path = unit.environment.get(variable) or _option(unit.command, _CONFIG_OPTIONS)
    if path == "":
        raise Fault("its command has the option --config without a file. Add one")
    return _absolute(path) if path else default


def is_url(path: str) -> bool:
    """Whether the configuration is read from a web server."""
    return path.lower().startswith(("http://", "https://"))


def folder_of(path: str) -> str:
    """Return the folder of the files that are read after a configuration file."""
    return f"{path}.d"


def paths(files: Files, path: str) -> list[str]:
    """Return the paths of all configuration files that exist, in the order in which they count."""
    folder = folder_of(path)
    found = [each for each in files if posixpath.dirname(each) == folder and each.lower().endswith(ENDINGS)]
    return [each for each in (path,) if each in files] + sorted(found, key=lambda each: each.encode())


def read(files: Files, path: str, keys: t.Collection[str]) -> Configuration:
    """Return what the files say for these keys. Raises Fault for a file that the service would not understand, and for
    one that might be meant in several ways.
    """
    return Configuration(entry for each in paths(files, path) for entry in entries(each, files[each], keys))


def entries(path: str, content: bytes, keys: t.Collection[str] | None = None) -> list[Entry]:
    """Return these keys of one file (None: all). Raises Fault like ``read``."""
    try:
        found = [_entry(path, *pair) for pair in _pairs(content) if keys is None or _name(pair[0]) in keys]
    except Fault as fault:
        raise Fault(f"its file {quoted(path)} cannot be used: {fault}") from None
    return found


def options(command: t.Sequence[str], *names: str) -> list[str]:
    """Return the values of an option in a command, given all its names such as ``--data-dir`` and ``-d``."""
    found = []
    for index, word in enumerate(command):
        name, has_value, value = word.partition("=")
        if name in names:
            found.append(value if has_value else "".join(command[index + 1 : index + 2]))
    return found


def _option(command: t.Sequence[str], names: t.Sequence[str]) -> str | None:
    return next(iter(options(command, *names)), None)


def _absolute(path: str) -> str:
    # The folder of a service of systemd is the root.
    return path if is_url(path) else posixpath.join("/", path)


def _pairs(content: bytes) -> list[tuple[t.Any, t.Any]]:
    root = yaml_text.Document(yaml_text.decoded(content)).root
    if root is None or root.tag == _NULL:
        return []
    pairs: list[tuple[t.Any, t.Any]] = root.value
    if not root.tag.endswith(":map"):
        raise Fault("it is not a mapping of keys")
    if any(key.tag == "tag:yaml.org,2002:merge" for key, dummy in pairs):
        raise Fault("it has a merge key (<<). Write out what it merges")
    return pairs


def _name(key: t.Any) -> str:
    return str(key.value).strip().removesuffix("+")


def _entry(path: str, key: t.Any, node: t.Any) -> Entry:
    name = _name(key)
    adds = str(key.value).strip().endswith("+")
    if node.id == "sequence":
        return Entry(path, name, adds, tuple(_scalar(name, item) or "" for item in node.value))
    return Entry(path, name, adds, _scalar(name, node))


def _scalar(name: str, node: t.Any) -> str | None:
    if node.id != "scalar":
        raise Fault(f"{name} has something other than a string (line {node.start_mark.line + 1}). Write name=value")
    return None if node.tag == _NULL else str(node.value).strip()
