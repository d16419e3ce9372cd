# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace the signing keys in the datastore of a cluster of k3s or RKE2 by the distribution's own command, which reads
them from a folder. They lie in there for as long as the command runs, and no message quotes a byte of them.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import (
    key_reading,
    node_files,
    private_file,
    tools,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement

# Below the folder of own keys. The command reads tls/service.key in it, and does without the other files.
STAGING = "rotate-ca"
_FILE = "tls/service.key"

# The server that the command asks writes to the datastore, and may wait for a slow disk.
_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class DatastoreKeys:
    """The datastore gets the keys ``kids`` in this order, out of the file ``path`` with the present ones and of the key
    ``content``. Of the present keys, only those in ``retired`` may be missing in ``kids``. The key that the file
    ``archive`` is named after is kept there. To ``command``, the folder is added.
    """

    command: t.Sequence[str]
    path: str
    folder: str
    kids: t.Sequence[str]
    retired: t.Sequence[str] = ()
    archive: str | None = None
    content: str | None = dataclasses.field(default=None, repr=False)


def replace(keys: DatastoreKeys) -> None:
    """Replace the keys. Raises IrsaError; then the datastore has the former ones, unless the command took too long."""
    remove_left(keys.folder)
    blocks = _blocks(keys)
    if keys.archive:
        _keep(keys.archive, blocks, like=keys.path)
    staging = os.path.join(keys.folder, STAGING)
    try:
        _stage(staging, b"".join(blocks[kid] for kid in keys.kids))
        _run(keys, staging)
    finally:
        remove_left(keys.folder)


def _blocks(keys: DatastoreKeys) -> dict[str, bytes]:
    """Return the keys by their IDs. Raises IrsaError if they are not those that were planned with."""
    content = files.read(keys.path)
    if content is None:
        raise IrsaError(f"{files.shown(keys.path)} does not exist, so the keys of this cluster are not known.")
    try:
        present = key_reading.private_keys(content)
        new = key_reading.private_keys(keys.content.encode()) if keys.content else {}
    except Fault as fault:
        raise IrsaError(f"The keys of this cluster cannot be replaced: a key {fault}. Nothing was changed.") from None
    known = {**new, **present}
    missing = [kid for kid in keys.kids if kid not in known]
    dropped = [kid for kid in present if kid not in (*keys.kids, *keys.retired)]
    if missing or dropped:
        raise IrsaError(
            f"{files.shown(keys.path)} has other keys than those that were read: {listed(present)}. Nothing was "
            "changed. Run again."
        )
    return known


def _keep(path: str, blocks: t.Mapping[str, bytes], *, like: str) -> None:
    """Keep the key that a file is named after. Raises IrsaError."""
    kid = os.path.basename(path)[: -len(".key")]
    for file in private_file.archived(path, blocks[kid], like=like):
        node_files.replace(file, None)


def _stage(staging: str, content: bytes) -> None:
    """Write the file that the command reads. Raises IrsaError."""
    path = os.path.join(staging, _FILE)
    # With the folder of own keys, which does not exist where no key was staged.
    node_files.replace(Replacement(path, content, None, 0o600, folder_mode=0o700, folders=3, is_private=True), None)


def _run(keys: DatastoreKeys, staging: str) -> None:
    """Run the command. Raises IrsaError."""
    program, *words = keys.command
    said = quoted(" ".join([os.path.basename(program), *words[:2]]))
    try:
        ended = tools.run([tools.find(program) or program, *words, f"--path={staging}"], seconds=_SECONDS)
    except Fault as fault:
        raise IrsaError(f"The command {said} {fault}. No server was restarted. Run again.") from None
    if ended.return_code:
        raise IrsaError(
            f"The command {said} did not put the keys into the cluster's datastore: {ended.reason}. Nothing was "
            "changed."
        )


def left(folder: str | None) -> list[str]:
    """Return the folder with private keys that a run left that was killed, if there is one."""
    staging = os.path.join(folder, STAGING) if folder else ""
    return [staging] if staging and os.path.lexists(staging) else []


def remove_left(folder: str) -> None:
    """Remove what this or a former run put there. Raises IrsaError."""
    staging = os.path.join(folder, STAGING)
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(staging)
    except OSError as error:
        raise IrsaError(
            f"{files.shown(staging)} cannot be removed, and it may hold private keys: {files.reason(error)}. Remove it."
        ) from None
