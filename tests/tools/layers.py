# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folder of plugins may import which, as data, and the import graph that this is compared with.

A folder imports only from floors below and from itself. Imports within functions and under TYPE_CHECKING count like all
others: they are what the code depends on.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

PREFIX = "ansible_collections.selfhosted.irsa.plugins"

# Lowest first. Folders on one floor do not import each other. Some are not built yet.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "module_utils/_common",
        "module_utils/_keys module_utils/_web module_utils/_aws module_utils/_cluster",
        "module_utils/_oidc module_utils/_module module_utils/_kubernetes",
        "module_utils/_s3 module_utils/_iam",
        "module_utils/_verify",
        "module_utils/_issuer",
        "module_utils/_rotation",
        "modules filter lookup doc_fragments",
        "plugin_utils",
        "action",
    )
)

# irsa_keypair, and nothing else, runs on cluster nodes: Python 3.9, cryptography 3.4, neither jwcrypto nor boto3.
NODE_ENTRY = "modules/irsa_keypair.py"
NODE_FILES = frozenset(
    {
        NODE_ENTRY,
        "module_utils/_common/errors.py",
        "module_utils/_keys/key_facts.py",
        "module_utils/_keys/key_files.py",
        "module_utils/_keys/keypair.py",
        "module_utils/_keys/keypair_task.py",
        "module_utils/_keys/pem.py",
        "module_utils/_keys/public_files.py",
        "module_utils/_keys/signing_key.py",
        "module_utils/_module/base.py",
    }
)
NODE_LIBRARIES = frozenset({"ansible", "cryptography"})


@dataclass(frozen=True)
class Graph:
    """Imports of each file, both sides relative to plugins.

    :ivar files: files of plugins that a file imports
    :ivar libraries: top-level names of everything else that it imports, the standard library excepted
    :ivar unknown: names below plugins that it imports and that no file has
    """

    files: dict[str, set[str]]
    libraries: dict[str, set[str]]
    unknown: dict[str, set[str]]

    def closure(self, start: str) -> set[str]:
        """All files that come along with one."""
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            file = ahead.pop()
            if file not in seen:
                seen.add(file)
                ahead += self.files[file]
        return seen


def read_graph(plugins: Path) -> Graph:
    """Read the imports of all files below a folder that is laid out as plugins is."""
    files = [file.relative_to(plugins).as_posix() for file in sorted(plugins.rglob("*.py"))]
    graph = Graph(_nothing(files), _nothing(files), _nothing(files))
    for file in files:
        tree = ast.parse((plugins / file).read_text(encoding="utf-8"), file)
        for name, member in _imports(tree, file):
            _note(graph, file, name=name, member=member)
    return graph


def _nothing(files: list[str]) -> dict[str, set[str]]:
    return {file: set() for file in files}


def _imports(tree: ast.Module, file: str) -> Iterator[tuple[str, str | None]]:
    """Each imported module by its full name, with the member that is taken from it, if any."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                folders = PurePosixPath(file).parts[: -node.level]
                module = ".".join([PREFIX, *folders, *filter(None, [module])])
            yield from ((module, alias.name) for alias in node.names)


def _note(graph: Graph, file: str, *, name: str, member: str | None) -> None:
    """Note one import of a file under what it is."""
    if not f"{name}.".startswith(f"{PREFIX}."):
        # A collection is told by the first three parts of its name.
        top = ".".join(name.split(".")[: 3 if name.startswith("ansible_collections.") else 1])
        if top not in sys.stdlib_module_names:
            graph.libraries[file].add(top)
        return
    path = name.removeprefix(PREFIX).strip(".").replace(".", "/")
    found = next((each for each in (f"{path}/{member}.py", f"{path}.py") if each in graph.files), None)
    if found:
        graph.files[file].add(found)
    else:
        graph.unknown[file].add(f"{name}.{member}" if member else name)


def folder_of(file: str) -> str:
    """The folder that is on a floor."""
    parts = PurePosixPath(file).parts[:-1]
    return "/".join(parts[: 2 if parts[:1] == ("module_utils",) else 1])


def faults(graph: Graph) -> Iterator[str]:
    """What breaks the layers, one line each."""
    heights = {folder: height for height, floor in enumerate(FLOORS) for folder in floor}
    for file in graph.files:
        if folder_of(file) not in heights:
            yield f"{file} is in a folder that is on no floor"
    for file, imported in graph.files.items():
        own = folder_of(file)
        for other in sorted(imported):
            theirs = folder_of(other)
            if own != theirs and heights.get(theirs, 0) >= heights.get(own, 0):
                yield f"{file} imports {other}, which is not on a floor below"
    for file, names in graph.unknown.items():
        yield from (f"{file} imports {name}, which is not a file" for name in sorted(names))
    try:
        TopologicalSorter(graph.files).prepare()
    except CycleError as error:
        yield "import cycle: " + " > ".join(reversed(error.args[1]))


def node_faults(graph: Graph) -> Iterator[str]:
    """What irsa_keypair would take to a node and must not."""
    shipped = graph.closure(NODE_ENTRY)
    yield from (f"{file} would be shipped to nodes" for file in sorted(shipped - NODE_FILES))
    yield from (f"{file} is not shipped to nodes" for file in sorted(NODE_FILES - shipped))
    for file in sorted(shipped):
        yield from (f"{file} imports {name}" for name in sorted(graph.libraries[file] - NODE_LIBRARIES))
