# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the issuer's own key beside the cluster's. No message quotes a byte of it.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement


@dataclasses.dataclass(frozen=True)
class KeyFiles:
    """Where a key goes, and where it comes from: its ``content``, or the file ``source`` on the node.

    Its files belong to the owner of the file ``like``, the cluster's own key: not every API server runs as root.
    """

    private_path: str
    public_path: str
    public_key: str
    source: str
    like: str | None = None
    content: str | None = dataclasses.field(default=None, repr=False)


def missing_files(key: KeyFiles) -> list[Replacement]:
    """Return the files of a key that are to be written. Raises IrsaError if another key is in their place."""
    new = [
        Replacement(key.private_path, _content(key), None, 0o600, folder_mode=0o700, like=key.like),
        Replacement(key.public_path, key.public_key.encode(), None, 0o644, folder_mode=0o700, like=key.like),
    ]
    return [file for file in new if not _is_in_place(file)]


def _content(key: KeyFiles) -> bytes:
    if key.content is not None:
        return key.content.encode()
    content = files.read(key.source)
    if content is None:
        raise IrsaError(
            f"The key {files.shown(key.source)} is neither on the controller nor on this node. Set "
            "irsa_apiserver_key_path to its path on the controller, or put it on every API server's host first."
        )
    return content


def _is_in_place(file: Replacement) -> bool:
    """Whether a file has been installed. Raises IrsaError if something else is there.

    A running API server must never have the file of its key changed under it.
    """
    present = files.read(file.path)
    if present not in (None, file.content):
        raise IrsaError(
            f"{files.shown(file.path)} exists and is another key than the one that its name says. Remove it if no API "
            "server uses it."
        )
    return present is not None
