# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks of cluster, provider, token and role, in the order of STS.

Credentials help here. Without them the checks that need them are skipped; none fails. The steps that need a cluster, a
token or a role are imported only if one is given: role irsa_issuer has none of them, and would pay for a tenth of this
collection's code in each run.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster import Cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import parse_role_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.provider_checks import (
    FoundProvider,
    check_provider,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import Token

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster

# Where STS is asked if neither an option nor the environment names a region: regions that every account has enabled.
_REGIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}
_DEFAULT_REGION = "us-east-1"


def check_identity(context: Context) -> None:
    """Make and report all checks of cluster, provider, token and role for which something is known.

    Fills in ``unreadable_reason`` of the context.
    """
    context = dataclasses.replace(context, unreadable_reason=_unreadable_reason(context))
    identity = context.identity
    live = None if identity.cluster is None else _check_cluster(context, identity.cluster())
    provider = FoundProvider(None, None)
    if identity.look_at_provider or identity.known_provider is not None:
        provider = check_provider(context)
    if live is not None:
        _check_pods(context, live, provider)
    if identity.token is not None or identity.mint is not None or identity.role_arn is not None:
        _check_token_and_role(context, provider.client_ids)


def _check_cluster(context: Context, cluster: Cluster) -> LiveCluster | None:
    """Check what is known of the cluster. Return it if it can be asked for more."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import cluster_checks  # noqa: PLC0415

    live = _live(context, cluster) if cluster.api is not None or cluster.unknown else None
    cluster_checks.check_cluster(context, cluster, live)
    return live


def _live(context: Context, cluster: Cluster) -> LiveCluster | None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (  # noqa: PLC0415
        live_checks,
        live_cluster,
    )

    if cluster.api is None:
        reason = next(iter(cluster.unknown.values()))
        context.report.skip([*live_checks.SERVER_IDS, *live_checks.POD_IDS], reason)
        return None
    live = live_cluster.LiveCluster(cluster.api)
    live_checks.check_servers(context, live)
    return live


def _check_pods(context: Context, live: LiveCluster, provider: FoundProvider) -> None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import live_checks  # noqa: PLC0415

    live_checks.check_pods(context, live, provider)


def _check_token_and_role(context: Context, client_ids: t.Sequence[str] | None) -> None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (  # noqa: PLC0415
        token_checks,
        trust_checks,
    )

    identity, token = context.identity, None
    text = _minted(context.report, identity.mint) if identity.mint is not None else identity.token
    if text is not None:
        token = token_checks.check_token(context, text, client_ids=client_ids)
    if identity.role_arn is not None:
        trust_checks.check_trust(context, identity.role_arn, token)
        if identity.assume_role:
            _check_sts(context, identity.role_arn, token)


def _minted(report: Report, mint: t.Callable[[], str]) -> str | None:
    """Return a token that the API server makes; None if it does not, which is an error of the first check of tokens."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import token_checks  # noqa: PLC0415

    try:
        return mint()
    except IrsaError as failure:
        first, *others = token_checks.IDS
        report.error(first, f"The API server makes no token. {failure}", explain=False)
        report.skip(others, "There is no token.")
        return None


def _unreadable_reason(context: Context) -> str:
    """Say why nothing can be read from AWS; empty if it can. Credentials are looked for only if they are needed."""
    if context.aws is None:
        return "boto3 is not installed, so nothing can be read from AWS. Install boto3 for this check."
    if not context.identity.needs_aws:
        return "AWS credentials are needed, but were not looked for."
    try:
        return "" if context.aws.has_credentials() else "AWS credentials are needed, but there are none."
    except IrsaError as failure:
        return f"AWS credentials are needed, but cannot be used: {failure}"


def _check_sts(context: Context, role_arn: str, token: Token | None) -> None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import assume_role  # noqa: PLC0415

    report = context.report
    if token is None:
        report.skipped(assume_role.ID, "There is no readable token.")
        return
    if context.aws is None:
        report.skipped(assume_role.ID, "boto3 is not installed.")
        return
    try:
        anonymous = context.aws.anonymous("sts", _region_of(context.issuer, role_arn))
    except IrsaError as failure:
        report.error(assume_role.ID, f"STS could not be asked: {failure}", explain=False)
        return
    assume_role.check_assume_role(report, anonymous, role_arn=role_arn, token=token.text, issuer=context.issuer)


def _region_of(issuer: str, role_arn: str) -> str:
    """Return the region of the issuer's bucket, else the default of the role's partition."""
    host = parse_s3_host(issuer.removeprefix("https://").partition("/")[0].lower())
    if host is not None and host.region is not None:
        return host.region
    return _REGIONS.get(parse_role_arn(role_arn).partition, _DEFAULT_REGION)
