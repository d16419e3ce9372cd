# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider of an issuer: whether it exists, accepts the audience, and has useful thumbprints."""

from __future__ import annotations

import hashlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import copyable_variable
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider as iam_provider
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import THUMBPRINT, placeholders_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE, provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Provider
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import token_or_none

_ANOTHER_AUDIENCE = "If all pods use another audience, name it in O(audiences)."

IDS = ("provider-exists", "provider-audience", "provider-thumbprints")


class FoundProvider(t.NamedTuple):
    """What is known of the provider: the ARN that it has or would have, None if that is unknown; and its settings,
    None if it does not exist or they are unknown.
    """

    arn: str | None
    settings: Provider | None

    @property
    def client_ids(self) -> t.Sequence[str] | None:
        """The audiences that it accepts, None if they are unknown."""
        return None if self.settings is None else self.settings["client_ids"]


def check_provider(context: Context) -> FoundProvider:
    """Read the provider, unless it is known already, and report under ``IDS``.

    Its account is the given one, else that of the role, which must be the provider's, else that of the credentials.
    """
    report, known = context.report, context.identity.known_provider
    if known is not None:
        report.ok("provider-exists", f"The provider is {known['arn']}.")
        found = FoundProvider(known["arn"], known)
    elif context.readable_aws is None:
        report.skip(IDS, context.unreadable_reason)
        return FoundProvider(None, None)
    else:
        found = _read(context, context.readable_aws)
    if found.settings is None:
        report.skip(IDS[1:], "The provider could not be read.")
        return found
    _check_audience(context, found.settings["client_ids"])
    _check_thumbprints(context, found.settings.get("thumbprints") or [])
    return found


def _read(context: Context, aws: Aws) -> FoundProvider:
    report, role = context.report, context.identity.role
    account_id = context.identity.account_id or (role.account_id if role else None)
    arn = None
    try:
        if role and not context.identity.account_id:
            arn = provider_arn(role.partition, role.account_id, context.issuer)
        else:
            arn = iam_provider.arn_of(aws, context.issuer, account.account_of(aws, account_id))
        settings = iam_provider.read_provider(aws, arn)
    except IrsaError as failure:
        report.skipped("provider-exists", f"Whether the provider exists is unknown: {failure}")
        return FoundProvider(arn, None)
    if settings is not None:
        report.ok("provider-exists", f"The provider {arn} exists.")
    elif account_id and account.is_other_account(aws, account_id):
        reason = f"Whether the provider {arn} exists is unknown: the credentials belong to another account."
        report.skipped("provider-exists", reason)
    else:
        report.error("provider-exists", f"The provider {arn} does not exist.", _similar_provider(aws, arn))
    return FoundProvider(arn, settings)


def _similar_provider(aws: Aws, arn: str) -> str | None:
    """Name a similar provider that may have been meant."""
    try:
        answer = aws.call("iam", "ListOpenIDConnectProviders", "the account")
    except IrsaError as failure:
        return f"Whether a provider for a similar issuer exists is unknown: {failure}"
    host_path = arn.partition(":oidc-provider/")[2]
    for entry in (answer or {}).get("OpenIDConnectProviderList", []):
        other = entry.get("Arn", "")
        if other == arn:
            return None
        other_host_path = other.partition(":oidc-provider/")[2]
        if other_host_path == host_path:
            return f"The credentials see {other}, which is in another partition."
        how = difference(host_path, other_host_path)
        if how:
            return f"The account has the provider {other}. {how}"
    return None


def _check_audience(context: Context, client_ids: t.Sequence[str]) -> None:
    """Check the audience. If none is expected, the usual one or that of the token is sufficient."""
    report, audiences = context.report, context.identity.audiences
    accepted = f"The provider accepts the audience {listed(client_ids)}"
    missing = [audience for audience in audiences if audience not in client_ids]
    token = token_or_none(context.identity.token)
    claimed = [] if token is None else token.audiences_for_sts
    is_known = context.identity.known_provider is not None or bool(audiences)
    if missing:
        report.error(
            "provider-audience", f"{accepted}, but not {listed(missing)}.", remedy=_to_add(client_ids, missing)
        )
    elif not client_ids:
        report.error("provider-audience", "The provider has no client ID, so it accepts no token.")
    elif is_known or DEFAULT_AUDIENCE in client_ids or any(each in client_ids for each in claimed):
        report.ok("provider-audience", f"{accepted}.")
    elif len(claimed) == 1 and not _is_meant_for_another(claimed[0], context.issuer):
        seen, how = f"{accepted}, but not {listed(claimed)}, the token's audience.", _difference(claimed[0], client_ids)
        report.error("provider-audience", seen, how, remedy=_to_add(client_ids, claimed))
    else:
        seen = f"{accepted}, but not {DEFAULT_AUDIENCE}, the audience of most tokens."
        cause, remedy = _difference(DEFAULT_AUDIENCE, client_ids), _to_add(client_ids, [DEFAULT_AUDIENCE])
        report.warning("provider-audience", seen, cause, remedy=f"{remedy} {_ANOTHER_AUDIENCE}")


def _is_meant_for_another(audience: str, issuer: str) -> bool:
    """Whether a token with this audience is not for STS, so that the provider need not accept it."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.audience_difference import (  # noqa: PLC0415
        purpose_of,
    )

    return purpose_of([audience], issuer) is not None


def _difference(audience: str, client_ids: t.Iterable[str]) -> str | None:
    # Imported here, since few providers need it.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.audience_difference import (  # noqa: PLC0415
        audience_difference,
    )

    return next(filter(None, (audience_difference(audience, each) for each in client_ids)), None)


def _to_add(client_ids: t.Sequence[str], missing: t.Sequence[str]) -> str:
    """Say how to have the provider accept more."""
    variable = copyable_variable("irsa_issuer_audiences", [*client_ids, *missing])
    return f"Run again with {variable} (client_ids of irsa_oidc_provider)."


def _check_thumbprints(context: Context, thumbprints: t.Sequence[str]) -> None:
    """Check the thumbprints. AWS uses them only if it does not know the CA of the host's certificate itself. So wrong
    thumbprints may show late, and outdated thumbprints of a CA that AWS knows do no harm.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
    """
    given = [thumbprint.lower() for thumbprint in thumbprints]
    # IAM's thumbprint is a SHA-1. Nothing here relies on its strength.
    served = [hashlib.sha1(certificate, usedforsecurity=False).hexdigest() for certificate in context.chain]
    malformed = [thumbprint for thumbprint in given if not THUMBPRINT.fullmatch(thumbprint)]
    placeholders = placeholders_in(given)
    names_ca = bool(set(given) & set(served[1:]))
    if malformed:
        fault = f"the thumbprint {listed(malformed)}, which is not the SHA-1 of a certificate"
    elif placeholders:
        fault = f"the thumbprint {listed(placeholders)}, which is a placeholder and belongs to no certificate"
    elif served[1:] and served[0] in given and not names_ca:
        fault = "the thumbprint of the host's own certificate, which changes with each renewal"
    elif served[1:] and given and context.private_ca and not names_ca:
        fault = f"the thumbprints {listed(given)}, none of which belongs to a CA that the host presents"
    else:
        number = f"{len(given)} well-formed thumbprints" if given else "no thumbprints"
        context.report.ok("provider-thumbprints", f"The provider has {number}.")
        return
    context.report.warning("provider-thumbprints", f"The provider has {fault}.")
