# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be right with the servers of a cluster before its key changes, whatever the way is."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import preflight
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    SIGN,
    Cluster,
    Findings,
    Goal,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import View


def general(goal: KeyGoal, issuer: str) -> Goal:
    """Return the goal of a change as that of an issuer. A key of it that one server does not verify yet is no problem:
    that is what the steps are for.
    """
    return Goal(issuer=issuer, own_kid=goal.kid, force=goal.force)


def as_meant(server: Server, goal: KeyGoal) -> Server:
    """Return a server that signs as it will. One that joined with former keys is repaired by that, not refused."""
    return dataclasses.replace(server, signing_kid=goal.kid) if goal.phase == SIGN and server.managed else server


def check(cluster: Cluster, views: t.Sequence[View], goal: KeyGoal, *, issuer: str) -> Findings:
    """Return what speaks against changing the keys of these servers, given as they are meant."""
    # Which of these tokens matter is known better than by their number.
    of_servers = dataclasses.replace(cluster, legacy_tokens=None)
    return preflight.check(views, general(goal, issuer), of_servers) + Findings(
        problems=tuple(_refusals(cluster, goal))
    )


def _refusals(cluster: Cluster, goal: KeyGoal) -> t.Iterator[str]:
    """Yield refusals of tokens, unless a server does not verify the new key yet, which another one may sign with."""
    if all(goal.kid in (server.kids or ()) for server in cluster.servers):
        yield from (f"{server.name}: {refusal}" for server in cluster.servers for refusal in server.refusals)
