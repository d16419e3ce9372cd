# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM provider of an issuer: is it there, does it accept the audience, are its thumbprints of any use?"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE, provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_checks import Token
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_checks import RoleArn
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed

IDS = ("provider-exists", "provider-audience", "provider-thumbprints")

_THUMBPRINT = re.compile("[0-9a-f]{40}")

Provider = t.Mapping[str, t.Any]


class Found(t.NamedTuple):
    """What is known of the provider: the ARN that it has or would have, and what it is, None where that is unknown or
    nothing.
    """

    arn: t.Optional[str]
    provider: t.Optional[Provider]

    @property
    def client_ids(self) -> t.Optional[t.Sequence[str]]:
        """The audiences that it accepts, None where they are unknown."""
        return None if self.provider is None else self.provider["client_ids"]


def check_provider(
    report: Report,
    aws: t.Optional[Aws],
    issuer: str,
    known: t.Optional[Provider] = None,
    account_id: t.Optional[str] = None,
    role: t.Optional[RoleArn] = None,
    audiences: t.Sequence[str] = (),
    token: t.Optional[Token] = None,
    chain: t.Sequence[bytes] = (),
    own_ca: bool = False,
    why_not: str = "It takes credentials, and there are none.",
) -> Found:
    """Look at the provider, unless it is ``known`` (``arn``, ``client_ids``, ``thumbprints``), and report under
    ``IDS``.

    ``aws`` is None without credentials, and ``why_not`` says so. The account is the one given, else that of the role,
    which has to be the provider's, else that of the credentials. ``chain`` is what the host of the JWKS serves (DER,
    the leaf first), empty where that is not known; ``own_ca`` says that it is of a CA that is not generally trusted.
    """
    if known is not None:
        report.ok("provider-exists", f"The provider is {known['arn']}.")
        found = Found(known["arn"], known)
    elif aws is None:
        for check in IDS:
            report.skipped(check, why_not)
        return Found(None, None)
    else:
        found = _look(report, aws, issuer, account_id, role)
    if found.provider is None:
        for check in IDS[1:]:
            report.skipped(check, "It takes the provider.")
        return found
    _check_audience(report, found.provider["client_ids"], audiences, token, registered_now=known is not None)
    _check_thumbprints(report, found.provider.get("thumbprints") or [], chain, own_ca)
    return found


def _look(report: Report, aws: Aws, issuer: str, account_id: t.Optional[str], role: t.Optional[RoleArn]) -> Found:
    # boto3 is behind these, and who verifies without credentials may not have it.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account
    from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider

    arn = None
    try:
        given = account_id or (role.account_id if role else None)
        if role and not account_id:
            arn = provider_arn(role.partition, role.account_id, issuer.removeprefix("https://"))
        else:
            arn = provider.arn_of(aws, issuer, account.account_of(aws, given))
        present = provider.read_provider(aws, arn)
    except IrsaError as failure:
        report.skipped("provider-exists", f"Whether the provider exists is unknown: {failure}")
        return Found(arn, None)
    if present is not None:
        report.ok("provider-exists", f"The provider {arn} exists.")
    elif given and account.is_of_another(aws, given):
        why = f"Whether there is a provider {arn} is unknown: the credentials are of another account."
        report.skipped("provider-exists", why)
    else:
        report.error("provider-exists", f"There is no provider {arn}.", _nearly(aws, arn))
    return Found(arn, present)


def _nearly(aws: Aws, arn: str) -> t.Optional[str]:
    """Which providers were perhaps meant to be this one."""
    try:
        answer = aws.call("iam", "ListOpenIDConnectProviders", "the account")
    except IrsaError as failure:
        return f"Whether there is one of nearly the same issuer is unknown: {failure}"
    wanted = arn.partition(":oidc-provider/")[2]
    for entry in (answer or {}).get("OpenIDConnectProviderList", []):
        found = entry.get("Arn", "")
        if found == arn:
            return None
        if found.partition(":oidc-provider/")[2] == wanted:
            return f"The credentials see {found}, which is in another partition."
        likeness = difference(wanted, found.partition(":oidc-provider/")[2])
        if likeness:
            return f"There is {found}. {likeness}"
    return None


def _check_audience(
    report: Report,
    client_ids: t.Sequence[str],
    audiences: t.Sequence[str],
    token: t.Optional[Token],
    registered_now: bool,
) -> None:
    """Without expected audiences, the usual one or the token's own will do."""
    accepted = f"The provider accepts the audience {listed(client_ids)}"
    missing = [audience for audience in audiences if audience not in client_ids]
    usual = any(client_id.startswith(DEFAULT_AUDIENCE) for client_id in client_ids)
    if missing:
        report.error("provider-audience", f"{accepted}, and not {listed(missing)}.")
    elif not client_ids:
        report.error("provider-audience", "The provider has no client ID, so it accepts no token at all.")
    elif audiences or usual or registered_now or (token and token.audience in client_ids):
        report.ok("provider-audience", f"{accepted}.")
    elif token:
        report.error("provider-audience", f"{accepted}, and not {listed([token.audience])}, for which the token is.")
    else:
        report.warning("provider-audience", f"{accepted}, and not {DEFAULT_AUDIENCE}, which most tokens are for.")


def _check_thumbprints(report: Report, thumbprints: t.Sequence[str], chain: t.Sequence[bytes], own_ca: bool) -> None:
    """AWS uses thumbprints only where the host's certificate is not of a CA that it knows itself, so what is wrong with
    them shows late, and old ones of a known CA do no harm.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
    """
    given = [thumbprint.lower() for thumbprint in thumbprints]
    # SHA-1 is what IAM calls a thumbprint; nothing here relies on its strength.
    served = [hashlib.sha1(certificate, usedforsecurity=False).hexdigest() for certificate in chain]
    malformed = [thumbprint for thumbprint in given if not _THUMBPRINT.fullmatch(thumbprint)]
    of_authorities = set(given) & set(served[1:])
    if malformed:
        fault = f"{listed(malformed)} for a thumbprint, which is the SHA-1 of no certificate"
    elif served[1:] and served[0] in given and not of_authorities:
        fault = "the thumbprint of the host's own certificate, which changes whenever that is renewed"
    elif served[1:] and given and own_ca and not of_authorities:
        fault = f"the thumbprints {listed(given)}, none of them of a CA that the host presents"
    else:
        kind = f"{len(given)} well-formed thumbprints" if given else "no thumbprints"
        report.ok("provider-thumbprints", f"The provider has {kind}.")
        return
    report.warning("provider-thumbprints", f"The provider has {fault}.")
