# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the signing key on the API servers that were read: the facts that decide on it, and its steps as data."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import key_change, key_servers, kubeadm
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    EXTEND_TOKEN_EXPIRATION,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import RETIRE_KEY, Cluster, Plan, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import LegacyToken, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_plan
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Reading

Json = dict[str, t.Any]

_STALE_CERTIFICATES = (
    "Secret kube-system/kubeadm-certs holds the keys from before. A control plane that joins with it would sign with a "
    "former key. Upload them again on a control-plane node: kubeadm init phase upload-certs --upload-certs. kubeadm "
    "deletes that Secret two hours after each upload."
)


def cluster_of(reading: ClusterReading, ask: t.Callable[[Json], Json]) -> Cluster:
    """Return the cluster that was read. ``ask`` runs module irsa_node on a host of the play, to see the servers that no
    host of the play runs.
    """
    observed = {
        address: ask({"operation": "observe", "server": f"https://{address}", **reading.access})
        for address in reading.unmanaged
    }
    return reading.cluster(observed)


def facts_of(reading: ClusterReading, cluster: Cluster) -> Json:
    """Return what the API servers contribute to the facts of a rotation, by the names of ``Facts``."""
    keys = {name: host.get("keys") or {} for name, host in _hosts(reading, cluster).items()}
    legacy = [each["legacy_tokens"] for each in keys.values() if each.get("legacy_tokens") is not None]
    behind = key_change.behind(cluster, _distribution(reading))
    seconds = [each["token_seconds"] for each in keys.values() if each.get("token_seconds") is not None]
    return {
        "now": cluster.now,
        "servers": tuple(
            _server_keys(server, keys.get(server.name, {}), is_behind=server.name in behind)
            for server in cluster.servers
        ),
        # Each server says the same of its cluster.
        "legacy_tokens": tuple(LegacyToken(**each) for each in legacy[0]) if legacy else None,
        "token_seconds": max(seconds, default=None),
        "staged": staged(reading, cluster),
        "limits": key_change.limits(cluster, _distribution(reading)),
    }


def staged(reading: ClusterReading, cluster: Cluster) -> dict[str, str]:
    """Return the IDs of the private keys that lie ready, each with the first host that has it: not those that signed
    before.
    """
    # The last one of a repeated flag signs.
    former = {
        path for server in cluster.servers for path in Arguments.of(server.running or ()).values(SIGNING_KEY_FILE)[:-1]
    }
    lying = [
        (host["host"], each)
        for host in _hosts(reading, cluster).values()
        for each in (host.get("keys") or {}).get("staged") or []
    ]
    # One that signed before need not be kept on the host where it was made.
    retired = {each["kid"] for _host, each in lying if each["is_retired"]}
    found: dict[str, str] = {}
    for host, each in lying:
        if each["kid"] not in retired and each["path"] not in former:
            found.setdefault(each["kid"], host)
    return found


def _hosts(reading: ClusterReading, cluster: Cluster) -> dict[str, Reading]:
    """Return the reading of each server's host by the server's name."""
    return {server.name: reading.host(server.name) for server in cluster.servers if server.managed}


def _server_keys(server: Server, keys: Json, *, is_behind: bool) -> ServerKeys:
    return ServerKeys(
        name=server.name,
        managed=server.managed,
        accepted=server.kids,
        signing=server.signing_kid,
        started=server.started,
        now=keys.get("now"),
        stale_tokens=keys.get("stale_tokens"),
        extends_tokens=Arguments.of(server.running or ()).value(EXTEND_TOKEN_EXPIRATION) != "false",
        refusals=server.refusals,
        is_behind=is_behind,
    )


def key_plan(reading: ClusterReading, cluster: Cluster, goal: KeyGoal, *, options: kubeadm.Options) -> Json:
    """Return the steps of one phase as irsa_apiserver returns those of its own, and ``results`` for their first one.

    A step with ``needs_key`` takes ``sealed_key``. Raises IrsaError with all problems.
    """
    distribution = _distribution(reading)
    plan = key_change.plan(cluster, goal, distribution=distribution, options=options)
    if plan.findings.problems:
        raise IrsaError(
            "\n- ".join(
                ["The signing key cannot be changed; nothing was changed.", *map(shown, plan.findings.problems)]
            ),
            warnings=list(plan.findings.warnings),
        )
    changed = {step.server for step in plan.steps}
    by_flags = key_change.way(cluster, distribution) == key_change.FLAGS and goal.phase != RETIRE_KEY
    keys = {
        server.name: _apiserver_plan.own_key(server, distribution, kid=goal.kid, public_key=goal.public_key)
        if by_flags
        else None
        for server in cluster.servers
        if server.name in changed
    }
    return {
        "steps": _without(key_servers.left_out(cluster, goal), _apiserver_plan.steps_data(plan.steps, reading, keys)),
        "summary": plan.summary,
        "next": [*plan.next, *_needs(plan, distribution), *_stale_certificates(plan, reading, cluster)],
        "new_node_needs": list(plan.new_node_needs),
        "warnings": [*plan.findings.warnings, *reading.warnings],
        "results": _apiserver_plan.first_results(
            [server for server in cluster.servers if server.managed], plan, reading=reading, observed=reading.observed
        ),
    }


def _needs(plan: Plan, distribution: Distribution | None) -> t.Iterator[str]:
    """Yield what kubeadm does not bring to a control plane that joins. Other plans say so themselves."""
    if distribution is None and plan.new_node_needs:
        yield f"A control plane needs {listed(plan.new_node_needs)} before it joins, with the modes that these have."


def _without(servers: t.Sequence[Server], steps: list[Json]) -> list[Json]:
    """Return the steps without the proof that these servers accept what the others sign."""
    gone = key_servers.urls(servers)
    return [
        {**step, "node": {**step["node"], "servers": [url for url in step["node"]["servers"] if url not in gone]}}
        for step in steps
    ]


def _stale_certificates(plan: Plan, reading: ClusterReading, cluster: Cluster) -> t.Iterator[str]:
    """Yield what has to be uploaded again, if a step changes what kubeadm gives to a control plane that joins."""
    hosts = _hosts(reading, cluster).values()
    if plan.steps and any((host.get("keys") or {}).get("has_kubeadm_certs") for host in hosts):
        yield _STALE_CERTIFICATES


def _distribution(reading: ClusterReading) -> Distribution | None:
    return WITH_SERVICE.get(reading.distribution)
