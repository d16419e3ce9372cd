# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service account token, taken apart. Nothing in it is verified here.

A token is a credential. Its claims may be shown; its text must not, not even in part.
"""

from __future__ import annotations

import base64
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import json_base64url
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")

# The lengths that AssumeRoleWithWebIdentity accepts:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
_MIN_CHARACTERS, _MAX_CHARACTERS = 4, 20_000


@dataclasses.dataclass(frozen=True, repr=False)
class Token:
    """A token's text, header and claims."""

    text: str
    header: dict[str, t.Any]
    claims: dict[str, t.Any]

    @property
    def audiences(self) -> list[str]:
        """``aud`` as a list, without what is not a string."""
        audience = self.claims.get("aud")
        return [each for each in (audience if isinstance(audience, list) else [audience]) if isinstance(each, str)]

    @property
    def audience(self) -> str | None:
        """The audience that STS uses: ``azp`` if there is one, else the only one in ``aud``; None if there are several.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
        """
        party = self.claims.get("azp")
        if isinstance(party, str):
            return party
        return self.audiences[0] if len(self.audiences) == 1 else None

    @property
    def subject(self) -> str | None:
        """``sub``, None if it is not a string."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None


def parse_token(text: str) -> Token:
    """Take a token apart. Raises IrsaError with the reason unless it is a signed JWT that STS would read."""
    text = text.strip()
    if text[:7].lower() == "bearer ":
        raise IrsaError("The token starts with the word Bearer, which belongs to an HTTP header, not to the token.")
    if not _MIN_CHARACTERS <= len(text) <= _MAX_CHARACTERS:
        limits = f"{_MIN_CHARACTERS} to {_MAX_CHARACTERS}"
        raise IrsaError(f"The token has {len(text)} characters; STS accepts {limits}.")
    parts = text.split(".")
    if len(parts) == 5:
        raise IrsaError("The token has 5 parts, so it is encrypted. STS reads signed tokens, which have 3 parts.")
    if len(parts) != 3:
        number = "1 part" if len(parts) == 1 else f"{len(parts)} parts"
        raise IrsaError(f"The token is not a JWT: it has {number} instead of 3 (header, claims, signature).")
    header, claims = _parse_object(parts[0], "header"), _parse_object(parts[1], "claims")
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS or not isinstance(algorithm, str):
        raise IrsaError(f"The token's alg is {quoted(algorithm)}; STS supports only {', '.join(ALGORITHMS)}.")
    _decode(parts[2], "signature")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise IrsaError("The token has no sub, the claim that names its service account.")
    return Token(text, header, claims)


def token_or_none(text: str | None) -> Token | None:
    """Return the token, None if there is none or if it cannot be parsed."""
    try:
        return parse_token(text) if text is not None else None
    except IrsaError:
        return None


def _decode(part: str, name: str) -> bytes:
    refusal = IrsaError(f"The token is not a JWT: its {name} is not base64url.")
    try:
        content = json_base64url.decode_base64url(part)
    except ValueError:
        raise refusal from None
    # Some bits of the last character may be unused. Python ignores them; strict decoders such as Go's do not.
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != part:
        raise refusal
    return content


def _parse_object(part: str, name: str) -> dict[str, t.Any]:
    content = _decode(part, name)
    try:
        # RFC 7519 says UTF-8; given bytes, Python would also read UTF-16 and UTF-32.
        value = json_base64url.parse_json(content.decode("utf-8"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise IrsaError(f"The token is not a JWT: its {name} {'is' if name == 'header' else 'are'} not a JSON object.")
    return value
