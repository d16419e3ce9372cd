# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API servers of a cluster: which issuer they sign for, who signs, and whether they accept tokens for AWS."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import token_reviews
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster, asked, named

ISSUER, SIGNER, AUDIENCE = "apiserver-issuer", "signer-external", "apiserver-audience"


def check_issuer_flags(context: Context, cluster: LiveCluster) -> None:
    """Check that each API server signs for the issuer: that it is the first of those that the server accepts."""
    report, flags, issuer = context.report, cluster.flags.servers, context.issuer
    without = [each for each in flags if issuer not in each.issuers]
    later = [each for each in flags if issuer in each.issuers[1:]]
    if without:
        accepted = sorted({accepted for each in without for accepted in each.issuers})
        report.error(
            ISSUER,
            f"This issuer is not among --service-account-issuer of {_names(without)}; "
            f"the flag names {listed(accepted)}.",
        )
    elif later:
        first = sorted({each.issuers[0] for each in later})
        report.error(
            ISSUER,
            f"On {_names(later)}, this issuer is accepted, but tokens are signed for {listed(first)}, the first "
            "--service-account-issuer.",
            "The issuer was accepted on this server, but the step that makes it first did not follow, or it was "
            "appended by hand.",
            remedy=(
                "Run the role irsa_apiserver (playbook selfhosted.irsa.enable) with irsa_apiserver_phase: sign (or "
                "auto, the default) on all control-plane nodes. The old issuer stays accepted."
            ),
        )
    elif cluster.flags.reason:
        known = f"This issuer is the first --service-account-issuer of {_names(flags)}. " if flags else ""
        report.skipped(ISSUER, f"{known}{cluster.flags.reason}")
    else:
        others = sorted({other for each in flags for other in each.issuers[1:]})
        also = f" Also accepted: {listed(others)}." if others else ""
        report.ok(ISSUER, f"This issuer is the first --service-account-issuer of {_names(flags)}.{also}")


def check_signer(context: Context, cluster: LiveCluster) -> None:
    """Look for an external signer. It may change its keys at any time, so all of them must be published."""
    report = context.report
    external = [each for each in cluster.flags.servers if each.signing_endpoint]
    if not external:
        if cluster.flags.reason:
            report.skipped(SIGNER, cluster.flags.reason)
        else:
            report.ok(SIGNER, "The API servers sign with key files, not with an external signer.")
        return
    endpoints = sorted({each.signing_endpoint for each in external})
    who = f"An external program signs for {_names(external)} ({listed(endpoints)})"
    served = {key.get("kid") for each in cluster.served for key in each.keys}
    if context.published is None or not served:
        report.skipped(SIGNER, f"{who}. Whether its keys are published is unknown.")
        return
    missing = served - {key.get("kid") for key in context.published}
    if missing:
        report.error(SIGNER, f"{who}, and its key {listed(sorted(map(str, missing)))} is not published.")
    elif cluster.flags.reason:
        report.skipped(SIGNER, f"{who}, and its keys are published. {cluster.flags.reason}")
    else:
        report.ok(
            SIGNER,
            f"{who}, and its keys are published. It can change them without a restart; then publish them again "
            "(irsa_issuer_from_cluster: true). irsa_apiserver does not change such servers' keys.",
        )


def check_audience(context: Context, cluster: LiveCluster) -> None:
    """Check that tokens for AWS are not credentials for the API servers, by their flags, else by trying one on each."""
    report, flags = context.report, cluster.flags
    audiences = list(context.identity.audiences) or [DEFAULT_AUDIENCE]
    taken = {
        each.server: [name for name in audiences if name in (each.audiences or each.issuers)] for each in flags.servers
    }
    untold = [server for server in cluster.answering if server.address in flags.unknown]
    tried = {server.address: asked(functools.partial(_taken_by, server, cluster, audiences)) for server in untold}
    taken |= {address: answer.value for address, answer in tried.items() if answer.value is not None}
    untried = next((answer.reason for answer in tried.values() if answer.value is None), None)
    taking = sorted(server for server, found in taken.items() if found)
    if taking:
        found = sorted({audience for server in taking for audience in taken[server]})
        report.warning(AUDIENCE, f"A token for {listed(found)} is a credential for {named(taking)}, too.")
    elif untried is not None:
        report.skipped(AUDIENCE, f"{flags.reason} A token for AWS could not be tried instead: {untried}")
    elif flags.others or not flags.unknown.keys() <= taken.keys():
        report.skipped(AUDIENCE, flags.reason)
    else:
        report.ok(AUDIENCE, f"No API server accepts tokens for {listed(audiences)} as credentials for itself.")


def _taken_by(server: ApiServer, cluster: LiveCluster, audiences: t.Iterable[str]) -> list[str]:
    """Return the audiences for which an API server accepts a token of its own."""
    return [each for each in audiences if token_reviews.review(server, cluster.token(server, each)).accepted]


def _names(flags: t.Iterable[t.Any]) -> str:
    return named(each.server for each in flags)
