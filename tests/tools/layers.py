# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folder of plugins may import what, as data, and the import graph that this is compared with.

A folder imports only from floors below and from itself, and only its own libraries. Imports within functions, under
TYPE_CHECKING and by import_module count like all others: they are what the code depends on.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

COLLECTION = "ansible_collections.selfhosted.irsa"
PREFIX = f"{COLLECTION}.plugins"

# Lowest first. Folders on one floor do not import each other.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "module_utils/_common",
        "module_utils/_keys module_utils/_web module_utils/_aws module_utils/_cluster module_utils/_node",
        "module_utils/_oidc module_utils/_module module_utils/_kubernetes",
        "module_utils/_s3 module_utils/_iam module_utils/_injection module_utils/_pulls",
        "module_utils/_verify module_utils/_accounts",
        "module_utils/_rotation",
        "module_utils/_issuer",
        "modules filter lookup doc_fragments",
        "plugin_utils",
        "action",
    )
)

# Planned floors without a folder. All others exist, so that a misspelt floor is noticed.
NOT_BUILT: frozenset[str] = frozenset()

# What Ansible loads by the name of its file: such files share code by way of the floors below, not with each other.
SEPARATE = frozenset({"modules", "filter", "lookup", "doc_fragments", "action"})
SIBLINGS = {
    # The action of a role or a playbook is the module's action with another source of options, and derives from its
    # class.
    ("action/irsa_issuer_role.py", "action/irsa_issuer.py"),
    ("action/irsa_verify_play.py", "action/irsa_verify.py"),
}

AMAZON_AWS = "ansible_collections.amazon.aws"

# What each folder may import besides the standard library and the floors below; a folder that is not listed, nothing.
# "ansible" is ansible-core on the controller, without ansible.module_utils, which runs on any host.
LIBRARIES = {
    "module_utils/_keys": frozenset({"cryptography", "jwcrypto"}),
    "module_utils/_cluster": frozenset({"yaml"}),
    "module_utils/_web": frozenset({"cryptography"}),
    # botocore lets errors of urllib3 pass while a body is read.
    "module_utils/_aws": frozenset({"boto3", "botocore", "urllib3", AMAZON_AWS}),
    # _typeshed exists for type checkers only.
    "module_utils/_module": frozenset({"ansible.module_utils", "boto3", AMAZON_AWS, "_typeshed"}),
    "module_utils/_kubernetes": frozenset({"kubernetes", "urllib3", "yaml"}),
    "module_utils/_s3": frozenset({AMAZON_AWS}),
    "module_utils/_iam": frozenset({"cryptography", AMAZON_AWS}),
    "module_utils/_injection": frozenset({"cryptography"}),
    "module_utils/_accounts": frozenset({AMAZON_AWS}),
    "module_utils/_verify": frozenset({"cryptography", "jwcrypto"}),
    "modules": frozenset({AMAZON_AWS}),
    "filter": frozenset({"ansible", "ansible.module_utils", "botocore"}),
    "lookup": frozenset({"ansible"}),
    "plugin_utils": frozenset({"ansible", "ansible.module_utils", "cryptography", "yaml"}),
    "action": frozenset({"ansible"}),
}

# What runs on cluster nodes, with Python 3.9: irsa_keypair with cryptography 3.4, without jwcrypto and boto3, and
# irsa_node and irsa_kubelet with the standard library alone.
NODE_ENTRY = "modules/irsa_keypair.py"
NODE_FILES = frozenset(
    {
        NODE_ENTRY,
        "module_utils/_common/drafts.py",
        "module_utils/_common/errors.py",
        "module_utils/_common/files.py",
        "module_utils/_common/redaction.py",
        "module_utils/_common/text.py",
        "module_utils/_keys/attributes.py",
        "module_utils/_keys/der.py",
        "module_utils/_keys/key_facts.py",
        "module_utils/_keys/key_files.py",
        "module_utils/_keys/key_folder.py",
        "module_utils/_keys/key_material.py",
        "module_utils/_keys/key_remains.py",
        "module_utils/_keys/key_syntax.py",
        "module_utils/_keys/key_warnings.py",
        "module_utils/_keys/keypair.py",
        "module_utils/_keys/keypair_record.py",
        "module_utils/_keys/keypair_task.py",
        "module_utils/_keys/masking.py",
        "module_utils/_keys/odd_files.py",
        "module_utils/_keys/pem.py",
        "module_utils/_keys/public_files.py",
        "module_utils/_keys/safe_paths.py",
        "module_utils/_keys/signing_key.py",
        "module_utils/_common/option_names.py",
        "module_utils/_module/base.py",
        "module_utils/_module/libraries.py",
        "module_utils/_module/masked.py",
    }
)
NODE_LIBRARIES = frozenset({"ansible.module_utils", "cryptography"})
BARE_NODE_ENTRY = "modules/irsa_node.py"
BARE_NODE_FILES = frozenset(
    {
        BARE_NODE_ENTRY,
        "module_utils/_common/drafts.py",
        "module_utils/_common/errors.py",
        "module_utils/_common/files.py",
        "module_utils/_common/snap_paths.py",
        "module_utils/_common/text.py",
        "module_utils/_module/bare.py",
        "module_utils/_node/component.py",
        "module_utils/_node/hidden_values.py",
        "module_utils/_node/inspection.py",
        "module_utils/_node/key_datastore.py",
        "module_utils/_node/key_install.py",
        "module_utils/_node/key_reading.py",
        "module_utils/_node/key_staging.py",
        "module_utils/_node/kubeadm_config.py",
        "module_utils/_node/kubectl.py",
        "module_utils/_node/legacy_secrets.py",
        "module_utils/_node/mirror_pod.py",
        "module_utils/_node/node_files.py",
        "module_utils/_node/observation.py",
        "module_utils/_node/openssl.py",
        "module_utils/_node/operations.py",
        "module_utils/_node/pod_log.py",
        "module_utils/_node/private_file.py",
        "module_utils/_node/public_key_files.py",
        "module_utils/_node/service.py",
        "module_utils/_node/session.py",
        "module_utils/_node/step.py",
        "module_utils/_node/step_request.py",
        "module_utils/_node/token_use.py",
        "module_utils/_node/tokens.py",
        "module_utils/_node/tools.py",
        "module_utils/_node/units.py",
    }
)
KUBELET_ENTRY = "modules/irsa_kubelet.py"
KUBELET_FILES = frozenset(
    {
        KUBELET_ENTRY,
        "module_utils/_common/drafts.py",
        "module_utils/_common/errors.py",
        "module_utils/_common/files.py",
        "module_utils/_common/text.py",
        "module_utils/_module/bare.py",
        "module_utils/_node/hidden_values.py",
        "module_utils/_node/kubectl.py",
        "module_utils/_node/kubelet.py",
        "module_utils/_node/kubelet_step.py",
        "module_utils/_node/node_files.py",
        "module_utils/_node/pod_log.py",
        "module_utils/_node/session.py",
        "module_utils/_node/tools.py",
        "module_utils/_node/units.py",
    }
)
BARE_NODE_LIBRARIES = frozenset({"ansible.module_utils"})
NODE_ENTRIES = (
    (NODE_ENTRY, NODE_FILES, NODE_LIBRARIES),
    (BARE_NODE_ENTRY, BARE_NODE_FILES, BARE_NODE_LIBRARIES),
    (KUBELET_ENTRY, KUBELET_FILES, BARE_NODE_LIBRARIES),
)
ON_NODES = NODE_FILES | BARE_NODE_FILES | KUBELET_FILES
# What the standard library of the Python that runs this may have and that of Python 3.9 lacks.
NOT_ON_NODES = frozenset({"annotationlib", "compression", "tomllib"})

IMPORTERS = frozenset({"import_module", "__import__"})


@dataclass(frozen=True)
class Graph:
    """Imports of each file, both sides relative to plugins.

    :ivar files: files of plugins that a file imports
    :ivar libraries: everything else that it imports, the standard library excepted, by the names that LIBRARIES has
    :ivar unknown: names of this collection that it imports and that no file of plugins has
    :ivar hidden: lines on which it imports what only running it would show
    """

    files: dict[str, set[str]]
    libraries: dict[str, set[str]]
    unknown: dict[str, set[str]]
    hidden: dict[str, list[int]]

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
    graph = Graph(_nothing(files), _nothing(files), _nothing(files), {})
    for file in files:
        tree = ast.parse((plugins / file).read_text(encoding="utf-8"), file)
        named, graph.hidden[file] = _imports_by_call(tree)
        for name, member in [*_imports(tree, file), *((name, None) for name in named)]:
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


def _imports_by_call(tree: ast.Module) -> tuple[list[str], list[int]]:
    """Names that functions such as import_module are called with, and the lines of uses that do not show the name."""
    names: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_importer(node.func) and not node.keywords:
            match node.args:
                case [ast.Constant(value=str() as name)] if not name.startswith("."):
                    names[node.func] = name
    uses = (node for node in ast.walk(tree) if _is_importer(node))
    return list(names.values()), [getattr(node, "lineno", 0) for node in uses if node not in names]


def _is_importer(node: ast.AST) -> bool:
    """Whether this mentions such a function: by its name, as an attribute, for getattr, or under another name."""
    match node:
        case (
            ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=name) | ast.alias(name=name, asname=str())
        ):
            return name in IMPORTERS
    return False


def _note(graph: Graph, file: str, *, name: str, member: str | None) -> None:
    """Note one import of a file under what it is."""
    whole = f"{name}.{member}" if member else name
    if not _is_within(whole, COLLECTION):
        library = _library(whole)
        if library not in sys.stdlib_module_names or (file in ON_NODES and library in NOT_ON_NODES):
            graph.libraries[file].add(library)
        return
    path = name.removeprefix(PREFIX).strip(".").replace(".", "/") if _is_within(name, PREFIX) else ""
    found = next((each for each in (f"{path}/{member}.py", f"{path}.py") if each in graph.files), None)
    if found:
        graph.files[file].add(found)
    else:
        graph.unknown[file].add(whole)


def _is_within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def _library(name: str) -> str:
    """What LIBRARIES calls the library that a name belongs to: usually the first part of the name."""
    if _is_within(name, "ansible.module_utils"):
        return "ansible.module_utils"
    # A collection is known by the first three parts of its name.
    return ".".join(name.split(".")[: 3 if name.startswith("ansible_collections.") else 1])


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
    yield from _wrong_arrows(graph, heights)
    yield from _wrong_names(graph)
    try:
        TopologicalSorter(graph.files).prepare()
    except CycleError as error:
        yield "import cycle: " + " > ".join(reversed(error.args[1]))


def _wrong_arrows(graph: Graph, heights: dict[str, int]) -> Iterator[str]:
    """Imports of files of plugins that are not below."""
    for file, imported in graph.files.items():
        own = folder_of(file)
        for other in sorted(imported):
            theirs = folder_of(other)
            if own != theirs and heights.get(theirs, 0) >= heights.get(own, 0):
                yield f"{file} imports {other}, which is not on a floor below"
            elif own == theirs and own in SEPARATE and (file, other) not in SIBLINGS:
                yield f"{file} imports {other}, and files in {own} do not import each other"


def _wrong_names(graph: Graph) -> Iterator[str]:
    """Imports of everything else that is not allowed."""
    for file, names in graph.unknown.items():
        yield from (f"{file} imports {name}, which is not a file of plugins" for name in sorted(names))
    for file, lines in graph.hidden.items():
        yield from (f"{file}:{line}: the name of what is imported here is not a constant" for line in lines)
    for file, names in graph.libraries.items():
        allowed = LIBRARIES.get(folder_of(file), frozenset())
        yield from (f"{file} imports {name}, which its folder may not use" for name in sorted(names - allowed))


def unused(plugins: Path, graph: Graph) -> Iterator[str]:
    """What the data above allows or lists although nothing needs it."""
    for folder in sorted(frozenset.union(*FLOORS)):
        if (plugins / folder).is_dir() == (folder in NOT_BUILT):
            yield f"{folder} is built and listed as not built" if folder in NOT_BUILT else f"{folder} does not exist"
    for folder, allowed in LIBRARIES.items():
        used = set().union(*(names for file, names in graph.libraries.items() if folder_of(file) == folder))
        yield from (f"{folder} does not import {name}" for name in sorted(allowed - used))
    for file, other in sorted(SIBLINGS):
        if other not in graph.files.get(file, set()):
            yield f"{file} does not import {other}"


def node_faults(graph: Graph) -> Iterator[str]:
    """What the modules for nodes would take there and must not."""
    for entry, files, libraries in NODE_ENTRIES:
        shipped = graph.closure(entry)
        yield from (f"{file} would be shipped to nodes" for file in sorted(shipped - files))
        yield from (f"{file} is not shipped to nodes" for file in sorted(files - shipped))
        for file in sorted(shipped):
            yield from (f"{file} imports {name}" for name in sorted(graph.libraries[file] - libraries))
