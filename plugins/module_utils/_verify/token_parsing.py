# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service account token, taken apart. Nothing in it is verified here.

A token is a credential. Its claims may be shown; its text must not, not even in part.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import json_base64url
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")

# What STS accepts: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
_MAX_CHARACTERS = 20_000

# The compact form of RFC 7515, whose parts are decoded later.
_FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)


# https://kubernetes.io/docs/concepts/security/service-accounts/#get-a-token
LEGACY_ISSUER = "kubernetes/serviceaccount"


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
        if self.authorized_party is not None:
            return self.authorized_party
        return self.audiences[0] if len(self.audiences) == 1 else None

    @property
    def audiences_for_sts(self) -> list[str]:
        """Those that STS may use: ``azp`` if there is one, else all in ``aud``."""
        return self.audiences if self.audience is None else [self.audience]

    @property
    def authorized_party(self) -> str | None:
        """``azp``, None if it is not a string."""
        party = self.claims.get("azp")
        return party if isinstance(party, str) else None

    @property
    def is_legacy(self) -> bool:
        """Whether it is a token without expiry from a Kubernetes Secret, which has neither an audience nor times."""
        return bool(self.claims.get("iss") == LEGACY_ISSUER)

    @property
    def subject(self) -> str | None:
        """``sub``, None if it is not a string."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None


class NotAToken(IrsaError):
    """Something else was given as the token, or something beside it. ``remedy`` is None if it is the usual one."""

    def __init__(self, message: str, remedy: str | None) -> None:
        super().__init__(message)
        self.remedy = remedy


def parse_token(text: str) -> Token:
    """Take a token apart. Raises IrsaError with the reason unless it is a signed JWT that STS would read, NotAToken if
    it does not even have the form of one.
    """
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise _not_a_token(text)
    if len(text) > _MAX_CHARACTERS:
        raise IrsaError(f"The token has {len(text)} characters; STS accepts {_MAX_CHARACTERS} at most.")
    parts = text.split(".")
    header, claims = _parse_object(parts[0], "header"), _parse_object(parts[1], "claims")
    algorithm = header.get("alg")
    if "alg" not in header:
        raise IrsaError("The token has no alg, the algorithm with which it is signed.")
    if algorithm not in ALGORITHMS or not isinstance(algorithm, str):
        raise IrsaError(f"The token's alg is {quoted(algorithm)}; STS supports only {', '.join(ALGORITHMS)}.")
    if not parts[2]:
        raise IrsaError("The token has no signature: it ends after the second dot.")
    _decode(parts[2], "signature")
    if "sub" not in claims:
        raise IrsaError("The token has no sub, the claim that names its service account.")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise IrsaError(f"The token's sub is {quoted(claims['sub'])}; expected the name of a service account.")
    return Token(text, header, claims)


def _not_a_token(text: str) -> NotAToken:
    # Imported here, since a sound token has no need of it.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import token_text  # noqa: PLC0415

    misfit = token_text.explain(text)
    return NotAToken(f"What was given as the token {misfit.what}.", misfit.remedy)


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
    if json_base64url.encode_base64url(content) != part:
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
