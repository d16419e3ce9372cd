# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of RKE2, k0s and MicroK8s, on stand-in servers, sign for an issuer and go back; k3s has a fault besides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from distribution_cluster import FORMER_ISSUERS, ISSUER, Walked, actions_of
from polling import Polls, polling
from runs import Run
from stand_in.layouts import SECRET
from stand_in_servers import stand_in_cluster
from tokens import claims_of, header_of

SERVERS = {"rke2": 2, "k0s": 2, "microk8s": 1}


@dataclass(frozen=True)
class Walk:
    """The role was run in check mode, for real while clients polled, and once more; then for the way back."""

    cluster: Walked
    planned: Run
    first: Run
    second: Run
    polls: Polls
    tokens: dict[str, list[str]]
    back: Run
    too_early: Run
    forgotten: Run


@pytest.fixture(scope="module", params=list(SERVERS))
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp(request.param)
    with stand_in_cluster(request.param, SERVERS[request.param], folder) as servers:
        cluster = Walked(servers, folder)
        tokens = {"before": cluster.minted()}
        files = servers.files()
        planned = cluster.run("--check")
        assert servers.files() == files
        with polling([server.address for server in servers.servers], servers.kubeconfig) as polls:
            first = cluster.run("-vvv")
        second = cluster.run()
        tokens["signing"] = cluster.minted()
        back = cluster.run(state="absent")
        tokens["back"] = cluster.minted()
        too_early = cluster.run(state="absent", fails=True)
        forgotten = cluster.run(state="absent", forget_after=0)
        assert servers.files() == files
        yield Walk(cluster, planned, first, second, polls, tokens, back, too_early, forgotten)


def test_the_distribution_is_found(walk: Walk) -> None:
    name = walk.cluster.servers.distribution
    assert {server["distribution"] for server in walk.first.result.values()} == {name}


def test_check_mode_lists_what_the_run_does(walk: Walk) -> None:
    assert actions_of(walk.planned) == actions_of(walk.first)
    restarts = [action for action in actions_of(walk.first) if ":restart" in action]
    number = len(walk.cluster.servers.servers)
    assert len(restarts) == (1 if number == 1 else 2 * number)


def test_a_second_run_changes_nothing(walk: Walk) -> None:
    assert walk.second.changed == 0
    assert actions_of(walk.second) == []


def test_every_server_signs_with_its_key_and_keeps_its_audiences(walk: Walk) -> None:
    former, signing = walk.tokens["before"], walk.tokens["signing"]
    assert {claims_of(token)["iss"] for token in former} == {FORMER_ISSUERS[walk.cluster.servers.distribution]}
    assert {claims_of(token)["iss"] for token in signing} == {ISSUER}
    assert len({header_of(token)["kid"] for token in (*former, *signing)}) == 1
    for before, after in zip(former, signing, strict=True):
        assert set(claims_of(before)["aud"]) <= set(claims_of(after)["aud"])
    for server in walk.first.result.values():
        assert server["restarted"] is True
        assert {check["status"] for check in server["checks"]} == {"ok"}


def test_no_token_is_refused_at_any_time(walk: Walk) -> None:
    assert walk.polls.refused == []
    urls = {f"https://{server.address}" for server in walk.cluster.servers.servers}
    issuers = (FORMER_ISSUERS[walk.cluster.servers.distribution], ISSUER)
    assert set(walk.polls.answered) >= {(asked, minted, issuers[0]) for asked in urls for minted in urls}
    assert {issuer for dummy, dummy, issuer in walk.polls.answered} <= set(issuers)


def test_it_goes_back_in_two_runs(walk: Walk) -> None:
    assert {claims_of(token)["iss"] for token in walk.tokens["back"]} == {
        FORMER_ISSUERS[walk.cluster.servers.distribution]
    }
    assert "irsa_apiserver_forget_after" in walk.too_early.output
    assert {ISSUER in server["issuers"]["after"] for server in walk.back.result.values()} == {True}
    assert {ISSUER in server["issuers"]["after"] for server in walk.forgotten.result.values()} == {False}
    # What was minted by the issuer is worth nothing now.
    assert {client.status(token) for client in walk.cluster.clients for token in walk.tokens["signing"]} == {401}
    assert {client.status(token) for client in walk.cluster.clients for token in walk.tokens["before"]} == {200}


def test_no_token_and_no_secret_is_printed(walk: Walk) -> None:
    for run in (walk.planned, walk.first, walk.second, walk.back, walk.too_early, walk.forgotten):
        assert not re.search(rf"eyJ[\w-]+\.eyJ|{SECRET}", run.output)
