# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files with the public forms of a key: which of them must be written, may be removed, and why.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import (
    key_facts,
    key_files,
    key_remains,
    pem,
    signing_key,
)

# Each option of irsa_keypair that names such a file, and what actions call the file.
_NAMES = {"public_key_path": "PublicKey", "openssh_public_key_path": "OpensshPublicKey"}


# The public keys of a private key file, that of the key that signs first; none while the key is not created.
Keys = t.Sequence["key_facts.PublicKey"]


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

    def content(self, public_keys: Keys) -> bytes:
        """Return the bytes of this form of the keys in a private key file."""
        pem_form, openssh_form = key_remains.own_forms(public_keys)
        return pem_form if self.option == "public_key_path" else openssh_form

    def keys_in(self, public_keys: Keys) -> Keys:
        """Return those of the keys that this form has: of OpenSSH only the one that signs."""
        return public_keys if self.option == "public_key_path" else public_keys[:1]


class Repair(t.NamedTuple):
    """A public file that must be written, and what is wrong with it; no fault if the file does not exist yet."""

    file: PublicFile
    fault: str | None


def named_in(options: t.Mapping[str, t.Any]) -> list[PublicFile]:
    """Return the public files that the options of irsa_keypair name."""
    return [PublicFile(option, options[option]) for option in _NAMES if options[option]]


def repairs(
    public_files: t.Iterable[PublicFile], public_keys: Keys, *, private_path: str, owner: str | None = None
) -> list[Repair]:
    """Return the files that must be written for the keys of a private key file.

    A file that contains the right key in any form, perhaps beside others, is left as it is. Raises IrsaError for a file
    that must be written but cannot be, and for one that contains anything but one public key as this module writes it.
    """
    found = []
    for file in public_files:
        content = _read(file, private_path, "written")
        expected = file.keys_in(public_keys)
        if content is not None and expected and _is_right(content, expected):
            continue
        fault = None if content is None else _fault(file, content, expected, private_path=private_path)
        key_files.check_writable(file.path, owner, new_folder=os.path.dirname(private_path))
        found.append(Repair(file, fault))
    return found


def removable(
    public_files: t.Iterable[PublicFile], public_key: key_facts.PublicKey | None, *, private_path: str
) -> tuple[list[PublicFile], list[str]]:
    """Return the files that are there and are only this key's, and a warning for each other one.

    ``public_key`` is None if the private key is gone already, so that nothing shows whose a public key is. Raises
    IrsaError for a file that contains a private key, which may be the only copy of it.
    """
    own, warnings = [], []
    for file in public_files:
        content = _read(file, private_path, "removed") if os.path.exists(file.path) else None
        if content is None and not os.path.lexists(file.path):
            continue
        if content is None or _is_own(content, public_key):
            own.append(file)
        else:
            reason = (
                f"and there is no usable private key {files.shown(private_path)}, which would show whose it is"
                if public_key is None
                else f"which is not, or not only, the public form of {files.shown(private_path)}"
            )
            warnings.append(
                f"{files.shown(file.path)} was not removed: it contains {key_remains.described(content)}, {reason}."
            )
    return own, warnings


def _read(file: PublicFile, private_path: str, done: str) -> bytes | None:
    content = files.read(file.path)
    if content is not None and pem.holds_private_key(content):
        raise IrsaError(
            f"{files.shown(file.path)} contains a private key, where the public form of {files.shown(private_path)} "
            f"belongs. Nothing was {done}. {_remedy(file)}"
        )
    return content


def _remedy(file: PublicFile) -> str:
    return f"Correct {file.option} (irsa_issuer_{file.option}), or move the file away."


def _kids(public_keys: t.Iterable[key_facts.PublicKey]) -> set[str]:
    return set(map(key_facts.kid, public_keys))


def _is_right(content: bytes, expected: Keys) -> bool:
    """Whether a file has the key that signs; one that was written for it alone must have all of them."""
    present, kids = _kids(key_remains.public_keys_in(content)), _kids(expected)
    return kids <= present or (key_facts.kid(expected[0]) in present and not _is_part(content, expected))


def _is_part(content: bytes, expected: Keys) -> bool:
    """Whether a file is some of the keys, in a form that this collection writes."""
    own = _kids(key_remains.keys_in_own_form(content))
    return bool(own) and own <= _kids(expected)


def _fault(file: PublicFile, content: bytes, expected: Keys, *, private_path: str) -> str:
    """Return why a file may be overwritten. Raises IrsaError for one that may not."""
    if expected and _is_part(content, expected):
        return f"it lacks keys that {files.shown(private_path)} has"
    own = key_remains.keys_in_own_form(content)
    if len(own) == 1 and not _belongs_to_another(file, own[0], private_path=private_path):
        return f"it contains a different key, {key_facts.kid(own[0])}"
    is_cut_off = bool(expected) and any(form.startswith(content) for form in key_remains.own_forms(expected))
    if key_remains.is_empty(content) or is_cut_off or key_remains.is_damaged_public_form(content):
        return _damage(content)
    raise IrsaError(
        f"{files.shown(file.path)} contains {key_remains.described(content)}, and not the public key of "
        f"{files.shown(private_path)}. What another program may need is not overwritten; nothing was written. "
        f"{_remedy(file)}"
    )


def _damage(content: bytes) -> str:
    try:
        signing_key.load_public_keys(content)
    except Fault as fault:
        return str(fault).partition("; expected")[0]
    return "it is truncated"


def _is_own(content: bytes, public_key: key_facts.PublicKey | None) -> bool:
    """Whether nothing other than this key, or what is left of a public form, is in the file."""
    own = key_remains.keys_in_own_form(content)
    if own:
        return public_key is not None and _kids(own) == {key_facts.kid(public_key)}
    return key_remains.is_empty(content) or key_remains.is_damaged_public_form(content)


def _belongs_to_another(file: PublicFile, public_key: key_facts.PublicKey, *, private_path: str) -> bool:
    """Whether the private key of a public one is beside it, under one of the usual names, such as sa.key for sa.pub."""
    stem = file.path.removesuffix(".pub")
    names = (stem, f"{stem}.key", f"{stem}.pem", f"{stem.removesuffix('-pkcs8')}.key")
    contents = []
    for path in sorted({os.path.realpath(name) for name in names} - {os.path.realpath(private_path)}):
        try:
            contents.append(files.read(path) or b"")
        except IrsaError:
            continue
    return key_remains.has_private_key_of(contents, public_key)
