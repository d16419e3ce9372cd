# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens that no one should accept."""

from __future__ import annotations

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_CURVES: dict[str, type[ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def header_of(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def forged(token: str, **claims: Any) -> str:
    """The same token, kid and all, but for these claims, signed with another key of the same kind."""
    header = header_of(token)
    curve = _CURVES.get(header["alg"])
    key: Any = ec.generate_private_key(curve()) if curve else rsa.generate_private_key(65537, 2048)
    return jwt.encode({**claims_of(token), **claims}, key, algorithm=header["alg"], headers={"kid": header["kid"]})


def with_other_claims(token: str, **claims: Any) -> str:
    """The token with other claims and the signature that it had."""
    unsigned = jwt.encode({**claims_of(token), **claims}, "x" * 64, algorithm="HS512").split(".")
    header, dummy, signature = token.split(".")
    return ".".join((header, unsigned[1], signature))
