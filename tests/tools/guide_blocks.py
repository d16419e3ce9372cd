# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML in the guides: every variable in it exists and has a valid value; manifests are handed to an API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Variables of playbooks, which have no argument specification.
_OF_PLAYBOOKS = re.compile(r"irsa_(hosts|control_plane|verify_\w+)")


@dataclass(frozen=True)
class Block:
    """One block of YAML: the file with the number of the block in it, and the text."""

    name: str
    text: str

    @property
    def documents(self) -> list[Any]:
        return [document for document in yaml.safe_load_all(self.text) if document is not None]


def blocks(repository: Path = REPOSITORY) -> Iterator[Block]:
    """Yield all blocks of YAML in the README files and the guides."""
    files = [repository / "README.md", *repository.glob("docs/*.md"), *repository.glob("roles/*/README.md")]
    for file in sorted(files):
        found = _BLOCK.findall(file.read_text(encoding="utf-8"))
        yield from (Block(f"{file.relative_to(repository)}#{number}", text) for number, text in enumerate(found, 1))


def manifests(block: Block) -> list[dict[str, Any]]:
    """Return the documents of a block that an API server knows; kubeadm's configuration is not one of them."""
    return [
        document
        for document in block.documents
        if isinstance(document, dict)
        and {"apiVersion", "kind", "metadata"} <= document.keys()
        and not document["apiVersion"].startswith("kubeadm")
    ]


def variables(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each variable of this collection that is set anywhere in a document."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(name, str) and name.startswith("irsa_") and not _OF_PLAYBOOKS.fullmatch(name):
                yield name, member
            else:
                yield from variables(member)
    elif isinstance(value, list):
        for item in value:
            yield from variables(item)


def specifications(repository: Path = REPOSITORY) -> dict[str, dict[str, Any]]:
    """Return what the roles say about their variables, by name. Roles that share a variable agree on its type."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(repository.glob("roles/*/meta/argument_specs.yml")):
        found |= yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return found
