# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One server of each distribution, on a stand-in server, signs with the issuer's own key, after it failed to once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distribution_cluster import ISSUER, Walked
from runs import Run
from stand_in.layouts import KUBE_APISERVER_ID
from stand_in_servers import stand_in_cluster
from tokens import claims_of, header_of

# Where the key is, and whom it belongs to.
FOLDERS = {
    "k3s": ("etc/rancher/k3s/irsa/", 0),
    "rke2": ("etc/rancher/rke2/irsa/", 0),
    "k0s": ("var/lib/k0s/pki/irsa/", KUBE_APISERVER_ID),
    "microk8s": ("var/snap/microk8s/7500/certs/irsa/", 0),
}
# Enough for one that starts, and not too long for one that does not.
_FAILING_SECONDS = 25

Files = Mapping[str, tuple[int, int, bytes]]


@dataclass(frozen=True)
class Own:
    """What was there before, after a run that failed, and after one that did not; and tokens of these times."""

    cluster: Walked
    key: bytes
    files: list[Files]
    tokens: list[str]
    statuses: set[int | None]
    failed: Run
    first: Run
    second: Run
    manager: list[str]

    @property
    def kid(self) -> str:
        return str(header_of(self.tokens[-1])["kid"])

    @property
    def folder(self) -> str:
        return FOLDERS[self.cluster.servers.distribution][0]

    @property
    def path(self) -> str:
        return f"/{self.folder}{self.kid}.key".replace("/7500/", "/current/")


@pytest.fixture(scope="module", params=list(FOLDERS))
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp(request.param)
    with stand_in_cluster(request.param, 1, folder) as servers:
        cluster = Walked(servers, folder)
        [server], [client] = servers.servers, cluster.clients
        made = cluster.ansible.module("selfhosted.irsa.irsa_keypair", path=f"{folder}/own.key")
        kid = made["kid"]
        cluster.issuer_result = {"kid": kid, "public_key": made["public_key"], "keys": [{"kid": kid}], "issuer": ISSUER}
        given: dict[str, Any] = {"key": "own", "key_path": f"{folder}/own.key"}
        files, tokens = [servers.files()[server.name]], cluster.minted()
        server.refuse(ISSUER)
        failed = cluster.run(fails=True, timeout=_FAILING_SECONDS, **given)
        server.refuse(None)
        files.append(servers.files()[server.name])
        tokens += cluster.minted()
        first, second = cluster.run(**given), cluster.run(**given)
        files.append(servers.files()[server.name])
        tokens += cluster.minted()
        manager = server.manager()
        statuses = {client.status(token) for token in tokens}
        key = Path(folder, "own.key").read_bytes()
        yield Own(cluster, key, files, tokens, statuses, failed=failed, first=first, second=second, manager=manager)
        cluster.run(state="absent", **given)
        cluster.run(state="absent", forget_after=0, **given)
        assert _without(servers.files()[server.name], FOLDERS[request.param][0]) == files[0]


def _without(files: Files, folder: str) -> dict[str, Any]:
    return {path: file for path, file in files.items() if not path.startswith(folder)}


def test_a_server_that_fails_with_it_is_put_back(own: Own) -> None:
    before, after, dummy = own.files
    assert _without(after, own.folder) == before
    assert f"refuses the issuer {ISSUER}" in own.failed.output
    assert claims_of(own.tokens[1])["iss"] == claims_of(own.tokens[0])["iss"]
    assert header_of(own.tokens[1])["kid"] == header_of(own.tokens[0])["kid"]


def test_a_server_signs_with_it_and_keeps_the_clusters(own: Own) -> None:
    assert claims_of(own.tokens[2])["iss"] == ISSUER
    assert own.kid != header_of(own.tokens[0])["kid"]
    assert own.statuses == {200}
    [server] = own.first.result.values()
    assert set(server["kids"]["after"]) == {own.kid, *server["kids"]["before"]}
    assert own.second.changed == 0


def test_the_key_belongs_to_who_runs_the_api_server(own: Own) -> None:
    owner = FOLDERS[own.cluster.servers.distribution][1]
    assert own.files[2][f"{own.folder}{own.kid}.key"] == (0o600, owner, own.key)
    [server] = own.first.result.values()
    assert own.path in server["new_node_needs"]


def test_the_controller_manager_signs_with_it_too(own: Own) -> None:
    flag = "--service-account-private-key-file="
    assert [each for each in own.manager if each.startswith(flag)][-1] == f"{flag}{own.path}"


def test_the_key_is_in_no_output(own: Own) -> None:
    lines = [line for line in own.key.decode().splitlines() if not line.startswith("-----")]
    # The first third is the modulus, which is published, and the last line may be a few letters.
    private = lines[len(lines) // 3 : -1]
    for run in (own.failed, own.first, own.second):
        assert private and not any(line in run.output for line in private)
