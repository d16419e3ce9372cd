# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a new signing key ready on a node before any API server signs with it, hand it on to other servers, and remove
it when it is retired. No message and no result holds a byte of it that could be read.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import (
    key_datastore,
    key_reading,
    node_files,
    openssl,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement, digest

_DEFAULT_SIZE = 2048
_DEFAULT_CURVE = "P-256"

Json = dict[str, t.Any]


def make(folder: str, *, key_type: str, size: int | None, curve: str | None, like: str | None) -> Json:
    """Make a key with the node's openssl and put it into a folder. Return ``kid``, ``public_key``, ``path``, ``sha256``
    and whether it was ``made``. Raises IrsaError.

    Its files belong to the owner of the file ``like``, if there is one: not every API server runs as root.
    """
    try:
        private = openssl.made(key_type, size=size or _DEFAULT_SIZE, curve=curve or _DEFAULT_CURVE)
        public_key = openssl.public_key_of(private)
        kid = openssl.kid_of(public_key)
    except Fault as fault:
        raise IrsaError(f"A key of type {key_type} {fault}. Nothing was written.") from None
    # The public key of a private one that lies there alone can be derived. A public one alone would be of a key that is
    # lost, since the next run makes another one.
    return _put(folder, private, kid=kid, public_key=public_key, like=like, private_first=True)


def install(folder: str, private_key: str, *, public_key: str, kid: str, like: str | None) -> Json:
    """Put a key that was made elsewhere into a folder, as ``make`` does. Raises IrsaError if it has another kid."""
    private = private_key.encode()
    try:
        public_keys = [public_key, *([openssl.public_key_of(private)] if openssl.is_there() else [])]
        is_whole = "PRIVATE" not in public_key and all(openssl.kid_of(each) == kid for each in public_keys)
    except Fault:
        is_whole = False
    if not is_whole:
        raise IrsaError(f"The key {kid} was not installed: what was handed over is another key. Nothing was written.")
    return _put(folder, private, kid=kid, public_key=public_key, like=like)


def _put(
    folder: str, private: bytes, *, kid: str, public_key: str, like: str | None, private_first: bool = False
) -> Json:
    """Write the two files of a key, the public one first: a node without openssl knows of no other what it is."""
    path = os.path.join(folder, f"{kid}.key")
    new = [
        Replacement(f"{path[: -len('.key')]}.pub", public_key.encode(), None, 0o644, folder_mode=0o700, like=like),
        Replacement(path, private, None, 0o600, folder_mode=0o700, like=like, is_private=True),
    ]
    missing = [file for file in (reversed(new) if private_first else new) if not _is_in_place(file)]
    for file in missing:
        node_files.replace(file, None)
    present = files.read(path)
    return {"kid": kid, "public_key": public_key, "path": path, "sha256": digest(present), "made": bool(missing)}


def _is_in_place(file: Replacement) -> bool:
    """Whether a file has been written. Raises IrsaError if something else is there."""
    present = files.read(file.path)
    if present is not None and present.strip() != (file.content or b"").strip():
        raise IrsaError(
            f"{files.shown(file.path)} exists and is another key than the one that its name says. Remove it if nothing "
            "uses it."
        )
    return present is not None


def sealed(path: str, pad: str) -> Json:
    """Return a private key XOR a pad of random bytes (base64) that is at least as long, and the key's ``length``. Who
    knows the pad can read it, and nobody else. Raises IrsaError.
    """
    content = files.read(path)
    if content is None:
        raise IrsaError(f"{files.shown(path)} does not exist, so the key in it cannot be handed to other API servers.")
    key = base64.b64decode(pad)
    if len(key) < len(content):
        raise IrsaError(f"{files.shown(path)} has {len(content)} bytes, and cannot be sealed with {len(key)}.")
    mixed = bytes(left ^ right for left, right in zip(content, key))
    return {"sealed": base64.b64encode(mixed).decode(), "length": len(content)}


def remove(folder: str, paths: t.Iterable[str]) -> Json:
    """Remove files of keys from the folder for own keys and those below it, and return which were ``removed``.

    Raises IrsaError for any other path; then nothing is removed.
    """
    paths = list(paths)
    left = [path for path in key_datastore.left(folder) if path in paths]
    paths = [path for path in paths if path not in left]
    _require_keys(paths, folder, folders=(folder, os.path.join(folder, key_reading.RETIRED)), what="removed")
    removed = [path for path in paths if os.path.lexists(path)]
    for path in removed:
        _unlink(path)
        files.sync_folder(os.path.dirname(path))
    if left:
        key_datastore.remove_left(folder)
    return {"removed": [*removed, *left]}


def retire(folder: str, paths: t.Iterable[str]) -> Json:
    """Move keys KID.key, with the public half beside each, from the folder for own keys into the one below it, where
    no run takes a key from to sign with. Return which private keys were ``retired``.

    Raises IrsaError for any other path, then nothing is moved, and if another key is in the way.
    """
    paths = list(paths)
    _require_keys(paths, folder, folders=(folder,), what="retired")
    retired = [path for path in paths if os.path.lexists(path)]
    for path in retired:
        # The private half goes last: while it is there, the next run moves what is left.
        _move(f"{path[: -len('.key')]}.pub", folder)
        _move(path, folder)
    return {"retired": retired}


def _move(path: str, folder: str) -> None:
    """Move a file into the folder of retired keys, unless the same is there already. Raises IrsaError."""
    content, after = files.read(path), os.path.join(folder, key_reading.RETIRED, os.path.basename(path))
    if content is None:
        return
    present = files.read(after)
    if present is not None and present.strip() != content.strip():
        raise IrsaError(
            f"{files.shown(path)} is not retired: {files.shown(after)} exists and is another key. Remove it if nothing "
            "uses it."
        )
    try:
        node_files.make_folder(os.path.dirname(after), 0o700, owner=os.stat(path))
        # No copy of a private key is left by a run that is killed.
        os.rename(path, after)
    except OSError as error:
        raise IrsaError(f"{files.shown(path)} cannot be moved: {files.reason(error)}.") from None
    files.sync_folder(os.path.dirname(after))
    files.sync_folder(folder)


def _require_keys(paths: t.Iterable[str], folder: str, *, folders: t.Container[str], what: str) -> None:
    """Raise IrsaError for a path that is not one of a key in one of the folders."""
    for path in paths:
        if os.path.dirname(path) not in folders or not _is_of_key(os.path.basename(path)):
            raise IrsaError(
                f"{files.shown(path)} is not {what}: it is not a file KID.key or KID.pub in {files.shown(folder)}."
            )


def _is_of_key(name: str) -> bool:
    stem, ending = os.path.splitext(name)
    return ending in (".key", ".pub") and key_reading.PRIVATE_NAME.fullmatch(f"{stem}.key") is not None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise IrsaError(f"{files.shown(path)} cannot be removed: {files.reason(error)}.") from None
