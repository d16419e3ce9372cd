# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys a node has: those that its API server verifies with, digests of those that it signs with, and those that
lie ready in the folder for the issuer's own keys. Nothing of a private key but its SHA-256 is returned.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import os
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import openssl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----[^\S\n]*\n?", re.DOTALL)
_PUBLIC = (b"PUBLIC KEY", b"CERTIFICATE")
_PRIVATE_KEY = b"PRIVATE KEY"

# A kid is a SHA-256 in base64url.
# In the folder for own keys, what has the keys that signed before.
RETIRED = "retired"
PRIVATE_NAME = re.compile(r"([A-Za-z0-9_-]{43})\.key")

Json = dict[str, t.Any]


def key_files(paths: t.Iterable[str], faults: list[str]) -> dict[str, Json]:
    """Return path, content (base64), SHA-256 and time of files that an API server verifies tokens with, by path.

    Some distributions name a file of private keys there. Of such a file, the content is the public keys instead, and it
    ``is_private``. A file without a key has no content; ``faults`` says so.
    """
    return {path: _asked(_described, path, faults) or _unknown(path) for path in paths}


def _described(path: str) -> Json:
    content = files.read(path)
    if content is None:
        return _unknown(path)
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(content)]
    is_private = b"PRIVATE" in content
    if not any(label in _PUBLIC or label.endswith(_PRIVATE_KEY) for label, _block in blocks):
        raise Fault("holds no whole key in PEM")
    public = b"".join(_public(label, block) for label, block in blocks) if is_private else content
    return {
        "path": path,
        "content": base64.b64encode(public).decode(),
        "sha256": digest(content),
        "is_private": is_private,
        "modified": os.stat(path).st_mtime,
    }


def private_keys(content: bytes) -> dict[str, bytes]:
    """Return the private keys in a text by their IDs, in order, in a form in which API servers read both halves.

    Raises Fault.
    """
    found = {}
    for block in _BLOCK.finditer(content):
        if block[1].endswith(_PRIVATE_KEY):
            # They read no public key from an elliptic-curve key in PKCS#8.
            text = openssl.sec1_of(block[0]) if block[1] == _PRIVATE_KEY else block[0]
            text = text if text.endswith(b"\n") else text + b"\n"
            found[openssl.kid_of(openssl.public_key_of(text))] = text
    return found


def _unknown(path: str) -> Json:
    return {"path": path, "content": None, "sha256": None, "is_private": False, "modified": None}


def _public(label: bytes, block: bytes) -> bytes:
    """Return what is public of a PEM block. Raises Fault."""
    if label in _PUBLIC:
        return block
    return openssl.public_key_of(block).encode() if label.endswith(_PRIVATE_KEY) else b""


def digests(paths: t.Iterable[str], faults: list[str]) -> dict[str, Json | None]:
    """Return SHA-256 and ``kid`` of files of private keys by path: None for no file, and for a kid without openssl."""
    return {path: _asked(_digest, path, faults) for path in paths}


def _digest(path: str) -> Json | None:
    content = files.read(path)
    return None if content is None else {"sha256": digest(content), "kid": _derived(content)[0]}


def _derived(private: bytes) -> tuple[str | None, str | None]:
    """Return kid and public key of a private key: (None, None) without openssl. Raises Fault."""
    if not openssl.is_there():
        return None, None
    public_key = openssl.public_key_of(private)
    return openssl.kid_of(public_key), public_key


def staged(folder: str | None, faults: list[str]) -> list[Json]:
    """Return the private keys in a folder for own keys, and in the one below it for those that were replaced.

    Their files are called as their kid. Each has ``kid``, ``path``, ``sha256``, ``public_key`` (None if neither a file
    beside it nor openssl tells it), and ``is_retired``: whether a step has replaced it as the key that signs.
    """
    if not folder:
        return []
    retired_folder = os.path.join(folder, RETIRED)
    retired = _names_in(retired_folder, faults)
    paths = [os.path.join(folder, name) for name in _names_in(folder, faults)]
    paths += [os.path.join(retired_folder, name) for name in retired]
    found = (_asked(_staged, path, faults) for path in paths)
    return [{**each, "is_retired": os.path.basename(each["path"]) in retired} for each in found if each is not None]


def _names_in(folder: str, faults: list[str]) -> list[str]:
    """Return the names of private keys in a folder."""
    try:
        return sorted(name for name in os.listdir(folder) if PRIVATE_NAME.fullmatch(name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        faults.append(f"{files.shown(folder)} cannot be read: {files.reason(error)}.")
        return []


def _staged(path: str) -> Json | None:
    content = files.read(path)
    kid = os.path.basename(path)[: -len(".key")]
    if content is None:
        return None
    derived, public_key = _derived(content)
    if public_key is None:
        beside = files.read(f"{path[: -len('.key')]}.pub")
        public_key = None if beside is None else beside.decode("utf-8", "replace")
        derived = kid if public_key is None else openssl.kid_of(public_key)
    if derived != kid:
        raise Fault("is another key than the one that its name says")
    return {"kid": kid, "path": path, "sha256": digest(content), "public_key": public_key}


Answer = t.TypeVar("Answer")


def _asked(question: t.Callable[[str], Answer | None], path: str, faults: list[str]) -> Answer | None:
    try:
        return question(path)
    except Fault as fault:
        faults.append(f"{files.shown(path)} {fault}.")
    except IrsaError as error:
        faults.append(str(error))
    return None
