# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key pair in its files: adopted or made, its public forms kept true.

Runs on control-plane nodes, so Python 3.9 has to do.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, signing_key, pem
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

_UNKNOWN = "(known when the key has been made)"

_NO_FACTS = dict.fromkeys(("kid", "algorithm", "fingerprint", "public_key", "openssh_public_key", "size", "curve"))


class KeyPair:
    """One private key file and its public forms.

    ``options`` are those of the module irsa_keypair; with ``check_mode`` nothing is written. Both methods return the
    module's result (``warnings`` included) and raise IrsaError.
    """

    def __init__(self, options: t.Mapping[str, t.Any], check_mode: bool) -> None:
        self.options = options
        self.check_mode = check_mode
        self.path: str = options["path"]
        self.warnings: list[str] = []
        self.actions: list[str] = []
        self.backup_file: t.Optional[str] = None
        self._check_options()

    def _check_options(self) -> None:
        options = self.options
        if not self.path:
            raise IrsaError("path is empty; it names the file of the private key.")
        if options["type"] == "ECDSA" and options["size"]:
            raise IrsaError("size is for RSA keys; an ECDSA key has a curve.")
        if options["type"] != "ECDSA" and options["curve"]:
            raise IrsaError("curve is for ECDSA keys; set type: ECDSA with it.")
        paths = [
            os.path.realpath(options[name])
            for name in ("path", "public_key_path", "openssh_public_key_path")
            if options[name]
        ]
        if len(set(paths)) < len(paths):
            raise IrsaError(
                "path, public_key_path and openssh_public_key_path must name different files, or one would overwrite "
                "the other."
            )

    # --- present

    def ensure_present(self) -> dict[str, t.Any]:
        """Adopt the key, or make one; then write the public forms that are missing or wrong."""
        before = self._read()
        after = self._wanted(before)
        if after is None:
            key_files.check_writable(self.path)
            if self.options["create"] and self.check_mode:
                return self._announced(before)
            return self._result(before, None)
        self._write_public(after.key.public_key())
        return self._result(before, after)

    def _read(self) -> t.Optional[signing_key.PrivateKey]:
        """The key that is there; None where there is none, or an unusable one is to be replaced anyway."""
        content = key_files.read(self.path)
        if content is None:
            return None
        try:
            return signing_key.load_private(content)
        except Fault as fault:
            if self.options["regenerate"] == "always" and self.options["create"]:
                return None
            raise IrsaError(f"The private key file {self.path} cannot be used: {fault}. It was left alone.") from None

    def _wanted(self, present: t.Optional[signing_key.PrivateKey]) -> t.Optional[signing_key.PrivateKey]:
        """The key as it is to be; writes it where it is not yet. None where there is none (check mode, or ``create`` is
        false).
        """
        options = self.options
        replace = options["regenerate"] == "always" and options["create"] and os.path.lexists(self.path)
        if replace:
            return self._replace()
        if present is None:
            return self._create() if options["create"] else None
        difference = signing_key.mismatch(present.key.public_key(), options["type"], options["size"], options["curve"])
        if difference and options["regenerate"] == "never":
            self.warnings.append(f"The key in {self.path} is kept although {difference}.")
        elif difference:
            raise IrsaError(
                f"The key in {self.path} is another than wanted: {difference}. It was left alone: every token signed "
                "with it would become invalid. "
                "Ask for what is there, or rotate to a key in another file."
            )
        self._warn_mode()
        if options["format"] in ("auto", present.format):
            return present
        return self._rewrite(present)

    def _warn_mode(self) -> None:
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        if mode & 0o077 and self.options.get("mode") is None:
            self.warnings.append(
                f"The private key file {self.path} has mode {mode:04o}, so others may read it; give mode: '0600' to "
                "change that."
            )

    def _new_key(self) -> signing_key.PrivateKey:
        options = self.options
        file_format = "traditional" if options["format"] == "auto" else options["format"]
        return signing_key.PrivateKey(
            signing_key.generate(options["type"] or "RSA", options["size"], options["curve"]), file_format
        )

    def _create(self) -> t.Optional[signing_key.PrivateKey]:
        self._check_places(None)
        self.actions.append("file:CreatePrivateKey")
        if self.check_mode:
            return None
        made = self._new_key()
        if key_files.create_private(self.path, signing_key.private_pem(made.key, made.format)):
            return made
        # Another run was faster: its key is adopted, under the same conditions as any other.
        self.actions.pop()
        return self._wanted(self._read())

    def _replace(self) -> t.Optional[signing_key.PrivateKey]:
        self._check_places(None)
        self.actions.append("file:ReplacePrivateKey")
        if self.check_mode:
            return None
        made = self._new_key()
        self._put_in_place(made)
        return made

    def _rewrite(self, present: signing_key.PrivateKey) -> signing_key.PrivateKey:
        self._check_places(present.key.public_key())
        self.actions.append("file:RewritePrivateKey")
        wanted = signing_key.PrivateKey(present.key, self.options["format"])
        if not self.check_mode:
            self._put_in_place(wanted)
        return wanted

    def _check_places(self, public_key: t.Optional[t.Any]) -> None:
        """Raise IrsaError for any file that could not be written, before the private key is touched.

        ``public_key`` is None for a key that is not made yet.
        """
        key_files.check_writable(self.path)
        self._wrong_public_files(public_key)

    def _put_in_place(self, key: signing_key.PrivateKey) -> None:
        status = os.stat(self.path)
        self._back_up()
        key_files.replace(
            self.path,
            signing_key.private_pem(key.key, key.format),
            stat.S_IMODE(status.st_mode) & 0o660 | key_files.PRIVATE_MODE,
            status,
        )

    def _back_up(self) -> None:
        if self.options["backup"] and not self.check_mode:
            self.backup_file = key_files.keep_copy(self.path)

    # --- public forms

    def _public_forms(self) -> list[tuple[str, str, t.Callable[[t.Any], str]]]:
        forms = (
            ("public_key_path", "file:WritePublicKey", signing_key.public_pem),
            ("openssh_public_key_path", "file:WriteOpensshPublicKey", lambda key: signing_key.openssh_line(key) + "\n"),
        )
        return [(self.options[option], action, form) for option, action, form in forms if self.options[option]]

    def _write_public(self, public_key: t.Any) -> None:
        for path, action, form, fault in self._wrong_public_files(public_key):
            if fault:
                self.warnings.append(f"The public key file {path} was written anew: {fault}.")
            self.actions.append(action)
            if not self.check_mode:
                key_files.replace(path, form(public_key).encode(), key_files.PUBLIC_MODE)

    def _wrong_public_files(
        self, public_key: t.Optional[t.Any]
    ) -> list[tuple[str, str, t.Callable[[t.Any], str], str]]:
        """The public files that have to be written, and why; raises IrsaError for one that cannot be."""
        wrong = []
        for path, action, form in self._public_forms():
            fault = self._public_fault(path, public_key)
            if fault is not None:
                key_files.check_writable(path)
                wrong.append((path, action, form, fault))
        return wrong

    def _public_fault(self, path: str, public_key: t.Optional[t.Any]) -> t.Optional[str]:
        """Why a public file has to be written; None where it is right, in whatever spelling.

        Empty for a file that is missing, or whose key is not made yet. Raises IrsaError rather than let a private key
        be overwritten.
        """
        content = key_files.read(path)
        if content is not None and pem.holds_private_key(content):
            raise IrsaError(
                f"{path} holds a private key, where the public form of {self.path} is to be written. It was left "
                "alone; "
                "give another path."
            )
        if content is None or public_key is None:
            return ""
        try:
            present = signing_key.kid(signing_key.load_public(content))
        except Fault as fault:
            return str(fault)
        return None if present == signing_key.kid(public_key) else f"it is of another key, {present}"

    # --- absent

    def ensure_absent(self) -> dict[str, t.Any]:
        """Remove the private key, then its public forms."""
        doomed = [(self.path, "file:RemovePrivateKey")] + [
            (path, action.replace("Write", "Remove")) for path, action, form in self._public_forms()
        ]
        present = [(path, action) for path, action in doomed if os.path.lexists(path)]
        for path, action in present:
            if os.path.isdir(path):
                raise IrsaError(f"{path} is a directory, and the path of a file is wanted. It was left alone.")
        for path, action in present:
            self.actions.append(action)
            if path == self.path:
                self._back_up()
            if not self.check_mode:
                key_files.remove(path)
        removed = {"files": [path for path, action in present]}
        return self._finish(_NO_FACTS, False, removed if present else {}, {})

    # --- result

    def _announced(self, before: t.Optional[signing_key.PrivateKey]) -> dict[str, t.Any]:
        """The result of a check mode that would make the key: what it will be is not known yet."""
        forms = self._public_forms()
        self.actions += [action for path, action, form in forms]
        after = {"kid": _UNKNOWN, "files": [self.path] + [path for path, action, form in forms]}
        return self._finish(_NO_FACTS, False, self._drawn(before), after)

    def _result(
        self, before: t.Optional[signing_key.PrivateKey], after: t.Optional[signing_key.PrivateKey]
    ) -> dict[str, t.Any]:
        facts = signing_key.describe(after.key.public_key()) if after else _NO_FACTS
        return self._finish(facts, after is not None, self._drawn(before), self._drawn(after))

    def _drawn(self, key: t.Optional[signing_key.PrivateKey]) -> dict[str, t.Any]:
        """What a diff may say of a key: never a byte of it."""
        if key is None:
            return {}
        facts = signing_key.describe(key.key.public_key())
        return {
            "format": key.format,
            **{name: facts[name] for name in ("kid", "algorithm", "size", "curve") if facts[name]},
        }

    def _finish(self, facts: t.Mapping[str, t.Any], exists: bool, before: t.Any, after: t.Any) -> dict[str, t.Any]:
        if self.actions:
            written = [action.split(":", 1)[1] for action in self.actions]
            before, after = {"key": before, "done": []}, {"key": after, "done": written}
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
