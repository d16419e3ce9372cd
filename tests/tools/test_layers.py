# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of plugins import each other in one direction, and irsa_keypair ships no more than nodes can run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from layers import NODE_FILES, PREFIX, faults, node_faults, read_graph

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree that breaks no rule: its files import what the real ones may."""
    write(tmp_path, "module_utils/_common/errors.py", "import re")
    for file in NODE_FILES - {"module_utils/_common/errors.py"}:
        write(tmp_path, file, "from __future__ import annotations")
    shipped = [f"from {PREFIX}.{file.removesuffix('.py').replace('/', '.')} import x" for file in NODE_FILES]
    own = f"from {PREFIX}.modules.irsa_keypair import x"
    write(tmp_path, "modules/irsa_keypair.py", *[line for line in shipped if line != own], "import cryptography.x509")
    write(tmp_path, "module_utils/_aws/api.py", f"from {PREFIX}.module_utils._common import errors", "import boto3")
    write(tmp_path, "module_utils/_web/https.py", f"from {PREFIX}.module_utils._common.errors import IrsaError")
    write(tmp_path, "module_utils/_s3/store.py", f"import {PREFIX}.module_utils._aws.api as api")
    write(tmp_path, "plugin_utils/_direct.py", "import ansible.plugins")
    write(tmp_path, "action/irsa_bucket.py", f"from {PREFIX}.plugin_utils._direct import DirectAction")
    return tmp_path


def write(tree: Path, file: str, *lines: str) -> None:
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def faults_with(tree: Path, file: str, *lines: str) -> list[str]:
    """The faults of the tree once a file holds these lines."""
    write(tree, file, *lines)
    return list(faults(read_graph(tree)))


def test_plugins_import_in_one_direction() -> None:
    assert list(faults(read_graph(PLUGINS))) == []


def test_irsa_keypair_imports_only_what_runs_on_nodes() -> None:
    assert list(node_faults(read_graph(PLUGINS))) == []


def test_ruff_holds_what_runs_on_nodes_to_python_3_9() -> None:
    versions = tomllib.loads((PLUGINS.parent / ".ruff.toml").read_text(encoding="utf-8"))["per-file-target-version"]
    assert {file for file, version in versions.items() if version == "py39" and file.startswith("plugins/")} == {
        f"plugins/{file}" for file in NODE_FILES
    }


def test_module_utils_has_no_file_outside_a_private_folder() -> None:
    assert list((PLUGINS / "module_utils").glob("*.py")) == []
    assert [folder.name for folder in (PLUGINS / "module_utils").iterdir() if not folder.name.startswith("_")] == []


def test_a_tree_that_keeps_the_rules_has_no_faults(tree: Path) -> None:
    graph = read_graph(tree)
    assert list(faults(graph)) == []
    assert list(node_faults(graph)) == []


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        (f"from {PREFIX}.module_utils._s3 import store", "module_utils/_s3/store.py"),
        (f"from {PREFIX}.module_utils._s3.store import S3Store", "module_utils/_s3/store.py"),
        (f"import {PREFIX}.module_utils._s3.store", "module_utils/_s3/store.py"),
        ("from .._s3 import store", "module_utils/_s3/store.py"),
        ("from .._s3.store import S3Store", "module_utils/_s3/store.py"),
        (f"def late():\n    from {PREFIX}.module_utils._s3 import store", "module_utils/_s3/store.py"),
        (f"if t.TYPE_CHECKING:\n    from {PREFIX}.module_utils._s3 import store", "module_utils/_s3/store.py"),
        (f"from {PREFIX}.module_utils._web import https", "module_utils/_web/https.py"),
        (f"from {PREFIX}.modules import irsa_keypair", "modules/irsa_keypair.py"),
        (f"from {PREFIX}.plugin_utils._direct import DirectAction", "plugin_utils/_direct.py"),
        (f"from {PREFIX}.action.irsa_bucket import ActionModule", "action/irsa_bucket.py"),
    ],
    ids=[
        "a floor above",
        "a member of a file above",
        "the whole name",
        "relative",
        "a member, relative",
        "in a function",
        "for type checking",
        "the same floor",
        "a module",
        "plugin_utils",
        "an action",
    ],
)
def test_a_wrong_import_is_a_fault(tree: Path, line: str, imported: str) -> None:
    found = faults_with(tree, "module_utils/_aws/api.py", line)
    assert found[0] == f"module_utils/_aws/api.py imports {imported}, which is not on a floor below"


def test_modules_and_actions_do_not_import_upwards(tree: Path) -> None:
    (found,) = faults_with(tree, "plugin_utils/_base.py", f"from {PREFIX}.action.irsa_bucket import x")
    assert found == "plugin_utils/_base.py imports action/irsa_bucket.py, which is not on a floor below"
    (found,) = faults_with(tree, "plugin_utils/_base.py", f"from {PREFIX}.modules.irsa_nothing import x")
    assert found == f"plugin_utils/_base.py imports {PREFIX}.modules.irsa_nothing.x, which is not a file"


def test_a_cycle_within_one_folder_is_a_fault(tree: Path) -> None:
    write(tree, "module_utils/_s3/bucket.py", f"from {PREFIX}.module_utils._s3 import store")
    (found,) = faults_with(tree, "module_utils/_s3/store.py", f"from {PREFIX}.module_utils._s3.bucket import x")
    assert found.startswith("import cycle: ")
    assert {"module_utils/_s3/bucket.py", "module_utils/_s3/store.py"} == set(found.split(": ")[1].split(" > "))


@pytest.mark.parametrize("file", ["module_utils/loose.py", "module_utils/_new/file.py", "become/root.py"])
def test_a_file_in_no_known_folder_is_a_fault(tree: Path, file: str) -> None:
    assert faults_with(tree, file, "import re") == [f"{file} is in a folder that is on no floor"]


@pytest.mark.parametrize("library", ["jwcrypto", "boto3", "botocore", "ansible_collections.amazon.aws"])
def test_a_library_that_nodes_lack_is_a_fault(tree: Path, library: str) -> None:
    write(tree, "module_utils/_module/base.py", f"def late():\n    from {library}.plugins import anything")
    assert list(node_faults(read_graph(tree))) == [f"module_utils/_module/base.py imports {library}"]


def test_a_further_file_for_nodes_is_a_fault(tree: Path) -> None:
    write(tree, "module_utils/_keys/masking.py", f"from {PREFIX}.module_utils._keys import jwk")
    write(tree, "module_utils/_keys/jwk.py", "import jwcrypto")
    write(tree, "module_utils/_module/base.py", f"from {PREFIX}.module_utils._keys import masking")
    assert list(node_faults(read_graph(tree))) == [
        "module_utils/_keys/jwk.py would be shipped to nodes",
        "module_utils/_keys/masking.py would be shipped to nodes",
        "module_utils/_keys/jwk.py imports jwcrypto",
    ]
