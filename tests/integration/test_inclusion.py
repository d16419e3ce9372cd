# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in a playbook of one's own: once for a cluster, for a fleet, with a key elsewhere or there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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


def saved(operator: Operator, name: str) -> Play:
    """A play after the role's, that takes its result on every host, and makes something of it with a filter."""
    policy = "irsa_issuer_result.provider_arn | selfhosted.irsa.trust_policy('shop', 'cart')"
    return play(
        {
            "ansible.builtin.copy": {
                "content": f"{{{{ irsa_issuer_result | combine({{'policy': {policy}}}) | to_json }}}}",
                "dest": f"{operator.folder}/{name}-{{{{ inventory_hostname }}}}.json",
                "mode": "0600",
            }
        }
    )


def results_of_three(operator: Operator, name: str) -> list[dict[str, Any]]:
    return [json.loads((operator.folder / f"{name}-{host}.json").read_text()) for host in THREE]


HOWS = ("include", "import")


@dataclass
class OnNode:
    """A run for a cluster of three with the key on one of them, once with each way to name the role, and run again."""

    operator: Operator
    account: Account
    pki: Path
    first: Run
    second: Run


@pytest.fixture(scope="module")
def on_node(new_operator: Callable[[], Operator]) -> OnNode:
    operator = new_operator()
    pki = operator.folder / "cp-2" / "pki"
    pki.mkdir(mode=0o700, parents=True)
    hosts = {name: {"pki": str(operator.folder / name / "pki")} for name in THREE}
    roles, plays = [], []
    for how in HOWS:
        variables = {
            "irsa_issuer_bucket": f"irsa-{how}",
            "irsa_issuer_key_host": "cp-2",
            "irsa_issuer_key_path": f"{{{{ hostvars['cp-2'].pki }}}}/{how}.key",
            "irsa_issuer_result_path": f"{how}.json",
        }
        roles.append(play(role(how, run_once=True, vars=variables)))
        plays += [roles[-1], saved(operator, how)]
    first = operator.play(plays, hosts=hosts).ok()
    return OnNode(operator, Account(operator.sandbox), pki, first, operator.play(roles, hosts=hosts).ok())


@pytest.mark.parametrize("how", HOWS)
def test_a_cluster_of_three_runs_the_role_once_with_the_key_on_one_node(on_node: OnNode, how: str) -> None:
    key = on_node.pki / f"{how}.key"
    results = results_of_three(on_node.operator, how)
    assert results[0] == results[1] == results[2]
    assert results[0]["bucket"] == f"irsa-{how}"
    assert results[0]["kid"] == kid_of(key)
    assert "system:serviceaccount:shop:cart" in str(results[0]["policy"])
    assert results[0]["apiserver_flags"][2] == f"--service-account-signing-key-file={key}"
    written = json.loads((on_node.operator.folder / f"{how}.json").read_text())
    assert written["apiserver_key_files"][0] == {"src": str(key), "dest": str(key), "mode": "0600"}
    # Nothing of the key is on the controller.
    assert list(on_node.operator.key_files()) == []
    assert results[0]["provider_arn"] in on_node.account.providers()
    assert len(on_node.account.providers()) == len(HOWS)
    assert on_node.first.writes.count("iam:CreateOpenIDConnectProvider") == len(HOWS)
    assert set(on_node.second.changed.values()) == {0}
    assert on_node.second.writes == []


ONCE: tuple[dict[str, Any], ...] = ({"run_once": True}, {"when": "inventory_hostname is search('cp-2')"})


@pytest.fixture(scope="module")
def on_controller(new_operator: Callable[[], Operator]) -> tuple[Operator, Run]:
    """A run with a play for each way to run the role once for three hosts, which are others each time."""
    operator = new_operator()
    plays: list[dict[str, Any]] = []
    hosts: dict[str, dict[str, Any]] = {}
    for how in HOWS:
        for number, keywords in enumerate(ONCE):
            name = f"{how}-{number}"
            variables = {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": str(operator.keys / name)}
            these = {"hosts": f"{name}-*"}
            plays += [play(role(how, vars=variables, **keywords), **these), {**saved(operator, "once"), **these}]
            hosts.update({f"{name}-{host}": {} for host in THREE})
    return operator, operator.play(plays, hosts=hosts).ok()


@pytest.mark.parametrize("number", range(len(ONCE)), ids=[str(keywords) for keywords in ONCE])
@pytest.mark.parametrize("how", HOWS)
def test_a_cluster_of_three_runs_the_role_once_with_the_key_on_the_controller(
    on_controller: tuple[Operator, Run], how: str, number: int
) -> None:
    operator, run = on_controller
    results = results_of_three(operator, f"once-{how}-{number}")
    assert results[0] == results[1] == results[2]
    assert results[0]["bucket"] == f"irsa-{how}-{number}"
    assert results[0]["kid"] == kid_of(operator.keys / f"{how}-{number}")
    assert run.writes.count("iam:CreateOpenIDConnectProvider") == len(HOWS) * len(ONCE)
    assert run.writes_to(f"irsa-{how}-{number}").count("s3:CreateBucket") == 1


WRONG: dict[str, dict[str, Any]] = {
    "bucket": {"irsa_issuer_bucket": "Not_A_Bucket"},
    "state": {"irsa_issuer_state": None},
    "prefix": {"irsa_issuer_prefix": "{{ nowhere }}"},
}


@pytest.fixture(scope="module")
def with_wrong(new_operator: Callable[[], Operator]) -> dict[str, Run]:
    """A run by each strategy for two good clusters and one with each thing wrong."""
    runs = {}
    for strategy in ("linear", "free"):
        operator = new_operator()
        hosts: dict[str, dict[str, Any]] = {
            name: {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": str(operator.keys / f"{name}.key")}
            for name in ("one", *WRONG, "two")
        }
        for name, variables in WRONG.items():
            hosts[name].update(variables)
        told = {
            "ansible.builtin.debug": {"msg": "{{ irsa_issuer_result.issuer | default('none') }}"},
            "name": "After it",
        }
        without_spec = {
            "ansible.builtin.import_role": {"name": "selfhosted.irsa.irsa_issuer", "rolespec_validate": False}
        }
        tasks = ({**without_spec, "ignore_errors": True}, told)
        runs[strategy] = operator.play([play(*tasks, strategy=strategy)], hosts=hosts).ok()
    return runs


@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_failed_cluster_does_not_disturb_others_or_get_their_result(
    with_wrong: dict[str, Run], strategy: str, wrong: str
) -> None:
    run = with_wrong[strategy]
    told = {record.host: record.result["msg"] for record in run.records if record.task == "After it"}
    assert wrong in run.failures
    assert told[wrong] == "none"
    assert told.keys() == {"one", "two", *WRONG}
    assert (told["one"], told["two"]) == (
        "https://irsa-one.s3.eu-west-1.amazonaws.com",
        "https://irsa-two.s3.eu-west-1.amazonaws.com",
    )


@pytest.fixture(scope="module")
def separate(new_operator: Callable[[], Operator]) -> tuple[Operator, Run]:
    """A run with a play for each of four clusters that have nothing to do with one another."""
    operator = new_operator()

    def imported(name: str, *, more: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
        key_path = str(operator.keys / f"{name}.key")
        variables = {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": key_path, **(more or {})}
        return role("import", vars=variables, **keywords)

    # Of one task alone the condition may be false while the others are still to come.
    guarded = imported("once", more={"irsa_issuer_key_host": "once"}, when="irsa_issuer_result is not defined")
    gone = imported("kept", more={"irsa_issuer_state": "absent"}, when="false")
    nowhere = {"irsa_issuer_key_host": "no-key", "irsa_issuer_key_path": f"{operator.folder}/no/where/sa.key"}
    plays = [
        play(guarded, guarded, hosts="once"),
        play(imported("shipped"), hosts="shipped"),
        play(imported("kept"), gone, hosts="kept"),
        {**saved(operator, "left"), "hosts": "kept"},
        play(imported("no-key", more=nowhere, ignore_errors=True), hosts="no-key"),
    ]
    hosts: dict[str, dict[str, Any]] = {"once": {}, "shipped": {"irsa_direct": False}, "kept": {}, "no-key": {}}
    return operator, operator.play(plays, "-vvv", hosts=hosts).ok()


def test_a_condition_on_the_result_lets_the_role_end(separate: tuple[Operator, Run]) -> None:
    operator, run = separate
    assert run.results["once"]["actions"][-1] == "iam:CreateOpenIDConnectProvider"
    assert run.writes_to("irsa-once").count("s3:CreateBucket") == 1
    assert run.results["once"]["kid"] == kid_of(operator.keys / "once.key")


def test_direct_execution_is_turned_off_for_one_cluster(separate: tuple[Operator, Run]) -> None:
    operator, run = separate
    reasons = [line for line in run.output.splitlines() if "is shipped as a module: " in line]
    assert "irsa_issuer is shipped as a module: irsa_direct is false" in "\n".join(reasons)
    assert all("irsa_direct is false" in line for line in reasons)
    assert run.results["shipped"]["kid"] == kid_of(operator.keys / "shipped.key")


def test_a_skipped_role_keeps_an_earlier_result(separate: tuple[Operator, Run]) -> None:
    left = json.loads((separate[0].folder / "left-kept.json").read_text())
    assert left["issuer"] == "https://irsa-kept.s3.eu-west-1.amazonaws.com"


def test_a_key_that_could_not_be_created_is_never_published(separate: tuple[Operator, Run]) -> None:
    operator, run = separate
    assert "no-key" in run.failures
    assert "s3:PutObject" not in run.writes_to("irsa-no-key")
    made = Account(operator.sandbox).providers()
    assert [arn.partition("/irsa-")[2].partition(".")[0] for arn in made] == ["kept", "once", "shipped"]
    assert run.writes.count("iam:CreateOpenIDConnectProvider") == len(made)
    assert "no-key" not in run.results


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
    first, second = (operator.provision(hosts=hosts).ok() for dummy in range(2))
    removal = operator.teardown(hosts={"pkcs8": hosts["pkcs8"]}).ok()
    return Fleet(operator, Account(running), keys, first, second, removal)


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
    assert run.result["apiserver_flags"][2] == "--service-account-signing-key-file=/etc/kubernetes/pki/here.key"
    assert run.result["apiserver_key_files"][0]["src"] == f"{operator.keys}/here.key"


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
