# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of a phase, as data for the tasks that do it: one item after the other, each on one host or at the store.

An item has ``kind``, which names the file of tasks that does it, ``title``, ``host`` (None: the controller), and what
the task takes.
"""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]
Events = t.Sequence[t.Mapping[str, t.Any]]

MAKE_KEY, STORE, TELL, SERVER, NODE = "make_key", "store", "tell", "server", "node"
# In check mode.
FORESEEN = "foreseen"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewKeyWork:
    """How the new key of a rotation is made: on a host, of a kind, in a folder, with the owner of a file."""

    host: str
    folder: str
    kind: t.Mapping[str, t.Any]
    like: str | None = None
    has_openssl: bool = True


def make_key(new: NewKeyWork) -> Json:
    """Return the item that makes the new key and stages it."""
    return _item(
        MAKE_KEY,
        f"{new.host}: make the new key",
        host=new.host,
        folder=new.folder,
        like=new.like,
        has_openssl=new.has_openssl,
        key=dict(new.kind),
    )


def make_action(host: str) -> str:
    """Return what is listed when a key is made."""
    return f"{host}:make key"


def publish(kid: str | None, public_key: str | None) -> Json:
    """Return the item that publishes a key; None: the one that was made before it."""
    given = [public_key] if public_key else []
    return _item(STORE, f"publish {kid or 'the new key'}", publish=given, publishes_made=not given)


def withdraw(kids: t.Sequence[str]) -> Json:
    """Return the item that takes keys out of the JWKS."""
    return _item(STORE, f"withdraw {', '.join(kids)}", withdraw=list(kids))


def record(events: Events, title: str = "record what was found") -> Json:
    """Return the item that remembers events."""
    return _item(STORE, title, events=events)


def tell(party: t.Mapping[str, t.Any], phase: str, events: Events = (), *, may_fail: bool = False) -> Json:
    """Return the item that tells a relying party of the keys. Its command or URL may have a secret: they stay out.

    ``may_fail``: a failure is a warning.
    """
    name = {"name": party["name"]}
    return _item(TELL, f"tell {party['name']}", party=name, phase=phase, events=events, may_fail=may_fail)


def tell_action(name: str) -> str:
    """Return what is listed when a party is told."""
    return f"tell:{name}"


def server(step: t.Mapping[str, t.Any], key: t.Mapping[str, t.Any] | None) -> Json:
    """Return the item that changes a server. ``key`` says where the private key is that it needs: host and path."""
    return _item(SERVER, step["title"], host=step["host"], step=dict(step), key=dict(key) if key else None)


def node(host: str, title: str, arguments: t.Mapping[str, t.Any], *, actions: t.Sequence[str]) -> Json:
    """Return the item that has module irsa_node do something on a host."""
    return _item(NODE, title, host=host, arguments=dict(arguments), actions=list(actions))


def foreseen(item: t.Mapping[str, t.Any], *, actions: t.Sequence[str], diff: t.Sequence[Json]) -> Json:
    """Return the item that only lists, in check mode, what another one would do that cannot be done yet."""
    return _item(FORESEEN, item["title"], actions=list(actions), diff=list(diff))


def _item(kind: str, title: str, *, host: str | None = None, events: Events = (), **more: t.Any) -> Json:
    """Return an item with all that the store's task takes, which follows other kinds, too."""
    return {
        "kind": kind,
        "title": title,
        "host": host,
        "publish": [],
        "publishes_made": False,
        "withdraw": [],
        "events": [dict(event) for event in events],
        **more,
    }
