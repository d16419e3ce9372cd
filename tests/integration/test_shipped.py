# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""irsa_keypair as Ansible ships it to a cluster node: what is packed, and a run with what a node has."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks import LOCAL, Operator, Play
from tests.tools.layers import NODE_FILES

REPOSITORY = Path(__file__).resolve().parents[2]
NODE_PYTHON = REPOSITORY / ".venv-3.9" / "bin" / "python"


def keypair(operator: Operator) -> Play:
    return {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"selfhosted.irsa.irsa_keypair": {"path": str(operator.key)}}],
    }


@pytest.fixture(scope="module")
def packed(new_operator: Callable[[], Operator], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a shipped irsa_keypair unpacks itself into."""
    operator, tmp_path = new_operator(), tmp_path_factory.mktemp("node")
    node = {"node": {**LOCAL, "irsa_direct": False, "ansible_remote_tmp": str(tmp_path)}}
    operator.play([keypair(operator)], hosts=node, environment={"ANSIBLE_KEEP_REMOTE_FILES": "true"}).ok()
    (program,) = tmp_path.glob("*/AnsiballZ_irsa_keypair.py")
    output = subprocess.run([sys.executable, program, "explode"], check=True, capture_output=True, text=True).stdout
    match = re.search(r"^(/.+)$", output, re.MULTILINE)
    assert match, output
    return Path(match[1])


def test_irsa_keypair_ships_only_what_runs_on_nodes(packed: Path) -> None:
    files = {file.relative_to(packed).as_posix() for file in packed.rglob("*.py") if file.name != "__init__.py"}
    ours = {file for file in files if file.startswith("ansible_collections/")}
    assert ours == {f"ansible_collections/selfhosted/irsa/plugins/{file}" for file in NODE_FILES}


def test_what_irsa_keypair_ships_imports_neither_jwcrypto_nor_boto(packed: Path) -> None:
    sources = {file.name: file.read_text(encoding="utf-8") for file in packed.rglob("*.py")}
    library = re.compile(r"^\s*(import|from) (jwcrypto|boto3|botocore|ansible_collections\.amazon)\b", re.MULTILINE)
    assert [name for name, source in sources.items() if library.search(source)] == []


@pytest.mark.skipif(not NODE_PYTHON.exists(), reason="no .venv-3.9, which stands for a cluster node")
def test_irsa_keypair_makes_a_key_with_what_a_cluster_node_has(operator: Operator) -> None:
    node = {"node": {**LOCAL, "ansible_python_interpreter": str(NODE_PYTHON)}}
    first = operator.play([keypair(operator)], hosts=node).ok()
    again = operator.play([keypair(operator)], hosts=node).ok()
    results = [run.records[0].result for run in (first, again)]
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["kid"] == results[1]["kid"]
    assert operator.key.read_text(encoding="utf-8").startswith("-----BEGIN RSA PRIVATE KEY-----")
