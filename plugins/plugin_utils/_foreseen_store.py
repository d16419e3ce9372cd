# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store would hold after a step of a rotation, and the writes that lead to it, without asking the store.

A state is the result of module irsa_rotation_state, which does the same for real.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, published_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.written import events_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.actions import WRITE_ACTION

Json = dict[str, t.Any]


def after(state: t.Mapping[str, t.Any], item: t.Mapping[str, t.Any], *, by: str) -> tuple[Json, list[str]]:
    """Return the state after an item of the work, and the actions that lead there.

    ``item`` has ``publish`` (public keys in PEM), ``withdraw`` (key IDs) and ``events``, each of which says its key.
    """
    present = jwk.parse_jwks(state["jwks_json"] or '{"keys": []}')
    known = {key.get("kid") for key in present}
    given = [jwk.from_public_key(signing_key.load_public(text.encode())) for text in item["publish"]]
    new = [key for key in given if key["kid"] not in known]
    keys = published_keys.in_present_order([*new, *published_keys.without(item["withdraw"], present)], present)
    changed, actions = dict(state), []
    if keys != present:
        changed |= _published(keys, state["now"])
        # The JWKS, and the discovery document if it names other algorithms.
        actions = [WRITE_ACTION] * (1 if changed["algorithms"] == state["algorithms"] else 2)
    before = Record.parse(state["record"])
    events = events_of(
        before,
        item["events"],
        published={key["kid"]: state["now"] for key in given},
        withdrawn=dict.fromkeys(item["withdraw"], state["now"]),
        by=by,
        now=state["now"],
    )
    remembered = before.after(events)
    if remembered == before:
        return changed, actions
    return {**changed, "record": remembered.text}, [*actions, WRITE_ACTION]


def _published(keys: t.Sequence[jwk.Jwk], now: float) -> Json:
    """Return what a state says of these keys, written now."""
    return {
        "published": [{"kid": key.get("kid"), "algorithm": jwk.algorithm_of(key)} for key in keys],
        "jwks_json": documents.render({"keys": list(keys)}),
        "algorithms": documents.algorithms_of(keys),
        "modified": now,
    }
