# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in the controller's process and the same module shipped: the same results, key by key."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oracles import new_key
from playbooks import LOCAL, PATIENCE, Operator, Play, Record, Run

ISSUER = "https://direct.s3.eu-west-1.amazonaws.com"

# What differs from run to run whatever the way: dates, and the names of what was written at a time.
CHANGING = ("create_date", "etag", "date", "time", "x-amz-request-id", "request_id")

NO_KEY = {"exists": False, "path": "/nowhere/signer.key"}


def cases(key: Path) -> list[dict[str, Any]]:
    """Tasks that between them use every way in which a task's keywords and options reach a module and its result a
    play.
    """
    name = "selfhosted.irsa.irsa_"
    keypair, jwks, bucket, publish = (name + part for part in ("keypair", "jwks", "bucket", "publish"))
    provider, info, verify = (name + part for part in ("oidc_provider", "oidc_provider_info", "verify"))
    issuer = name + "issuer"
    public = str(key.with_suffix(".pub"))
    whole = {"bucket": "whole", "key": "{{ keypair }}", "verify_timeout": PATIENCE}
    documents = {"jwks_json": "{{ documents.jwks_json }}", "discovery_json": "{{ documents.discovery_json }}"}
    return [
        {keypair: {"path": str(key), "create": False}},
        {keypair: {"path": str(key), "public_key_path": public}, "check_mode": True, "diff": True},
        {keypair: {"path": str(key), "public_key_path": public, "mode": "0600"}, "diff": True},
        {keypair: f"path={key} mode=0600"},
        {keypair: {"path": str(key), "type": "ECDSA"}},
        {keypair: {"path": str(key), "type": "DSA"}},
        {keypair: {"path": str(key), "bogus": 1}},
        {keypair: {"path": "{{ item }}", "create": False}, "loop": [str(key), "/nowhere/signer.key"]},
        {keypair: {"path": str(key)}, "no_log": True},
        {jwks: {"issuer": ISSUER, "public_key_paths": [public]}, "register": "documents"},
        {jwks: {"issuer": ISSUER, "public_keys": [key.read_text(encoding="utf-8")]}},
        {jwks: {"issuer": "{{ 'http' ~ '://example.com' }}"}},
        {jwks: {"issuer": ISSUER, "public_key_paths": [public]}, "delegate_to": "localhost"},
        {bucket: {"name": "direct", "tags": {"a": "b"}}, "check_mode": True, "diff": True},
        {bucket: {"name": "direct", "tags": {"a": "b"}}, "diff": True},
        {bucket: {"name": "direct", "region": "us-east-1"}},
        {bucket: {"name": "direct"}, "environment": {"AWS_PROFILE": "nobody"}},
        {bucket: {"name": "direct", "profile": "nobody", "access_key": "a", "secret_key": "correct-horse"}},
        {
            bucket: {
                "name": "direct",
                "endpoint_url": "http://127.0.0.1:1",
                "aws_config": {"retries": {"max_attempts": 0}},
            }
        },
        {bucket: {"name": "direct", "debug_botocore_endpoint_logs": True}},
        {publish: {"bucket": "direct", "issuer": ISSUER, **documents}, "diff": True},
        {publish: {"bucket": "direct", "issuer": ISSUER + "/other", **documents}},
        {provider: {"url": ISSUER, "client_ids": ["one", "two"]}},
        {
            provider: {"url": ISSUER, "client_ids": ["{{ item }}"]},
            "loop": ["one", "three"],
            "environment": {"X": "{{ item }}"},
        },
        {info: {"url": ISSUER}},
        {verify: {"issuer": ISSUER, "expected_kids": ["nobody's"], "fail_on": "never", "timeout": PATIENCE}},
        {verify: {"issuer": ISSUER, "expected_kids": ["nobody's"], "timeout": PATIENCE}},
        {provider: {"url": ISSUER, "state": "absent"}, "timeout": 60},
        {bucket: {"name": "direct", "state": "absent"}},
        {issuer: {"bucket": "whole", "key": NO_KEY}, "check_mode": True, "diff": True},
        {issuer: {"bucket": "whole", "key": NO_KEY, "tags": {"a": "b"}}, "diff": True, "register": "before"},
        {keypair: {"path": str(key), "create": False}, "register": "keypair"},
        {issuer: {**whole, "prepared": "{{ before.prepared }}"}, "check_mode": True, "diff": True},
        {issuer: {**whole, "prepared": "{{ before.prepared }}"}, "diff": True},
        {issuer: {**whole, "account_id": "123456789012"}, "environment": {"AWS_MAX_ATTEMPTS": "2"}},
        {issuer: {**whole, "audiences": ["one"], "tags": {"c": "d"}, "bucket_versioning": True}, "diff": True},
        {issuer: {**whole, "result_path": str(key.with_name("result.json"))}, "diff": True},
        {issuer: {**whole, "result_path": str(key)}},
        {issuer: {**whole, "key": NO_KEY}, "register": "lost"},
        {issuer: {**whole, "prefix": "{{ item }}", "verify": False}, "loop": ["one", "two"], "diff": True},
        {issuer: {**whole, "url": "https://another.example", "verify": False}},
        {issuer: {**whole, "bucket": "Not_A_Bucket"}},
        {issuer: {**whole, "bucket_public_paths": ["no/keys.json"]}},
        {issuer: {**whole, "account_id": 123}},
        {issuer: {"key": "{{ keypair }}"}},
        {issuer: {"bucket": "whole"}},
        {issuer: {**whole, "audience": ["one"]}},
        {issuer: {**whole, "state": "gone"}},
        {issuer: {**whole, "delete_bucket": True, "state": "absent"}},
        {issuer: {**whole, "state": "absent"}, "check_mode": True, "diff": True},
        {issuer: {**whole, "state": "absent"}, "delegate_to": "localhost"},
        {issuer: {**whole, "state": "absent"}},
    ]


def run_cases(operator: Operator, direct: bool) -> Run:
    tasks = [
        {"name": f"case {number:02}", "ignore_errors": True, "register": f"case_{number:02}", **case}
        for number, case in enumerate(cases(operator.key))
    ]
    defaults = {"group/selfhosted.irsa.aws": {"region": "eu-west-1"}}
    play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}
    return operator.play([play], variables={"irsa_direct": direct}).ok()


def without_changing(value: Any) -> Any:
    """A result without what is another at each run."""
    if isinstance(value, dict):
        if "resource_actions" in value:  # amazon.aws makes this list of a set, in whatever order
            value = {**value, "resource_actions": sorted(value["resource_actions"])}
        return {
            name: "(changing)" if name in CHANGING else without_changing(each)
            for name, each in value.items()
            if name not in ("start", "end", "delta")
        }
    return [without_changing(each) for each in value] if isinstance(value, list) else value


def comparable(record: Record) -> dict[str, Any]:
    return {
        "task": record.task,
        "status": record.status,
        "warnings": sorted(record.warnings),
        "result": without_changing(record.result),
    }


def test_results_are_the_same_both_ways(operator: Operator) -> None:
    new_key(operator.key, "-algorithm", "RSA")
    kept = operator.folder / "kept.key"
    shutil.copy(operator.key, kept)
    shipped = run_cases(operator, direct=False)
    operator.start_over()
    for file in operator.key_files():
        file.unlink()
    shutil.copy(kept, operator.key)
    direct = run_cases(operator, direct=True)

    assert len(direct.records) == len(shipped.records) > len(cases(operator.key))
    for one, other in zip(direct.records, shipped.records, strict=True):
        assert comparable(one) == comparable(other)
    assert direct.writes == shipped.writes != []
    private = operator.key.read_text(encoding="utf-8").splitlines()[2]
    assert private not in direct.output + shipped.output
    assert "correct-horse" not in direct.output + shipped.output


@dataclass
class Look:
    """A task that looks at a key, and why it should be shipped; no reason if it should not."""

    variables: dict[str, Any]
    keywords: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


LOOKS = {
    "implicit localhost": Look({}),
    "local connection": Look(LOCAL),
    "delegated to localhost": Look(LOCAL, {"delegate_to": "localhost"}),
    "irsa_direct=no": Look({**LOCAL, "irsa_direct": "no"}, reason="irsa_direct is false"),
    "async": Look(LOCAL, {"async": 60, "poll": 1}, reason="the task is async"),
    "other interpreter": Look(
        {"ansible_connection": "local", "ansible_python_interpreter": "{{ other_python }}"}, reason="the interpreter is"
    ),
    "environment": Look(LOCAL, {"environment": {"A": "b"}}),
}

REGIONS = ["eu-west-1", "eu-central-1", "eu-west-1"]


def reasons(run: Run, play: str) -> str:
    """Why modules were shipped in a play, by its name."""
    section = run.output.partition(f"PLAY [{play}] ")[2].partition("\nPLAY ")[0]
    assert section, run.output
    return "\n".join(line for line in section.splitlines() if "is shipped as a module" in line)


def looking(key: Path, play: str, host: str, **keywords: Any) -> Play:
    """A play with one task that looks at a key."""
    task = {"name": play, "selfhosted.irsa.irsa_keypair": {"path": str(key), "create": False}, **keywords}
    return {"name": play, "hosts": host, "gather_facts": False, "tasks": [task]}


@pytest.fixture(scope="module")
def looks(new_operator: Callable[[], Operator]) -> Run:
    """One run with a play for each look, and one with a loop whose items have their own environments."""
    operator = new_operator()
    other = operator.folder / "python"
    # A link would find none of the libraries beside the Python that it leads to.
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    names = {
        name: "localhost" if not look.variables else f"host-{number}"
        for number, (name, look) in enumerate(LOOKS.items())
    }
    plays = [looking(operator.key, name, names[name], **look.keywords) for name, look in LOOKS.items()]
    task = {
        "name": "see",
        "selfhosted.irsa.irsa_bucket_info": {"name": "nobody-has-this-bucket"},
        "environment": {"AWS_REGION": "{{ item }}"},
        "loop": REGIONS,
    }
    plays.append({"hosts": "localhost", "gather_facts": False, "tasks": [task]})
    hosts = {
        names[name]: {**look.variables, "other_python": str(other)} for name, look in LOOKS.items() if look.variables
    }
    inventory = operator.folder / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return operator.play(plays, "-vvv", f"--inventory={inventory}").ok()


@pytest.mark.parametrize("name", LOOKS)
def test_modules_are_shipped_only_if_they_cannot_run_in_the_controller(looks: Run, name: str) -> None:
    reason = LOOKS[name].reason
    assert reason in reasons(looks, name)
    assert bool(reasons(looks, name)) == bool(reason)
    (record,) = (record for record in looks.records if record.task == name)
    assert record.result["exists"] is False


def test_an_unknown_core_ships_every_module(operator: Operator, tmp_path: Path) -> None:
    """ansible-core 2.19 and later have patch_module_args; a later one may not."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sys, types\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ansible.module_utils.testing':\n"
        "            raise ImportError('it is gone')\n"
        "sys.meta_path.insert(0, Gone())\n",
        encoding="utf-8",
    )
    play = looking(operator.key, "unknown core", "localhost")
    run = operator.play([play], "-vvv", environment={"PYTHONPATH": str(site)}).ok()
    assert "it is gone" in reasons(run, "unknown core")


def test_the_environment_of_a_task_ends_with_it(looks: Run) -> None:
    """The process is the same for all items of a loop."""
    regions = [item["region"] for record in looks.records for item in record.result.get("results", [])]
    assert regions == REGIONS, json.dumps([record.result for record in looks.records])
