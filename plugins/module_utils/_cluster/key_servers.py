# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API servers that a forced change of keys goes on without: a leaked key must not stay on all servers since one of
them is cut off.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Server


def left_out(cluster: Cluster, goal: KeyGoal) -> list[Server]:
    """Return the servers that are left as they are; none, unless the goal is forced."""
    if not goal.force:
        return []
    return [
        server for server in cluster.servers if not server.managed or server.kids is None or server.signing_kid is None
    ]


def urls(servers: t.Iterable[Server]) -> frozenset[str]:
    """Return how the others ask these servers whether they accept a token."""
    return frozenset(f"https://{address}" for server in servers for address in server.addresses)


def without(cluster: Cluster, left: t.Sequence[Server]) -> Cluster:
    """Return the cluster without servers, and without what these said of tokens."""
    gone = urls(left)
    kept = tuple(
        dataclasses.replace(server, refusals=tuple(text for text in server.refusals if not gone & set(text.split())))
        for server in cluster.servers
        if server not in left
    )
    return dataclasses.replace(cluster, servers=kept)


def warning(server: Server) -> str:
    """Return what it means that a server is left as it is."""
    why = "could not be read" if server.managed else "is no host of this play"
    return (
        f"{server.name} {why}, so it is left as it is. It may refuse tokens of the new key, accept the former one, and "
        "go on signing with it. Stop its API server, or run this again for it, too."
    )
