# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server itself says of its issuer and its keys, against what is published.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

IDS = ("cluster-issuer", "cluster-keys")

JWKS_PATH = "/openid/v1/jwks"
DISCOVERY_PATH = "/.well-known/openid-configuration"


class Cluster(t.NamedTuple):
    """An API server's issuer and keys. What is None was not given, or is ``unknown`` for the reason under its check."""

    issuer: t.Optional[str]
    keys: t.Optional[t.Sequence[jwk.Jwk]]
    unknown: t.Mapping[str, str] = {}


def given(issuer: t.Optional[str], jwks: t.Any) -> Cluster:
    """What somebody else read of the cluster: an issuer, a JWKS as an object. Raises IrsaError for one that is none."""
    if jwks is None:
        return Cluster(issuer, None)
    try:
        return Cluster(issuer, jwk.keys_of(jwks))
    except Fault as fault:
        raise IrsaError(f"cluster_jwks cannot be used: {fault}.") from None


def fetch(server: ApiServer) -> Cluster:
    """The API server's issuer and keys, as far as it says them."""
    issuer, keys = None, None
    unknown = {}
    try:
        document = server.get(DISCOVERY_PATH)
        issuer = document.get("issuer") if isinstance(document, dict) else None
        if not isinstance(issuer, str):
            issuer = None
            raise IrsaError(f"What the API server sends for {DISCOVERY_PATH} names no issuer.")
    except IrsaError as failure:
        unknown["cluster-issuer"] = f"The cluster's issuer is unknown: {failure}"
    try:
        keys = jwk.keys_of(server.get(JWKS_PATH))
    except (IrsaError, Fault) as failure:
        unknown["cluster-keys"] = f"The cluster's keys are unknown: {failure}"
    return Cluster(issuer, keys, unknown)


def check_cluster(report: Report, cluster: Cluster, issuer: str, published: t.Optional[t.Sequence[jwk.Jwk]]) -> None:
    """Compare what is known of the cluster with the issuer and its published keys (None where there are none)."""
    for check in IDS:
        if check in cluster.unknown:
            report.skipped(check, cluster.unknown[check])
        elif check == "cluster-issuer" and cluster.issuer is not None:
            _check_issuer(report, cluster.issuer, issuer)
        elif check == "cluster-keys" and cluster.keys is not None and published is None:
            report.skipped(check, "It takes the published keys.")
        elif check == "cluster-keys" and cluster.keys is not None:
            _check_keys(report, cluster.keys, published or [])


def _check_issuer(report: Report, found: str, issuer: str) -> None:
    if found == issuer:
        report.ok("cluster-issuer", f"The API server's issuer is {issuer}.")
    else:
        report.error(
            "cluster-issuer", f"The API server's issuer is {quoted(found)}, not {issuer!r}.", difference(issuer, found)
        )


def _check_keys(report: Report, own: t.Sequence[jwk.Jwk], published: t.Sequence[jwk.Jwk]) -> None:
    """Keys that are published beside the cluster's own are right: a rotation has them, and a shared issuer, too."""
    kids = [key.get("kid") for key in own]
    missing = [key.get("kid") for key in own if not any(other.get("kid") == key.get("kid") for other in published)]
    others = [
        key.get("kid")
        for key in own
        for other in published
        if other.get("kid") == key.get("kid") and not jwk.same_numbers(key, other)
    ]
    if missing:
        names = listed(key.get("kid") for key in published)
        report.error("cluster-keys", f"The API server has the key {listed(missing)}; published are {names}.")
    elif others:
        report.error("cluster-keys", f"What is published under the kid {listed(others)} is another key.")
    elif not own:
        report.error("cluster-keys", "The API server has no keys.")
    else:
        report.ok("cluster-keys", f"The keys of the API server are published: {listed(kids)}.")
