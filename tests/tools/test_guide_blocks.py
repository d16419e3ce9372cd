# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML in the guides is valid. An API server judges the manifests among it in tests/e2e/test_guides.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from guide_blocks import REPOSITORY, Block, blocks, manifests, pages, script, specifications, variables, walk_faults

BLOCKS = list(blocks())
PAGES = pages()


def errors(block: Block) -> list[str]:
    """What is wrong with the variables in a block."""
    known = specifications()
    found = []
    for name, value in variables(block.documents):
        if name not in known:
            found.append(f"{name} is no variable of a role")
        elif not (isinstance(value, str) and "{{" in value):
            checked = ArgumentSpecValidator({name: {**known[name], "required": False}}).validate({name: value})
            found += checked.error_messages
    return found


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_every_variable_exists_and_has_a_valid_value(block: Block) -> None:
    assert errors(block) == []


@pytest.mark.parametrize("guide", ["move-a-running-cluster", "service-accounts"])
def test_the_guides_have_yaml(guide: str) -> None:
    assert [block for block in BLOCKS if block.name.startswith(f"docs/{guide}.md:")]


# The part of the SDK that the pod in the guide needs, with the answers that the guide shows.
SDK = """
class ClientError(Exception):
    response = {"Error": {"Code": "AccessDenied"}}

class client:
    class exceptions:
        ClientError = ClientError

    def __init__(self, service):
        assert service == "s3"

    def get_object(self, Bucket, Key):
        if Key == "refused":
            raise ClientError
        return {"Body": self}

    def read(self):
        return b"this is allowed"
"""


def test_the_pod_in_the_guide_needs_nothing_but_its_image(tmp_path: Path) -> None:
    (pod,) = (each for block in BLOCKS if block.name.startswith("docs/from-nothing") for each in manifests(block))
    assert "volumes" not in pod["spec"]
    for name, action in (("pip", 'test "$1" = install'), ("python", f'exec "{sys.executable}" "$@"')):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{action}\n")
        program.chmod(0o755)
    (tmp_path / "boto3.py").write_text(SDK)
    environment = {"PATH": f"{tmp_path}:/bin:/usr/bin", "PYTHONPATH": str(tmp_path)}
    (container,) = pod["spec"]["containers"]
    done = subprocess.run(
        container["command"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    guide = (REPOSITORY / "docs" / "from-nothing-to-a-pod.md").read_text(encoding="utf-8")
    assert f"```text\n{done.stdout}```\n" in guide


def test_a_block_ends_where_its_fence_ends(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("```yaml\na: 1\n```\ntext\n```console\nb\n```\n```yaml\nc: 2\n```\n")
    assert [(block.name, block.documents) for block in blocks(tmp_path)] == [
        ("README.md:1", [{"a": 1}]),
        ("README.md:8", [{"c": 2}]),
    ]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_block_is_run_or_says_why_not(page: list[Block]) -> None:
    assert list(walk_faults(page)) == []


WALK = """\
```yaml
# used.yml
a: 1
```

- <!-- not run: `tests/test_it.py::test_it`
  does that -->

  ```console
  rm used.yml
  ```

  ```console
  cat used.yml
  ```

```yaml
# unused.yml
```

<!-- from: recipe talos accept -->
```yaml
# compared.yml
```

```yaml
c: 3
```

<!-- not run: tests/test_it.py::test_gone does that -->
```shell
gone
```
"""


def test_a_page_is_walked_in_order_and_what_is_left_out_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("def test_it(): ...\n")
    (tmp_path / "README.md").write_text(WALK)
    page = pages(tmp_path)["README.md"]
    assert [fault.partition(":")[2].split()[0] for fault in walk_faults(page, tmp_path)] == ["17:", "26", "31:"]
    assert page[1].reason == "`tests/test_it.py::test_it` does that"
    assert page[4].source == "recipe talos accept"
    done = subprocess.run(["bash", "-c", script(page)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "== README.md:13\n# used.yml\na: 1\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("irsa_issuer_bucket: a", []),
        ("- hosts: all\n  vars: {irsa_issuer_verify: [1]}", ["irsa_issuer_verify"]),
        ("irsa_issuer_bukcet: a", ["irsa_issuer_bukcet is no variable of a role"]),
        ("irsa_issuer_state: gone", ["must be one of"]),
        ("irsa_issuer_state: '{{ state }}'", []),
        ("irsa_verify_issuer: a", []),
    ],
)
def test_errors_are_found(text: str, found: list[str]) -> None:
    seen = errors(Block("", text))
    assert len(seen) == len(found)
    assert all(part in error for part, error in zip(found, seen, strict=True))


def test_what_an_api_server_does_not_know_is_no_manifest() -> None:
    documents: dict[str, Any] = {
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}": 1,
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nmetadata: {}": 0,
        "- hosts: all": 0,
    }
    assert {text: len(manifests(Block("", text))) for text in documents} == documents
