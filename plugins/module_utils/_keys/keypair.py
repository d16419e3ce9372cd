# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key pair in its files: adopt the private key or create one, and keep its public forms correct.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import (
    key_facts,
    key_files,
    key_folder,
    key_remains,
    key_warnings,
    public_files,
    safe_paths,
    signing_key,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.keypair_record import Record

_NO_FACTS: dict[str, t.Any] = {
    **dict.fromkeys(("kid", "algorithm", "fingerprint", "public_key", "openssh_public_key", "size", "curve")),
    "kids": [],
    "public_keys": [],
}


class KeyPair:
    """One private key file and the files with its public forms.

    ``options`` are those of module irsa_keypair; with ``check_mode`` nothing is written. ``ensure_present`` and
    ``ensure_absent`` return the module's result (``warnings`` included). All methods raise IrsaError.
    """

    def __init__(self, options: t.Mapping[str, t.Any], check_mode: bool) -> None:
        _check_options(options)
        self.options = options
        self.check_mode = check_mode
        self.path: str = options["path"]
        self.folder = os.path.dirname(self.path) or "."
        self.owner: str | None = options.get("owner")
        self.public_files = public_files.named_in(options)
        self.record = Record(self.path, options["public_key_path"], check_mode)

    def ensure_present(self) -> dict[str, t.Any]:
        """Adopt the key, or create one; then write the public forms that are missing or wrong."""
        with self.record.reported_on_failure():
            self._clean_up()
            before = self._read()
            after = self._ensure_key(before)
            if after is None:
                if self.options["create"] and self.check_mode:
                    return self._preview(before)
                self._check_files(())
                return self._result(before, None)
            self._write_public_files(after.public_keys)
            return self._result(before, after)

    def ensure_absent(self) -> dict[str, t.Any]:
        """Remove those of the public forms that hold nothing else, then the private key, which shows whose they are."""
        with self.record.reported_on_failure():
            self._clean_up()
            has_key, public_key = self._removable_key()
            own, warnings = public_files.removable(self.public_files, public_key, private_path=self.path)
            self.record.warnings += warnings
            named = [(file.path, file.remove_action) for file in own]
            named += [(self.path, "file:RemovePrivateKey")] if has_key else []
            if has_key:
                self._back_up()
            for path, action in named:
                if not self.check_mode:
                    key_files.remove(path)
                self.record.actions.append(action)
            before = {"files": [path for path, dummy in named]} if named else {}
            return self.record.result(_NO_FACTS, exists=False, before=before, after={})

    def _clean_up(self) -> None:
        if not self.check_mode:
            key_files.remove_leftovers([self.path, *(file.path for file in self.public_files)])

    # --- the private key

    def _read(self) -> signing_key.PrivateKey | None:
        """Return the key in the file; None without a file, or for an unusable key that is to be replaced anyway."""
        content = files.read(self.path)
        if content is None:
            return None
        safe_paths.check(self.path, self.owner, group=self.options.get("group"))
        try:
            return signing_key.load_private(content)
        except Fault as fault:
            if self._always_replaces:
                self._check_replaceable(content)
                return None
            raise self._unusable(fault) from None

    def _removable_key(self) -> tuple[bool, key_facts.PublicKey | None]:
        """Return whether there is a private key file to be removed, and its public key if it can be read.

        A link is removed, not what it points to. Raises IrsaError for a file that holds anything else.
        """
        content = files.read(self.path) if os.path.exists(self.path) else None
        if content is None:
            return os.path.lexists(self.path), None
        self._check_replaceable(content)
        try:
            return True, signing_key.load_private(content).public_key
        except Fault:
            return True, None

    def _check_replaceable(self, content: bytes) -> None:
        try:
            key_remains.check_private(content)
        except Fault as fault:
            raise self._unusable(fault) from None

    def _unusable(self, fault: Fault) -> IrsaError:
        return IrsaError(f"The private key file {files.shown(self.path)} cannot be used: {fault}. It was not changed.")

    @property
    def _always_replaces(self) -> bool:
        return self.options["regenerate"] == "always" and bool(self.options["create"])

    def _ensure_key(self, current: signing_key.PrivateKey | None) -> signing_key.PrivateKey | None:
        """Return the key in its desired state, and write it if it differs from ``current``.

        Returns None if there will be no key, or if check mode cannot know it yet.
        """
        if self._always_replaces and os.path.lexists(self.path):
            return self._replace()
        if current is None:
            return self._create() if self.options["create"] else None
        self._check_match(current.public_key)
        self._warn_of_open_mode()
        for warning in key_warnings.of_content(current, self.path, self.options["public_key_path"]):
            self.record.warn(warning)
        if self.options["format"] in ("auto", current.format):
            return current
        return self._rewrite(current)

    def _check_match(self, public_key: key_facts.PublicKey) -> None:
        options = self.options
        difference = key_facts.mismatch(
            public_key, key_type=options["type"], size=options["size"], curve=options["curve"]
        )
        if difference and options["regenerate"] == "never":
            self.record.warn(f"The key in {files.shown(self.path)} was kept although {difference}.")
        elif difference:
            raise IrsaError(
                f"The key in {files.shown(self.path)} does not match the options: {difference}. It was not changed, "
                "since every token signed with it would become invalid. Set the options to match the existing key, or "
                "rotate to a key in another file."
            )

    def _warn_of_open_mode(self) -> None:
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        if mode & 0o077 and self.options.get("mode") is None:
            self.record.warn(
                f"The private key file {files.shown(self.path)} has mode {mode:04o}, so other users may be able to "
                "read it. Set mode: '0600' to change that."
            )

    def _create(self) -> signing_key.PrivateKey | None:
        self._check_files(())
        self._ensure_folder()
        self.record.warn(key_folder.loss_warning(self.path))
        if self.check_mode:
            self.record.actions.append("file:CreatePrivateKey")
            return None
        created = self._generate()
        if key_files.create_private(self.path, signing_key.private_pem(created.key, created.format)):
            self.record.actions.append("file:CreatePrivateKey")
            return created
        # Another run was faster: its key is adopted, under the same conditions as any other.
        return self._ensure_key(self._read())

    def _ensure_folder(self) -> None:
        if not key_folder.is_missing(self.folder):
            return
        if self.check_mode or key_folder.create(self.folder):
            self.record.new_folder = self.folder
            self.record.actions.append("file:CreateKeyFolder")
            self.record.warn(key_folder.unreachable_warning(self.folder, self.owner))
        if not self.check_mode:
            key_files.check_writable(self.path, self.owner)  # another user may have been faster

    def _replace(self) -> signing_key.PrivateKey | None:
        self._check_files(())
        created = None if self.check_mode else self._generate()
        self._overwrite(created)
        self.record.actions.append("file:ReplacePrivateKey")
        return created

    def _rewrite(self, current: signing_key.PrivateKey) -> signing_key.PrivateKey:
        self._check_files(current.public_keys)
        desired = signing_key.PrivateKey(current.key, self.options["format"])
        self._overwrite(None if self.check_mode else desired)
        self.record.actions.append("file:RewritePrivateKey")
        return desired

    def _generate(self) -> signing_key.PrivateKey:
        options = self.options
        key = signing_key.generate(options["type"] or "RSA", options["size"], options["curve"])
        return signing_key.PrivateKey(key, "traditional" if options["format"] == "auto" else options["format"])

    def _check_files(self, public_keys: public_files.Keys) -> None:
        """Raise IrsaError for any file that could not be written, before the private key is touched."""
        key_files.check_writable(self.path, self.owner, new_folder=self.folder)
        self._repairs(public_keys)

    def _repairs(self, public_keys: public_files.Keys) -> list[public_files.Repair]:
        return public_files.repairs(self.public_files, public_keys, private_path=self.path, owner=self.owner)

    def _overwrite(self, key: signing_key.PrivateKey | None) -> None:
        """Replace the private key file; without a key, as in check mode, only check that it holds nothing else."""
        self._check_replaceable(files.read(self.path) or b"")
        if key is None:
            return
        status = os.stat(self.path)
        self._back_up()
        key_files.replace(
            self.path,
            signing_key.private_pem(key.key, key.format),
            # a group's access stays; others never have any
            mode=(stat.S_IMODE(status.st_mode) & 0o660) | key_files.PRIVATE_MODE,
            owner=status,
        )

    def _back_up(self) -> None:
        if self.options["backup"] and not self.check_mode:
            self.record.backup_file = key_files.keep_copy(self.path)

    # --- its public forms

    def _write_public_files(self, public_keys: public_files.Keys) -> None:
        for repair in self._repairs(public_keys):
            if not self.check_mode:
                key_files.replace(repair.file.path, repair.file.content(public_keys), mode=key_files.PUBLIC_MODE)
            self._note(repair)

    def _note(self, repair: public_files.Repair) -> None:
        path = files.shown(repair.file.path)
        if repair.fault:
            self.record.warn(f"The public key file {path} is rewritten: {repair.fault}.")
        self.record.actions.append(repair.file.write_action)

    # --- the result

    def _preview(self, before: signing_key.PrivateKey | None) -> dict[str, t.Any]:
        """Return the result of a check mode that would create the key, whose facts are not known yet."""
        for repair in self._repairs(()):
            self._note(repair)
        paths = [self.path, *(file.path for file in self.public_files)]
        after = {"kid": key_facts.NOT_CREATED, **key_facts.kind_of_new(self.options), "files": paths}
        return self.record.result(_NO_FACTS, exists=False, before=_shown(before), after=after)

    def _result(self, before: signing_key.PrivateKey | None, after: signing_key.PrivateKey | None) -> dict[str, t.Any]:
        facts = key_facts.describe_all(after.public_keys) if after else _NO_FACTS
        return self.record.result(facts, exists=after is not None, before=_shown(before), after=_shown(after))


def _shown(key: signing_key.PrivateKey | None) -> dict[str, t.Any]:
    """Return what a diff may show of a key: never a byte of it."""
    if key is None:
        return {}
    facts = key_facts.describe_all(key.public_keys)
    return {
        "format": key.format,
        **{name: facts[name] for name in ("kid", "algorithm", "size", "curve") if facts[name]},
        **({"further_kids": facts["kids"][1:]} if key.further_public_keys else {}),
    }


def _check_options(options: t.Mapping[str, t.Any]) -> None:
    """Raise IrsaError for options that contradict each other."""
    if not options["path"]:
        raise IrsaError("path is empty; it must name the file of the private key.")
    named = [options[name] for name in ("path", "public_key_path", "openssh_public_key_path") if options[name]]
    for path in named:
        files.require_valid(path)
    if options["type"] == "ECDSA" and options["size"]:
        raise IrsaError("size is for RSA keys; an ECDSA key has a curve.")
    if options["type"] != "ECDSA" and options["curve"]:
        raise IrsaError("curve is for ECDSA keys; set type: ECDSA with it.")
    if len({os.path.realpath(path) for path in named}) < len(named):
        raise IrsaError(
            "path, public_key_path and openssh_public_key_path must name different files, or one would overwrite "
            "the other."
        )
