# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens in Secrets, which never expire. Before 1.24, each service account got one; others are made by hand.

kube-controller-manager signs them, and does not sign them again when its key changes. So they end with the key, and
the Secrets must be found before. https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import json_base64url
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster, asked

ID = "legacy-tokens"

_PATH = "/api/v1/secrets"
_SELECTOR = {"fieldSelector": "type=kubernetes.io/service-account-token"}


class LegacyToken(t.NamedTuple):
    """A Secret with a token: its name with the namespace, and the kid of the key that signed; empty if unknown."""

    name: str
    kid: str


def check_legacy_tokens(context: Context, cluster: LiveCluster) -> None:
    """Count the Secrets. They matter when the key of their tokens is no longer the one that signs."""
    report = context.report
    found = asked(lambda: legacy_tokens(cluster.api.list_items(_PATH, _SELECTOR)))
    if found.value is None:
        report.skipped(ID, found.reason)
        return
    tokens, kids = found.value, {key.get("kid") for each in cluster.served for key in each.keys}
    count = "1 Secret holds a token" if len(tokens) == 1 else f"{len(tokens)} Secrets hold tokens"
    refused = [token.name for token in tokens if token.kid and kids and token.kid not in kids]
    signing = _signing_kid(cluster) if tokens and len(kids) > 1 else None
    old = [token.name for token in tokens if signing and token.kid in kids and token.kid != signing]
    if not tokens:
        report.ok(ID, "No Secret holds a service account token.")
    elif refused:
        report.warning(
            ID, f"{count} without expiry; the API servers no longer know the key of {len(refused)}: {listed(refused)}."
        )
    elif old:
        report.warning(
            ID,
            f"{count} without expiry; {len(old)} will be refused when the API servers forget the key that signed "
            f"before: {listed(old)}.",
        )
    else:
        report.ok(
            ID,
            f"{count} without expiry: {listed(token.name for token in tokens)}. STS does not accept them. They have to "
            "be made again before the key that signed them is retired.",
        )


def legacy_tokens(secrets: t.Iterable[t.Any]) -> list[LegacyToken]:
    """Return what Secret objects hold, without the tokens."""
    found = []
    for secret in secrets:
        name = f"{text_at(secret, 'metadata', 'namespace')}/{text_at(secret, 'metadata', 'name')}"
        found.append(LegacyToken(name, _kid_of(text_at(secret, "data", "token"))))
    return sorted(found)


def _kid_of(encoded: str) -> str:
    """Return the kid in the header of a token, which the API encodes; empty for anything else."""
    try:
        header = base64.b64decode(encoded).decode("ascii").partition(".")[0]
        return text_at(json_base64url.parse_json(json_base64url.decode_base64url(header).decode("utf-8")), "kid")
    except ValueError:
        return ""


def _signing_kid(cluster: LiveCluster) -> str | None:
    """Return the kid of the key that signs now, by a token; None if no token can be made."""
    token = asked(lambda: cluster.token(cluster.api, None)).value
    return None if token is None else _kid_of(base64.b64encode(token.text.encode()).decode())
