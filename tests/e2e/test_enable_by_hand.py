# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook enable with a kubeconfig alone, on an API server whose flags are changed by hand, as the run says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from control_plane import NewApiServer
from endpoint import Endpoint
from runs import Ansible, Run

OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
NAMESPACE = "irsa-e2e-by-hand"
FLAG = "--service-account-issuer="


@dataclass(frozen=True)
class ByHand:
    """The runs before and after the API server was given the flag that the first one printed."""

    planned: Run
    first: Run
    flags: list[str]
    second: Run
    pod: dict[str, Any]


@pytest.fixture(scope="module")
def by_hand(
    endpoint: Endpoint, any_style: str, new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ByHand]:
    ansible = Ansible(tmp_path_factory.mktemp("by-hand"))
    key = ansible.folder / "sa.key"
    ansible.module("selfhosted.irsa.irsa_keypair", path=str(key))
    keys = [f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"]
    kubeconfig = ansible.folder / "kubeconfig"
    with endpoint.site(any_style) as site, endpoint.role_removed(site.bucket):
        variables = {
            **{name: value for name, value in site.variables.items() if name != "irsa_issuer_key_path"},
            "irsa_kubeconfig": "kubeconfig",
            "irsa_injection_region": endpoint.session.region_name,
            "irsa_service_accounts_create_namespaces": True,
            "irsa_service_accounts_list": [{"namespace": NAMESPACE, "name": "app", "role_name": site.bucket}],
        }
        with new_api_server(f"{FLAG}{OLD_ISSUER}", *keys) as api:
            api.write_kubeconfig(kubeconfig)
            planned = ansible.enable(variables, "--check", has_hosts=False)
            first = ansible.enable(variables, has_hosts=False)
            pod = {"metadata": {"name": "pod"}, "spec": {"serviceAccountName": "app", "containers": [CONTAINER]}}
            status, answer = api.ask(f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
            assert status == 201, answer
        flags = re.findall(rf"{FLAG}\S+", first.output.partition("Next:")[2])
        with new_api_server(flags[-1], f"{FLAG}{OLD_ISSUER}", *keys) as api:
            api.write_kubeconfig(kubeconfig)
            second = ansible.enable(variables, has_hosts=False)
        yield ByHand(planned, first, flags, second=second, pod=json.loads(answer))


CONTAINER = {"name": "app", "image": "registry.k8s.io/pause:3.10"}


def test_the_flag_is_to_be_added_to_those_of_all_servers_and_then_to_be_the_first(by_hand: ByHand) -> None:
    """The address of the kubeconfig is not among those that the cluster lists, so others may be behind it."""
    assert by_hand.flags == [f"{FLAG}{by_hand.first.result['issuer']['issuer']}"] * 2
    for text in ("each server behind", "add this one after them", "make this one the first"):
        assert text in " ".join(by_hand.first.output.split())


def test_check_mode_lists_what_the_run_does(by_hand: ByHand) -> None:
    assert by_hand.first.all_actions
    assert by_hand.planned.all_actions == by_hand.first.all_actions
    assert not by_hand.planned.writes


def test_pods_get_the_role_of_their_account(by_hand: ByHand) -> None:
    (container,) = by_hand.pod["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["AWS_ROLE_ARN"] == by_hand.first.result["accounts"][0]["role_arn"]
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in variables


def test_nothing_is_proved_before_the_server_signs(by_hand: ByHand) -> None:
    assert "none in this run" in by_hand.first.output


def test_sts_accepts_the_token_when_the_server_signs(by_hand: ByHand) -> None:
    assert "STS accepts the token" in by_hand.second.output
    assert by_hand.second.changed == 0
