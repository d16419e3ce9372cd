# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every output must mask, because a private key is, or may be, where a public key belongs."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key

# RFC 7518, sections 6.2.2, 6.3.2 and 6.4, and RFC 9881 for the seed of ML-DSA
PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")

# Shorter texts disclose nothing, and masking them everywhere would make an output unreadable.
_MIN_CHARACTERS = 8


def in_public_key(text: str) -> set[str]:
    """Return nothing for a text that is a usable public key; otherwise all of it, whole and line by line.

    A private key comes in forms that cannot all be foreseen: indented, on one line, or in base64 again, for example in
    a Secret.
    """
    # Without the library a public key cannot be recognized, and the module is about to end with a message.
    if signing_key.CRYPTOGRAPHY_IMPORT_ERROR is None:
        try:
            signing_key.load_public(text.encode("utf-8", "replace"))
            return set()
        except Fault:
            pass
    return _long_enough({text, text.strip()} | {line.strip() for line in text.splitlines() if "-----" not in line})


def in_document(document: t.Any) -> set[str]:
    """Return the private members of a JWK, a JWKS, or any other value given for one, at any depth."""
    found: set[str] = set()
    if isinstance(document, dict):
        for name, value in document.items():
            found |= set(_texts(value)) if name in PRIVATE_MEMBERS else in_document(value)
    elif isinstance(document, list):
        found = set().union(*map(in_document, document))
    return _long_enough(found)


def in_option(value: t.Any) -> set[str]:
    """Return what may be private in an option's value: in keys, documents, or lists of them."""
    if isinstance(value, str):
        return in_json(value) if value.lstrip().startswith(("{", "[")) else in_public_key(value)
    if isinstance(value, list):
        return set().union(*map(in_option, value))
    return in_document(value)


def in_json(text: str) -> set[str]:
    """Return the private members in a document's text; all of a text that is not JSON, as it may be a private key."""
    try:
        return in_document(json.loads(text))
    except (ValueError, RecursionError):
        return in_public_key(text)


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _long_enough(texts: set[str]) -> set[str]:
    return {text for text in texts if len(text) >= _MIN_CHARACTERS}
