# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gardener: two settings of a Shoot. It accepts its own issuer always:

https://gardener.cloud/docs/gardener/security/shoot_serviceaccounts/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, SIGN_BACK
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
    string,
    strings,
)

_RESTARTS = (
    "Gardener restarts the API servers of the Shoot at once or in its next maintenance window. Go on with the next "
    "phase when the Shoot is reconciled."
)
_DEFAULT = (
    "Gardener's own issuer is always accepted. A Shoot that signs for another one (serviceAccountConfig.issuer) needs "
    "that in irsa_issuer_former_issuers: otherwise its tokens would be refused."
)
_MANAGED = "A Shoot with the annotation authentication.gardener.cloud/issuer=managed can have no other issuer."
_OWN_KEY = "Gardener makes the key, and signingKeySecretName is no longer supported."


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the parts of a Shoot for these phases. Raises IrsaError."""
    refuse_own_key(request, "Gardener", _OWN_KEY)
    return Recipe(parts=tuple(_part(request, phase) for phase in phases), notes=(_DEFAULT, _MANAGED))


def _part(request: Request, phase: str) -> Part:
    file = RecipeFile(name=file_name(phase), text=_shoot(request, phase))
    if phase == NEW:
        return Part(phase=phase, files=(file,), use=f"Add {file.name} to the manifest of the Shoot before it is made.")
    patch = f"kubectl patch shoot {request.cluster_name or 'SHOOT'} --namespace PROJECT --type merge --patch-file"
    return Part(phase=phase, files=(file,), commands=(f"{patch} {file.name}",), restarts=_RESTARTS)


def _shoot(request: Request, phase: str) -> str:
    own = issuers(request, phase)
    # Null: the issuer that Gardener has for the Shoot signs, and no other one is accepted.
    signing: str | None = next(iter(own), None)
    accepted = own[1:]
    if phase in (ACCEPT, SIGN_BACK) and len(own) == 1:
        signing, accepted = None, own
    return f"""\
spec:
  kubernetes:
    kubeAPIServer:
      serviceAccountConfig:
        issuer: {"null" if signing is None else string(signing)}
        acceptedIssuers: {strings(accepted) if accepted else "null"}
"""
