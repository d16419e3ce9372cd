# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AssumeRoleWithWebIdentity with the token checked: moto gives credentials to everyone.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from cryptography import x509
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from moto.iam.exceptions import NotFoundException
from moto.iam.models import OpenIDConnectProvider, Role

from ..answers import Answer, Refusal
from ..call import Call
from ..state import iam_of
from .issuer_documents import IssuerUnreachable, UnusableDocuments, fetch_keys
from .policy_language import Effect, PolicyRequest, evaluate
from .site import Site

OPERATION = "AssumeRoleWithWebIdentity"
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
MIN_RSA_BITS = 2048
REQUIRED_CLAIMS = ("iss", "sub", "aud", "iat", "exp")
CLOCK_SKEW = 300
ROLE_ARN = re.compile(r"^arn:[a-z-]+:iam::(?P<account>\d{12}):role/.+$")


def check(site: Site, call: Call) -> Answer | None:
    """:raises Refusal: when the token, the issuer's documents or the role's trust policy do not hold"""
    if call.service != "sts" or call.operation != OPERATION:
        return None
    role_arn = call.parameters.get("RoleArn", "")
    match = ROLE_ARN.match(role_arn)
    if match is None:
        raise Refusal(400, "ValidationError", f"{role_arn} is invalid")
    token = call.parameters.get("WebIdentityToken", "")
    header, claims = _read(token)
    provider = _provider(match["account"], call.region, claims["iss"])
    _check_signature(site, token, header=header, issuer=claims["iss"])
    audience = _checked_audience(claims, provider)
    if time.time() > float(claims["exp"]) + CLOCK_SKEW:
        now, end = _date(time.time()), _date(float(claims["exp"]))
        message = f"Token expired: current date/time {now} must be before the expiration date/time {end}"
        raise Refusal(400, "ExpiredTokenException", message)
    role = _role(match["account"], call.region, role_arn)
    _check_trust(role, provider, audience=audience, subject=str(claims["sub"]))
    call.notes["web_identity"] = {
        "SubjectFromWebIdentityToken": str(claims["sub"]),
        "Audience": audience,
        "Provider": provider.arn,
    }
    return None


def complete(_site: Site, call: Call, answer: Answer) -> Answer:
    """Adds what the answer says about the token, and moto's leaves out."""
    fields: dict[str, str] = call.notes.get("web_identity", {})
    if answer.status == 200 and fields:
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        end = f"</{OPERATION}Result>".encode()
        answer.body = answer.body.replace(end, inner.encode() + end)
    return answer


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        parsed = JWS()
        parsed.deserialize(token)
        header = parsed.jose_header
        claims = json.loads(parsed.objects["payload"])
        missing = [name for name in REQUIRED_CLAIMS if name not in claims]
        if not missing:
            float(claims["iat"]), float(claims["exp"])
    except (JWException, ValueError, TypeError, KeyError):
        message = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        raise Refusal(400, "InvalidIdentityToken", message) from None
    if missing:
        raise Refusal(400, "InvalidIdentityToken", f"Missing a required claim: {missing[0]}")
    return header, claims


def _provider(account_id: str, region: str, issuer: str) -> OpenIDConnectProvider:
    backend = iam_of(account_id, region)
    for provider in backend.open_id_providers.values():
        if f"https://{provider.url}" == issuer:
            return provider
    raise Refusal(400, "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")


def _check_signature(site: Site, token: str, *, header: dict[str, Any], issuer: str) -> None:
    try:
        keys = fetch_keys(site, issuer)
    except IssuerUnreachable:
        message = "Couldn't connect to the identity provider"
        raise Refusal(400, "IDPCommunicationError", message) from None
    except UnusableDocuments:
        keys = {}
    key = keys.get(header.get("kid") or "")
    if key is None or not header.get("kid"):
        message = (
            "Couldn't retrieve verification key from your identity provider, please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        )
        raise Refusal(400, "InvalidIdentityToken", message)
    if not _verifies(token, header.get("alg"), key):
        raise Refusal(400, "InvalidIdentityToken", "The ID Token provided could not be validated")


def _verifies(token: str, algorithm: str | None, key: dict[str, Any]) -> bool:
    # A key with key_ops is of no use to STS, not even with ["verify"].
    if algorithm not in ALGORITHMS or "key_ops" in key or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", algorithm) != algorithm:
        return False
    try:
        public = JWK(**key)
        if not _certificate_agrees(key) or not _has_right_numbers(key):
            return False
        if public["kty"] == "RSA" and public.get_op_key("verify").key_size < MIN_RSA_BITS:
            return False
        parsed = JWS()
        parsed.allowed_algs = [algorithm]
        parsed.deserialize(token)
        parsed.verify(public)
    except (JWException, ValueError, TypeError, LookupError):
        return False
    return True


def _has_right_numbers(key: dict[str, Any]) -> bool:
    """Whether a modulus begins with no zero octet, for which STS refuses tokens:
    https://github.com/jenkinsci/oidc-provider-plugin/issues/205
    """
    return key["kty"] != "RSA" or b64decode(key["n"][:4], b"-_")[0] != 0


def _certificate_agrees(key: dict[str, Any]) -> bool:
    """Whether x5c, where there is one, has the key in its first certificate (RFC 7517, section 4.7)."""
    if "x5c" not in key:
        return True
    certificate = x509.load_der_x509_certificate(b64decode(key["x5c"][0]))
    own = JWK.from_pyca(certificate.public_key())
    return bool(own.thumbprint() == JWK(**key).thumbprint())


def _checked_audience(claims: dict[str, Any], provider: OpenIDConnectProvider) -> str:
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    # With more than one audience the authorized party counts:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    audience = claims.get("azp", audiences[0] if len(audiences) == 1 else None)
    if audience not in provider.client_id_list:
        raise Refusal(400, "InvalidIdentityToken", "Incorrect token audience")
    return str(audience)


def _role(account_id: str, region: str, role_arn: str) -> Role | None:
    try:
        return iam_of(account_id, region).get_role_by_arn(role_arn)
    except NotFoundException:
        return None


def _check_trust(role: Role | None, provider: OpenIDConnectProvider, *, audience: str, subject: str) -> None:
    if role is not None:
        key = provider.url.lower()
        request = PolicyRequest(
            f"sts:{OPERATION}",
            None,
            {"Federated": frozenset({provider.arn})},
            {f"{key}:aud": audience, f"{key}:sub": subject},
        )
        if evaluate(json.loads(_decoded(role.assume_role_policy_document)), request) is Effect.ALLOW:
            return
    raise Refusal(403, "AccessDenied", f"Not authorized to perform sts:{OPERATION}")


def _decoded(document: str) -> str:
    return unquote(document) if document.startswith("%7B") else document


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
