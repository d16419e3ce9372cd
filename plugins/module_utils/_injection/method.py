# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the API servers of a cluster can inject by a policy."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import ADMISSION, KINDS, MUTATING
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import names_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


class Servers(t.NamedTuple):
    """The API servers that answered, all of which serve the policies, and warnings about the others."""

    serving: list[ApiServer]
    warnings: list[str]


def require_available(method: str) -> None:
    """Raise IrsaError for a method that does not exist yet."""
    if method == "webhook":
        raise IrsaError(
            "irsa_injection_method is webhook, which this role cannot install yet. Set it to policy, or run the EKS "
            "pod identity webhook by other means and set it to none."
        )


def servers_for_policies(api: ApiServer, method: str) -> Servers:
    """Return the API servers of the cluster if each of them serves the policies.

    A pod that another one admits would get no credentials, and no error. So with the method ``auto``, one that cannot
    be asked counts as one that does not serve them. Raises IrsaError.
    """
    serving: list[ApiServer] = []
    lacking: list[ApiServer] = []
    unreachable: dict[str, RequestFailed] = {}
    for server in servers_of(api):
        try:
            (serving if serves_policies(server) else lacking).append(server)
        except RequestFailed as failure:
            if failure.status is not None:
                raise
            unreachable[server.address] = failure
    if lacking:
        raise IrsaError(_missing_at(server.address for server in lacking))
    if not serving:
        raise next(iter(unreachable.values()))
    if unreachable and method == "auto":
        reasons = "; ".join(f"{address}: {failure.cause}" for address, failure in unreachable.items())
        raise IrsaError(
            "A policy can inject credentials only if every API server serves it, and these could not be asked: "
            f"{reasons}. Make them reachable from the controller. If you know that all run Kubernetes 1.36 or later, "
            "set irsa_injection_method: policy."
        )
    return Servers(serving, [_not_asked(address, failure) for address, failure in unreachable.items()])


def serves_policies(server: ApiServer) -> bool:
    """Whether an API server has MutatingAdmissionPolicy in v1. Raises RequestFailed."""
    return KINDS[MUTATING].plural in names_at(server.find(KINDS[MUTATING].api_path), "resources")


def _missing_at(addresses: t.Iterable[str]) -> str:
    return (
        f"A policy can inject credentials only if every API server serves {MUTATING} in {ADMISSION}, which "
        f"Kubernetes does from 1.36 on. These do not: {listed(addresses)}. Upgrade them, or run the EKS pod identity "
        "webhook and set irsa_injection_method: none. Without either, the filter selfhosted.irsa.pod_identity prints "
        "what to add to pod specs."
    )


def _not_asked(address: str, failure: RequestFailed) -> str:
    return (
        f"The API server at {address} could not be asked whether it serves {MUTATING}: {failure.cause}. If it is older "
        "than Kubernetes 1.36, the pods that it admits get no credentials."
    )
