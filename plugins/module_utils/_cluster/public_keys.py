# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of public keys as --service-account-key-file names it: one key behind the other in PEM, with their order.

kube-apiserver verifies with all keys of the file; kubeadm compares the first one with the private key:
https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/client-go/util/keyutil/key.go
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

_BLOCK = re.compile(
    rb"^-----BEGIN (?P<label>[A-Z0-9 ]+)-----[ \t]*\r?\n(?P<body>.*?)^-----END (?P=label)-----[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PRIVATE = re.compile(rb"BEGIN [A-Z0-9 ]*PRIVATE KEY")
_PUBLIC_KEY = b"PUBLIC KEY"


class PublicKey(t.NamedTuple):
    """One key: the bytes from the end of the one before it up to its own end, and its ID.

    ``kid`` is None for a key in another form than PUBLIC KEY, such as a certificate: it stays where it is.
    """

    text: bytes
    kid: str | None


class PublicKeyFile:
    """The content of a file. Raises Fault for one that holds a private key or no key at all."""

    def __init__(self, content: bytes) -> None:
        if _PRIVATE.search(content):
            raise Fault("it holds a private key")
        self.content = content
        self.keys: list[PublicKey] = []
        end = 0
        for found in _BLOCK.finditer(content):
            self.keys.append(PublicKey(content[end : found.end()], _kid(found)))
            end = found.end()
        self._rest = content[end:]
        if not self.keys:
            raise Fault("it holds no public key in PEM")

    @property
    def kids(self) -> tuple[str, ...]:
        """The IDs of its keys in order, as far as they are known."""
        return tuple(key.kid for key in self.keys if key.kid)

    @property
    def is_known(self) -> bool:
        """Whether the ID of each of its keys is known."""
        return all(key.kid for key in self.keys)

    @property
    def digest(self) -> str:
        """The SHA-256 of its keys in order, whatever is between them."""
        parts = [(key.kid or hashlib.sha256(key.text).hexdigest()).encode() for key in self.keys]
        return hashlib.sha256(b"\n".join(parts)).hexdigest()

    def with_key(self, kid: str, pem: str) -> PublicKeyFile:
        """Return the file with a key behind the others, if it is not there yet."""
        if kid in self.kids:
            return self
        return PublicKeyFile(_ended(self.content) + _ended(pem.strip().encode()))

    def with_first(self, kid: str) -> PublicKeyFile:
        """Return the file with a key, which must be in it, in front of the others."""
        if self.keys[0].kid == kid:
            return self
        first = [key for key in self.keys if key.kid == kid]
        others = [key for key in self.keys if key.kid != kid]
        # The last key may lack the line break that it needs in another place.
        return PublicKeyFile(b"".join(_ended(key.text) for key in (*first, *others)) + self._rest)

    def without(self, kids: t.Collection[str]) -> PublicKeyFile | None:
        """Return the file without these keys and what is written above them; None: nothing would be left."""
        kept = [key for key in self.keys if key.kid not in kids]
        if len(kept) == len(self.keys):
            return self
        return PublicKeyFile(b"".join(key.text for key in kept) + self._rest) if kept else None


def kid_of(pem: str) -> str | None:
    """Return the ID of a public key in PEM, None for anything else."""
    found = _BLOCK.fullmatch(pem.strip().encode())
    return _kid(found) if found else None


def _kid(found: re.Match[bytes]) -> str | None:
    """Return what API servers call a key: the SHA-256 of its SubjectPublicKeyInfo in base64url.

    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/serviceaccount/jwt.go
    """
    if found["label"] != _PUBLIC_KEY:
        return None
    try:
        content = base64.b64decode(b"".join(found["body"].split()), validate=True)
    except binascii.Error:
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
