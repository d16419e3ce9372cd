# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server says about its issuer and its keys, compared with what is published."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import cause_of_other
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import key_faults
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster import Cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster

IDS = ("cluster-issuer", "cluster-keys")


def check_cluster(context: Context, cluster: Cluster, live: LiveCluster | None = None) -> None:
    """Compare what is known of the cluster with the issuer and its published keys.

    ``live`` is the cluster if it can be asked for more.
    """
    report = context.report
    for check_id in IDS:
        if check_id in cluster.unknown:
            report.skipped(check_id, cluster.unknown[check_id])
        elif check_id == "cluster-issuer" and cluster.issuer is not None:
            _check_issuer(report, cluster.issuer, context.issuer)
        elif check_id == "cluster-keys" and cluster.keys is not None:
            _check_keys(report, cluster.keys, context.published, live=live)


def _check_issuer(report: Report, actual: str, issuer: str) -> None:
    if actual == issuer:
        report.ok("cluster-issuer", f"The API server's issuer is {issuer}.")
    else:
        seen = f"The API server's issuer is {quoted(actual)}, not {quoted(issuer)}."
        report.error("cluster-issuer", seen, cause_of_other(issuer, actual))


def _check_keys(
    report: Report, own: t.Sequence[jwk.Jwk], published: t.Sequence[jwk.Jwk] | None, *, live: LiveCluster | None
) -> None:
    """Check that the keys are published. Further published keys are fine: they belong to a rotation, or to another
    cluster that shares the issuer.
    """
    if published is None:
        report.skipped("cluster-keys", "The published keys are unknown.")
        return
    kids, published_kids = _kids(own), _kids(published)
    missing = [kid for kid in kids if kid not in published_kids]
    different = [
        key["kid"]
        for key in own
        for other in published
        if key.get("kid") in kids and other.get("kid") == key["kid"] and not jwk.same_key(key, other)
    ]
    if len(kids) < len(own):
        seen = f"{len(own) - len(kids)} of the API server's {len(own)} keys lack the kid by which STS finds a key."
        report.error("cluster-keys", seen)
    elif different:
        seen = f"A different key than the API server's is published under the kid {listed(different)}."
        report.error("cluster-keys", seen)
    elif missing:
        _check_signing_keys(report, missing, published_kids, live=live)
    elif not own:
        report.error("cluster-keys", "The API server has no keys.")
    else:
        report.ok("cluster-keys", f"The keys of the API server are published: {listed(kids)}.")
    _check_use_of(report, kids, published, live=live)


def _check_use_of(
    report: Report, own: t.Sequence[t.Any], published: t.Sequence[jwk.Jwk], *, live: LiveCluster | None
) -> None:
    """Check that STS can use the published keys that the API server signs with; if that is unknown, all of its keys."""
    by_kid = {key["kid"]: key for key in published if isinstance(key.get("kid"), str)}
    unusable = [key for kid, key in by_kid.items() if kid in own and key_faults.faults_of(key)]
    # Asked only if it matters, since each API server makes a token for the answer.
    signing = live.signing_kids.value if live is not None and unusable else None
    for key in unusable:
        if signing is None or key["kid"] in signing:
            key_faults.blame(report, key, "which an API server has")


def _kids(keys: t.Iterable[jwk.Jwk]) -> list[str]:
    """Return the kids of keys, without those that have none."""
    return [key["kid"] for key in keys if isinstance(key.get("kid"), str)]


def _check_signing_keys(
    report: Report, missing: t.Sequence[t.Any], published: t.Sequence[t.Any], *, live: LiveCluster | None
) -> None:
    """Judge keys that are not published: only those that an API server signs with must be.

    A key that it only verifies with belongs to tokens of another issuer: the cluster's own, beside the issuer's key.
    """
    signing = None if live is None else live.signing_kids
    if signing and signing.value is not None and signing.value <= set(published):
        report.ok(
            "cluster-keys",
            f"The API servers sign with the key {listed(sorted(signing.value))}, which is published. They also accept "
            f"tokens of the key {listed(missing)}, which is not.",
        )
        return
    seen = f"The API server has the key {listed(missing)}, but the published keys are {listed(published)}."
    unknown = f" Which key it signs with is unknown: {signing.reason}" if signing and signing.reason else ""
    report.error("cluster-keys", seen + unknown)
