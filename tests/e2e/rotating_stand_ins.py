# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in servers whose keys are published on the embedded AWS, for rotations of their signing key."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from distribution_cluster import Walked
from polling import Polls, polling
from runs import Run
from stand_in.cluster import Cluster
from stand_in_servers import stand_in_cluster
from tests.sandbox import Sandbox
from tests.sandbox.environment import REGION, REMOVED
from tokens import header_of

BUCKET = "irsa-e2e-rotate"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
PHASES = ("prepare", "accept", "sign", "retire-published", "retire-accepted")
# Everything that must be waited for, shortened to nothing.
_SHORT = {"irsa_rotate_cache_seconds": 0, "irsa_rotate_token_seconds": 0, "irsa_rotate_stale_window": 0}


@dataclass
class Rotating:
    """A cluster with its bucket, and tokens of its ``former`` key. ``polls`` are those of phases after which every
    token must still be accepted.
    """

    cluster: Walked
    s3: Any
    polls: Polls = field(default_factory=Polls)
    former: list[str] = field(default_factory=list)

    def rotate(self, phase: str, *options: str, fails: bool = False) -> Run:
        return self.cluster.ansible.rotate(self._variables(phase), *options, fails=fails)

    def rotate_to_a_point(self, phase: str, points: Path) -> tuple[str, str | None]:
        return self.cluster.ansible.rotate_to_a_point(self._variables(phase), points)

    def _variables(self, phase: str) -> dict[str, Any]:
        return {"irsa_issuer_bucket": BUCKET, "irsa_issuer_region": REGION, **_SHORT, "irsa_rotate_phase": phase}

    def kids(self) -> list[str]:
        """The IDs of the published keys."""
        body = self.s3.get_object(Bucket=BUCKET, Key="keys.json")["Body"].read()
        return [key["kid"] for key in json.loads(body)["keys"]]

    @contextlib.contextmanager
    def polled(self, phase: str) -> Iterator[None]:
        """Poll every server during a phase. From the last phase on, old tokens are refused, as they must be."""
        addresses = [server.address for server in self.cluster.servers.servers]
        with polling(addresses, self.cluster.servers.kubeconfig) as polls:
            yield
        if phase != PHASES[-1]:
            self.polls.answered += polls.answered
            self.polls.refused += polls.refused

    def require_no_refusal(self, old: list[str], new: list[str]) -> None:
        """No token was refused before its key retired; now those of the old key are, and those of the new one not."""
        assert self.polls.refused == []
        assert self.polls.answered.total() > 100
        print(f"{self.polls.answered.total()} checks, {len(self.polls.refused)} refusals")
        clients = self.cluster.clients
        assert {client.status(token) for client in clients for token in old} == {401}
        assert {client.status(token) for client in clients for token in new} == {200}


def kid_of(tokens: list[str]) -> str:
    [kid] = {str(header_of(token)["kid"]) for token in tokens}
    return kid


@contextlib.contextmanager
def rotating(
    distribution: str, count: int, folders: pytest.TempPathFactory, *, key: str = "adopt"
) -> Iterator[Rotating]:
    """A cluster that signs for its issuer with the key that it came with or, if ``key`` is own, with the issuer's. The
    key that signs is published.
    """
    folder: Path = folders.mktemp("rotate")
    with (
        pytest.MonkeyPatch.context() as patch,
        stand_in_cluster(distribution, count, folder) as servers,
        Sandbox(folders.mktemp("sandbox")) as sandbox,
    ):
        for name in REMOVED:
            patch.delenv(name, raising=False)
        for name, value in sandbox.env.items():
            patch.setenv(name, value)
        # What is asked of the servers does not go through the proxy of the embedded AWS.
        addresses = ",".join(server.host.address for server in servers.servers)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, f"{sandbox.env[name]},{addresses}")
        # Not the session that all clusters of one run would share, with the keys of the first one's account.
        found = Rotating(Walked(servers, folder), boto3.Session().client("s3"))
        own_key: dict[str, Any] = {"key_path": str(folder / "own.key")} if key == "own" else {}
        issuer = {"bucket": BUCKET, "region": REGION, "verify": False, **(own_key or _keys_of(servers))}
        made = found.cluster.ansible.provision({f"irsa_issuer_{name}": value for name, value in issuer.items()})
        found.cluster.issuer_result = made.result
        found.cluster.run(issuer=ISSUER, key=key, **own_key)
        yield found


def _keys_of(servers: Cluster) -> dict[str, Any]:
    """What makes an issuer of the cluster's own keys."""
    first = servers.servers[0]
    jwks = first.run("/opt/stand-in/kubectl", f"--kubeconfig={first.kubeconfig}", "get", "--raw=/openid/v1/jwks")
    return {"extra_jwks": jwks.stdout}
