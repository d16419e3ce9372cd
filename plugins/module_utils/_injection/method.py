# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the API servers of a cluster can inject by a policy, or need a webhook."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    ADMISSION,
    KINDS,
    MUTATING,
    VALIDATING,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import names_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


class Servers(t.NamedTuple):
    """The API servers that answered, the method that is right for them, and warnings about the others."""

    method: str
    answering: list[ApiServer]
    warnings: list[str]


class _Asked(t.NamedTuple):
    serving: list[ApiServer]
    lacking: list[ApiServer]
    unreachable: dict[str, RequestFailed]


def chosen(api: ApiServer, method: str) -> Servers:
    """Return how the API servers of the cluster are to inject, where the method may be ``auto``. Raises IrsaError.

    A pod that an API server without the policies admits would get no credentials, and no error. So policies need
    all of them. With ``auto``, one that cannot be asked counts as one without, unless another one lacks the policies,
    too: a webhook works whatever the others are.
    """
    asked = _ask(api)
    answering = [*asked.serving, *asked.lacking]
    if not answering:
        raise next(iter(asked.unreachable.values()))
    if method == "auto":
        method = _chosen_for(asked)
    elif method == "policy" and asked.lacking:
        raise IrsaError(_missing_at(server.address for server in asked.lacking))
    warning = _not_asked if method == "policy" else _not_proved
    return Servers(
        method=method,
        answering=sorted(answering, key=lambda server: server.address),
        warnings=[warning(address, failure) for address, failure in asked.unreachable.items()],
    )


def require_guards(servers: t.Iterable[ApiServer]) -> None:
    """Raise IrsaError if one of these API servers lacks the policies that guards are."""
    lacking = [server.address for server in servers if not _serves(server, VALIDATING)]
    if lacking:
        raise IrsaError(
            f"irsa_injection_guard needs {VALIDATING} in {ADMISSION}, which Kubernetes serves from 1.30 on. These API "
            f"servers do not: {listed(lacking)}. Upgrade them, or set irsa_injection_guard: off."
        )


def know_sleep(servers: t.Iterable[ApiServer]) -> bool:
    """Whether these API servers know the hook by which a container sleeps: by default from Kubernetes 1.30 on.

    https://kep.k8s.io/3960
    """
    return all(_release(server.find("/version")) >= (1, 30) for server in servers)


def _release(version: t.Any) -> tuple[int, ...]:
    """Return the two numbers of a release; (0, 0) if they cannot be read. Some providers append to them, as in 30+."""
    found = [re.match(r"[0-9]+", text_at(version, name)) for name in ("major", "minor")]
    return tuple(int(number[0]) if number else 0 for number in found)


def serves_policies(server: ApiServer) -> bool:
    """Whether an API server has MutatingAdmissionPolicy in v1. Raises RequestFailed."""
    return _serves(server, MUTATING)


def _serves(server: ApiServer, kind: str) -> bool:
    return KINDS[kind].plural in names_at(server.find(KINDS[kind].api_path), "resources")


def _ask(api: ApiServer) -> _Asked:
    asked = _Asked([], [], {})
    for server in servers_of(api):
        try:
            (asked.serving if serves_policies(server) else asked.lacking).append(server)
        except RequestFailed as failure:
            if failure.status is not None:
                raise
            asked.unreachable[server.address] = failure
    return asked


def _chosen_for(asked: _Asked) -> str:
    """Return the method that ``auto`` stands for. Raises IrsaError if that depends on servers that did not answer."""
    if asked.lacking:
        return "webhook"
    if asked.unreachable:
        reasons = "; ".join(f"{address}: {failure.cause}" for address, failure in asked.unreachable.items())
        raise IrsaError(
            "A policy can inject credentials only if every API server serves it, and these could not be asked: "
            f"{reasons}. Make them reachable from the controller. If you know that all run Kubernetes 1.36 or later, "
            "set irsa_injection_method: policy. Otherwise, set it to webhook."
        )
    return "policy"


def _missing_at(addresses: t.Iterable[str]) -> str:
    return (
        f"A policy can inject credentials only if every API server serves {MUTATING} in {ADMISSION}, which "
        f"Kubernetes does from 1.36 on. These do not: {listed(addresses)}. Set irsa_injection_method: webhook, or "
        "upgrade them."
    )


def _not_asked(address: str, failure: RequestFailed) -> str:
    return (
        f"The API server at {address} could not be asked whether it serves {MUTATING}: {failure.cause}. If it is older "
        "than Kubernetes 1.36, the pods that it admits get no credentials."
    )


def _not_proved(address: str, failure: RequestFailed) -> str:
    return (
        f"Whether the pods that the API server at {address} admits get credentials was not tried, since it could not "
        f"be asked: {failure.cause}."
    )
