# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuer and the keys that each API server of a cluster serves, and all of these keys together.

They come from its discovery document and its JWKS, which every API server has since Kubernetes 1.20. So this also works
for a managed control plane and for keys of an external signer:
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import (
    DISCOVERY_PATH,
    JWKS_PATH,
    RequestFailed,
)

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# Most control planes have three or five servers.
_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class ServedKeys:
    """What one API server serves: its issuer, and the keys with which it verifies tokens."""

    address: str
    issuer: str
    keys: t.Sequence[jwk.Jwk]

    @property
    def kids(self) -> list[t.Any]:
        """The kids of the keys, in their order."""
        return [key.get("kid") for key in self.keys]


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeySets:
    """What the API servers of a cluster serve.

    ``keys`` are those of all servers, each once, sorted by kid. ``unreachable`` has the servers that did not answer,
    by address, with the reason.
    """

    servers: t.Sequence[ServedKeys]
    keys: t.Sequence[jwk.Jwk]
    unreachable: t.Mapping[str, str]

    @property
    def issuers(self) -> list[str]:
        """The issuers that the servers sign for, each once."""
        return sorted({server.issuer for server in self.servers})

    @property
    def jwks(self) -> dict[str, t.Any]:
        """All keys as a JWKS."""
        return {"keys": list(self.keys)}

    @property
    def warning(self) -> str | None:
        """A sentence that names the servers that did not answer; None if all did."""
        if not self.unreachable:
            return None
        reasons = "; ".join(f"{address}: {reason}" for address, reason in list(self.unreachable.items())[:10])
        plural = "" if len(self.unreachable) == 1 else "s"
        return (
            f"{len(self.unreachable)} API server{plural} of the cluster did not answer ({reasons}). Keys that no other "
            "server has are unknown."
        )


def of_cluster(api: ApiServer) -> KeySets:
    """Return what all API servers of the cluster serve. Raises IrsaError as ``union`` does.

    Where their addresses cannot be reached from here, as with a managed control plane, ``api`` answers for them.
    """
    servers = servers_of(api)
    served, unreachable = read(servers)
    if unreachable and api not in servers:
        more, failed = read([api])
        served, unreachable = [*served, *more], {**unreachable, **failed}
    return _together(served, unreachable)


def union(servers: t.Sequence[ApiServer]) -> KeySets:
    """Return what these API servers serve.

    Raises IrsaError if none of them answers, and if two have different keys under one kid.
    """
    return _together(*read(servers))


def read(servers: t.Sequence[ApiServer]) -> tuple[list[ServedKeys], dict[str, str]]:
    """Return what these API servers serve, uncompared, and why others do not answer, by address.

    Several are asked at once, so that those that do not answer cost the time of one.
    """
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(_served_by, servers))
    served = [answer for answer in answers if isinstance(answer, ServedKeys)]
    return served, dict(answer for answer in answers if not isinstance(answer, ServedKeys))


class Reached(t.NamedTuple):
    """The API servers that answer, what they serve, and why others do not answer, by address."""

    answering: list[ApiServer]
    served: list[ServedKeys]
    unreachable: dict[str, str]


def reach(api: ApiServer, servers: t.Sequence[ApiServer]) -> Reached:
    """Ask these API servers of a cluster. ``api`` stands for them if none answers by its own address: those of a
    managed control plane are often private, while its load balancer answers.
    """
    served, unreachable = read(servers)
    if not served and api not in servers:
        served, dummy = read([api])
    addresses = {each.address for each in served}
    return Reached([each for each in servers if each.address in addresses] or [api], served, unreachable)


def issuer_of(server: ApiServer) -> str:
    """Return the issuer that an API server signs for. Raises IrsaError."""
    document = server.get(DISCOVERY_PATH)
    issuer = document.get("issuer") if isinstance(document, dict) else None
    if not isinstance(issuer, str):
        raise _unusable(server, DISCOVERY_PATH, "it does not name an issuer")
    return issuer


def keys_of(server: ApiServer) -> list[jwk.Jwk]:
    """Return the keys with which an API server verifies tokens, unchecked. Raises IrsaError."""
    try:
        return jwk.keys_of(server.get(JWKS_PATH))
    except Fault as fault:
        raise _unusable(server, JWKS_PATH, str(fault)) from None


def _unusable(server: ApiServer, path: str, fault: str) -> RequestFailed:
    cause = f"its {path} cannot be used: {fault}"
    return RequestFailed(f"The API server at {server.address} answers, but {cause}.", cause=cause)


def _served_by(server: ApiServer) -> ServedKeys | tuple[str, str]:
    """Return what a server serves, or its address and the reason why that is unknown."""
    try:
        return ServedKeys(server.address, issuer_of(server), keys_of(server))
    except RequestFailed as failure:
        return server.address, failure.cause


def _together(served: t.Sequence[ServedKeys], unreachable: t.Mapping[str, str]) -> KeySets:
    if not served:
        reasons = "; ".join(f"{address}: {reason}" for address, reason in list(unreachable.items())[:10])
        raise IrsaError(
            f"No API server of the cluster says what its keys are ({reasons}). Check the kubeconfig, and whether it "
            "reaches the cluster from here."
        )
    first: dict[str, tuple[str, jwk.Jwk]] = {}
    for server in served:
        for key in server.keys:
            address, known = first.setdefault(str(key.get("kid")), (server.address, key))
            if not jwk.same_key(known, key):
                raise IrsaError(
                    f"The API servers at {listed(sorted({address, server.address}))} have different keys under the kid "
                    f"{quoted(key.get('kid'))}. STS uses only one of two keys with the same kid, so tokens of the "
                    "other would be refused. Give all API servers the same keys."
                )
    keys = [first[kid][1] for kid in sorted(first)]
    return KeySets(servers=served, keys=keys, unreachable=unreachable)
