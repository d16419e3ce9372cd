# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks pass to roles holds whatever the user passes: a variable of the role itself would lose to -e."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
# Playbooks that set it have the role compare it with a variable of their own.
COMPARED = {"irsa_issuer_state"}


def variables(node: Any) -> Iterator[str]:
    """Every name in every ``vars`` of a playbook."""
    if isinstance(node, list):
        for each in node:
            yield from variables(each)
    elif isinstance(node, dict):
        yield from node.get("vars") or {}
        for each in node.values():
            yield from variables(each)


def test_there_are_playbooks() -> None:
    assert "enable_roles.yml" in {file.name for file in PLAYBOOKS}


@pytest.mark.parametrize("file", PLAYBOOKS, ids=lambda file: file.name)
def test_no_variable_of_a_role_is_set(file: Path) -> None:
    names = set(variables(yaml.safe_load(file.read_text(encoding="utf-8"))))
    assert not {name for name in names - COMPARED if name.startswith("irsa_")}


@pytest.mark.parametrize("file", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda file: file.name)
def test_every_play_sets_its_strategy(file: Path) -> None:
    plays = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {play.get("strategy") for play in plays} == {"ansible.builtin.linear"}


def local_variables(node: Any) -> Iterator[dict[str, Any]]:
    """Every ``vars`` that has something run on the controller."""
    if isinstance(node, list):
        for each in node:
            yield from local_variables(each)
    elif isinstance(node, dict):
        if (node.get("vars") or {}).get("ansible_connection") == "local":
            yield node["vars"]
        for each in node.values():
            yield from local_variables(each)


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in (*PLAYBOOKS, *sorted((ROOT / "roles").rglob("*.yml")))
        if "ansible_connection" in file.read_text()
    ],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_what_runs_on_the_controller_does_not_become_another_user(file: Path) -> None:
    """A variable ansible_become of the inventory is stronger than the keyword become."""
    found = list(local_variables(yaml.safe_load(file.read_text(encoding="utf-8"))))
    assert found and {each.get("ansible_become") for each in found} == {False}
