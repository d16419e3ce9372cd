# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code blocks of the guides.

Every variable in their YAML exists and has a valid value; manifests are handed to an API server. Every block of console
or YAML runs in `tests/integration/test_walk.py`, is compared with what the collection's own code makes
(`test_distribution_pages.py`), or a comment before it says why neither is done.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:<!-- from: (?P<source>(?:(?!-->).)+?)\s+-->\s+)?"
    r"(?:<!-- not run: (?P<reason>(?:(?!-->).)+?)\s+-->\s+)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_FILE = re.compile(r"#\s*(?P<name>[\w.-]+\.(?:ya?ml|ini))$", re.MULTILINE)
_TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)(?:::(?P<name>\w+))?")
# API groups of what is applied to another API than that of the cluster, or to none.
_GROUPS_OF_OTHERS = (
    "kubeadm.k8s.io/",
    "kops.k8s.io/",
    "controlplane.cluster.x-k8s.io/",
    "core.gardener.cloud/",
    "config.openshift.io/",
    "k0s.k0sproject.io/",
    "k3d.io/",
)
# Variables of playbooks, which have no argument specification.
_OF_PLAYBOOKS = re.compile(r"irsa_(hosts|control_plane|verify_\w+)")
_YAML = ("yaml", "yml")
_CONSOLE = ("console", "shell", "bash", "sh")


@dataclass(frozen=True)
class Block:
    """A block of code.

    :ivar name: the file with the number of its line
    :ivar reason: why it is not run, if it is not
    :ivar source: what it is compared with instead, if it is
    """

    name: str
    text: str
    language: str = "yaml"
    reason: str = ""
    source: str = ""

    @property
    def documents(self) -> list[Any]:
        return [document for document in yaml.safe_load_all(self.text) if document is not None]

    @property
    def file(self) -> str | None:
        """The file that the block is the contents of, which its first line names."""
        found = None if self.language in _CONSOLE else _FILE.match(self.text)
        return found["name"] if found else None

    @property
    def is_command(self) -> bool:
        return self.language in _CONSOLE and not self.reason and not self.source


def pages(repository: Path = REPOSITORY) -> dict[str, list[Block]]:
    """Return the blocks of each README and guide for users, by the page's path."""
    patterns = ("README.md", "docs/*.md", "docs/distributions/*.md", "docs/add-ons/*.md", "roles/*/README.md")
    files = [file for pattern in patterns for file in repository.glob(pattern)]
    return {str(file.relative_to(repository)): list(_page(file, repository)) for file in sorted(files)}


def _page(file: Path, repository: Path) -> Iterator[Block]:
    page = file.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(page):
        line = page.count("\n", 0, found.start("language")) + 1
        yield Block(
            f"{file.relative_to(repository)}:{line}",
            textwrap.dedent(found["text"]),
            found["language"],
            " ".join((found["reason"] or "").split()),
            " ".join((found["source"] or "").split()),
        )


def blocks(repository: Path = REPOSITORY) -> Iterator[Block]:
    """Yield all blocks of YAML in the README files and the guides."""
    for page in pages(repository).values():
        yield from (block for block in page if block.language in _YAML)


def walk_faults(page: Sequence[Block], repository: Path = REPOSITORY) -> Iterator[str]:
    """Yield what is neither run nor marked, and marks that name a test that does not exist."""
    for number, block in enumerate(page):
        later = [each.text for each in page[number:] if each.is_command]
        if block.reason:
            for found in _TEST.finditer(block.reason):
                path = repository / found["file"]
                if not path.is_file() or not _defines(path.read_text(encoding="utf-8"), found["name"] or ""):
                    yield f"{block.name}: there is no {found[0]}"
        elif block.source:
            continue
        elif block.language in _YAML and not block.file:
            yield f"{block.name} is not run: name a file in its first line, or say why in <!-- not run: REASON -->"
        elif block.file and not any(block.file in text for text in later):
            yield f"{block.name}: no command on this page uses {block.file}; say why in <!-- not run: REASON -->"


def _defines(source: str, name: str) -> bool:
    return not name or re.search(rf"^\s*(def|class) {name}\b", source, re.MULTILINE) is not None


def script(page: Sequence[Block]) -> str:
    """Return what a reader does on a page, in order, as a script for bash. It prints which block comes next."""
    lines = []
    for block in page:
        if block.is_command:
            lines += [f"echo '== {block.name}'", block.text]
        elif block.file and not block.reason and not block.source:
            lines += [f"cat > {block.file} <<'END OF {block.file}'", f"{block.text}END OF {block.file}"]
    return "\n".join(lines)


def manifests(block: Block) -> list[dict[str, Any]]:
    """Return the documents of a block that an API server knows."""
    return [
        document
        for document in block.documents
        if isinstance(document, dict)
        and {"apiVersion", "kind", "metadata"} <= document.keys()
        and not document["apiVersion"].startswith(_GROUPS_OF_OTHERS)
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
