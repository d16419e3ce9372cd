# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every output must mask: private keys and credentials, wherever they were put by mistake.

They come in forms that cannot all be foreseen. So a text is judged by what it looks like, not only by what it is known
to be: no option of this collection takes pages of text, or long runs of characters in disorder, other than a public key
or a document of public keys.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import MIN_CHARACTERS
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_material

# RFC 7518, sections 6.2.2, 6.3.2 and 6.4, and RFC 9881 for the seed of ML-DSA
PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")

# Members of a kubeconfig, of credentials and of tokens, in lower case and without hyphens and underscores.
_SECRET_MEMBERS = frozenset(
    (
        *("password", "passphrase", "token", "secret", "accesstoken", "idtoken", "refreshtoken", "clientsecret"),
        *("clientkeydata", "privatekey", "secretaccesskey", "awssecretaccesskey", "sessiontoken", "awssessiontoken"),
    )
)
# Their names are the user's own.
_TAGS = ("tags", "resource_tags")


def in_options(options: t.Mapping[str, t.Any], for_public_keys: t.Container[str] = ()) -> set[str]:
    """Return what may be private in a module's options or a role's variables, and in their names.

    In those ``for_public_keys``, everything is private that is not public.
    """
    found: set[str] = set()
    for name, value in options.items():
        found |= in_value(str(name)) | in_value(value, str(name))
        if name in for_public_keys:
            found |= in_public_key_option(value)
    return found


def in_value(value: t.Any, name: str = "") -> set[str]:
    """Return what may be private in a value, at any depth. ``name`` is that of the option or of the member."""
    if isinstance(value, str):
        return _in_text(value, name)
    if isinstance(value, dict):
        return _in_members(value, name)
    if isinstance(value, (list, tuple, set)):
        found: set[str] = set().union(*(in_value(inner, name) for inner in value))
        # The lines of a key, of which some may not look like it by themselves.
        return found | (set(filter(key_material.may_be_part, _texts(list(value)))) if found else found)
    return key_material.in_text(str(value)) if isinstance(value, int) else set()


def _in_text(text: str, name: str) -> set[str]:
    if key_material.has_public_form(text, name):
        return set()
    members, is_json = _members_in(text)
    if not is_json:
        return key_material.in_text(text)
    found = in_value(members, name)
    # What is escaped in JSON is not found again in its text.
    return found | {text} if found and "\\" in text else found


def _in_members(members: dict[t.Any, t.Any], name: str) -> set[str]:
    found = _line_with_padding(members)
    for member, value in members.items():
        member_name = str(member)
        found |= in_value(member_name)
        if name not in _TAGS and _is_private(member_name):
            found |= set(_texts(value))
        else:
            found |= in_value(value, member_name)
    return _long_enough(found)


def _line_with_padding(members: dict[t.Any, t.Any]) -> set[str]:
    """Return the one name of a dictionary that was the last line of a key.

    In place of a dictionary ansible-core also takes name=value; in a list of dictionaries it drops the lines beside it,
    which it cannot take.
    """
    if len(members) != 1 or next(iter(members.values())) not in ("", "="):
        return set()
    return set(filter(key_material.may_be_part, map(str, members)))


def _is_private(member: str) -> bool:
    return member in PRIVATE_MEMBERS or member.lower().replace("-", "").replace("_", "") in _SECRET_MEMBERS


def _members_in(text: str) -> tuple[t.Any, bool]:
    """Return the value of a JSON text with an object or a list, and whether the text is one."""
    text = text.lstrip("\ufeff \t\r\n")
    if not text.startswith(("{", "[")):
        return None, False
    try:
        return json.loads(text, object_pairs_hook=_all_members), True
    except (ValueError, RecursionError):
        return None, False


def _all_members(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    """Return a JSON object in which a name that comes several times has the list of its values."""
    members: dict[str, t.Any] = {}
    for name, value in pairs:
        members[name] = [members[name], value] if name in members else value
    return members


# --- where public keys or documents of public keys belong


def in_public_key_option(value: t.Any) -> set[str]:
    """Return what may be private in an option for public keys, documents of them, or lists of those."""
    if isinstance(value, str):
        return in_json(value)
    if isinstance(value, list):
        return set().union(*map(in_public_key_option, value))
    return in_value(value)


def in_json(text: str) -> set[str]:
    """Return what may be private in a document's text; all of a text that is neither JSON nor a public key."""
    members, is_json = _members_in(text)
    return _in_text(text, "") | in_value(members) if is_json else in_public_key(text)


def in_public_key(text: str) -> set[str]:
    """Return nothing for a text that is a usable public key; otherwise all of it, whole and line by line."""
    return set() if key_material.is_public(text) else _long_enough(key_material.pieces(text))


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _long_enough(texts: set[str]) -> set[str]:
    return {text for text in texts if len(text) >= MIN_CHARACTERS}
