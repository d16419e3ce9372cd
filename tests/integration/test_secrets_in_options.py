# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user sees of Ansible has no secret from any option or variable, and nothing of others that a terminal obeys.

tests/unit tries every option with every form of a secret. Here ansible-playbook prints what it can: -vvvv, with the
invocation of every task.
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts import Account
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_verify
from ansible_collections.selfhosted.irsa.tests.unit.plugins.misplaced_secrets import MAIN_SHAPES, SHAPES
from oracles import new_key
from playbooks import Operator, Play

pytestmark = pytest.mark.any_core

MODULES = "ansible_collections.selfhosted.irsa.plugins.modules"
ROLE = Path(__file__).resolve().parents[2] / "roles" / "irsa_issuer" / "meta" / "argument_specs.yml"
ISSUER = "https://irsa-secrets.s3.eu-west-1.amazonaws.com"

BASE: dict[str, dict[str, Any]] = {
    "irsa_bucket": {"name": "irsa-secrets"},
    "irsa_bucket_info": {"name": "irsa-secrets"},
    "irsa_injection_role": {"manifests_path": "/nonexistent"},
    "irsa_issuer": {"bucket": "irsa-secrets", "key_path": "/nonexistent/sa.key", "verify": False},
    "irsa_jwks": {"issuer": ISSUER},
    "irsa_keypair": {"path": "/nonexistent/sa.key"},
    "irsa_oidc_provider": {"url": ISSUER},
    "irsa_oidc_provider_info": {},
    "irsa_publish": {"bucket": "irsa-secrets", "issuer": ISSUER},
    "irsa_rotation_state": {"bucket": "irsa-secrets", "issuer": ISSUER},
    "irsa_service_accounts_plan": {"manifests_path": "/nonexistent"},
    "irsa_show": {"subject": "provision", "results": {}},
    "irsa_verify": {"issuer": "https://127.0.0.1:1", "timeout": 1},
}
SHIPPED = ("name", "public_keys", "jwks_json", "path")


def tasks() -> Iterator[dict[str, Any]]:
    """A task for each option of each module, each variable of the role and each of playbook verify, with the forms of
    secrets in turn.
    """
    shapes = itertools.cycle(MAIN_SHAPES)
    for name, base in BASE.items():
        module = importlib.import_module(f"{MODULES}.{name}")
        for option, declared in yaml.safe_load(module.DOCUMENTATION)["options"].items():
            secret = f"{{{{ secrets[{next(shapes)!r}] }}}}"
            value = {"list": [secret], "dict": {"member": secret}}.get(declared["type"], secret)
            task = {f"selfhosted.irsa.{name}": {**base, option: value}, "name": f"{name} {option}"}
            yield {**task, "vars": {"irsa_direct": option not in SHIPPED}}
    for variable in yaml.safe_load(ROLE.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]:
        values = {
            "irsa_issuer_bucket": "irsa-secrets",
            "irsa_issuer_key_path": "/nonexistent/sa.key",
            variable: f"{{{{ secrets[{next(shapes)!r}] }}}}",
        }
        yield {"selfhosted.irsa.irsa_issuer_role": {}, "name": f"role {variable}", "vars": values}
    for option in [*irsa_verify.ARGUMENT_SPEC, "region", "report_path"]:
        variable = f"irsa_verify_{option}"
        values = {
            "irsa_verify_issuer": BASE["irsa_verify"]["issuer"],
            variable: f"{{{{ secrets[{next(shapes)!r}] }}}}",
        }
        yield {"selfhosted.irsa.irsa_verify_play": {}, "name": f"playbook {variable}", "vars": values}


def test_no_output_has_a_secret_from_any_option_or_variable(operator: Operator) -> None:
    (operator.folder / "secrets.json").write_text(json.dumps({"secrets": {name: SHAPES[name].text for name in SHAPES}}))
    operator.environment = {"ANSIBLE_INJECT_INVOCATION": "true"}
    listed = [{"ignore_errors": True, "check_mode": True, **task} for task in tasks()]
    plays: list[Play] = [
        {"hosts": "localhost", "gather_facts": False, "vars_files": ["secrets.json"], "tasks": listed},
    ]

    run = operator.play(plays, "-vvvv", "--diff")

    assert {task["name"] for task in listed} <= {record.task for record in run.records}, run.output[-3000:]
    assert '"invocation"' in run.output
    found = {name: SHAPES[name].traces_in(run.output) for name in MAIN_SHAPES}
    assert {name: traces for name, traces in found.items() if traces} == {}
    assert run.writes == []


EVIL = "x\x1b[2J\x1b]0;owned\x07\n::error::boom\n##vso[task.complete]\u2028\u202e y" + "z" * 5000


@pytest.mark.parametrize("member", ["kid", "alg"])
def test_published_texts_of_others_are_quoted(operator: Operator, account: Account, member: str) -> None:
    new_key(operator.key, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    variables = {"irsa_issuer_bucket": "irsa-strange", "irsa_issuer_key_path": str(operator.key)}
    account.make_bucket("irsa-strange")
    key = {"kty": "RSA", "kid": "foreign", "n": "AQAB" * 86, "e": "AQAB", "alg": "RS256", "use": "sig", member: EVIL}
    account.s3.put_object(Bucket="irsa-strange", Key="keys.json", Body=json.dumps({"keys": [key]}).encode())

    for arguments in (["--check", "--diff"], [], ["-e", "irsa_issuer_verify=false"]):
        run = operator.provision(*arguments, variables=variables)
        assert "\x1b" not in run.output and "\u202e" not in run.output and "\u2028" not in run.output
        lines = [line.strip() for line in run.output.splitlines()]
        assert [line for line in lines if line.startswith("::") or "##vso[" in line] == []
        assert "z" * 1000 not in run.output.replace("\n", "") or arguments == ["--check", "--diff"]
