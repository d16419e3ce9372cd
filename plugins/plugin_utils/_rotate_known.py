# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public keys that are known in a rotation, wherever they were found, and where private halves lie ready."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Reading, content


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrivateFile:
    """A private key that lies on a host of the play.

    :ivar is_retired: whether it is kept where no run takes a key from to sign with
    :ivar is_named: whether a file that its API server starts with names it
    """

    kid: str
    host: str
    path: str
    sha256: str
    is_retired: bool = False
    is_named: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeftFolder:
    """A folder with private keys that a run left on a host when it was killed, and the folder of own keys there."""

    host: str
    key_folder: str
    path: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnownKeys:
    """Public keys by their IDs; private keys in the folders of own keys; those that servers sign with; and what a run
    left that was killed.
    """

    public: t.Mapping[str, key_facts.PublicKey]
    staged: tuple[PrivateFile, ...] = ()
    in_use: tuple[PrivateFile, ...] = ()
    left: tuple[LeftFolder, ...] = ()

    @classmethod
    def of(
        cls, readings: t.Sequence[Reading], key_sets: t.Iterable[t.Mapping[str, t.Any] | None], published: str | None
    ) -> KnownKeys:
        """Return the keys in the readings of hosts, in what API servers serve, and in the text of the JWKS."""
        public: dict[str, key_facts.PublicKey] = {}
        for key in [key for key_set in key_sets for key in (key_set or {}).get("keys", [])] + _keys_in(published):
            with contextlib.suppress(Fault):
                public.setdefault(str(key.get("kid")), jwk.public_key_of(key))
        for key in [key for reading in readings for key in reading["keys"]["staged"] if key["public_key"]]:
            with contextlib.suppress(Fault):
                public.setdefault(key["kid"], signing_key.load_public(key["public_key"].encode()))
        return cls(
            public=public,
            staged=tuple(file for reading in readings for file in _staged_in(reading)),
            in_use=tuple(file for reading in readings for file in _used_in(reading)),
            left=tuple(folder for reading in readings for folder in _left_in(reading)),
        )

    def pem(self, kid: str) -> str:
        """Return a public key as PEM. Raises IrsaError if it was found nowhere."""
        if kid not in self.public:
            raise IrsaError(
                f"The public half of the key {kid} is neither published nor served by an API server, and its private "
                "half lies on no host. Run irsa_rotate_phase=prepare, which begins with another key."
            )
        return key_facts.public_pem(self.public[kid])

    def private(self, kid: str) -> PrivateFile | None:
        """Return a file with the private half of a key, preferably one that no server signs with."""
        return next((file for file in (*self.staged, *self.in_use) if file.kid == kid), None)


def _staged_in(reading: Reading) -> t.Iterator[PrivateFile]:
    inspected = reading["inspected"]
    # What an API server starts with: manifests of kubeadm, and the files that a service reads.
    described = [*inspected.get("files", {}).values(), *inspected.get("configuration", {}).values()]
    texts = [content(each) or b"" for each in described]
    for key in reading["keys"]["staged"]:
        yield PrivateFile(
            kid=key["kid"],
            host=reading["host"],
            path=key["path"],
            sha256=key["sha256"],
            is_retired=key["is_retired"],
            is_named=not key["is_retired"] and any(key["kid"].encode() in text for text in texts),
        )


def _used_in(reading: Reading) -> t.Iterator[PrivateFile]:
    """Yield the files that a server signs with, as far as its host can tell their key IDs."""
    for path, digest in reading["keys"]["digests"].items():
        if digest and digest["kid"]:
            yield PrivateFile(kid=digest["kid"], host=reading["host"], path=path, sha256=digest["sha256"])


def _left_in(reading: Reading) -> t.Iterator[LeftFolder]:
    keys = reading["keys"]
    for path in keys.get("left") or []:
        yield LeftFolder(host=reading["host"], key_folder=keys["key_folder"], path=path)


def _keys_in(published: str | None) -> list[dict[str, t.Any]]:
    return jwk.parse_jwks(published) if published else []
