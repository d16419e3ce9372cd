# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each phase of a rotation has to do, as a list of items for the role's tasks."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys

Json = dict[str, t.Any]
Events = list[dict[str, t.Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys that a phase is about. ``new`` is None while it is yet to be made."""

    new: str | None
    old: tuple[str, ...]


def prepare(
    keys: Keys,
    known: KnownKeys,
    *,
    makes: Json | None,
    is_published: bool,
    lost: t.Sequence[str],
    parties: t.Sequence[t.Mapping[str, t.Any]],
) -> list[Json]:
    """Return how the new key is made, if ``makes`` says how, and published. ``lost``: keys that nobody can sign with."""
    items = [makes] if makes else []
    if makes:
        items.append(work.publish(None, None))
    elif not is_published and keys.new:
        items.append(work.publish(keys.new, known.pem(keys.new), _events(record.PUBLISHED, keys.new)))
    if lost:
        items.append(work.withdraw(lost, _events(record.WITHDRAWN, *lost)))
    return items + _told(parties, "prepare", kind=record.TOLD, kids=[keys.new] if keys.new else [])


def servers(
    steps: t.Sequence[t.Mapping[str, t.Any]],
    known: KnownKeys,
    *,
    kind: str,
    kids: t.Sequence[str],
    sealed_for: t.Callable[[t.Mapping[str, t.Any]], str | None],
) -> list[Json]:
    """Return how the servers are changed, one after the other, and what is remembered of each.

    ``sealed_for`` says of a step which private key it needs.
    """
    items = []
    for step in steps:
        kid = sealed_for(step)
        staged = known.staged[kid] if kid else None
        key = {"host": staged.host, "path": staged.path} if staged else None
        items.append(work.server(step, key, [_event(kind, kid=each, server=step["server"]) for each in kids]))
    return items


def retire_published(keys: Keys, *, parties: t.Sequence[t.Mapping[str, t.Any]]) -> list[Json]:
    """Return how the old keys leave the JWKS."""
    told = _told(parties, "retire-published", kind=record.TOLD_REMOVAL, kids=keys.old)
    return [work.withdraw(keys.old, _events(record.WITHDRAWN, *keys.old)), *told]


def destroyed(paths: t.Mapping[str, t.Sequence[str]]) -> list[Json]:
    """Return how the files of old private keys are removed, given their paths by host."""
    return [
        work.node(
            host,
            f"{host}: destroy the old key",
            {"operation": "remove_keys", "paths": list(each)},
            actions=[f"{host}:remove {path}" for path in each],
        )
        for host, each in paths.items()
        if each
    ]


def remade(host: str, server: str, secrets: t.Sequence[t.Mapping[str, str]], access: Json) -> Json:
    """Return how tokens that never expire are made anew."""
    return work.node(
        host,
        "make legacy tokens anew",
        {"operation": "remake_tokens", "server": server, "secrets": [dict(each) for each in secrets], **access},
        actions=[f"k8s:patch Secret/{each['namespace']}/{each['name']}" for each in secrets],
    )


def as_one_run(items: t.Sequence[Json], *, by: str, kid: str) -> list[Json]:
    """Return the items so that others can see in the record that a run has begun, and that it has ended."""
    if not items:
        return []
    began, ended = ([{"kind": kind, "kid": kid, "by": by}] for kind in (record.BEGAN, record.ENDED))
    return [work.record(began, "record that this run begins"), *items, work.record(ended, "record that it has ended")]


def _told(
    parties: t.Sequence[t.Mapping[str, t.Any]], phase: str, *, kind: str, kids: t.Sequence[str]
) -> list[Json]:
    told = [party for party in parties if party.get("confirm") is None]
    return [work.tell(party, phase, [_event(kind, kid=kid, party=party["name"]) for kid in kids]) for party in told]


def _events(kind: str, *kids: str) -> Events:
    return [_event(kind, kid=kid) for kid in kids]


def _event(kind: str, **members: str) -> dict[str, t.Any]:
    """Return an event whose time is that of the store when it is written."""
    return {"kind": kind, **members}
