# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether API servers accept tokens: each other's, and those for an audience.

A token is a credential. It goes to API servers only, and never appears in a message.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.tokens import MintedToken

_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


class Review(t.NamedTuple):
    """Whether an API server accepts a token as a credential for itself, and what it says if not."""

    accepted: bool
    error: str = ""


def review(server: ApiServer, token: MintedToken) -> Review:
    """Ask an API server whether it accepts a token. Raises RequestFailed."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token.text}}
    status = at(server.post(_PATH, body), "status")
    accepted = at(status, "authenticated") is True
    return Review(accepted, "" if accepted else _without(token, text_at(status, "error")))


def _without(token: MintedToken, text: str) -> str:
    return text.replace(token.text, "…")
