# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files with the public forms of a key: which of them must be written, and why.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, key_files, pem, signing_key

# Each option of irsa_keypair that names such a file, and what actions call the file.
_NAMES = {"public_key_path": "PublicKey", "openssh_public_key_path": "OpensshPublicKey"}


class PublicFile(t.NamedTuple):
    """A file with one public form of a key: the option that names it, and its path."""

    option: str
    path: str

    @property
    def write_action(self) -> str:
        """What ``actions`` call a write of this file."""
        return f"file:Write{_NAMES[self.option]}"

    @property
    def remove_action(self) -> str:
        """What ``actions`` call the removal of this file."""
        return f"file:Remove{_NAMES[self.option]}"

    def content(self, public_key: key_facts.PublicKey) -> bytes:
        """Return the bytes of this form of a key."""
        if self.option == "public_key_path":
            return key_facts.public_pem(public_key).encode()
        return key_facts.openssh_line(public_key).encode() + b"\n"


class Repair(t.NamedTuple):
    """A public file that must be written, and what is wrong with it; no fault if the file does not exist yet."""

    file: PublicFile
    fault: str | None


def named_in(options: t.Mapping[str, t.Any]) -> list[PublicFile]:
    """Return the public files that the options of irsa_keypair name."""
    return [PublicFile(option, options[option]) for option in _NAMES if options[option]]


def repairs(
    files: t.Iterable[PublicFile], public_key: key_facts.PublicKey | None, *, private_path: str
) -> list[Repair]:
    """Return the files that must be written for a key; ``public_key`` is None for one that is not created yet.

    A file that contains the right key in any form is left as it is. Raises IrsaError for a file that must be written
    but cannot be, and for one that contains a private key, which is never overwritten.
    """
    found = []
    for file in files:
        content = key_files.read(file.path)
        if content is not None and pem.holds_private_key(content):
            raise IrsaError(
                f"{file.path} contains a private key, where the public form of {private_path} belongs. It was not "
                "changed; choose another path."
            )
        fault = _fault(content, public_key) if content is not None and public_key is not None else None
        if content is None or public_key is None or fault:
            key_files.check_writable(file.path)
            found.append(Repair(file, fault))
    return found


def check_removable(files: t.Iterable[PublicFile], *, private_path: str) -> None:
    """Raise IrsaError for a file that contains a private key, which may be the only copy of it."""
    for file in files:
        content = key_files.read(file.path) if os.path.exists(file.path) else None
        if content is not None and pem.holds_private_key(content):
            raise IrsaError(
                f"{file.path} contains a private key, where the public form of {private_path} belongs. Nothing was "
                f"removed; correct {file.option}."
            )


def _fault(content: bytes, public_key: key_facts.PublicKey) -> str | None:
    try:
        actual = key_facts.kid(signing_key.load_public(content))
    except Fault as fault:
        return str(fault)
    return None if actual == key_facts.kid(public_key) else f"it contains a different key, {actual}"
