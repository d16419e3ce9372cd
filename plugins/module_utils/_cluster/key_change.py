# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for another signing key on the API servers of a cluster, by the way that its distribution allows.

By files, if the cluster's key signs on nodes of kubeadm: key_files_plan. In the cluster's datastore, where k3s and RKE2
keep it: key_datastore_plan. By flags everywhere else: key_flags_plan.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    key_datastore_plan,
    key_files_plan,
    key_flags_plan,
    key_servers,
    kubeadm,
    phases,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    SIGNING_ENDPOINT,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import ROLE_PHASES, KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    RETIRE_KEY,
    Cluster,
    Findings,
    Plan,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

FILES = "files"
FLAGS = "flags"
DATASTORE = "datastore"

_UNKNOWN_ISSUER = (
    "No API server says with which issuer it signs, so the key cannot be changed. See that every host of this play "
    "runs an API server."
)


def way(cluster: Cluster, distribution: Distribution | None) -> str:
    """Return FILES, FLAGS or DATASTORE. ``distribution`` is None for kubeadm."""
    if distribution is not None:
        return DATASTORE if key_datastore_plan.is_possible(cluster, distribution) else FLAGS
    return FLAGS if any(_signs_with_own_key(server) for server in cluster.servers) else FILES


def _signs_with_own_key(server: Server) -> bool:
    return phases.signs_with_own_key(Arguments.of(server.running or ()))


def plan(cluster: Cluster, goal: KeyGoal, *, distribution: Distribution | None, options: kubeadm.Options) -> Plan:
    """Return the steps of one phase. ``distribution`` is None for kubeadm, and ``options`` are those of kubeadm alone.

    Never raises for what was read of the cluster: that is a problem.
    """
    left = key_servers.left_out(cluster, goal)
    made = _plan(key_servers.without(cluster, left), goal, distribution=distribution, options=options)
    warnings = Findings(warnings=tuple(map(key_servers.warning, left)))
    return dataclasses.replace(made, findings=made.findings + warnings)


def _plan(cluster: Cluster, goal: KeyGoal, *, distribution: Distribution | None, options: kubeadm.Options) -> Plan:
    issuer = _issuer(cluster)
    if issuer is None:
        return Plan(findings=Findings(problems=(_UNKNOWN_ISSUER,)))
    chosen = way(cluster, distribution)
    if chosen == FILES:
        return key_files_plan.plan(cluster, goal, issuer=issuer)
    if chosen == DATASTORE and distribution is not None:
        return key_datastore_plan.plan(cluster, goal, distribution=distribution, issuer=issuer)
    return key_flags_plan.plan(cluster, goal, distribution=distribution, options=options, issuer=issuer)


def limits(cluster: Cluster, distribution: Distribution | None) -> dict[str, str]:
    """Return why a phase cannot be done on this cluster, by the phase as the role calls it.

    What only stands in the way today, such as a server that is down, is a problem of a plan instead.
    """
    issuer = _issuer(cluster)
    if issuer is None:
        return {}
    external = [server.name for server in cluster.servers if _endpoint(server)]
    if external:
        reason = (
            f"{', '.join(external)}: an external signer signs its tokens (--{SIGNING_ENDPOINT}="
            f"{quoted(next(filter(None, map(_endpoint, cluster.servers))))}). Change the key where the signer is set "
            "up."
        )
        return {ROLE_PHASES[ACCEPT]: reason}
    chosen = way(cluster, distribution)
    if chosen == DATASTORE:
        return {}
    if chosen == FILES:
        found = key_files_plan.limits(cluster, issuer)
        return {ROLE_PHASES[ACCEPT]: " ".join(found)} if found else {}
    found = key_flags_plan.limits(cluster, distribution, issuer=issuer)
    return {ROLE_PHASES[RETIRE_KEY]: " ".join(found)} if found else {}


def behind(cluster: Cluster, distribution: Distribution | None) -> frozenset[str]:
    """Return the servers that sign with a key which kube-controller-manager on their node is not known to have read.

    Elsewhere, one process is both, or its flags say with which file it signs.
    """
    issuer = _issuer(cluster)
    return key_files_plan.behind(cluster, issuer) if issuer and way(cluster, distribution) == FILES else frozenset()


def _issuer(cluster: Cluster) -> str | None:
    """Return the issuer that the servers sign with: by the arguments that they run with, or where nothing shows those,
    such as /flagz from Kubernetes 1.36 on, by their discovery document.
    """
    found = (Arguments.of(server.running or ()).values(ISSUER) for server in cluster.servers)
    said = (server.issuer for server in cluster.servers if server.issuer)
    return next((issuers[0] for issuers in found if issuers), next(said, None))


def _endpoint(server: Server) -> str | None:
    return Arguments.of(server.running or ()).value(SIGNING_ENDPOINT)
