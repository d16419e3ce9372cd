# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large files, functions and signatures of plugins may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 40
POSITIONAL_PARAMETERS = 3
# Data, one entry for each check.
LONG_FILES = frozenset({"module_utils/_verify/catalogue.py"})
DOCUMENTATION = frozenset({"DOCUMENTATION", "EXAMPLES", "RETURN"})
# The folders in which Ansible reads them.
DOCUMENTED = frozenset({"modules", "lookup", "filter", "doc_fragments"})


def faults(plugins: Path) -> Iterator[str]:
    """What is too large in the files below a folder, one line each."""
    for file in sorted(plugins.rglob("*.py")):
        name = file.relative_to(plugins).as_posix()
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source, name)
        lines = len(source.splitlines())
        if name.split("/")[0] in DOCUMENTED:
            lines -= _documentation_lines(tree)
        if lines > FILE_LINES and name not in LONG_FILES:
            yield f"{name} has {lines} lines besides documentation; at most {FILE_LINES} are allowed"
        yield from (f"{name}:{fault}" for fault in _function_faults(tree, in_class=False))


def _documentation_lines(tree: ast.Module) -> int:
    """Lines of documentation blocks: at the top level of a plugin, in the class of a fragment."""
    blocks = list(tree.body)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "ModuleDocFragment":
            blocks += node.body
    return sum((block.end_lineno or block.lineno) - block.lineno + 1 for block in blocks if _is_documentation(block))


def _is_documentation(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str())):
            return name in DOCUMENTATION
    return False


def _function_faults(node: ast.AST, *, in_class: bool) -> Iterator[str]:
    """What is too large in the functions below a node, which is a class or not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            start = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            lines = (child.end_lineno or child.lineno) - start + 1
            if lines > FUNCTION_LINES:
                yield f"{start}: {child.name} has {lines} lines; at most {FUNCTION_LINES} are allowed"
            count = _positional_parameters(child, in_class=in_class)
            if count > POSITIONAL_PARAMETERS:
                allowed = f"at most {POSITIONAL_PARAMETERS} are allowed before *"
                yield f"{start}: {child.name} has {count} positional parameters; {allowed}"
        yield from _function_faults(child, in_class=isinstance(child, ast.ClassDef))


def _positional_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef, *, in_class: bool) -> int:
    """How many there are besides self or cls."""
    decorators = {decorator.id for decorator in function.decorator_list if isinstance(decorator, ast.Name)}
    is_bound = in_class and "staticmethod" not in decorators
    return len(function.args.posonlyargs) + len(function.args.args) - is_bound
