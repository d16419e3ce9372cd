# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that API servers accept each other's tokens. A token never leaves this process but for an API server.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl

# Every cluster has it, and it has no rights.
_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
# The shortest life that TokenRequest allows.
_SECONDS = 600

_AUTHENTICATION = "authentication.k8s.io/v1"
ACCEPTED = "accepted"

# What may be told of a token: nothing of its signature, and nothing that it could be made from.
_CLAIMS = ("iss", "aud", "exp")


def prove(kubectl: Kubectl, minted_by: str, reviewed_by: t.Iterable[str]) -> dict[str, t.Any]:
    """Mint a token on one API server, and have it reviewed by others.

    Returns the ``kid`` of its header, its ``iss``, ``aud`` and ``exp``, and in ``reviews`` the verdict of each server:
    "accepted", or why not. Raises Fault if no token is minted.
    """
    spec = {"expirationSeconds": _SECONDS}
    body = {"apiVersion": _AUTHENTICATION, "kind": "TokenRequest", "spec": spec}
    answer = kubectl.create(f"{_ACCOUNT}/token", body, minted_by)
    token = answer.get("status", {}).get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        raise Fault("answers a TokenRequest without a token")
    header, claims = decoded(token)
    told = {"kid": header.get("kid"), **{name: claims.get(name) for name in _CLAIMS}}
    return {**told, "reviews": {server: _review(kubectl, token, server) for server in reviewed_by}}


def decoded(token: str) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return header and claims of a token. Raises Fault if it is none."""
    try:
        header, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]
        )
    except (ValueError, RecursionError):
        header = claims = None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Fault("answers a TokenRequest with something other than a JWT")
    return header, claims


def _review(kubectl: Kubectl, token: str, server: str) -> str:
    """Return the verdict of one API server on a token."""
    body = {"apiVersion": _AUTHENTICATION, "kind": "TokenReview", "spec": {"token": token}}
    try:
        answer = kubectl.create(f"/apis/{_AUTHENTICATION}/tokenreviews", body, server)
    except Fault as fault:
        return str(fault)
    status = answer.get("status", {}) if isinstance(answer, dict) else {}
    if status.get("authenticated") is True:
        return ACCEPTED
    said = str(status.get("error") or "it gives no reason").replace(token, "…")
    return f"refuses the token: {shown(said, 300)}"
