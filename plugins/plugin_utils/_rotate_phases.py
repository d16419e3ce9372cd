# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each phase of a rotation has to do, as a list of items for the role's tasks."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, RETIRE_KEY, SIGN
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record, settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.work import Work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys, LeftFolder

Json = dict[str, t.Any]

_GOALS = {settings.ACCEPT: ACCEPT, settings.SIGN: SIGN, settings.RETIRE_ACCEPTED: RETIRE_KEY}
# What a server does afterwards; of the keys that it drops, each one.
_EVENTS = {settings.ACCEPT: record.ACCEPTED, settings.SIGN: record.SIGNING, settings.RETIRE_ACCEPTED: record.DROPPED}


def publishing(found: Work, known: KnownKeys, makes: t.Callable[[], Json]) -> list[Json]:
    """Return how the new key is made and published, and how old ones leave the JWKS. ``makes`` says how it is made."""
    items = [makes(), work.publish(None, None)] if found.makes_key else []
    items += [work.publish(kid, known.pem(kid)) for kid in found.publish]
    return items + ([work.withdraw(found.withdraw)] if found.withdraw else [])


def goal_of(found: Work, known: KnownKeys, *, force: bool) -> KeyGoal | None:
    """Return what servers are to be changed to, None if they are not. ``force``: whether or not all of them can be."""
    if not found.changes_servers or not found.kid:
        return None
    private = known.private(found.kid)
    return KeyGoal(
        phase=_GOALS[found.phase],
        kid=found.kid,
        public_key=known.pem(found.kid),
        digest=private.sha256 if private else None,
        retired_kids=frozenset(found.drop),
        force=force,
    )


def servers(found: Work, known: KnownKeys, steps: t.Sequence[t.Mapping[str, t.Any]]) -> list[Json]:
    """Return how the servers are changed, one after the other."""
    private = known.private(found.kid or "")
    key = {"host": private.host, "path": private.path} if private else None
    return [work.server(step, key if step["needs_key"] else None) for step in steps]


def events_of(found: Work, steps: t.Sequence[t.Mapping[str, t.Any]]) -> list[Json]:
    """Return what is true of the servers when they are changed. The time is that of the store when it is written."""
    kids = found.drop or (found.kid,)
    names = dict.fromkeys(step["server"] for step in steps)
    return [{"kind": _EVENTS[found.phase], "kid": kid, "server": name} for name in names for kid in kids]


def tidied(folders: t.Iterable[LeftFolder]) -> list[Json]:
    """Return how private keys are removed that a run left when it was killed."""
    return [
        work.node(
            left.host,
            f"{left.host}: remove what a run left that was cut off",
            {"operation": "remove_keys", "key_folder": left.key_folder, "paths": [left.path]},
            actions=[f"{left.host}:remove {left.path}"],
        )
        for left in folders
    ]


def remade(reading: t.Mapping[str, t.Any], secrets: t.Sequence[t.Mapping[str, str]]) -> Json:
    """Return how tokens that never expire are made again, on the host of a reading."""
    arguments = {"server": f"https://{reading['address']}", "secrets": [dict(each) for each in secrets]}
    return work.node(
        reading["host"],
        "make legacy tokens again",
        {"operation": "remake_tokens", **arguments, **reading["access"]},
        actions=[remake_action(each["namespace"], each["name"]) for each in secrets],
    )


def remake_action(namespace: str, name: str) -> str:
    """Return what is listed of a token that is made again."""
    return f"k8s:patch Secret/{namespace}/{name}"


def bracketed(items: t.Sequence[Json], *, first: t.Sequence[Json], last: t.Sequence[Json]) -> list[Json]:
    """Return the items with what is to be remembered before the first one and after the last one.

    A last item of the store remembers it in the same write. A first one does not: nothing may be published or withdrawn
    before it is certain that no other run has begun.
    """
    found = list(items)
    if not found:
        return [work.record(first)] if first else []
    if first:
        found.insert(0, work.record(first, "record that this run begins"))
    if not last:
        return found
    if found[-1]["kind"] == work.STORE:
        found[-1] = {**found[-1], "events": [*found[-1]["events"], *last]}
    else:
        found.append(work.record(last, "record that it is done"))
    return found
