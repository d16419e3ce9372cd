# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is published, for those who are handed it or write it themselves."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric import rsa

from ..surroundings import REGION


def issuer(bucket: str, prefix: str = "") -> str:
    """prefix: empty, or with a slash at its end"""
    return f"https://{bucket}.s3.{REGION}.amazonaws.com/{prefix}".rstrip("/")


def discovery(issuer: str) -> str:
    """:return: the discovery document, with the fields that the role publishes"""
    return json.dumps(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/keys.json",
            "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss"],
        }
    )


def key_set() -> str:
    """:return: a JWKS with one new RSA key, whose kid is not what Kubernetes would call it"""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key().public_numbers()
    key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "benchmark", "n": _base64(numbers.n), "e": _base64(65537)}
    return json.dumps({"keys": [key]})


def _base64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def bucket_policy(bucket: str, prefix: str = "") -> str:
    """:return: a policy that opens the two documents and nothing else"""
    place = f"arn:aws:s3:::{bucket}/{prefix}"
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"{place}.well-known/openid-configuration", f"{place}keys.json"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
