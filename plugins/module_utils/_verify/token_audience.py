# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audience of a token, compared with what the provider accepts."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import copyable, copyable_variable
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.audience_difference import (
    audience_difference,
    purpose_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import Token

ID = "token-audience"


def check_audience(context: Context, token: Token, client_ids: t.Sequence[str] | None) -> None:
    """Check that STS finds one audience in the token, and that it is accepted.

    ``client_ids`` are those of the provider, None if they are unknown.
    """
    report, audiences = context.report, context.identity.audiences
    fault = _fault_of(token)
    if fault is not None:
        needed = "STS requires an audience, which every token of kube-apiserver has except those from Secrets."
        because = "token-issuer" if token.is_legacy else None
        report.error(ID, fault, needed, remedy=_remedy(context, token, client_ids), because=because)
        return
    if token.audience is None:
        seen = (
            f"The token has {len(token.audiences)} audiences ({listed(token.audiences)}), but no azp that selects one."
        )
        remedy = f"Use a token with only one audience. {_remedy(context, token, client_ids)}"
        report.error(ID, seen, "STS accepts a token with one audience.", remedy=remedy)
        return
    seen = f"The token's audience is {quoted(token.audience)}"
    if token.authorized_party is not None:
        seen = f"The token's azp is {quoted(token.audience)}, and STS takes it as the audience in place of aud"
    accepted = audiences if client_ids is None or token.audience in client_ids else client_ids
    if not accepted or token.audience in accepted:
        what = "one of the provider's client IDs" if client_ids is not None else "the only one"
        report.ok(ID, f"{seen}; it is {what}.")
        return
    known = "; expected" if accepted is audiences else ", but the provider's client IDs are"
    cause = _why_refused(context, token, accepted)
    report.error(
        ID,
        f"{seen}{known} {listed(accepted)}.",
        cause,
        remedy=_remedy(context, token, client_ids),
        because=report.explaining(["provider-audience"], token.audience),
    )


def _fault_of(token: Token) -> str | None:
    """Say what is wrong with the form of ``aud``."""
    claimed = token.claims.get("aud")
    if "aud" not in token.claims:
        return "The token has no aud, the claim that names its audience."
    if claimed == []:
        return "The token's aud is an empty list; expected an audience."
    if not token.audiences or (isinstance(claimed, list) and len(token.audiences) != len(claimed)):
        return f"The token's aud is {quoted(claimed)}; expected a string or a list of strings."
    return None


def _why_refused(context: Context, token: Token, accepted: t.Sequence[str]) -> str | None:
    audience = t.cast(str, token.audience)
    how = (audience_difference(each, audience) for each in accepted)
    return next(filter(None, how), None) or purpose_of([audience], context.issuer)


def _remedy(context: Context, token: Token, client_ids: t.Sequence[str] | None) -> str:
    """Say how to get a token that is accepted, for the token's own service account."""
    choices = [*context.identity.audiences, *(client_ids or [])] or [DEFAULT_AUDIENCE]
    claimed = [each for each in token.audiences if each in choices]
    audience = DEFAULT_AUDIENCE if DEFAULT_AUDIENCE in choices and not claimed else (claimed or choices)[0]
    command = copyable(f"kubectl create token SERVICE_ACCOUNT --audience {shlex.quote(audience)}")
    remedy = (
        f"Get a token for it: {command}. A pod gets one by the annotation eks.amazonaws.com/audience of its service "
        "account, or by the audience of its projected volume."
    )
    own = token.audience
    if own is None or client_ids is None or own in client_ids or purpose_of([own], context.issuer):
        return remedy
    return f"{remedy} Or have the provider accept it: {copyable_variable('irsa_issuer_audiences', [*client_ids, own])}."
