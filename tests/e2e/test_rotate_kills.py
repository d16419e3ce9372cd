# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate is killed right after each write, at the store and on each server, run again, and converges.

Each run of a phase goes on from what the killed one before it has left, and is killed after the first write that none
before it was killed after, until one finds no such write and ends by itself. What a killed run has left may spare the
next one some of its writes, so the key is changed again until a whole rotation finds no new point.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotating_stand_ins import ISSUER, PHASES, Rotating, kid_of, rotating
from stand_in.cluster import Server

PKI = "/etc/kubernetes/pki"
_MANIFESTS = "/etc/kubernetes/manifests"
_MOST_ROTATIONS = 8

# What a rotation cannot do without, and in which phase: at the store, on the first server, and on each one.
_AT_STORE = {"prepare": ("keys.json",), "retire-published": ("keys.json",)}
_ON_FIRST = {"prepare": (f"mkdir {PKI}/irsa", f"replace {PKI}/irsa/KID.key", f"replace {PKI}/irsa/KID.pub")}
_ON_EACH = {
    "accept": (f"replace {PKI}/sa.pub", f"replace {_MANIFESTS}/kube-apiserver.yaml"),
    "sign": (
        f"mkdir {PKI}/irsa/retired",
        f"replace {PKI}/irsa/retired/KID.key",
        f"replace {PKI}/sa.key",
        f"replace {PKI}/sa.pub",
        f"replace {_MANIFESTS}/kube-apiserver.yaml",
        f"replace {_MANIFESTS}/kube-controller-manager.yaml",
    ),
    "retire-accepted": (f"replace {PKI}/sa.pub", f"replace {_MANIFESTS}/kube-apiserver.yaml"),
}


def test_a_rotation_that_is_killed_after_every_write_converges(tmp_path_factory: pytest.TempPathFactory) -> None:
    folders = {phase: tmp_path_factory.mktemp("points") for phase in PHASES}
    began, tokens = time.monotonic(), []
    with rotating("kubeadm", 2, tmp_path_factory) as cluster:
        tokens.append(cluster.cluster.minted())
        for dummy in range(_MOST_ROTATIONS):
            kills = sum([_killed_everywhere(cluster, phase, folder) for phase, folder in folders.items()])
            tokens.append(cluster.cluster.minted())
            _require_clean(cluster, tokens)
            if not kills:
                break
        else:
            raise AssertionError("each rotation had writes that no rotation before it had")
        cluster.require_no_refusal(tokens[-2], tokens[-1])
        servers = [server.name for server in cluster.cluster.servers.servers]
    points = {phase: _points(folder) for phase, folder in folders.items()}
    kinds = Counter(what.partition(" ")[0] for found in points.values() for dummy, what in found)
    print(f"killed at {kinds.total()} points in {time.monotonic() - began:.0f} seconds: {dict(kinds)}")
    assert kinds.keys() >= {"PUT", "open", "write", "fchown", "fchmod", "link", "unlink", "replace", "mkdir"}
    for phase, found in points.items():
        assert {*_needed(phase, servers)} <= {*found}


def _killed_everywhere(cluster: Rotating, phase: str, points: Path) -> int:
    """Have a phase done by runs of which all but the last are killed. Returns how many that were."""
    kills = 0
    with cluster.polled(phase):
        while (ended := cluster.rotate_to_a_point(phase, points))[1]:
            print(f"{phase}: {ended[1]}", flush=True)
            kills += 1
    assert "PLAY RECAP" in ended[0] and not re.search(r"(?:failed|unreachable)=[1-9]", ended[0]), ended[0]
    assert cluster.polls.refused == []
    return kills


def _points(folder: Path) -> list[tuple[str, str]]:
    """At which points runs of a phase were killed: their hosts and what was done there."""
    lines = (folder / "points").read_text(encoding="utf-8").splitlines()
    return [(host, what) for host, dummy, what in (line.split("|") for line in lines)]


def _needed(phase: str, servers: list[str]) -> Iterator[tuple[str, str]]:
    """What must be among the points of a phase: each with its host."""
    yield from (("", f"PUT {ISSUER}/{name}") for name in (*_AT_STORE.get(phase, ()), "rotation.json"))
    yield from ((servers[0], what) for what in _ON_FIRST.get(phase, ()))
    yield from ((server, what) for server in servers for what in _ON_EACH.get(phase, ()))


def _require_clean(cluster: Rotating, tokens: list[list[str]]) -> None:
    """The rotation is over, at the store and on each server, and nothing of the killed runs is left."""
    status = cluster.rotate("status")
    assert status.result["next_phase"] is None, status.output
    *retired, kid = map(kid_of, tokens)
    assert cluster.kids() == [kid]
    assert kid not in retired
    for server in cluster.cluster.servers.servers:
        _require_clean_server(server, kid, retired)


def _require_clean_server(server: Server, kid: str, retired: list[str]) -> None:
    folder = server.path(PKI)
    public = server.run("openssl", "pkey", "-in", f"{PKI}/sa.key", "-pubout").stdout
    assert (folder / "sa.pub").read_text(encoding="utf-8").strip() == public.strip()
    assert {file.stem for file in (folder / "irsa/retired").iterdir()} == {*retired}
    # The first server has the key that was made there. No other key was made and lost.
    assert {file.stem for file in (folder / "irsa").glob("*.*")} <= {kid, *retired}
    private = [folder / "sa.key", *(folder / "irsa").rglob("*.key")]
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    assert [*server.path("/etc/kubernetes").rglob("*.tmp")] == []
