# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents as a run is given them: read, and refused if they cannot be published."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json, parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk

Parsed = t.TypeVar("Parsed")


def jwks_in(text: str | None) -> list[jwk.Jwk] | None:
    """Return the keys in jwks_json, None if it is not given. Raises IrsaError."""
    return _parse_option(text, "jwks_json", jwk.parse_jwks)


def discovery_in(text: str | None) -> dict[str, t.Any] | None:
    """Return the document in discovery_json, None if it is not given. Raises IrsaError."""
    return _parse_option(text, "discovery_json", _parse_discovery)


def _parse_option(text: str | None, option: str, parse: t.Callable[[str], Parsed]) -> Parsed | None:
    if text is None:
        return None
    if not text.isascii():
        raise IrsaError(f"{option} must be in ASCII, as irsa_jwks writes it.")
    try:
        return parse(text)
    except Fault as fault:
        raise IrsaError(f"{option} cannot be published: {fault}.") from None


def _parse_discovery(text: str) -> dict[str, t.Any]:
    try:
        document = parse_json(text)
    except ValueError:
        raise Fault(f"it {not_json(text.encode())}") from None
    if not isinstance(document, dict):
        raise Fault("it is not a JSON object")
    return document
