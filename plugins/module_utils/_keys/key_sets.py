# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of an option for key sets, in whatever form people have them: as objects or as JSON, one or several."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk

_EXPECTED = (
    "expected a JWKS, which is an object with a list 'keys', as 'kubectl get --raw /openid/v1/jwks' prints it; its "
    "JSON text; or a list of these"
)


def of_option(option: str, given: t.Any) -> t.Iterator[tuple[str, list[jwk.Jwk]]]:
    """Yield the source of each JWKS in the value of an option, for messages, and its keys, unchecked.

    A JWKS is an object or its JSON text; a single JWK counts as one. Raises IrsaError for the first value that is none
    of these. None of it is quoted, since it may be a private key.
    """
    documents = as_list(given)
    for number, document in enumerate(documents, start=1):
        source = f"{option}: document {number}" if isinstance(given, list) else option
        try:
            keys = _keys_in(document)
        except Fault as fault:
            raise IrsaError(f"{source} cannot be used: {fault}.") from None
        yield source, keys


def as_list(given: t.Any) -> list[t.Any]:
    """Return the value of an option as a list of documents; none for one that is not set."""
    if isinstance(given, str):
        given = given.strip()
    if given is None or given == "":
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _keys_in(document: t.Any) -> list[jwk.Jwk]:
    if isinstance(document, str):
        try:
            document = parse_json(document)
        except ValueError:
            raise Fault(f"it is text that is not JSON; {_EXPECTED}") from None
    if isinstance(document, list):
        return [key for inner in document for key in _keys_in(inner)]
    if isinstance(document, dict) and "kty" in document and "keys" not in document:
        return [document]
    try:
        return jwk.keys_of(document)
    except Fault:
        raise Fault(f"it is not a JWKS; {_EXPECTED}") from None
