# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace the private key that an API server signs with, in the file that its arguments name. The former one is kept
where it is told, and nowhere else. No message quotes a byte of either.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement, digest


@dataclasses.dataclass(frozen=True)
class PrivateFile:
    """The file at ``path`` gets the key ``content``, whose SHA-256 is ``new``. ``expected`` is that of the present key,
    which goes into the file ``archive``, if there is one.
    """

    path: str
    expected: str
    new: str
    archive: str | None = None
    content: str | None = dataclasses.field(default=None, repr=False)


def missing_files(private: PrivateFile) -> list[Replacement]:
    """Return what is to be written, the archive first; nothing if the new key is in place. Raises IrsaError."""
    present = files.read(private.path)
    if present is not None and digest(present) == private.new:
        return []
    if present is None or digest(present) != private.expected:
        raise IrsaError(
            f"{files.shown(private.path)} is another key than the one that was read, so it was not replaced. Run again."
        )
    new = (private.content or "").encode()
    if digest(new) != private.new:
        raise IrsaError(
            f"{files.shown(private.path)} was not replaced: the new key did not come along whole. Run again."
        )
    return [
        *(archived(private.archive, present, like=private.path) if private.archive else []),
        Replacement(private.path, new, private.expected, is_private=True),
    ]


def archived(path: str, content: bytes, *, like: str) -> list[Replacement]:
    """Return what keeps a key at a path, nothing if it is there. Raises IrsaError if another key is there.

    It gets the owner of the file ``like``, which holds it today.
    """
    present = files.read(path)
    if present == content:
        return []
    if present is not None:
        raise IrsaError(
            f"{files.shown(path)} exists and is another key than the one that {files.shown(like)} holds. Remove it if "
            "nothing uses it."
        )
    # The folder of retired keys is in that of own keys, which does not exist where no key was staged.
    return [Replacement(path, content, None, 0o600, folder_mode=0o700, folders=2, like=like, is_private=True)]
