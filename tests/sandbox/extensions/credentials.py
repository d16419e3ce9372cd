# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signed a request: moto takes any credentials, AWS only those it gave out, and a few calls unsigned."""

from __future__ import annotations

import hmac

from ..answers import Answer, Refusal
from ..call import Call, Principal
from ..state import find_credentials
from .signatures import is_signed_with
from .site import Site

UNSIGNED_OPERATIONS = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


def identify(_site: Site, call: Call) -> Answer | None:
    """Sets the call's principal.

    :raises Refusal: for a key nobody has, a wrong signature or session token, or no signature where one is needed
    """
    if not call.is_signed:
        if call.service in ("iam", "sts") and call.operation not in UNSIGNED_OPERATIONS:
            raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        if call.service == "s3control":
            raise Refusal(403, "AccessDenied", "Access Denied")
        return None
    found = find_credentials(call.key_id, call.region) if call.key_id else None
    if found is None:
        if call.service in ("s3", "s3control"):
            message = "The AWS Access Key Id you provided does not exist in our records."
            raise Refusal(403, "InvalidAccessKeyId", message)
        raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    credentials, arn = found
    if not hmac.compare_digest(credentials.session_token or "", call.session_token or ""):
        if call.service in ("s3", "s3control"):
            raise Refusal(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if not is_signed_with(call.arrival, credentials):
        message = (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
        raise Refusal(403, "SignatureDoesNotMatch", message)
    call.principal = Principal(credentials.account_id, arn)
    return None
