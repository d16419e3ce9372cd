# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate changes the signing key of stand-in servers, published on the embedded AWS, phase by phase."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from distribution_cluster import Walked
from polling import Polls, polling
from runs import Run
from stand_in.layouts import SECRET
from stand_in_servers import stand_in_cluster
from tests.sandbox import Sandbox
from tests.sandbox.environment import REGION, REMOVED
from tokens import header_of

BUCKET = "irsa-e2e-rotate"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
PHASES = ("prepare", "accept", "sign", "retire-published", "retire-accepted")
# A key of its own by flags, and the cluster's own key in its files; on one server and on several.
CLUSTERS = (("kubeadm", 2), ("k3s", 2), ("k3s", 1))
# Everything that must be waited for, shortened to nothing.
SHORT = {"irsa_rotate_cache_seconds": 0, "irsa_rotate_token_seconds": 0, "irsa_rotate_stale_window": 0}


@dataclass
class Rotation:
    """A rotation, each phase in check mode, for real while clients polled, and once more."""

    cluster: Walked
    s3: Any
    variables: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, Run] = field(default_factory=dict)
    done: dict[str, Run] = field(default_factory=dict)
    again: dict[str, Run] = field(default_factory=dict)
    published: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    polls: Polls = field(default_factory=Polls)

    def rotate(self, phase: str, *options: str, fails: bool = False) -> Run:
        return self.cluster.ansible.rotate({**self.variables, "irsa_rotate_phase": phase}, *options, fails=fails)

    def kids(self) -> list[str]:
        """The IDs of the published keys."""
        body = self.s3.get_object(Bucket=BUCKET, Key="keys.json")["Body"].read()
        return [key["kid"] for key in json.loads(body)["keys"]]

    def walk(self) -> None:
        addresses = [server.address for server in self.cluster.servers.servers]
        self.tokens["before"], self.published["before"] = self.cluster.minted(), self.kids()
        for phase in PHASES:
            self.planned[phase] = self.rotate(phase, "--check")
            with polling(addresses, self.cluster.servers.kubeconfig) as polls:
                self.done[phase] = self.rotate(phase, "-vvv")
            if phase != PHASES[-1]:  # from the last one on, the old tokens are refused
                self.polls.answered += polls.answered
                self.polls.refused += polls.refused
            self.again[phase] = self.rotate(phase)
            self.tokens[phase], self.published[phase] = self.cluster.minted(), self.kids()


@pytest.fixture(scope="module", params=CLUSTERS, ids=lambda cluster: f"{cluster[0]}-{cluster[1]}")
def rotation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    folder = tmp_path_factory.mktemp("rotate")
    distribution, count = request.param
    with (
        pytest.MonkeyPatch.context() as patch,
        stand_in_cluster(distribution, count, folder) as servers,
        Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox,
    ):
        for name in REMOVED:
            patch.delenv(name, raising=False)
        for name, value in sandbox.env.items():
            patch.setenv(name, value)
        # What is asked of the servers does not go through the proxy of the embedded AWS.
        own = ",".join(server.host.address for server in servers.servers)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, f"{sandbox.env[name]},{own}")
        rotation = Rotation(Walked(servers, folder), boto3.client("s3"))
        rotation.variables = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_region": REGION, **SHORT}
        jwks = servers.servers[0].run(
            "/opt/stand-in/kubectl", f"--kubeconfig={servers.servers[0].kubeconfig}", "get", "--raw=/openid/v1/jwks"
        )
        issuer = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_region": REGION, "irsa_issuer_verify": False}
        made = rotation.cluster.ansible.provision({**issuer, "irsa_issuer_extra_jwks": jwks.stdout})
        rotation.cluster.issuer_result = made.result
        rotation.cluster.ansible.apiserver({"irsa_apiserver_issuer": ISSUER, "irsa_issuer_result": made.result})
        rotation.walk()
        yield rotation


def kid_of(tokens: list[str]) -> str:
    [kid] = {str(header_of(token)["kid"]) for token in tokens}
    return kid


@pytest.mark.parametrize("phase", PHASES)
def test_check_mode_lists_what_the_phase_does(rotation: Rotation, phase: str) -> None:
    assert rotation.done[phase].result["actions"]
    assert rotation.planned[phase].result["actions"] == rotation.done[phase].result["actions"]
    assert not [request for request in rotation.planned[phase].writes if request.signed]


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_that_is_done_is_left(rotation: Rotation, phase: str) -> None:
    assert rotation.again[phase].result["actions"] == []
    assert rotation.again[phase].changed == 0


def test_the_servers_change_to_the_new_key_when_they_sign(rotation: Rotation) -> None:
    old, new = kid_of(rotation.tokens["before"]), kid_of(rotation.tokens["sign"])
    assert old != new
    assert [kid_of(rotation.tokens[phase]) for phase in PHASES] == [old, old, new, new, new]
    assert [set(rotation.published[phase]) for phase in ("before", *PHASES)] == [
        {old},
        {old, new},
        {old, new},
        {old, new},
        {new},
        {new},
    ]


def test_no_token_is_refused_before_its_key_retires(rotation: Rotation) -> None:
    assert rotation.polls.refused == []
    assert rotation.polls.answered.total() > 100
    [old], [new] = [{*rotation.tokens["before"]}], [{*rotation.tokens["retire-accepted"]}]
    clients = rotation.cluster.clients
    assert {client.status(token) for client in clients for token in old} == {401}
    assert {client.status(token) for client in clients for token in new} == {200}


def test_no_private_key_and_no_token_is_printed(rotation: Rotation) -> None:
    for run in (*rotation.planned.values(), *rotation.done.values(), *rotation.again.values()):
        assert not re.search(rf"eyJ[\w-]+\.eyJ|{SECRET}|PRIVATE KEY", run.output)
