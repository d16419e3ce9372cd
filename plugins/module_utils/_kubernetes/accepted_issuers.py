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

    ``issuers`` are those that it accepts; it signs with the first one. Only that one is known of a server whose flags
    the cluster does not show.
    """

    name: str
    issuers: tuple[str, ...]


def of_cluster(api: ApiServer) -> list[AcceptingServer]:
    """Return the API servers of the cluster. Raises IrsaError."""
    shown = [flags for flags in running_flags(api, servers_of(api)).servers if flags.issuers]
    if shown:
        return [AcceptingServer(flags.server, flags.issuers) for flags in shown]
    return [AcceptingServer(server.address, (server.issuer,)) for server in key_sets.of_cluster(api).servers]
