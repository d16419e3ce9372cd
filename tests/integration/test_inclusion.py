# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in a playbook of one's own: once for a cluster, for a fleet, with a key elsewhere or there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import Account
from fetching import Anonymous
from oracles import kid_of, new_key, openssl, token
from playbooks import Operator, Play, Run
from tests.sandbox import Sandbox

THREE = ("cp-1", "cp-2", "cp-3")


def play(*tasks: dict[str, Any], **keywords: Any) -> Play:
    return {"hosts": "clusters", "gather_facts": False, "tasks": list(tasks), **keywords}


def role(how: str, **keywords: Any) -> dict[str, Any]:
    return {f"ansible.builtin.{how}_role": {"name": "selfhosted.irsa.irsa_issuer"}, **keywords}


def saved(operator: Operator) -> Play:
    """A play after the role's, that takes its result on every host."""
    return play(
        {
            "ansible.builtin.copy": {
                "content": "{{ irsa_issuer_result | to_json }}",
                "dest": f"{operator.folder}/{{{{ inventory_hostname }}}}.json",
                "mode": "0600",
            }
        }
    )


@pytest.mark.parametrize("how", ["include", "import"])
def test_a_cluster_of_three_runs_the_role_once_with_the_key_on_one_node(
    operator: Operator, account: Account, how: str
) -> None:
    pki = operator.folder / "cp-2" / "pki"
    pki.mkdir(mode=0o700, parents=True)
    variables = {
        "irsa_issuer_bucket": "irsa-cluster",
        "irsa_issuer_key_host": "cp-2",
        "irsa_issuer_key_path": "{{ hostvars['cp-2'].pki }}/sa-signer.key",
    }
    hosts = {name: {"pki": str(operator.folder / name / "pki")} for name in THREE}
    plays = [play(role(how, run_once=True, vars=variables)), saved(operator)]

    first = operator.play(plays, hosts=hosts).ok()

    key = pki / "sa-signer.key"
    results = [json.loads((operator.folder / f"{name}.json").read_text()) for name in THREE]
    assert results[0] == results[1] == results[2]
    assert results[0]["kid"] == kid_of(key)
    assert results[0]["apiserver_flags"][2] == f"--service-account-signing-key-file={key}"
    assert first.writes.count("iam:CreateOpenIDConnectProvider") == 1
    # Nothing of the key is on the controller.
    assert list(operator.key_files()) == []
    assert len(account.providers()) == 1

    second = operator.play(plays[:1], hosts=hosts).ok()
    assert set(second.changed.values()) == {0}
    assert second.writes == []


@pytest.mark.parametrize("keywords", [{"run_once": True}, {"when": "inventory_hostname == 'cp-2'"}], ids=str)
@pytest.mark.parametrize("how", ["include", "import"])
def test_a_cluster_of_three_runs_the_role_once_with_the_key_on_the_controller(
    operator: Operator, how: str, keywords: dict[str, Any]
) -> None:
    variables = {"irsa_issuer_bucket": "irsa-cluster", "irsa_issuer_key_path": str(operator.key)}
    run = operator.play(
        [play(role(how, vars=variables, **keywords)), saved(operator)], hosts={name: {} for name in THREE}
    ).ok()

    results = [json.loads((operator.folder / f"{name}.json").read_text()) for name in THREE]
    assert results[0] == results[1] == results[2]
    assert results[0]["kid"] == kid_of(operator.key)
    assert run.writes.count("iam:CreateOpenIDConnectProvider") == 1


@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize(
    "wrong",
    [{"irsa_issuer_bucket": "Not_A_Bucket"}, {"irsa_issuer_state": None}, {"irsa_issuer_prefix": "{{ nowhere }}"}],
)
def test_a_failed_cluster_does_not_disturb_others_or_get_their_result(
    operator: Operator, strategy: str, wrong: dict[str, Any]
) -> None:
    hosts: dict[str, dict[str, Any]] = {
        name: {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": str(operator.keys / f"{name}.key")}
        for name in ("one", "two", "wrong")
    }
    hosts["wrong"].update(wrong)
    told = {"ansible.builtin.debug": {"msg": "{{ irsa_issuer_result.issuer | default('none') }}"}, "name": "After it"}
    without_spec = {"ansible.builtin.import_role": {"name": "selfhosted.irsa.irsa_issuer", "rolespec_validate": False}}
    run = operator.play([play({**without_spec, "ignore_errors": True}, told, strategy=strategy)], hosts=hosts).ok()
    assert {record.host: record.result["msg"] for record in run.records if record.task == "After it"} == {
        "one": "https://irsa-one.s3.eu-west-1.amazonaws.com",
        "two": "https://irsa-two.s3.eu-west-1.amazonaws.com",
        "wrong": "none",
    }


def test_a_condition_on_the_result_lets_the_role_end(operator: Operator) -> None:
    # Of one task alone it may be false while the others are still to come.
    variables = {
        "irsa_issuer_bucket": "irsa-once",
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_key_host": "node",
    }
    guarded = role("import", vars=variables, when="irsa_issuer_result is not defined")
    run = operator.play([play(guarded, guarded)], hosts={"node": {}}).ok()
    assert run.writes.count("iam:CreateOpenIDConnectProvider") == 1
    assert run.result["kid"] == kid_of(operator.key)


def test_direct_execution_is_turned_off_for_one_cluster(operator: Operator) -> None:
    variables = {"irsa_issuer_bucket": "irsa-shipped", "irsa_issuer_key_path": str(operator.key)}
    run = operator.play([play(role("import", vars=variables))], "-vvv", hosts={"node": {"irsa_direct": False}}).ok()
    assert "irsa_issuer is shipped as a module: irsa_direct is false" in run.output
    assert run.result["kid"] == kid_of(operator.key)


def test_a_skipped_role_keeps_an_earlier_result(operator: Operator) -> None:
    variables = {"irsa_issuer_bucket": "irsa-kept", "irsa_issuer_key_path": str(operator.key)}
    gone = role("import", vars={**variables, "irsa_issuer_state": "absent"}, when="false")
    operator.play([play(role("import", vars=variables), gone), saved(operator)], hosts={"kept": {}}).ok()
    left = json.loads((operator.folder / "kept.json").read_text())
    assert left["issuer"] == "https://irsa-kept.s3.eu-west-1.amazonaws.com"


def test_a_key_that_could_not_be_created_is_never_published(operator: Operator, account: Account) -> None:
    variables = {
        "irsa_issuer_bucket": "irsa-no-key",
        "irsa_issuer_key_host": "node",
        "irsa_issuer_key_path": f"{operator.folder}/nowhere/sa.key",
    }
    run = operator.play([play(role("import", vars=variables, ignore_errors=True))], hosts={"node": {}}).ok()
    assert not {"s3:PutObject", "iam:CreateOpenIDConnectProvider"} & set(run.writes)
    assert account.providers() == []
    assert run.results == {}


@dataclass
class Fleet:
    """Three clusters with keys that were there before, in one bucket, and what was done to them."""

    operator: Operator
    account: Account
    keys: dict[str, bytes]
    first: Run
    second: Run
    removal: Run

    def issuer(self, name: str) -> str:
        return f"https://irsa-fleet.s3.eu-west-1.amazonaws.com/clusters/{name}"


@pytest.fixture(scope="module")
def fleet(new_operator: Callable[[], Operator], running: Sandbox) -> Fleet:
    operator = new_operator()
    rsa, curve = ("-algorithm", "RSA"), ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    new_key(operator.keys / "pkcs8.key", *rsa)
    new_key(operator.keys / "sec1.key", *curve, header=b"EC PRIVATE KEY")
    # As kubeadm has it: https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths
    new_key(operator.keys / "sa.key", *rsa, header=b"RSA PRIVATE KEY")
    (operator.keys / "sa.pub").write_bytes(openssl("pkey", "-in", str(operator.keys / "sa.key"), "-pubout"))
    (operator.keys / "sa.pub").chmod(0o644)
    keys = {path.name: path.read_bytes() for path in operator.key_files()}
    hosts = {
        "pkcs8": {"irsa_issuer_key_path": str(operator.keys / "pkcs8.key")},
        "sec1": {"irsa_issuer_key_path": str(operator.keys / "sec1.key")},
        "kubeadm": {
            "irsa_issuer_key_path": str(operator.keys / "sa.key"),
            "irsa_issuer_public_key_path": str(operator.keys / "sa.pub"),
            "irsa_issuer_openssh_public_key_path": "",
        },
    }
    operator.variables = {"irsa_issuer_bucket": "irsa-fleet", "irsa_issuer_prefix": "clusters/{{ inventory_hostname }}"}
    runs = [operator.provision(hosts=hosts).ok() for dummy in range(2)]
    removal = operator.teardown(hosts={"pkcs8": hosts["pkcs8"]}).ok()
    return Fleet(operator, Account(running), keys, *runs, removal)


class TestFleetInOneBucket:
    def test_each_cluster_of_a_fleet_has_its_own_issuer(self, fleet: Fleet) -> None:
        assert {name: result["issuer"] for name, result in fleet.first.results.items()} == {
            name: fleet.issuer(name) for name in ("pkcs8", "sec1", "kubeadm")
        }

    def test_a_fleet_opens_all_documents_with_one_statement(self, fleet: Fleet) -> None:
        policy = fleet.account.policy("irsa-fleet")
        assert policy is not None
        (statement,) = policy["Statement"]
        assert statement["Resource"] == [
            "arn:aws:s3:::irsa-fleet/*/.well-known/openid-configuration",
            "arn:aws:s3:::irsa-fleet/*/keys.json",
        ]

    def test_the_second_run_of_a_fleet_changes_nothing(self, fleet: Fleet) -> None:
        assert fleet.second.changed == dict.fromkeys(("pkcs8", "sec1", "kubeadm"), 0)
        assert fleet.second.writes == []

    def test_teardown_of_one_cluster_keeps_the_others(self, fleet: Fleet, running: Sandbox) -> None:
        look = Anonymous(running)
        for name, status in (("pkcs8", 403), ("sec1", 200), ("kubeadm", 200)):
            assert look(f"{fleet.issuer(name)}/keys.json").status == status
        arns = [fleet.first.results[name]["provider_arn"] for name in ("kubeadm", "sec1")]
        assert fleet.account.providers() == arns


class TestExistingKeys:
    @pytest.mark.parametrize(
        ("name", "file", "algorithm"),
        [("pkcs8", "pkcs8.key", "RS256"), ("sec1", "sec1.key", "ES256"), ("kubeadm", "sa.key", "RS256")],
    )
    def test_existing_keys_are_adopted(self, fleet: Fleet, name: str, file: str, algorithm: str) -> None:
        result = fleet.first.results[name]
        assert (result["kid"], result["algorithm"]) == (kid_of(fleet.operator.keys / file), algorithm)
        assert "file:CreatePrivateKey" not in result["actions"]
        assert json.loads(result["discovery_json"])["id_token_signing_alg_values_supported"] == [algorithm]

    def test_existing_key_files_are_unchanged(self, fleet: Fleet) -> None:
        present = {path.name: path.read_bytes() for path in fleet.operator.key_files()}
        assert fleet.keys.items() <= present.items()
        assert present.keys() - fleet.keys.keys() == {
            "pkcs8-pkcs8.pub",
            "pkcs8.key.pub",
            "sec1-pkcs8.pub",
            "sec1.key.pub",
        }

    @pytest.mark.parametrize(
        ("name", "file", "algorithm"), [("sec1", "sec1.key", "ES256"), ("kubeadm", "sa.key", "RS256")]
    )
    def test_tokens_of_existing_keys_get_roles(self, fleet: Fleet, name: str, file: str, algorithm: str) -> None:
        fleet.account.trust(fleet.first.results[name]["provider_arn"], name)
        subject = "system:serviceaccount:default:app"
        signed = token(fleet.operator.keys / file, fleet.issuer(name), subject, algorithm=algorithm)
        fleet.account.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::123456789012:role/{name}", RoleSessionName="pod", WebIdentityToken=signed
        )


def test_a_relative_path_starts_where_the_collections_playbook_is_called(operator: Operator) -> None:
    operator.variables = {"irsa_issuer_bucket": "irsa-relative", "irsa_issuer_key_path": "keys/here.key"}
    run = operator.provision().ok()
    assert {path.name for path in operator.key_files()} == {"here.key", "here.key.pub", "here-pkcs8.pub"}
    assert run.result["apiserver_flags"][2] == f"--service-account-signing-key-file={operator.keys}/here.key"


def test_a_relative_path_starts_at_the_folder_of_ones_own_playbook(operator: Operator) -> None:
    variables = {"irsa_issuer_bucket": "irsa-relative", "irsa_issuer_key_path": "keys/there.key"}
    operator.play([{**play(role("import", vars=variables)), "hosts": "localhost"}], "--check").ok()
    assert list(operator.key_files()) == []
    operator.play([{**play(role("import", vars=variables)), "hosts": "localhost"}]).ok()
    assert (operator.keys / "there.key").exists()


def test_aws_tasks_never_become_another_user(operator: Operator, account: Account) -> None:
    # A play that becomes root on its nodes, from a controller that has no sudo.
    variables = {
        "irsa_issuer_bucket": "irsa-become",
        "irsa_issuer_key_host": "node",
        "irsa_issuer_key_path": str(operator.key),
        "ansible_become_exe": "/nonexistent/sudo",
    }
    hosts = {"node": {"ansible_become": False}}
    run = operator.play([play(role("include"), become=True, become_user="nobody", vars=variables)], hosts=hosts).ok()
    assert run.actions[-1] == "iam:CreateOpenIDConnectProvider"
    assert operator.key.exists()
    gone = {**variables, "irsa_issuer_state": "absent", "irsa_issuer_delete_key": True}
    removed = operator.play([play(role("include"), become=True, become_user="nobody", vars=gone)], hosts=hosts).ok()
    assert removed.actions[0] == "iam:DeleteOpenIDConnectProvider"
    assert not operator.key.exists()
