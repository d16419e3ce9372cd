# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role irsa_apiserver for distributions that it does not change itself: it runs on the controller and writes files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from oracles import new_key
from playbooks import Operator, Run
from traces import Secret

ISSUER = "https://irsa-recipes.s3.eu-west-1.amazonaws.com"
FORMER = "https://192.0.2.10:6443"
TALOS = {
    "irsa_apiserver_distribution": "talos",
    "irsa_apiserver_distribution_version": "1.13.2",
    "irsa_issuer_former_issuers": [FORMER],
}
CLUSTER_API = {
    "irsa_apiserver_distribution": "cluster_api",
    "irsa_apiserver_cluster_name": "prod",
    "irsa_apiserver_phase": "new",
    "irsa_apiserver_key": "own",
}


def role(operator: Operator, variables: dict[str, Any], *arguments: str) -> Run:
    tasks = [
        {"ansible.builtin.include_role": {"name": "selfhosted.irsa.irsa_apiserver"}},
        {"name": "Result", "ansible.builtin.set_fact": {"found": "{{ irsa_apiserver_result }}"}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    own = {"irsa_apiserver_issuer": ISSUER, "irsa_apiserver_output_dir": "recipe"}
    return operator.play([play], *arguments, variables={**own, **variables})


def result(run: Run) -> dict[str, Any]:
    (record,) = (record for record in run.ok().records if record.task == "Result")
    (found,) = record.result["ansible_facts"]["found"].values()
    return dict(found)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_for_talos_are_planned_then_written_then_left(operator: Operator) -> None:
    folder = operator.folder / "recipe"

    planned = role(operator, TALOS, "--check", "--diff")
    assert planned.changed == {"localhost": 1}
    assert names(folder) == []
    assert [header.rpartition("/")[2] for header in planned.drawn()] == [
        "irsa-accept.yaml (file)",
        "irsa-sign.yaml (file)",
    ]

    first, second = role(operator, TALOS), role(operator, TALOS)
    assert [run.changed["localhost"] for run in (first, second)] == [1, 0]
    assert names(folder) == ["irsa-accept.yaml", "irsa-sign.yaml"]
    issuers = [
        yaml.safe_load((folder / name).read_text())["cluster"]["apiServer"]["extraArgs"]["service-account-issuer"]
        for name in names(folder)
    ]
    assert issuers == [[FORMER, ISSUER], [ISSUER, FORMER]]
    found = result(second)
    assert (found["distribution"], found["managed"], found["changed"]) == ("talos", False, False)
    assert [part["phase"] for part in found["recipe"]] == ["accept", "sign"]
    assert [file["path"] for file in found["files"]] == [str(folder / name) for name in names(folder)]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"irsa_apiserver_distribution_version": "1.12.4"}, "Upgrade to Talos 1.13 or newer"),
        ({"irsa_apiserver_distribution_version": "new"}, "Expected a version such as 1.13.2"),
        ({"irsa_apiserver_distribution_version": 1.2}, "Write the version in quotes"),
        ({"irsa_issuer_former_issuers": []}, "kubectl get --raw /.well-known/openid-configuration"),
        ({"irsa_apiserver_distribution": "auto", "irsa_apiserver_phase": "new"}, "irsa_apiserver_phase is new"),
    ],
    ids=["too old", "no version", "a number", "no former issuer", "changed on its hosts"],
)
def test_what_talos_cannot_do_is_said_before_a_file_is_written(
    operator: Operator, wrong: dict[str, Any], expected: str
) -> None:
    assert expected in role(operator, {**TALOS, **wrong}).failure
    assert names(operator.folder / "recipe") == []


def test_a_private_key_is_in_its_file_and_nowhere_else(operator: Operator) -> None:
    key = new_key(operator.key, "-algorithm", "RSA")
    variables = {**CLUSTER_API, "irsa_apiserver_key_path": str(key)}
    for arguments in (["--check", "--diff", "-vvvv"], ["--diff", "-vvvv"], ["--diff", "-vvvv"]):
        run = role(operator, variables, *arguments).ok()
        assert Secret(key).traces_in(run.output.encode()) == []
        assert Secret(key).traces_in(repr(run.records).encode()) == []
    assert run.changed == {"localhost": 0}
    folder = operator.folder / "recipe"
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "irsa-new.yaml": 0o644,
        "irsa-prod-sa.yaml": 0o600,
    }
    assert [file["text"] is None for part in result(run)["recipe"] for file in part["files"]] == [True, False]

    unset = role(operator, {**variables, "irsa_apiserver_output_dir": ""}).failure
    assert "Set irsa_apiserver_output_dir" in unset
