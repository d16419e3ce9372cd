# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether all API servers of a cluster have the same issuer and keys, and accept each other's tokens.

Clients reach any of them through a load balancer, so one that differs shows as errors that come and go.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import token_reviews
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.key_sets import ServedKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster, named

ID = "apiservers-agree"


def check_agreement(context: Context, cluster: LiveCluster) -> None:
    """Compare what the API servers serve, and have each review a token of each other one."""
    report, served = context.report, cluster.served
    if cluster.servers.value is None:
        report.skipped(ID, f"The addresses of the API servers are unknown: {cluster.servers.reason}")
        return
    difference = _difference(served)
    if difference is not None:
        report.error(ID, difference)
    elif cluster.unreachable:
        reasons = "; ".join(f"{address}: {reason}" for address, reason in cluster.unreachable.items())
        report.skipped(ID, f"Not every API server answers from here ({reasons}), so they cannot be compared.")
    elif len(served) == 1:
        report.ok(ID, f"The cluster has one API server, {served[0].address}.")
    else:
        _check_tokens(context, cluster)


def _difference(served: t.Sequence[ServedKeys]) -> str | None:
    issuers = {each.issuer for each in served}
    if len(issuers) > 1:
        each_has = "; ".join(f"{_addresses(served, issuer)} has {quoted(issuer)}" for issuer in sorted(issuers))
        return f"The API servers do not sign for the same issuer: {each_has}."
    known: dict[str, tuple[str, jwk.Jwk]] = {}
    for each in served:
        for key in each.keys:
            address, other = known.setdefault(str(key.get("kid")), (each.address, key))
            if not jwk.same_key(other, key):
                both = named([address, each.address])
                return f"The {both} have different keys under the kid {quoted(key.get('kid'))}."
    lacks = [
        f"{quoted(each.address)} does not know the key {listed(missing)}"
        for each in served
        if (missing := sorted(set(known) - {str(key.get("kid")) for key in each.keys}))
    ]
    return f"The API servers do not have the same keys: {'; '.join(lacks)}." if lacks else None


def _addresses(served: t.Iterable[ServedKeys], issuer: str) -> str:
    return listed(each.address for each in served if each.issuer == issuer)


def _check_tokens(context: Context, cluster: LiveCluster) -> None:
    report, servers = context.report, cluster.answering
    try:
        refusals = [
            f"{quoted(judge.address)} refuses a token of {quoted(signer.address)}: "
            f"{reviewed.error or 'no reason given'}"
            for signer, token in cluster.own_tokens
            for judge in servers
            if not (reviewed := token_reviews.review(judge, token)).accepted
        ]
    except IrsaError as failure:
        report.skipped(
            ID, f"The {len(servers)} API servers have the same issuer and keys. Tokens were not tried: {failure}"
        )
        return
    if refusals:
        report.error(ID, f"API server {'; '.join(refusals)}.")
    else:
        report.ok(
            ID,
            f"The {len(servers)} API servers have the same issuer and keys, and each accepts a token of each: "
            f"{listed(server.address for server in servers)}.",
        )
