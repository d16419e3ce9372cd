# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has done to the files of a key pair, as its result tells it: of a run that fails, too.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# What a failure says of the private key.
_DONE = {
    "file:CreatePrivateKey": "created",
    "file:ReplacePrivateKey": "replaced",
    "file:RewritePrivateKey": "rewritten",
}

# What a diff shows in place of a key that is not there.
_ABSENT = "absent"


class Record:
    """The writes of a run in order, in check mode the planned ones, and its warnings."""

    def __init__(self, path: str, public_key_path: str | None, check_mode: bool) -> None:
        self.path = path
        self.public_key_path = public_key_path
        self.check_mode = check_mode
        self.warnings: list[str] = []
        self.actions: list[str] = []
        self.backup_file: str | None = None
        self.new_folder: str | None = None

    @contextlib.contextmanager
    def reported_on_failure(self) -> t.Iterator[None]:
        """Let every failure be an IrsaError that names a file, and says what was done before it."""
        try:
            yield
        except IrsaError as error:
            raise self._told(error) from None
        except OSError as error:
            path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else self.path
            raise self._told(IrsaError(f"{files.shown(path)} cannot be used: {files.reason(error)}.")) from None

    def warn(self, text: str | None) -> None:
        """Add a warning, if there is one."""
        self.warnings += [text] if text else []

    def _told(self, failure: IrsaError) -> IrsaError:
        details, text = failure.details, str(failure)
        if not self.check_mode:
            done = [_DONE[action] for action in self.actions if action in _DONE]
            text += f" Before that, the private key {files.shown(self.path)} was {done[0]}." if done else ""
            details = {
                **details,
                "changed": bool(self.actions),
                "actions": list(self.actions),
                "diff": self._diff({}, {}),
            }
        if self.backup_file:
            details = {**details, "backup_file": self.backup_file}
        told = IrsaError(text, **details)
        told.warnings = [*self.warnings, *failure.warnings]
        return told

    def result(
        self, facts: t.Mapping[str, t.Any], *, exists: bool, before: dict[str, t.Any], after: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Return the result of module irsa_keypair, ``warnings`` included."""
        result = {
            "path": self.path,
            "public_key_path": self.public_key_path,
            "exists": exists,
            **facts,
            "changed": bool(self.actions),
            "actions": self.actions,
            "diff": self._diff(before or _ABSENT, after or _ABSENT) if self.actions else self._diff(before, after),
            "warnings": self.warnings,
        }
        if self.backup_file:
            result["backup_file"] = self.backup_file
        return result

    def _diff(self, before: t.Any, after: t.Any) -> dict[str, t.Any]:
        if self.actions:
            written = [action.split(":", 1)[1] for action in self.actions]
            before, after = {"key": before, "actions": []}, {"key": after, "actions": written}
        if self.new_folder:
            after = {"folder": f"{self.new_folder} (mode 0700)", **after}
        return {"before_header": self.path, "after_header": self.path, "before": before, "after": after}
