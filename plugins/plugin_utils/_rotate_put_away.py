# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the files of keys that are given up: they are kept where no run takes a key from to sign with, or
destroyed. In the folder of own keys, a file is the next key if nothing else is known of it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import accepted_anywhere, published
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import PrivateFile

DESTROY = "destroy"

Files = t.Sequence[PrivateFile]
Json = dict[str, t.Any]


def of_dropped(files: Files, kids: t.Container[str], *, changed: t.Container[str]) -> list[PrivateFile]:
    """Return the files of keys that are given up now. ``changed`` are the hosts whose servers forget them before; of
    others, a file that their servers start with stays.
    """
    return [file for file in files if file.kid in kids and (file.host in changed or not file.is_named)]


def left_over(files: Files, facts: Facts, record: Record) -> list[PrivateFile]:
    """Return the files of keys that were given up, of which a run that was cut off has left files, or one that was told
    to keep them.
    """
    used = published(facts) | accepted_anywhere(facts) | {server.signing for server in facts.servers}
    if any(server.accepted is None or server.signing is None for server in facts.servers):
        return []
    return [
        file
        for file in files
        if file.kid not in used and not file.is_named and (file.is_retired or record.withdrawn_at(file.kid) is not None)
    ]


def items(files: Files, old_key: str) -> list[Json]:
    """Return how files are put away, as irsa_rotate_old_key says, one item for each host."""
    by_host: dict[str, list[str]] = {}
    for file in files:
        if old_key == DESTROY or not file.is_retired:
            by_host.setdefault(file.host, []).append(file.path)
    return [_destroyed(host, paths) if old_key == DESTROY else _kept(host, paths) for host, paths in by_host.items()]


def _destroyed(host: str, keys: t.Sequence[str]) -> Json:
    paths = [path for key in keys for path in (key, f"{key.removesuffix('.key')}.pub")]
    arguments = {"operation": "remove_keys", "key_folder": phases.folder_of_own_key(keys[0]), "paths": paths}
    actions = [f"{host}:remove {path}" for path in paths]
    return work.node(host, f"{host}: destroy the old key", arguments, actions=actions)


def _kept(host: str, keys: t.Sequence[str]) -> Json:
    arguments = {"operation": "retire_keys", "key_folder": phases.folder_of_own_key(keys[0]), "paths": list(keys)}
    actions = [f"{host}:retire {path}" for path in keys]
    return work.node(host, f"{host}: put the old key away", arguments, actions=actions)
