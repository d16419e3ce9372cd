# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that a run was given beside those that are published already: which ones stay, and in which order."""

from __future__ import annotations

import collections
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk

Keys = t.Sequence[jwk.Jwk]


def foreign_keys(ours: Keys, published: Keys) -> list[jwk.Jwk]:
    """Return the published keys that are not ours, each once."""
    kids = set(_by_kid(ours))
    foreign = {
        _canonical(key): key
        for key in published
        # An entry without a name of its own may be the legacy copy of one of our keys.
        if (_kid(key) not in kids if _kid(key) else not is_any_of(key, ours))
    }
    return list(foreign.values())


def which_are(some: Keys, keys: Keys) -> list[bool]:
    """Return for each of ``keys`` whether it is among ``some``, with the same members."""
    known = set(map(_canonical, some))
    return [_canonical(key) in known for key in keys]


def is_any_of(key: jwk.Jwk, ours: Keys) -> bool:
    """Whether a published key without a name, or with one of our names, is one of our keys."""
    return any(key.get("kid") in ("", None, own.get("kid")) and jwk.same_key(key, own) for own in ours)


def without(kids: t.Container[str], published: Keys) -> list[jwk.Jwk]:
    """Return the published keys but for those with these kids, and without copies of them that have no name."""
    leaving = [key for key in published if _kid(key) in kids]
    return [key for key in published if _kid(key) not in kids and not is_any_of(key, leaving)]


def reused_kids(ours: Keys, published: Keys) -> list[str]:
    """Return the kids under which another key is published than the one given."""
    pairs = _of_one_kid(ours, published)
    return [kid for kid, key, own in pairs if not jwk.same_key(key, own) and not jwk.is_damaged_copy(key, own)]


def changed_algorithms(ours: Keys, published: Keys) -> list[str]:
    """Return the kids of published keys that are given for another algorithm, with both algorithms."""
    return [
        f"{kid} ({own['alg']} in place of {key['alg']})"
        for kid, key, own in _of_one_kid(ours, published)
        if key.get("alg") in jwk.algorithms_for(own) and key["alg"] != own.get("alg") and jwk.same_key(key, own)
    ]


def with_free_names(ours: Keys, foreign: Keys) -> list[jwk.Jwk]:
    """Return our keys without the legacy copy, whose kid is empty, if another key is published without a name.

    STS could find only one of the two.
    """
    is_taken = any(key.get("kid") == "" for key in foreign)
    return [key for key in ours if not (is_taken and key.get("kid") == "")]


def loses_legacy_copy(keys: Keys, published: Keys) -> bool:
    """Whether a published key with an empty kid is not among the keys any more."""
    return any(
        old.get("kid") == "" and not any(new.get("kid") == "" and jwk.same_key(old, new) for new in keys)
        for old in published
    )


def as_published(ours: Keys, published: Keys) -> list[jwk.Jwk]:
    """Return our keys, each with the members that others have added to it, such as a certificate."""
    by_kid = _by_kid(published)
    return [_with_additions(key, by_kid.get(_kid(key))) for key in ours]


def _with_additions(own: jwk.Jwk, published: jwk.Jwk | None) -> jwk.Jwk:
    if published is None or published == own or not own.items() <= published.items():
        return own
    try:
        jwk.usable(published)
    except Fault:
        return own
    return published


def in_present_order(keys: list[jwk.Jwk], published: list[jwk.Jwk]) -> list[jwk.Jwk]:
    """Return the published keys if they are these in another order, since the order means nothing to STS."""
    return published if _counted(keys) == _counted(published) else keys


def with_present_lists(document: dict[str, t.Any], present: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a discovery document whose lists have the order of those in the present one if they differ in it only."""
    lists = {
        name: present[name]
        for name, value in document.items()
        if isinstance(value, list)
        and isinstance(present.get(name), list)
        and _counted(value) == _counted(present[name])
    }
    return {**document, **lists}


def _of_one_kid(ours: Keys, published: Keys) -> t.Iterator[tuple[str, jwk.Jwk, jwk.Jwk]]:
    """Yield each published key that has one of our kids: the kid, the key, and ours."""
    by_kid = _by_kid(ours)
    return ((_kid(key), key, by_kid[_kid(key)]) for key in published if _kid(key) in by_kid)


def _kid(key: jwk.Jwk) -> str:
    """Return a key's kid; an empty text if it has none, or if its kid is not text."""
    kid = key.get("kid")
    return kid if isinstance(kid, str) else ""


def _by_kid(keys: Keys) -> dict[str, jwk.Jwk]:
    return {_kid(key): key for key in keys if _kid(key)}


def _counted(values: t.Iterable[t.Any]) -> collections.Counter[str]:
    return collections.Counter(map(_canonical, values))


def _canonical(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True)
