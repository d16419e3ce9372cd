# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of a play that have one issuer: refused before any write if their keys differ, as before if they do not."""

from __future__ import annotations

from typing import Any

import pytest

from oracles import kid_of, new_key
from playbooks import Operator, Run

pytestmark = pytest.mark.any_core

BUCKET = "irsa-shared"
ROLE = {"name": "Run the role", "ansible.builtin.include_role": {"name": "selfhosted.irsa.irsa_issuer"}}


def keys(operator: Operator, *names: str) -> dict[str, dict[str, Any]]:
    """:return: a host for each name, with a new key of that name"""
    for name in names:
        new_key(operator.keys / f"{name}.key", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    return {name: {"irsa_issuer_key_path": str(operator.keys / f"{name}.key")} for name in names}


def assert_refused(run: Run, *hosts: str) -> None:
    assert run.exit_code != 0
    assert run.failures.keys() == set(hosts)
    for message in run.failures.values():
        assert "one issuer" in message
        assert all(repr(host) in message for host in hosts)
    assert run.writes == []


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["run", "check mode"])
def test_a_fleet_without_prefixes_is_refused_before_anything_is_written(
    operator: Operator, arguments: tuple[str, ...]
) -> None:
    operator.variables = {"irsa_issuer_bucket": BUCKET}
    assert_refused(operator.provision(*arguments, hosts=keys(operator, "one", "two")), "one", "two")
    assert {path.name for path in operator.key_files()} == {"one.key", "two.key"}


def test_keys_that_are_still_to_be_made_are_not_made(operator: Operator) -> None:
    operator.variables = {"irsa_issuer_bucket": BUCKET}
    hosts = {name: {"irsa_issuer_key_path": str(operator.keys / f"{name}.key")} for name in ("one", "two")}
    assert_refused(operator.provision(hosts=hosts), "one", "two")
    assert list(operator.key_files()) == []


def test_a_cluster_with_an_issuer_of_its_own_is_not_disturbed(operator: Operator) -> None:
    hosts = keys(operator, "one", "two", "three")
    hosts["three"]["irsa_issuer_prefix"] = "three"
    operator.variables = {"irsa_issuer_bucket": BUCKET}
    run = operator.provision(hosts=hosts)
    assert run.failures.keys() == {"one", "two"}
    assert run.results.keys() <= {"three"}
    assert {call["operation"] for call in run.calls if call["write"]} >= {"CreateBucket", "PutObject"}


def test_servers_of_one_cluster_share_issuer_and_key(operator: Operator) -> None:
    (host,) = keys(operator, "one").values()
    operator.variables = {"irsa_issuer_bucket": BUCKET}
    first, second = (operator.provision(hosts={"cp-1": host, "cp-2": host}).ok() for dummy in range(2))
    assert {result["kid"] for result in first.results.values()} == {kid_of(operator.keys / "one.key")}
    assert second.writes == []


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_keys_on_nodes_are_compared_before_the_bucket_is_made(operator: Operator, strategy: str) -> None:
    variables = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_key_host": "{{ inventory_hostname }}"}
    play = {"hosts": "clusters", "gather_facts": False, "strategy": strategy, "vars": variables, "tasks": [ROLE]}
    run = operator.play([play], hosts=keys(operator, "node-1", "node-2"))
    if strategy == "linear":
        assert_refused(run, "node-1", "node-2")
    else:  # no host waits for another one, so the first may have ended before the key of the second is known
        assert run.exit_code != 0
        assert run.writes.count("iam:CreateOpenIDConnectProvider") <= 1


def test_the_servers_of_one_cluster_each_with_its_copy_of_the_key(operator: Operator) -> None:
    hosts = keys(operator, "node-1")
    copy = operator.keys / "copy.key"
    copy.write_bytes((operator.keys / "node-1.key").read_bytes())
    copy.chmod(0o600)
    hosts["node-2"] = {"irsa_issuer_key_path": str(copy)}
    variables = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_key_host": "{{ inventory_hostname }}"}
    play = {"hosts": "clusters", "gather_facts": False, "vars": variables, "tasks": [ROLE]}
    assert len({result["kid"] for result in operator.play([play], hosts=hosts).ok().results.values()}) == 1


def test_one_key_for_several_issuers_is_told_once(operator: Operator) -> None:
    (host,) = keys(operator, "one").values()
    operator.variables = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_prefix": "{{ inventory_hostname }}"}
    run = operator.provision(hosts={"paris": host, "oslo": host}).ok()
    assert len([warning for warning in run.warnings if "different issuers but one key" in warning]) == 1
