# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second half of the way: from the cluster that signs a token, by the provider and the token, to the role.

The first half, the published documents, is a stranger's. Here credentials help, and nothing fails for want of them.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from pathlib import Path

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (
    cluster_checks,
    provider_checks,
    token_checks,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_checks import (
    RoleArn,
    check_trust,
    parse_role_arn,
)

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws

# Where STS is asked when neither an option nor the environment says so: a region that no account has to enable.
_REGIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}
_REGION_IN_HOST = re.compile(r"\.s3[.-](?:dualstack\.)?(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.")

# A token has 20,000 characters at most; what is longer is no token, and not read to its end.
_MOST_OF_A_FILE = 1 << 16


@dataclasses.dataclass(frozen=True, repr=False)
class Identity:
    """What is known of cluster, provider, token and role. What is None or empty is not checked."""

    cluster: t.Optional[t.Callable[[], cluster_checks.Cluster]] = None
    look_at_provider: bool = True
    known_provider: t.Optional[provider_checks.Provider] = None
    account_id: t.Optional[str] = None
    audiences: t.Sequence[str] = ()
    token: t.Optional[str] = None
    role_arn: t.Optional[str] = None
    assume_role: bool = False

    @property
    def role(self) -> t.Optional[RoleArn]:
        return parse_role_arn(self.role_arn) if self.role_arn else None

    @property
    def wants_aws(self) -> bool:
        """Whether anything is left to ask AWS."""
        return (self.look_at_provider and self.known_provider is None) or self.role_arn is not None


def identity_of(options: t.Mapping[str, t.Any]) -> Identity:
    """An identity from the module's options. Reads the token's file and the kubeconfig, and makes no request.

    Raises IrsaError for options that cannot be used.
    """
    token = options["token"] if options["token_path"] is None else _token_in(options["token_path"])
    if options["assume_role"] and (token is None or options["role_arn"] is None):
        raise IrsaError("assume_role takes a role_arn and a token (token or token_path).")
    if options["account_id"]:
        check_account_id(options["account_id"])
    if options["role_arn"] is not None:
        parse_role_arn(options["role_arn"])
    return Identity(
        _cluster_of(options),
        options["provider"] == "auto",
        options["known_provider"],
        options["account_id"],
        tuple(options["audiences"]),
        token,
        options["role_arn"],
        options["assume_role"],
    )


def _cluster_of(options: t.Mapping[str, t.Any]) -> t.Optional[t.Callable[[], cluster_checks.Cluster]]:
    if options["kubeconfig"] is not None:
        # The library behind this takes longer to import than all the rest.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server

        server = api_server.ApiServer(options["kubeconfig"], options["timeout"], options["kube_context"])
        return lambda: cluster_checks.fetch(server)
    given = cluster_checks.given(options["cluster_issuer"], options["cluster_jwks"])
    return None if given == cluster_checks.Cluster(None, None) else lambda: given


def _token_in(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST_OF_A_FILE).decode("ascii", "replace")
    except OSError as error:
        raise IrsaError(f"token_path {path} cannot be read: {error.strerror}.") from None


def check_identity(
    report: Report,
    issuer: str,
    identity: Identity,
    aws: t.Optional[Aws],
    published: t.Optional[t.Sequence[jwk.Jwk]],
    chain: t.Sequence[bytes] = (),
    own_ca: bool = False,
    seconds: float = 10.0,
) -> None:
    """Go the second half of the way and report each check.

    ``aws`` is None where there is no library to call it with; ``published`` are the fetched keys, None where there are
    none; ``chain`` (DER, the leaf first) and ``own_ca`` as provider_checks takes them; ``seconds`` are for STS to reach
    an issuer that it does not reach at first.
    """
    if identity.cluster is not None:
        cluster_checks.check_cluster(report, identity.cluster(), issuer, published)
    reader, why_not = _reader(identity, aws)
    client_ids = None
    if identity.look_at_provider or identity.known_provider is not None:
        client_ids = provider_checks.check_provider(
            report,
            reader,
            issuer,
            known=identity.known_provider,
            account_id=identity.account_id,
            role=identity.role,
            audiences=identity.audiences,
            token=token_checks.peek(identity.token),
            chain=chain,
            own_ca=own_ca,
            why_not=why_not,
        ).client_ids
    token = None
    if identity.token is not None:
        token = token_checks.check_token(report, identity.token, issuer, published, client_ids, identity.audiences)
    if identity.role_arn is not None:
        role = parse_role_arn(identity.role_arn)
        own_provider = provider_arn(role.partition, role.account_id, issuer.removeprefix("https://"))
        check_trust(report, reader, identity.role_arn, own_provider, token, why_not)
    if identity.assume_role:
        _check_sts(report, issuer, identity, aws, token, seconds)


def _reader(identity: Identity, aws: t.Optional[Aws]) -> tuple[t.Optional[Aws], str]:
    """The API to read with, or None and why not."""
    if aws is None or not identity.wants_aws:
        return None, "It takes credentials, and none were looked for."
    try:
        return (aws, "") if aws.has_credentials() else (None, "It takes credentials, and there are none.")
    except IrsaError as failure:
        return None, f"It takes credentials, and they cannot be used: {failure}"


def _check_sts(
    report: Report,
    issuer: str,
    identity: Identity,
    aws: t.Optional[Aws],
    token: t.Optional[token_checks.Token],
    seconds: float,
) -> None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import assume_role

    if token is None or aws is None:
        lacking = "a token that can be read" if token is None else "boto3"
        report.skipped(assume_role.ID, f"It takes {lacking}.")
        return
    role = parse_role_arn(t.cast(str, identity.role_arn))
    match = _REGION_IN_HOST.search(issuer)
    region = match["region"] if match else _REGIONS.get(role.partition, "us-east-1")
    try:
        anonymous = aws.anonymous("sts", region)
    except IrsaError as failure:
        report.error(assume_role.ID, f"STS could not be asked: {failure}", "", "")
        return
    assume_role.check_assume_role(report, anonymous, t.cast(str, identity.role_arn), token.text, seconds)
