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

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import (
    key_facts,
    key_files,
    public_files,
    signing_key,
)

_NO_FACTS = dict.fromkeys(("kid", "algorithm", "fingerprint", "public_key", "openssh_public_key", "size", "curve"))


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
        self.public_files = public_files.named_in(options)
        self.warnings: list[str] = []
        self.actions: list[str] = []
        self.backup_file: str | None = None

    def ensure_present(self) -> dict[str, t.Any]:
        """Adopt the key, or create one; then write the public forms that are missing or wrong."""
        before = self._read()
        after = self._ensure_key(before)
        if after is None:
            key_files.check_writable(self.path)
            if self.options["create"] and self.check_mode:
                return self._preview(before)
            return self._result(before, None)
        self._write_public_files(after.key.public_key())
        return self._result(before, after)

    def ensure_absent(self) -> dict[str, t.Any]:
        """Remove the private key, then its public forms."""
        named = [(self.path, "file:RemovePrivateKey")]
        named += [(file.path, file.remove_action) for file in self.public_files]
        current = [(path, action) for path, action in named if os.path.lexists(path)]
        for path, dummy in current:
            if os.path.isdir(path):
                raise IrsaError(f"{path} is a directory; expected the path of a file. It was not changed.")
        public_files.check_removable(self.public_files, private_path=self.path)
        for path, action in current:
            self.actions.append(action)
            if path == self.path:
                self._back_up()
            if not self.check_mode:
                key_files.remove(path)
        before = {"files": [path for path, dummy in current]} if current else {}
        return self._finish(_NO_FACTS, exists=False, before=before, after={})

    # --- the private key

    def _read(self) -> signing_key.PrivateKey | None:
        """Return the key in the file; None without a file, or for an unusable key that is to be replaced anyway."""
        content = key_files.read(self.path)
        if content is None:
            return None
        try:
            return signing_key.load_private(content)
        except Fault as fault:
            if self._always_replaces:
                return None
            raise IrsaError(f"The private key file {self.path} cannot be used: {fault}. It was not changed.") from None

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
        self._check_match(current.key.public_key())
        self._warn_of_open_mode()
        if self.options["format"] in ("auto", current.format):
            return current
        return self._rewrite(current)

    def _check_match(self, public_key: key_facts.PublicKey) -> None:
        options = self.options
        difference = key_facts.mismatch(
            public_key, key_type=options["type"], size=options["size"], curve=options["curve"]
        )
        if difference and options["regenerate"] == "never":
            self.warnings.append(f"The key in {self.path} was kept although {difference}.")
        elif difference:
            raise IrsaError(
                f"The key in {self.path} does not match the options: {difference}. It was not changed, since every "
                "token signed with it would become invalid. Set the options to match the existing key, or rotate to a "
                "key in another file."
            )

    def _warn_of_open_mode(self) -> None:
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        if mode & 0o077 and self.options.get("mode") is None:
            self.warnings.append(
                f"The private key file {self.path} has mode {mode:04o}, so other users may be able to read it. Set "
                "mode: '0600' to change that."
            )

    def _create(self) -> signing_key.PrivateKey | None:
        self._check_files(None)
        self.actions.append("file:CreatePrivateKey")
        if self.check_mode:
            return None
        created = self._generate()
        if key_files.create_private(self.path, signing_key.private_pem(created.key, created.format)):
            return created
        # Another run was faster: its key is adopted, under the same conditions as any other.
        self.actions.pop()
        return self._ensure_key(self._read())

    def _replace(self) -> signing_key.PrivateKey | None:
        self._check_files(None)
        self.actions.append("file:ReplacePrivateKey")
        if self.check_mode:
            return None
        created = self._generate()
        self._overwrite(created)
        return created

    def _rewrite(self, current: signing_key.PrivateKey) -> signing_key.PrivateKey:
        self._check_files(current.key.public_key())
        self.actions.append("file:RewritePrivateKey")
        desired = signing_key.PrivateKey(current.key, self.options["format"])
        if not self.check_mode:
            self._overwrite(desired)
        return desired

    def _generate(self) -> signing_key.PrivateKey:
        options = self.options
        key = signing_key.generate(options["type"] or "RSA", options["size"], options["curve"])
        return signing_key.PrivateKey(key, "traditional" if options["format"] == "auto" else options["format"])

    def _check_files(self, public_key: key_facts.PublicKey | None) -> None:
        """Raise IrsaError for any file that could not be written, before the private key is touched.

        ``public_key`` is None for a key that is not created yet.
        """
        key_files.check_writable(self.path)
        public_files.repairs(self.public_files, public_key, private_path=self.path)

    def _overwrite(self, key: signing_key.PrivateKey) -> None:
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
            self.backup_file = key_files.keep_copy(self.path)

    # --- its public forms

    def _write_public_files(self, public_key: key_facts.PublicKey) -> None:
        for file, fault in public_files.repairs(self.public_files, public_key, private_path=self.path):
            if fault:
                self.warnings.append(f"The public key file {file.path} is rewritten: {fault}.")
            self.actions.append(file.write_action)
            if not self.check_mode:
                key_files.replace(file.path, file.content(public_key), mode=key_files.PUBLIC_MODE)

    # --- the result

    def _preview(self, before: signing_key.PrivateKey | None) -> dict[str, t.Any]:
        """Return the result of a check mode that would create the key, whose facts are not known yet."""
        self.actions += [file.write_action for file in self.public_files]
        files = [self.path, *(file.path for file in self.public_files)]
        after = {"kid": key_facts.NOT_CREATED, "files": files}
        return self._finish(_NO_FACTS, exists=False, before=_shown(before), after=after)

    def _result(self, before: signing_key.PrivateKey | None, after: signing_key.PrivateKey | None) -> dict[str, t.Any]:
        facts = key_facts.describe(after.key.public_key()) if after else _NO_FACTS
        return self._finish(facts, exists=after is not None, before=_shown(before), after=_shown(after))

    def _finish(
        self, facts: t.Mapping[str, t.Any], *, exists: bool, before: dict[str, t.Any], after: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        if self.actions:
            written = [action.split(":", 1)[1] for action in self.actions]
            before, after = {"key": before, "actions": []}, {"key": after, "actions": written}
        result = {
            "path": self.path,
            "public_key_path": self.options["public_key_path"],
            "exists": exists,
            **facts,
            "changed": bool(self.actions),
            "actions": self.actions,
            "diff": {"before_header": self.path, "after_header": self.path, "before": before, "after": after},
            "warnings": self.warnings,
        }
        if self.backup_file:
            result["backup_file"] = self.backup_file
        return result


def _shown(key: signing_key.PrivateKey | None) -> dict[str, t.Any]:
    """Return what a diff may show of a key: never a byte of it."""
    if key is None:
        return {}
    facts = key_facts.describe(key.key.public_key())
    return {
        "format": key.format,
        **{name: facts[name] for name in ("kid", "algorithm", "size", "curve") if facts[name]},
    }


def _check_options(options: t.Mapping[str, t.Any]) -> None:
    """Raise IrsaError for options that contradict each other."""
    if not options["path"]:
        raise IrsaError("path is empty; it must name the file of the private key.")
    if options["type"] == "ECDSA" and options["size"]:
        raise IrsaError("size is for RSA keys; an ECDSA key has a curve.")
    if options["type"] != "ECDSA" and options["curve"]:
        raise IrsaError("curve is for ECDSA keys; set type: ECDSA with it.")
    named = [options[name] for name in ("path", "public_key_path", "openssh_public_key_path") if options[name]]
    if len({os.path.realpath(path) for path in named}) < len(named):
        raise IrsaError(
            "path, public_key_path and openssh_public_key_path must name different files, or one would overwrite "
            "the other."
        )
