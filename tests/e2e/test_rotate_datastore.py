# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate changes the key in the datastore of stand-in servers of k3s and RKE2: from RSA to ECDSA, with one
that restarts by itself and one that joins.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polling import Server as Client
from rotating_stand_ins import PHASES, Rotating, kid_of, rotating
from stand_in.cluster import Server


@pytest.fixture(scope="module", params=["rke2", "k3s"])
def rotated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotating]:
    """A cluster after all phases, after each of which a server restarted by itself; and the tokens from before."""
    with rotating(request.param, 2, tmp_path_factory) as cluster:
        cluster.former = cluster.cluster.minted()
        for phase in PHASES:
            with cluster.polled(phase):
                cluster.rotate(phase, "-e", "irsa_rotate_key_type=ECDSA", "-e", "irsa_rotate_old_key=destroy")
            cluster.cluster.server(1).run("systemctl", "restart", cluster.cluster.server(1).unit)
        yield cluster


def _tls(server: Server) -> str:
    return f"/var/lib/rancher/{server.host.name.rpartition('-')[0]}/server/tls"


def test_no_token_was_refused_and_those_of_the_old_key_are_now(rotated: Rotating) -> None:
    rotated.require_no_refusal(rotated.former, rotated.cluster.minted())


def test_each_server_has_the_new_key_alone(rotated: Rotating) -> None:
    for server in rotated.cluster.servers.servers:
        content = server.path(f"{_tls(server)}/service.key").read_text(encoding="utf-8")
        assert content.startswith("-----BEGIN EC PRIVATE KEY-----\n")
        assert content.count("BEGIN") == 1


def test_nothing_is_left_of_the_old_key_and_of_what_the_command_read(rotated: Rotating) -> None:
    new = kid_of(rotated.cluster.minted())
    for server in rotated.cluster.servers.servers:
        own = server.path(f"/etc/rancher/{server.host.name.rpartition('-')[0]}/irsa")
        files = [file for file in own.rglob("*") if file.is_file()]
        assert {file.stem for file in files} <= {new}
        assert not (own / "rotate-ca").exists()


def test_a_server_that_joins_has_the_new_key(rotated: Rotating) -> None:
    first = rotated.cluster.server(0)
    [drop_in] = first.path(f"/etc/rancher/{first.host.name.rpartition('-')[0]}/config.yaml.d").iterdir()
    joined = rotated.cluster.servers.join([str(drop_in.relative_to(first.host.root))])
    client = Client(joined.address, rotated.cluster.servers.kubeconfig)
    token = client.mint()
    assert kid_of([token]) == kid_of(rotated.cluster.minted())
    assert {each.status(token) for each in (client, *rotated.cluster.clients)} == {200}
    assert {client.status(each) for each in rotated.cluster.minted()} == {200}
