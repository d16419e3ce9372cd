# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which distribution a host has, by its files and services."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import content
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._kubeadm_reading import KUBEADM, MANIFEST

AUTO = "auto"

# Services that are looked for: those that start API servers, and what is often taken for one of them.
_AGENTS = {"k3s-agent.service": "k3s", "rke2-agent.service": "RKE2", "k0sworker.service": "k0s"}
_BY_HAND = "kube-apiserver.service"
SERVICES = (*(each.unit for each in WITH_SERVICE.values()), *_AGENTS, _BY_HAND)


def distribution_of(host: str, inspected: t.Mapping[str, t.Any], named: str) -> str:
    """Return the distribution of a host, as ``named`` or as it was found. Raises IrsaError if it has none of them, or
    several.
    """
    found = _found(inspected)
    if named != AUTO:
        if named not in found:
            raise IrsaError(
                f"The host {host} is no server of {_title(named)}: it has no {_mark(named)}.{_hint(inspected)}"
            )
        return named
    if len(found) == 1:
        return found[0]
    if found:
        marks = listed(_mark(name) for name in found)
        raise IrsaError(
            f"The host {host} may be a server of {' or '.join(map(_title, found))}: it has {marks}. Set "
            f"irsa_apiserver_distribution to the one that runs its API server ({', '.join(found)})."
        )
    raise IrsaError(
        f"The host {host} is not a control-plane node that this role can change: it has none of {_every_mark()}."
        f"{_hint(inspected)} Run the play for the hosts of the API servers only. A node that is to become one joins "
        "the cluster first, with the files of new_node_needs. For other distributions, set irsa_apiserver_distribution "
        "to the name of yours, and run the role for localhost: it says what to do."
    )


def _found(inspected: t.Mapping[str, t.Any]) -> list[str]:
    found = [KUBEADM] if content(inspected["files"][MANIFEST]) is not None else []
    return found + [name for name, each in WITH_SERVICE.items() if each.unit in inspected["services"]]


def _title(name: str) -> str:
    return WITH_SERVICE[name].title if name in WITH_SERVICE else name


def _mark(name: str) -> str:
    """Return what a server of a distribution has."""
    return WITH_SERVICE[name].unit if name in WITH_SERVICE else MANIFEST


def _every_mark() -> str:
    return f"{MANIFEST} (kubeadm), " + ", ".join(f"{each.unit} ({each.title})" for each in WITH_SERVICE.values())


def _hint(inspected: t.Mapping[str, t.Any]) -> str:
    """Return what is said of services that are no servers of a distribution."""
    services = inspected["services"]
    agents = [name for name in _AGENTS if name in services]
    if agents:
        return f" {agents[0]} makes it an agent of {_AGENTS[agents[0]]}, which has no API server."
    if _BY_HAND in services:
        return f" It has {_BY_HAND}, a server of no distribution: set irsa_apiserver_distribution to generic for it."
    return ""
