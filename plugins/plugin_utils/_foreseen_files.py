# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a host as the steps of a rotation would leave them, in the form in which they were read.

No content of a private key is in it: of each, there is a name for its content that only another key does not have.
"""

from __future__ import annotations

import base64
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import RETIRED
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import content
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._kubeadm_reading import KUBEADM

Json = dict[str, t.Any]


def digest_of(kid: str) -> str:
    """Return what stands for the SHA-256 of the file of a private key that may not exist yet."""
    return f"SHA-256 of {kid}.key"


class HostFiles:
    """The files in a reading, which is changed with them. ``patches_dir`` is the folder of kubeadm's patches."""

    def __init__(self, reading: Json, patches_dir: str) -> None:
        self._reading, self._patches_dir = reading, patches_dir
        keys = reading["keys"]
        self._public = {path: content(described) for path, described in keys["files"].items()}
        self._times = {path: described.get("modified") for path, described in keys["files"].items()}
        self._private = {each["path"]: (each["sha256"], each["kid"]) for each in keys["staged"]}
        self._private |= {path: (each["sha256"], each["kid"]) for path, each in keys["digests"].items() if each}
        self._staged = {each["path"]: each for each in keys["staged"]}

    def write(self, path: str, text: bytes | None) -> None:
        """Write a file, or remove it if the text is None, wherever the reading has it."""
        inspected, encoded = self._reading["inspected"], None if text is None else base64.b64encode(text).decode()
        if self._reading["distribution"] != KUBEADM:
            inspected["configuration"].pop(path, None)
            if encoded is not None:
                # What a service has read since is not newer than its start.
                inspected["configuration"][path] = {"content": encoded, "changed": None}
        elif path in inspected["files"]:
            inspected["files"][path] = {"content": encoded}
        elif posixpath.dirname(path) == self._patches_dir:
            inspected["patches"].pop(posixpath.basename(path), None)
            if encoded is not None:
                inspected["patches"][posixpath.basename(path)] = encoded
        else:
            self._public[path] = text

    def write_public(self, path: str, text: bytes) -> None:
        """Write a file of public keys, or of private ones of which the public halves are read."""
        self._public[path] = text

    def put_key(self, path: str, kid: str, public_key: str | None) -> None:
        """Put a private key there, with its public half beside it, as an own key."""
        self.replace_private(path, kid, digest_of(kid))
        is_retired = posixpath.basename(posixpath.dirname(path)) == RETIRED
        self._staged[path] = {"kid": kid, "path": path, "public_key": public_key, "is_retired": is_retired}
        if public_key:
            self._public[f"{path.removesuffix('.key')}.pub"] = public_key.encode()
        self._list(path)

    def replace_private(self, path: str, kid: str | None, digest: str) -> None:
        self._private[path] = (digest, kid)

    def remove(self, paths: t.Iterable[str]) -> None:
        """Remove files of keys, or what a killed run has left of them."""
        for path in paths:
            self._staged.pop(path, None)
            self._private.pop(path, None)
            self._public.pop(path, None)
            self._unlist(path)
        keys = self._reading["keys"]
        keys["left"] = [path for path in keys.get("left") or [] if path not in paths]

    def retire(self, paths: t.Iterable[str]) -> None:
        """Move private keys to where those are kept that sign no longer."""
        for path in paths:
            key = self._staged[path]
            self.remove([path, f"{path.removesuffix('.key')}.pub"])
            folder, name = posixpath.split(path)
            self.put_key(f"{folder}/{RETIRED}/{name}", key["kid"], key["public_key"])

    def text(self, path: str) -> bytes | None:
        """Return a file of public keys, None if it is not there or was not read."""
        return self._public.get(path)

    def keys(self, asked: t.Mapping[str, t.Any]) -> Json:
        """Return what module irsa_node would find with its operation ``keys``."""
        retired = {each["kid"] for each in self._staged.values() if each["is_retired"]}
        return {
            **self._reading["keys"],
            "files": {path: self._described(path) for path in asked["paths"]},
            "digests": {path: self._digest(path) for path in asked["private_paths"]},
            "staged": [
                {**each, "sha256": self._private[path][0], "is_retired": each["kid"] in retired}
                for path, each in sorted(self._staged.items(), key=_as_listed)
            ],
        }

    def _described(self, path: str) -> Json:
        text = self._public.get(path)
        encoded = None if text is None else base64.b64encode(text).decode()
        return {"path": path, "content": encoded, "modified": self._times.get(path)}

    def _digest(self, path: str) -> Json | None:
        if path not in self._private:
            return None
        digest, kid = self._private[path]
        # Only openssl tells which key it is.
        return {"sha256": digest, "kid": kid if self._reading["keys"]["has_openssl"] else None}

    def _list(self, path: str) -> None:
        folder, name = posixpath.split(path)
        folders = self._reading["inspected"]["folders"]
        names = [name, f"{name.removesuffix('.key')}.pub"]
        folders[folder] = sorted({*(folders.get(folder) or []), *names})

    def _unlist(self, path: str) -> None:
        folder, name = posixpath.split(path)
        folders = self._reading["inspected"]["folders"]
        if folders.get(folder):
            folders[folder] = [each for each in folders[folder] if each != name]


def _as_listed(item: tuple[str, t.Any]) -> tuple[bool, str]:
    """Return what orders private keys as a host lists them."""
    path = item[0]
    return posixpath.basename(posixpath.dirname(path)) == RETIRED, posixpath.basename(path)
