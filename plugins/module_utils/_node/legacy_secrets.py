# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have kube-controller-manager make new tokens that never expire. The former ones are refused from then on.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import token_use
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl

_TRIES = 30
_PAUSE_SECONDS = 1.0

Json = dict[str, t.Any]


def remake(
    kubectl: Kubectl,
    server: str,
    secrets: t.Iterable[t.Mapping[str, str]],
    *,
    pause: t.Callable[[float], None] = time.sleep,
) -> Json:
    """Clear the tokens in these Secrets, and return each with the ``kid`` of its new token. Raises IrsaError with those
    that got none; the others have one.

    kube-controller-manager makes what such a Secret lacks, and an API server accepts only the token that a Secret has:
    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controller/serviceaccount/tokens_controller.go
    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/serviceaccount/legacy.go
    """
    made, faults = [], []
    for each in secrets:
        try:
            kid = _remade(
                kubectl, server, f"/api/v1/namespaces/{each['namespace']}/secrets/{each['name']}", pause=pause
            )
            made.append({"namespace": each["namespace"], "name": each["name"], "kid": kid})
        except Fault as fault:
            faults.append(f"{each['namespace']}/{each['name']}: the API server {server} {fault}.")
    if faults:
        raise IrsaError(f"Not every Secret has a new token: {' '.join(faults)} Run again.", secrets=made)
    return {"secrets": made}


def _remade(kubectl: Kubectl, server: str, path: str, *, pause: t.Callable[[float], None]) -> str:
    """Clear the token in a Secret, and return the kid of its new token. Raises Fault."""
    present = _secret(kubectl, path, server)
    if (present.get("data") or {}).get("token"):
        data = {name: value for name, value in present["data"].items() if name != "token"}
        # With its resourceVersion, so that the API server refuses it if another process has just written.
        kubectl.replace(path, {**present, "data": data}, server)
    for dummy in range(_TRIES):
        kid = token_use.kid_of(_secret(kubectl, path, server))
        if kid is not None:
            return kid
        pause(_PAUSE_SECONDS)
    raise Fault(f"got no new token from kube-controller-manager within {_TRIES} seconds")


def _secret(kubectl: Kubectl, path: str, server: str) -> Json:
    found = kubectl.get(path, server)
    if not isinstance(found, dict) or found.get("type") != token_use.LEGACY_TYPE:
        raise Fault(f"has no Secret of type {token_use.LEGACY_TYPE} of this name")
    return found
