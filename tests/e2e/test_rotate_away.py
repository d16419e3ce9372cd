# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in server comes back with the former key after a whole rotation: playbook rotate repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rotating_nodes import wait_for
from rotating_stand_ins import PHASES, Rotating, kid_of, rotating
from runs import Run
from tokens import header_of

# By flags with the cluster's key and with the issuer's, and by files. A datastore has the keys for all servers.
CLUSTERS = (("k0s", "adopt"), ("kubeadm", "own"), ("kubeadm", "adopt"))


@dataclass
class Return:
    """The cluster, tokens of the former key, what the first server said to one of them that the second one had made
    when it was back, and the runs after that.
    """

    rotating: Rotating
    former: list[str]
    status: int | None
    planned: Run
    done: Run
    again: Run


@pytest.fixture(scope="module", params=CLUSTERS, ids="-".join)
def back(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Return]:
    distribution, key = request.param
    with rotating(distribution, 2, tmp_path_factory, key=key) as cluster:
        first, second = cluster.cluster.clients
        server = cluster.cluster.server(1)
        files, former = cluster.cluster.servers.files()[server.name], cluster.cluster.minted()
        for phase in PHASES:
            cluster.rotate(phase)
        server.come_back(files)
        wait_for(second, lambda token: header_of(token)["kid"] == kid_of(former))
        yield Return(
            rotating=cluster,
            former=former,
            status=first.status(second.mint()),
            planned=cluster.rotate("auto", "--check"),
            done=cluster.rotate("auto"),
            again=cluster.rotate("auto"),
        )


def test_what_it_signs_is_refused_until_it_is_repaired(back: Return) -> None:
    new = back.rotating.cluster.minted()
    assert kid_of(new) != kid_of(back.former)
    assert back.status == 401
    assert {client.status(token) for client in back.rotating.cluster.clients for token in new} == {200}


def test_the_former_key_is_refused_by_it_again(back: Return) -> None:
    assert {client.status(token) for client in back.rotating.cluster.clients for token in back.former} == {401}


def test_only_that_server_is_changed_and_it_signs_at_once(back: Return) -> None:
    planned, done = back.planned.result["actions"], back.done.result["actions"]
    assert planned and done[: len(planned)] == planned
    name, program = back.rotating.cluster.server(1).name, ("kube-apiserver", "k0scontroller.service")
    restarts = [action for action in done if ":restart" in action and action.endswith(program)]
    # To sign with the new key, and to refuse the former one.
    assert [action.partition(":")[0] for action in restarts] == [name, name]
    assert (back.again.result["actions"], back.again.changed) == ([], 0)
