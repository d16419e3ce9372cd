# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory that is split among several runs comes to what one run makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import Account
from oracles import new_key
from playbooks import LOCAL, PATIENCE, PROVISION, Operator, Run, Running

pytestmark = pytest.mark.any_core

BUCKET = "irsa-slices"
HOSTS: dict[str, dict[str, Any]] = {f"cluster-{number}": {} for number in range(4)}
SLICES = 2
# Who of several makes the bucket that all of them share is chance.
OF_CHANCE = ("actions", "permissions", "changed")


@dataclass
class Outcome:
    """What is there, and what the hosts were told."""

    buckets: dict[str, Any]
    documents: dict[str, Any]
    providers: dict[str, Any]
    results: dict[str, Any]

    @classmethod
    def of(cls, account: Account, *runs: Run) -> Outcome:
        told = {host: dict(result) for run in runs for host, result in run.ok().results.items()}
        for result in told.values():
            for name in OF_CHANCE:
                del result[name]
        listed = account.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        return cls(
            buckets={name: [account.policy(name), account.bucket_tags(name)] for name in account.buckets()},
            documents={entry["Key"]: account.document(BUCKET, entry["Key"]) for entry in listed},
            providers={arn: _lasting(account.provider(arn)) for arn in account.providers()},
            results=told,
        )


def _lasting(provider: Mapping[str, Any]) -> dict[str, Any]:
    return {name: provider[name] for name in ("Url", "ClientIDList", "ThumbprintList", "Tags")}


@pytest.fixture(scope="module")
def fleet(new_operator: Callable[[], Operator]) -> Operator:
    """An operator with a key for each cluster, so that every run has the same key IDs."""
    operator = new_operator()
    for host in HOSTS:
        new_key(operator.keys / f"{host}.key", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    operator.variables = {
        "irsa_issuer_bucket": BUCKET,
        "irsa_issuer_prefix": "{{ inventory_hostname }}",
        "irsa_issuer_key_path": f"{operator.keys}/{{{{ inventory_hostname }}}}.key",
        "irsa_issuer_tags": {"team": "platform"},
    }
    return operator


def by_limit(fleet: Operator) -> Iterator[Running]:
    """Slices of a group, as a pattern names them; both ends belong to one."""
    for limit in ("clusters[0:1]", "clusters[2:3]"):
        yield fleet.start(PROVISION, "--limit", limit, hosts=HOSTS)


def as_awx_does(fleet: Operator) -> Iterator[Running]:
    """Inventories that hold every second host, as AWX hands them to the jobs of a slice."""
    for number in range(SLICES):
        yield fleet.start(PROVISION, hosts=dict(sorted(HOSTS.items())[number::SLICES]))


def by_ansible_runner(fleet: Operator) -> Iterator[Running]:
    """Slices in the private data folder of ansible-runner, each of its own, since it writes what came of it there."""
    for number, limit in enumerate(("clusters[0:1]", "clusters[2:3]")):
        folder = fleet.folder / f"runner-{number}"
        for path, content in {
            "env/extravars": {**fleet.variables, "irsa_hosts": "clusters", "irsa_issuer_verify_timeout": PATIENCE},
            "inventory/clusters.yml": {"clusters": {"hosts": HOSTS, "vars": LOCAL}},
        }.items():
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text(json.dumps(content), encoding="utf-8")
        yield fleet.launch(
            [sys.executable, "-m", "ansible_runner", "run", str(folder), "-p", PROVISION, "--limit", limit]
        )


@pytest.fixture(scope="module")
def whole(fleet: Operator) -> Outcome:
    """What one run for all clusters makes."""
    outcome = Outcome.of(Account(fleet.sandbox), fleet.provision(hosts=HOSTS))
    assert len(outcome.providers) == len(outcome.results) == len(HOSTS)
    assert len(outcome.documents) == 2 * len(HOSTS)
    return outcome


@pytest.mark.parametrize(
    ("split", "at_once"),
    [(by_limit, False), (as_awx_does, True), (by_ansible_runner, True)],
    ids=["by limit, one after another", "as AWX does, at once", "by ansible-runner, at once"],
)
def test_slices_have_the_result_of_one_run(
    whole: Outcome, fleet: Operator, split: Callable[[Operator], Iterator[Running]], at_once: bool
) -> None:
    fleet.start_over()

    runs = [running.wait() for running in (list(split(fleet)) if at_once else split(fleet))]

    assert len(runs) == SLICES
    assert Outcome.of(Account(fleet.sandbox), *runs) == whole
    after = fleet.provision(hosts=HOSTS).ok()
    assert after.writes == []
    assert after.changed == dict.fromkeys(HOSTS, 0)
