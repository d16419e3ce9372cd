# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of plugins import each other in one direction, and modules for nodes ship no more than those can run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import layers
from layers import COLLECTION, NODE_ENTRIES, ON_NODES, PREFIX, faults, node_faults, read_graph, unused

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree that breaks no rule: its files import what the real ones may."""
    write(tmp_path, "module_utils/_common/errors.py", "import re")
    for file in ON_NODES - {"module_utils/_common/errors.py"}:
        write(tmp_path, file, "from __future__ import annotations")
    for entry, files, _libraries in NODE_ENTRIES:
        others = sorted(files - {entry})
        write(tmp_path, entry, *(f"from {PREFIX}.{_dotted(file)} import x" for file in others))
    write(tmp_path, "module_utils/_module/base.py", "from ansible.module_utils import basic")
    write(tmp_path, "module_utils/_keys/pem.py", "import cryptography.x509")
    write(tmp_path, "module_utils/_aws/api.py", f"from {PREFIX}.module_utils._common import errors", "import boto3")
    write(tmp_path, "module_utils/_web/https.py", f"from {PREFIX}.module_utils._common.errors import IrsaError")
    write(tmp_path, "module_utils/_s3/store.py", f"import {PREFIX}.module_utils._aws.api as api")
    write(tmp_path, "plugin_utils/_direct.py", "import ansible.plugins")
    write(tmp_path, "action/irsa_bucket.py", f"from {PREFIX}.plugin_utils._direct import DirectAction")
    return tmp_path


def _dotted(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


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


def test_what_the_layers_allow_is_used() -> None:
    assert list(unused(PLUGINS, read_graph(PLUGINS))) == []


def test_modules_for_nodes_import_only_what_runs_there() -> None:
    assert list(node_faults(read_graph(PLUGINS))) == []


def test_ruff_holds_what_runs_on_nodes_to_python_3_9() -> None:
    versions = tomllib.loads((PLUGINS.parent / ".ruff.toml").read_text(encoding="utf-8"))["per-file-target-version"]
    assert {file for file, version in versions.items() if version == "py39" and file.startswith("plugins/")} == {
        f"plugins/{file}" for file in ON_NODES
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


@pytest.mark.parametrize(
    "line",
    [
        "import_module('{0}')",
        "importlib.import_module('{0}')",
        "il.import_module('{0}')",
        "__import__('{0}')",
        "builtins.__import__('{0}')",
        "def late():\n    return importlib.import_module('{0}').S3Store",
    ],
)
def test_an_import_by_a_call_is_an_import(tree: Path, line: str) -> None:
    found = faults_with(tree, "module_utils/_aws/api.py", line.format(f"{PREFIX}.module_utils._s3.store"))
    assert found[0] == "module_utils/_aws/api.py imports module_utils/_s3/store.py, which is not on a floor below"


@pytest.mark.parametrize(
    "line",
    [
        "importlib.import_module(f'{PREFIX}.module_utils._s3.store')",
        "importlib.import_module(name)",
        "importlib.import_module('.store', 'ansible_collections')",
        "importlib.import_module('.store')",
        "importlib.import_module(name='json')",
        "__import__('js' + 'on')",
        "load = importlib.import_module",
        "from importlib import import_module as load",
        "getattr(importlib, 'import_module')(name)",
    ],
)
def test_an_import_that_does_not_show_its_name_is_a_fault(tree: Path, line: str) -> None:
    (found,) = faults_with(tree, "module_utils/_aws/api.py", "", line)
    assert found == "module_utils/_aws/api.py:2: the name of what is imported here is not a constant"


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        (f"from {COLLECTION} import plugins", f"{COLLECTION}.plugins"),
        (f"import {COLLECTION}.plugins", f"{COLLECTION}.plugins"),
        (f"from {PREFIX} import module_utils", f"{PREFIX}.module_utils"),
        (f"from {PREFIX}.module_utils import _common", f"{PREFIX}.module_utils._common"),
        (f"import {COLLECTION}", COLLECTION),
        (
            f"from {COLLECTION}.tests.unit.plugins.fake_aws import FakeAws",
            f"{COLLECTION}.tests.unit.plugins.fake_aws.FakeAws",
        ),
        ("from ....tests import sandbox", f"{PREFIX}.tests.sandbox"),
    ],
)
def test_what_is_not_a_file_of_plugins_is_a_fault(tree: Path, line: str, imported: str) -> None:
    (found,) = faults_with(tree, "module_utils/_s3/planted.py", line)
    assert found == f"module_utils/_s3/planted.py imports {imported}, which is not a file of plugins"


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ("from ansible_collections.selfhosted import irsa", "ansible_collections.selfhosted.irsa"),
        ("from ansible_collections import selfhosted", "ansible_collections.selfhosted"),
        ("import ansible_collections", "ansible_collections"),
    ],
)
def test_the_collection_is_not_imported_by_way_of_what_holds_it(tree: Path, line: str, library: str) -> None:
    (found,) = faults_with(tree, "module_utils/_s3/planted.py", line)
    assert found.startswith(f"module_utils/_s3/planted.py imports {library}, which ")


@pytest.mark.parametrize("folder", ["modules", "filter", "lookup", "doc_fragments", "action"])
@pytest.mark.parametrize("line", ["from .planted import x", "from {0} import planted", "import {0}.planted"])
def test_files_that_ansible_loads_by_name_do_not_import_each_other(tree: Path, folder: str, line: str) -> None:
    write(tree, f"{folder}/planted.py", "import re")
    (found,) = faults_with(tree, f"{folder}/irsa_other.py", line.format(f"{PREFIX}.{folder}"))
    assert (
        found == f"{folder}/irsa_other.py imports {folder}/planted.py, and files in {folder} do not import each other"
    )


def test_an_exception_is_allowed_and_must_be_needed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "SIBLINGS", {("action/a.py", "action/b.py")})
    write(tree, "action/b.py", "import re")
    assert faults_with(tree, "action/a.py", "from .b import x") == []
    assert "action/a.py does not import action/b.py" not in list(unused(tree, read_graph(tree)))
    write(tree, "action/a.py", "import re")
    assert "action/a.py does not import action/b.py" in list(unused(tree, read_graph(tree)))


@pytest.mark.parametrize(
    ("folder", "line", "library"),
    [
        ("module_utils/_common", "import boto3", "boto3"),
        ("module_utils/_common", "from kubernetes import client", "kubernetes"),
        ("module_utils/_common", "import cryptography.x509", "cryptography"),
        ("module_utils/_web", "import jwcrypto.jwk", "jwcrypto"),
        (
            "module_utils/_keys",
            "from ansible_collections.amazon.aws.plugins import x",
            "ansible_collections.amazon.aws",
        ),
        ("module_utils/_module", "from ansible.plugins.loader import module_loader", "ansible"),
        ("module_utils/_module", "import importlib\nimportlib.import_module('kubernetes')", "kubernetes"),
        ("modules", "from ansible.errors import AnsibleError", "ansible"),
    ],
)
def test_a_library_of_another_folder_is_a_fault(tree: Path, folder: str, line: str, library: str) -> None:
    assert faults_with(tree, f"{folder}/planted.py", line) == [
        f"{folder}/planted.py imports {library}, which its folder may not use"
    ]


def test_a_library_that_is_allowed_must_be_used(tree: Path) -> None:
    write(tree, "module_utils/_web/https.py", "import cryptography.x509")
    assert "module_utils/_web does not import cryptography" not in list(unused(tree, read_graph(tree)))
    write(tree, "module_utils/_web/https.py", "import ssl")
    assert "module_utils/_web does not import cryptography" in list(unused(tree, read_graph(tree)))


def test_a_misspelt_floor_is_noticed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "FLOORS", (*layers.FLOORS, frozenset({"module_utils/_isuer"})))
    assert "module_utils/_isuer does not exist" in list(unused(tree, read_graph(tree)))


def test_a_floor_that_is_built_is_not_listed_as_missing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "NOT_BUILT", frozenset({"module_utils/_rotation"}))
    assert not [fault for fault in unused(tree, read_graph(tree)) if "_rotation" in fault]
    write(tree, "module_utils/_rotation/plan.py", "import re")
    assert "module_utils/_rotation is built and listed as not built" in list(unused(tree, read_graph(tree)))


def test_modules_and_actions_do_not_import_upwards(tree: Path) -> None:
    (found,) = faults_with(tree, "plugin_utils/_base.py", f"from {PREFIX}.action.irsa_bucket import x")
    assert found == "plugin_utils/_base.py imports action/irsa_bucket.py, which is not on a floor below"
    (found,) = faults_with(tree, "plugin_utils/_base.py", f"from {PREFIX}.modules.irsa_nothing import x")
    assert found == f"plugin_utils/_base.py imports {PREFIX}.modules.irsa_nothing.x, which is not a file of plugins"


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


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ("from ansible.plugins.loader import module_loader", "ansible"),
        ("from ansible import constants", "ansible"),
        ("import ansible.errors", "ansible"),
        ("import tomllib", "tomllib"),
        ("from importlib import import_module\nimport_module('tomllib')", "tomllib"),
    ],
)
def test_what_only_a_controller_has_is_not_for_nodes(tree: Path, line: str, library: str) -> None:
    write(tree, "module_utils/_module/base.py", line)
    assert list(node_faults(read_graph(tree))) == [f"module_utils/_module/base.py imports {library}"]


def test_the_module_for_bare_nodes_has_no_cryptography(tree: Path) -> None:
    write(tree, "module_utils/_node/tokens.py", "from cryptography.hazmat.primitives import hashes")
    assert list(node_faults(read_graph(tree))) == ["module_utils/_node/tokens.py imports cryptography"]


def test_ansible_s_module_utils_are_on_nodes(tree: Path) -> None:
    write(tree, "module_utils/_module/base.py", "from ansible import module_utils", "import ansible.module_utils.basic")
    assert list(node_faults(read_graph(tree))) == []


def test_a_further_file_for_nodes_is_a_fault(tree: Path) -> None:
    write(tree, "module_utils/_keys/other.py", f"from {PREFIX}.module_utils._keys import jwk")
    write(tree, "module_utils/_keys/jwk.py", "import jwcrypto")
    write(tree, "module_utils/_module/base.py", f"from {PREFIX}.module_utils._keys import other")
    assert list(node_faults(read_graph(tree))) == [
        "module_utils/_keys/jwk.py would be shipped to nodes",
        "module_utils/_keys/other.py would be shipped to nodes",
        "module_utils/_keys/jwk.py imports jwcrypto",
    ]
