# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook enable for a cluster whose hosts Ansible cannot reach: manifests, flags for the servers, and the proof.

The cluster is an API server that answers as real ones do; tests/e2e has real ones.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HttpsServer
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import (
    DISCOVERY,
    ENDPOINTS,
    Servers,
    endpoints_of,
    serve_json,
)
from playbooks import LOCAL, Operator, Run
from tests.sandbox import Sandbox

ENABLE = "selfhosted.irsa.enable"
BUCKET = "irsa-enable"
ISSUER = f"https://{BUCKET}.s3.eu-west-1.amazonaws.com"
OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
POLICIES = "/apis/admissionregistration.k8s.io/v1"
ACCOUNT = "/api/v1/namespaces/shop/serviceaccounts/reader"
PODS = "/api/v1/namespaces/kube-system/pods?limit=250&labelSelector=component%3Dkube-apiserver"
SUBJECT = "system:serviceaccount:shop:reader"
KEY = sample_keys.RSA.pkcs8
KID = sample_keys.kid(KEY)


class ApiServer:
    """The API server of a cluster with one control-plane node."""

    def __init__(self, folder: Path) -> None:
        self.servers = Servers(folder)
        key = jwk.from_public_key(signing_key.load_private(KEY).public_key)
        self._server: HttpsServer = self.servers.start(OLD_ISSUER, [key])
        self.kubeconfig = self.servers.kubeconfig(self._server)
        serve_json(self._server, ENDPOINTS, endpoints_of(f"127.0.0.1:{self._server.address.rpartition(':')[2]}"))
        self.sign_for(OLD_ISSUER)

    def sign_for(self, *issuers: str) -> None:
        """Accept these issuers, and sign with the first one."""
        command = ["kube-apiserver", *(f"--service-account-issuer={issuer}" for issuer in issuers)]
        pod = {
            "metadata": {
                "name": "kube-apiserver-node1",
                "annotations": {"kubernetes.io/config.mirror": "0123"},
                "labels": {"component": "kube-apiserver"},
            },
            "spec": {"nodeName": "node1", "containers": [{"name": "kube-apiserver", "command": command}]},
            "status": {"hostIP": "127.0.0.1", "phase": "Running"},
        }
        serve_json(self._server, PODS, {"kind": "PodList", "items": [pod]})
        serve_json(self._server, DISCOVERY, {"issuer": issuers[0]})

    def apply(self, manifests: dict[str, str]) -> None:
        """Have what is in the manifests, and make tokens for the account."""
        for document in (each for text in manifests.values() for each in yaml.safe_load_all(text)):
            kind, name = document["kind"], document["metadata"]["name"]
            plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
            path = ACCOUNT if kind == "ServiceAccount" else f"{POLICIES}/{plural}/{name}"
            serve_json(self._server, path, document)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": ["sts.amazonaws.com"], "sub": SUBJECT, "iat": now, "exp": now + 3600}
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": KID})
        serve_json(self._server, f"{ACCOUNT}/token", {"status": {"token": token}}, status=201)

    @property
    def audiences_asked_for(self) -> list[list[str]]:
        """The audiences of the tokens that were to be made."""
        requests = [json.loads(body) for body in self._server.bodies]
        return [each["spec"]["audiences"] for each in requests if "audiences" in each.get("spec", {})]


@dataclass
class Runs:
    """The runs of one user in their order, and the manifests after the first real one.

    Before the second run, the API server was given the flags that the first one printed; before the third one, the
    manifests were applied. The third one does not fetch the documents. In the last one the list is empty.
    """

    planned: Run
    first: Run
    manifests: dict[str, str]
    second: Run
    third: Run
    emptied: Run
    audiences: list[list[str]]
    written: dict[str, Any]


@pytest.fixture(scope="module")
def runs(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    running.reset()
    api = ApiServer(tmp_path_factory.mktemp("cluster"))
    operator = Operator(running, tmp_path_factory.mktemp("operator"))
    (operator.folder / "manifests").mkdir()
    operator.variables = {
        "irsa_issuer_bucket": BUCKET,
        "irsa_kubeconfig": api.kubeconfig,
        "irsa_manifests_path": "manifests",
        "irsa_issuer_former_issuers": OLD_ISSUER,
        "irsa_issuer_result_path": "issuer.json",
        "irsa_issuer_audiences": "vault.example,sts.amazonaws.com",
        "irsa_service_accounts_list": [
            {"namespace": "shop", "name": "former", "role_name": "shop-former", "state": "absent"},
            {"namespace": "shop", "name": "reader", "role_name": "shop-reader", "audience": "sts.amazonaws.com"},
        ],
    }

    def enable(*arguments: str, **more: Any) -> Run:
        return operator.start(ENABLE, *arguments, **more).wait().ok()

    planned, first = enable("--check"), enable()
    manifests = {file.name: file.read_text(encoding="utf-8") for file in (operator.folder / "manifests").iterdir()}
    api.sign_for(ISSUER, OLD_ISSUER)
    second = enable()
    api.apply(manifests)
    third = enable(variables={"irsa_issuer_verify": False})
    audiences = api.audiences_asked_for
    emptied = enable("--check", variables={"irsa_service_accounts_list": []})
    written = json.loads((operator.folder / "issuer.json").read_text(encoding="utf-8"))
    runs = Runs(
        planned, first, manifests, second=second, third=third, emptied=emptied, audiences=audiences, written=written
    )
    yield runs
    api.servers.stop()


def shown(run: Run, task: str) -> dict[str, Any]:
    """What a task that prints lines returned beside them."""
    (record,) = (record for record in run.records if record.task == task and record.status == "ok")
    return record.result


def test_check_mode_lists_what_the_run_does(runs: Runs) -> None:
    actions = shown(runs.first, "Show the result")["actions"]
    assert actions
    assert shown(runs.planned, "Show the plan")["actions"] == actions
    assert runs.planned.writes == []


def test_a_second_run_changes_nothing(runs: Runs) -> None:
    for run in (runs.second, runs.third):
        assert run.writes == []
        assert set(run.changed.values()) == {0}


def test_manifests_are_written_and_nothing_is_applied(runs: Runs) -> None:
    assert set(runs.manifests) == {"irsa-injection.yaml", "irsa-service-accounts.yaml"}
    accounts = list(yaml.safe_load_all(runs.manifests["irsa-service-accounts.yaml"]))
    (account,) = (each for each in accounts if each["kind"] == "ServiceAccount")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].endswith(":role/shop-reader")


def test_the_file_with_the_accounts_is_written_again_when_none_is_left(runs: Runs) -> None:
    (action,) = shown(runs.emptied, "Show the plan")["actions"]
    assert action.startswith("file:write ") and action.endswith("irsa-service-accounts.yaml")


def test_pods_get_tokens_for_the_audience_that_their_role_trusts(runs: Runs) -> None:
    """The injection's own default is the first audience of the issuer."""
    assert "vault.example" in runs.manifests["irsa-injection.yaml"]
    assert "eks.amazonaws.com/audience: sts.amazonaws.com" in runs.manifests["irsa-service-accounts.yaml"]


def test_the_servers_keys_are_published(runs: Runs) -> None:
    assert [key["kid"] for key in json.loads(runs.first.result["jwks_json"])["keys"]] == [KID]


def test_the_result_is_left_in_a_file(runs: Runs) -> None:
    assert "file:WriteResult" in shown(runs.planned, "Show the plan")["actions"]
    assert runs.written["provider_arn"] == runs.third.result["provider_arn"]
    assert runs.written["apiserver_args"] == {"service-account-issuer": [ISSUER, OLD_ISSUER]}


def test_flags_are_printed_for_each_server(runs: Runs) -> None:
    lines = [line.strip() for line in runs.first.output.splitlines()]
    start = lines.index("node1:")
    assert lines[start + 1 : start + 3] == [
        f"--service-account-issuer={ISSUER}",
        f"--service-account-issuer={OLD_ISSUER}",
    ]


def test_nothing_is_proved_while_servers_do_not_sign(runs: Runs) -> None:
    assert "none in this run" in runs.first.output
    assert "AssumeRoleWithWebIdentity" not in " ".join(call["operation"] for call in runs.first.calls)


def test_nothing_is_proved_while_the_manifests_are_not_applied(runs: Runs) -> None:
    assert "none in this run, since the manifests are not applied" in runs.second.output
    for run in (runs.first, runs.second):
        lines = [line.strip() for line in run.output.splitlines()]
        apply = [line for line in lines if line.startswith("kubectl apply")]
        assert apply == [f"kubectl apply --server-side --filename manifests/{name}" for name in sorted(runs.manifests)]
        assert run.output.index("kubectl apply") > run.output.index("Next:")


def test_it_is_proved_when_the_servers_sign_and_pods_are_served(runs: Runs) -> None:
    assert "sts:AssumeRoleWithWebIdentity" in [f"{call['service']}:{call['operation']}" for call in runs.third.calls]
    assert "none in this run" not in runs.third.output
    assert ["sts.amazonaws.com"] in runs.audiences


def test_documents_that_are_not_to_be_verified_do_not_decide(runs: Runs) -> None:
    assert "The documents were not to be fetched." in " ".join(runs.third.output.split())


def test_a_recipe_is_printed_for_a_distribution_that_others_change(running: Sandbox, tmp_path: Path) -> None:
    running.reset()
    api = ApiServer(tmp_path)
    operator = Operator(running, tmp_path)
    operator.variables = {
        "irsa_issuer_bucket": BUCKET,
        "irsa_kubeconfig": api.kubeconfig,
        "irsa_injection_method": "none",
        "irsa_issuer_former_issuers": [OLD_ISSUER],
        "irsa_apiserver_distribution": "talos",
        "irsa_apiserver_distribution_version": "1.13.2",
    }
    try:
        run = operator.start(ENABLE).wait().ok()
        assert f'service-account-issuer: ["{ISSUER}", "{OLD_ISSUER}"]' in run.output
        assert "talosctl patch machineconfig --nodes NODE --mode no-reboot --patch @irsa-sign.yaml" in run.output
        assert f"--service-account-issuer={ISSUER}" not in run.output
        operator.variables["irsa_apiserver_output_dir"] = "recipe"
        written, again = operator.start(ENABLE).wait().ok(), operator.start(ENABLE).wait().ok()
        assert shown(written, "Show the result")["actions"] == [
            f"file:write {operator.folder}/recipe/irsa-accept.yaml",
            f"file:write {operator.folder}/recipe/irsa-sign.yaml",
        ]
        assert set(again.changed.values()) == {0}
    finally:
        api.servers.stop()


def test_wrong_variables_stop_the_run_before_any_call(running: Sandbox, tmp_path: Path) -> None:
    operator = Operator(running, tmp_path)
    variables = {"irsa_control_plane": ["mastres", "others"], "irsa_issuer_key_path": "sa.key"}
    run = operator.start(ENABLE, variables=variables).wait()
    for name in ("irsa_control_plane is 'mastres,others'", "irsa_issuer_key_path is set", "irsa_manifests_path"):
        assert name in run.failure
    assert run.calls == []


def test_the_inventory_cannot_send_the_play_to_other_hosts(running: Sandbox, tmp_path: Path) -> None:
    """Without the group control_plane, Ansible runs the play on localhost, whatever group_vars say later."""
    operator = Operator(running, tmp_path)
    groups = {"all": {"vars": {"irsa_control_plane": "masters"}}, "masters": {"hosts": {"m1": LOCAL, "m2": LOCAL}}}
    (tmp_path / "inventory.yml").write_text(json.dumps(groups))
    run = operator.start(ENABLE, "--inventory=inventory.yml", variables={"irsa_manifests_path": "."}).wait()
    assert "irsa_control_plane is 'masters' in the inventory, which is 'm1', 'm2', but the play runs on" in run.failure
    assert {record.task for record in run.records if record.status == "ok"} <= {""}
    assert run.calls == []
