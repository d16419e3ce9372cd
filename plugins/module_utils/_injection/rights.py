# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of a kubeconfig must be allowed to do, asked before anything is written."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    KINDS,
    POLICY_KINDS,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.rights import Right, missing_rights

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


def rights_to_install(namespace: str) -> list[Right]:
    """Return what a run needs; the pod that proves it is made in ``namespace``, and only as a dry run.

    The author of a policy with a parameter must be allowed to get all its objects, that of its binding to list them:
    https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
    """
    return [
        *_on_documents("get", "create", "patch", "delete"),
        *(Right(verb, "serviceaccounts") for verb in ("get", "list", "patch")),
        *(Right(verb, "serviceaccounts", namespace=namespace) for verb in ("create", "delete")),
        Right("create", "pods", namespace=namespace),
    ]


def rights_to_remove() -> list[Right]:
    """Return what a removal needs, besides the rights to delete accounts of proofs where there are any."""
    return [*_on_documents("get", "delete"), Right("list", "serviceaccounts")]


def rights_to_delete_accounts(namespaces: t.Iterable[str]) -> list[Right]:
    return [Right("delete", "serviceaccounts", namespace=namespace) for namespace in sorted(set(namespaces))]


def require(api: ApiServer, rights: t.Iterable[Right]) -> None:
    """Raise IrsaError with all rights that the user of the kubeconfig lacks."""
    missing = missing_rights(api, rights)
    if missing:
        raise IrsaError(
            "The user of the kubeconfig lacks rights that the role needs, so nothing was changed: "
            f"{', '.join(map(str, missing))}. Bind a ClusterRole with them to the user."
        )


def _on_documents(*verbs: str) -> list[Right]:
    return [Right(verb, KINDS[kind].plural, KINDS[kind].group) for kind in POLICY_KINDS for verb in verbs]
