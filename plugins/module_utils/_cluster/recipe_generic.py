# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any other API server: its flags, in their order.

The first issuer signs, and one that is there twice keeps the server from starting:
https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import issuer_flags
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import refuse_own_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import (
    file_name,
    issuers,
    require_present,
)

_RESTARTS = (
    "kube-apiserver must be restarted. Go on with the next API server when it is ready, and with the next phase when "
    "all of them are."
)
_AUDIENCES = "Leave --api-audiences as it is, and never add sts.amazonaws.com to it."
_OWN_KEY = (
    "Where its files would be is not known here. irsa_issuer_result.apiserver_flags of role irsa_issuer has the flags "
    "for a key of the issuer's own."
)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the flags of these phases. Raises IrsaError."""
    refuse_own_key(request, "irsa_apiserver_distribution generic", _OWN_KEY)
    require_present(request, phases, "a cluster of no known distribution")
    return Recipe(parts=tuple(_part(request, phase) for phase in phases), notes=(_AUDIENCES,))


def _part(request: Request, phase: str) -> Part:
    flags = issuer_flags.as_flags(issuer_flags.flags(issuers(request, phase)))
    file = RecipeFile(name=file_name(phase, ending="txt"), text="".join(f"{flag}\n" for flag in flags))
    if phase == NEW:
        return Part(
            phase=phase, files=(file,), use=f"Start kube-apiserver with the flags in {file.name}, in this order."
        )
    use = f"Replace every --service-account-issuer of kube-apiserver by the flags in {file.name}, in this order."
    return Part(phase=phase, files=(file,), use=use, restarts=_RESTARTS)
