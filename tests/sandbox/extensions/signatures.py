# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signature version 4 checked for real: moto takes any secret key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from ..call import Arrival, credential_scope
from ..state import Credentials

HEADER_SIGNATURE = re.compile(r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})")


def is_signed_with(arrival: Arrival, credentials: Credentials) -> bool:
    """:return: whether the request's signature was made with the secret key of `credentials`"""
    scope = credential_scope(arrival)
    if scope is None:
        return False
    keys = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key)
    if "Authorization" in arrival.headers:
        auth_class = S3SigV4Auth if scope["service"] == "s3" else SigV4Auth
        return _header_fits(arrival, auth_class(keys, scope["service"], scope["region"]))
    query_class = S3SigV4QueryAuth if scope["service"] == "s3" else SigV4QueryAuth
    return _query_fits(arrival, query_class(keys, scope["service"], scope["region"]))


def _header_fits(arrival: Arrival, auth: SigV4Auth) -> bool:
    match = HEADER_SIGNATURE.search(arrival.headers["Authorization"])
    if match is None:
        return False
    timestamp = arrival.headers.get("X-Amz-Date", "")
    names, signature = match["headers"], match["signature"]
    return _fits(arrival, auth, target=arrival.target, names=names, timestamp=timestamp, signature=signature)


def _query_fits(arrival: Arrival, auth: SigV4Auth) -> bool:
    parts = urlsplit(arrival.target)
    values = dict(parse_qsl(parts.query, keep_blank_values=True))
    # As sent: another encoding of the same values would be signed otherwise.
    unsigned = "&".join(pair for pair in parts.query.split("&") if not pair.startswith("X-Amz-Signature="))
    target = f"{parts.path}?{unsigned}"
    timestamp, signature = values.get("X-Amz-Date", ""), values.get("X-Amz-Signature", "")
    names = values.get("X-Amz-SignedHeaders", "")
    return _fits(arrival, auth, target=target, names=names, timestamp=timestamp, signature=signature)


def _fits(arrival: Arrival, auth: SigV4Auth, *, target: str, names: str, timestamp: str, signature: str) -> bool:
    scheme = "https" if arrival.secure else "http"
    headers = {name: ",".join(arrival.headers.getlist(name)) for name in names.split(";")}
    request = AWSRequest(arrival.method, f"{scheme}://{arrival.host}{target}", headers, arrival.body)
    request.context["timestamp"] = timestamp
    canonical = auth.canonical_request(request)
    expected = auth.signature(auth.string_to_sign(request, canonical), request)
    return hmac.compare_digest(expected, signature)
