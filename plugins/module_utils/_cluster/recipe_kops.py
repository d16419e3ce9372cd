# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kOps: two settings of kubeAPIServer, in the order of its guide:

https://kops.sigs.k8s.io/operations/service_account_issuer_migration/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import refuse_own_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import (
    RUNNING,
    file_name,
    is_older,
    issuers,
    require_present,
    string,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# It brought additionalServiceAccountIssuers (kubernetes/kops#16497).
_OLDEST = (1, 28, 5)
# API servers may have instance groups of their own: https://kops.sigs.k8s.io/operations/updates_and_upgrades/
_ROLES = "control-plane,apiserver"

_RESTARTS = (
    "kOps replaces the machines of the control plane, one after the other. Go on with the next phase when the rolling "
    "update has ended."
)
_DISCOVERY = (
    "kOps can publish an issuer itself (spec.serviceAccountIssuerDiscovery). Leave that out: kubeAPIServer names the "
    "issuer that this collection publishes."
)
_OWN_KEY = "kOps has keys of its own for service accounts: kops create keypair service-account."


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the parts of a Cluster for these phases. Raises IrsaError."""
    refuse_own_key(request, "kOps", _OWN_KEY)
    require_present(request, phases, "kOps")
    if is_older(request, _OLDEST, "1.33.0") and any(phase in RUNNING for phase in phases):
        raise IrsaError(
            f"kOps {request.version} gives kube-apiserver one --service-account-issuer, so all tokens of running pods "
            "would be refused at once. Upgrade to kOps 1.28.5 or newer, which has additionalServiceAccountIssuers."
        )
    return Recipe(parts=tuple(_part(request, phase) for phase in phases), notes=(_DISCOVERY,))


def _part(request: Request, phase: str) -> Part:
    file = RecipeFile(name=file_name(phase), text=_cluster(issuers(request, phase)))
    name = request.cluster_name or "CLUSTER"
    commands = [f"kops edit cluster --name {name}", f"kops update cluster --name {name} --yes"]
    if phase != NEW:
        commands.append(f"kops rolling-update cluster --name {name} --instance-group-roles {_ROLES} --yes")
    return Part(
        phase=phase,
        files=(file,),
        use=f"In the editor of the first command, give spec.kubeAPIServer the values of {file.name}.",
        commands=tuple(commands),
        restarts="" if phase == NEW else _RESTARTS,
    )


def _cluster(own: t.Sequence[str]) -> str:
    lines = ["spec:", "  kubeAPIServer:", f"    serviceAccountIssuer: {string(own[0])}"]
    if own[1:]:
        lines += ["    additionalServiceAccountIssuers:", *(f"      - {string(issuer)}" for issuer in own[1:])]
    return "\n".join([*lines, ""])
