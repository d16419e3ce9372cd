# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three servers of k3s, on stand-in servers, the second of which does not start when it is to sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from distribution_cluster import FORMER_ISSUERS, ISSUER, Walked, actions_of
from polling import Polls, polling
from runs import Run
from stand_in.layouts import SECRET
from stand_in_servers import stand_in_cluster
from tokens import claims_of

FORMER = FORMER_ISSUERS["k3s"]
DROP_IN = "etc/rancher/k3s/config.yaml.d/zz-irsa.yaml"


@dataclass(frozen=True)
class Fault:
    """The role was run until a server failed, and again until it had gone on; clients polled all the while."""

    cluster: Walked
    planned: Run
    failed: Run
    files: dict[str, Any]
    tokens: list[str]
    accepted: set[int | None]
    went_on: Run
    second: Run
    signing: list[str]
    polls: Polls


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fault]:
    folder = tmp_path_factory.mktemp("k3s")
    with stand_in_cluster("k3s", 3, folder) as servers:
        cluster = Walked(servers, folder)
        before = servers.files()
        planned = cluster.run("--check")
        assert servers.files() == before
        with polling([server.address for server in servers.servers], servers.kubeconfig) as polls:
            cluster.server(1).refuse(ISSUER)
            failed = cluster.run("-vvv", fails=True)
            cluster.server(1).refuse(None)
            files, tokens = dict(servers.files()), cluster.minted()
            accepted = {client.status(token) for client in cluster.clients for token in tokens}
            went_on = cluster.run()
        second, signing = cluster.run(), cluster.minted()
        yield Fault(cluster, planned, failed, files, tokens, accepted, went_on, second, signing, polls)
        cluster.run(state="absent")
        cluster.run(state="absent", forget_after=0)
        assert servers.files() == before
        assert {claims_of(token)["iss"] for token in cluster.minted()} == {FORMER}


def test_what_failed_is_said_and_put_back(fault: Fault) -> None:
    assert f"refuses the issuer {ISSUER}" in fault.failed.output
    assert "Its files were put back, and it runs as before." in " ".join(fault.failed.output.split())
    first, second, third = (fault.files[server.name][DROP_IN] for server in fault.cluster.servers.servers)
    assert second == third
    assert first != second
    assert first[0] == 0o600


def test_the_others_stay_as_they_were(fault: Fault) -> None:
    assert [claims_of(token)["iss"] for token in fault.tokens] == [ISSUER, FORMER, FORMER]
    assert fault.accepted == {200}


def test_the_next_run_goes_on(fault: Fault) -> None:
    assert {claims_of(token)["iss"] for token in fault.signing} == {ISSUER}
    others = [server.name for server in fault.cluster.servers.servers][1:]
    assert {action.partition(":")[0] for action in actions_of(fault.went_on)} == set(others)
    assert set(actions_of(fault.went_on)) <= set(actions_of(fault.planned))
    assert fault.second.changed == 0
    assert actions_of(fault.second) == []


def test_no_token_is_refused_at_any_time(fault: Fault) -> None:
    polls = fault.polls
    assert polls.refused == []
    urls = {f"https://{server.address}" for server in fault.cluster.servers.servers}
    assert set(polls.answered) == {
        (asked, minted, issuer) for asked in urls for minted in urls for issuer in (FORMER, ISSUER)
    }


def test_no_token_and_no_secret_is_printed(fault: Fault) -> None:
    for run in (fault.planned, fault.failed, fault.went_on, fault.second):
        assert not re.search(rf"eyJ[\w-]+\.eyJ|{SECRET}", run.output)
