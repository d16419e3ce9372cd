# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All API servers of a cluster, each by its own address. A kubeconfig usually names a load balancer before them."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# Every API server writes its address there, and leaves it when it ends:
# https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--endpoint-reconciler-type)
ENDPOINTS_PATH = "/api/v1/namespaces/default/endpoints/kubernetes"


def servers_of(api: ApiServer) -> list[ApiServer]:
    """Return the API servers of the cluster in the order of their addresses; ``api`` alone where they are unknown.

    ``api`` takes the place of the server whose address it has. Whether a server answers is not tried. Raises
    RequestFailed without the right to read the addresses.
    """
    return [api if address == api.address else api.at(address) for address in listed_addresses(api)] or [api]


def listed_addresses(api: ApiServer) -> list[str]:
    """Return the addresses by which the cluster lists its API servers, in order. Raises as ``servers_of`` does."""
    return sorted(set(_addresses_in(api.find(ENDPOINTS_PATH))))


def _addresses_in(endpoints: t.Any) -> t.Iterator[str]:
    """Yield host and port of each server in the Endpoints; nothing for None. Raises IrsaError for another object."""
    try:
        for subset in (endpoints or {}).get("subsets") or []:
            ports = {port.get("name"): int(port["port"]) for port in subset["ports"]}
            port = ports.get("https", next(iter(ports.values())))
            for address in subset.get("addresses") or []:
                ip = str(address["ip"])
                yield f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    except (AttributeError, KeyError, TypeError, ValueError, StopIteration):
        raise IrsaError(
            "The Endpoints kubernetes in namespace default do not tell the addresses of the API servers."
        ) from None
