# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a recipe in the folder irsa_apiserver_output_dir on the controller."""

from __future__ import annotations

import dataclasses
import os
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import RecipeFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, key_folder
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifest_files import FileChange

# By its first line, a file of ours is known, and only that is replaced. Everything that reads one of these files takes
# it for a comment.
MARK = "# Written by role selfhosted.irsa.irsa_apiserver, which overwrites changes.\n"

_PRIVATE_MODE, _PUBLIC_MODE = 0o600, 0o644
_HIDDEN = "A private key is in this file, so its text is not shown.\n"


@dataclasses.dataclass(frozen=True)
class _Planned:
    """A file with its path, and the text that it has now as a diff shows it."""

    file: RecipeFile
    path: str
    before: str | None


def write(folder: str, recipe_files: t.Iterable[RecipeFile], *, check_mode: bool) -> dict[str, t.Any]:
    """Write what differs, or in check mode say what would be written. Nothing is written if any file cannot be.

    Returns ``files``, a list of ``path`` and ``changed``, with ``changed``, ``actions`` and ``diff``. Raises IrsaError
    if a file is not ours or cannot be written.
    """
    folder = os.path.abspath(folder)
    paths = {os.path.join(folder, file.name): file for file in recipe_files}
    is_missing = key_folder.is_missing(folder)
    try:
        planned = [change for path, file in paths.items() if (change := _change(path, file)) is not None]
        if planned:
            first = planned[0].path
            key_folder.check_can_be_created(first) if is_missing else key_files.check_writable(first)
    except IrsaError as error:
        raise IrsaError(f"irsa_apiserver_output_dir: {error}") from None
    ledger = Ledger(check_mode)
    for each in planned:
        if not check_mode:
            if is_missing:
                key_folder.create(folder)
            mode = _PRIVATE_MODE if each.file.is_secret else _PUBLIC_MODE
            key_files.replace(each.path, (MARK + each.file.text).encode(), mode=mode)
        after = _HIDDEN if each.file.is_secret else MARK + each.file.text
        ledger.record(FileChange(target=each.path, before=each.before, after=after))
    changed = {each.path for each in planned}
    return {
        "files": [{"path": path, "changed": path in changed} for path in paths],
        "changed": ledger.changed,
        "actions": ledger.actions,
        "diff": ledger.diff,
    }


def _change(path: str, file: RecipeFile) -> _Planned | None:
    """Return what to write; None if the file is as it should be. Raises IrsaError for a file that is not ours."""
    if os.path.islink(path):
        raise IrsaError(f"{files.shown(path)} is a symbolic link. Remove it, or choose another folder.")
    content = files.read(path)
    if content is None:
        return _Planned(file, path, None)
    if not content.startswith(MARK.encode()):
        raise IrsaError(
            f"{files.shown(path)} does not begin with the line that this role writes, so it is not replaced. Choose "
            "another folder, or remove the file."
        )
    others_can_read = bool(stat.S_IMODE(os.stat(path).st_mode) & 0o077)
    if content == (MARK + file.text).encode() and not (file.is_secret and others_can_read):
        return None
    # Whether the former text has a key is not known. Then it would have this mode.
    return _Planned(file, path, content.decode("utf-8", "replace") if others_can_read else _HIDDEN)
