# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuers that the API servers of a cluster accept, as far as the cluster itself says so."""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import key_sets
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.server_flags import running_flags


@dataclasses.dataclass(frozen=True)
class AcceptingServer:
    """An API server by the name of its node, or by its address where that is unknown.

    ``issuers`` are those that it is known to accept; it signs with the first one. ``is_complete`` says whether they
    are all that it accepts. If the cluster does not show its flags, at most the first one is known.

    ``is_front``: the address is not that of a server, but of something before an unknown number of them.
    """

    name: str
    issuers: tuple[str, ...]
    is_complete: bool
    is_front: bool


def of_cluster(api: ApiServer) -> list[AcceptingServer]:
    """Return all API servers of the cluster, whether or not they answer. Raises IrsaError if their addresses cannot be
    read.
    """
    reached = key_sets.reach(api, servers_of(api))
    running = running_flags(api, reached.answering, reached.unreachable)
    signing = {served.address: (served.issuer,) for served in reached.served}
    known = {flags.server: flags.issuers for flags in running.servers}
    others = {address: signing.get(address, ()) for address in running.unknown}
    found = [
        AcceptingServer(
            name,
            issuers,
            # Others behind a front may have other flags than the one that answered.
            is_complete=bool(known.get(name)) and name not in running.fronts,
            is_front=name in running.fronts,
        )
        for name, issuers in [*known.items(), *sorted(others.items())]
    ]
    return sorted(found, key=lambda server: not server.is_front)
