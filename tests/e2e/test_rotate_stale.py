# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod goes on with a token that it read once: the server that verifies it counts that, and so the old key stays."""

from __future__ import annotations

import time

import jwt
import pytest

from rotating_stand_ins import PHASES, kid_of, rotating
from tokens import claims_of, header_of

_STALE = "stale-tokens"


def extended(token: str, key: bytes) -> str:
    """A token as a pod has it that was started hours ago: valid for a year, and due to be renewed since.

    kube-apiserver counts it by that claim alone:
    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/serviceaccount/claims.go (Validate)
    """
    claims, now = claims_of(token), int(time.time())
    claims |= {"iat": now - 7200, "nbf": now - 7200, "exp": now + 365 * 86400}
    claims["kubernetes.io"] |= {"warnafter": now - 3593}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": header_of(token)["kid"]})


def test_a_counter_that_moves_on_one_server_blocks_the_last_phase_by_name(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with rotating("kubeadm", 2, tmp_path_factory) as cluster:
        clients, servers = cluster.cluster.clients, cluster.cluster.servers.servers
        [first, *dummy] = cluster.cluster.minted()
        once_read = extended(first, servers[0].host.secrets.signing_key[0])
        for phase in PHASES[:-1]:
            cluster.rotate(phase)
        for count in (1, 2):
            assert clients[1].status(once_read) == 200
            refused = cluster.rotate(PHASES[-1], fails=True)
            assert f"{PHASES[-1]} is refused" in refused.output
            said = " ".join(refused.output.split())
            grown = (
                f"serviceaccount_stale_tokens_total of '{servers[1].host.name}' has grown from {count - 1} to {count}"
            )
            assert grown in said and f"add {_STALE} to irsa_rotate_force" in said
            assert f"of '{servers[0].host.name}' has grown" not in said
        # No longer used: it stands still.
        assert cluster.rotate(PHASES[-1]).result["actions"]
        assert clients[1].status(once_read) == 401
        assert cluster.kids() == [kid_of(cluster.cluster.minted())]
