# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files on disk: written so that no one else can read them, no key is lost, and a killed run leaves nothing.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import os
import secrets
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import drafts, files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_folder, safe_paths

PRIVATE_MODE = drafts.MODE
PUBLIC_MODE = 0o644


def check_writable(path: str, owner: str | None = None, *, new_folder: str | None = None) -> None:
    """Raise IrsaError unless a file can be written at the path safely.

    Its directory must exist, or be a ``new_folder`` that can be created. It must be writable, and no user but this one,
    root and ``owner`` may be able to replace what is in it. The path itself must not be a symbolic link or a directory.
    """
    folder = os.path.dirname(path) or "."
    shown = files.shown(path)
    if folder == new_folder and key_folder.is_missing(folder):
        key_folder.check_can_be_created(path, owner)
        return
    _check_folder(path, folder)
    safe_paths.check(path, owner, found=False)
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise IrsaError(
            f"{shown} cannot be written: user {files.user_name(os.geteuid())} may not write to the directory "
            f"{files.shown(folder)}. Run the task with become, or choose another directory."
        )
    if os.path.islink(path):
        raise IrsaError(
            f"{shown} is a symbolic link, and files are never written through one. Give the path of the file itself."
        )
    if os.path.isdir(path):
        raise IrsaError(f"{shown} is a directory; expected the path of a file.")


def _check_folder(path: str, folder: str) -> None:
    intro = f"{files.shown(path)} cannot be written:"
    try:
        status = os.stat(folder)
    except FileNotFoundError:
        raise IrsaError(
            f"{intro} the directory {files.shown(folder)} does not exist. Create it first, with mode 0700."
        ) from None
    except (OSError, ValueError) as error:
        raise IrsaError(f"{intro} {files.shown(folder)}: {files.reason(error)}.") from None
    if not stat.S_ISDIR(status.st_mode):
        raise IrsaError(f"{intro} {files.shown(folder)} is not a directory.")


def create_private(path: str, content: bytes) -> bool:
    """Create a private file, 0600 from its first byte. Returns False when the path exists already.

    The file is linked to its path when it is whole and on disk. So of two runs at once exactly one wins: link(2) never
    replaces. Raises IrsaError; then there is no new file.
    """
    try:
        with drafts.Draft(os.path.dirname(path)) as draft:
            draft.write(content)
            draft.link(path)
    except FileExistsError:
        return False
    except (OSError, ValueError) as error:
        raise _not_written(path, error) from None
    files.sync_folder(os.path.dirname(path))
    return True


def replace(path: str, content: bytes, *, mode: int, owner: os.stat_result | None = None) -> None:
    """Create or replace a file in one step: a reader sees the whole old file or the whole new one.

    ``owner`` is the status of the file whose owner and group the new one gets. Raises IrsaError; then the old file is
    as it was.
    """
    try:
        with drafts.Draft(os.path.dirname(path)) as draft:
            draft.write(content)
            if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(draft.descriptor, owner.st_uid, owner.st_gid)
            os.fchmod(draft.descriptor, mode)
            draft.rename(path)
    except (OSError, ValueError) as error:
        raise _not_written(path, error) from None
    files.sync_folder(os.path.dirname(path))


def keep_copy(path: str) -> str:
    """Give the file a second name, which stays when the first is replaced or removed; return that name.

    The second name is a hard link: no byte is copied, so only those who can read the file can read its backup.
    """
    name = f"{path}.{secrets.token_hex(4)}.bak"
    try:
        os.link(path, name)
    except (OSError, ValueError) as error:
        raise IrsaError(
            f"{files.shown(path)} was not changed, because no backup could be created: {files.reason(error)}."
        ) from None
    return name


def remove(path: str) -> None:
    """Remove a file; one that does not exist is fine. Raises IrsaError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise IrsaError(f"{files.shown(path)} cannot be removed: {files.reason(error)}.") from None
    files.sync_folder(os.path.dirname(path))


def remove_leftovers(paths: t.Iterable[str]) -> None:
    """Remove the temporary files of runs that were killed, from the directories of these files."""
    drafts.remove_leftovers({os.path.dirname(path) or "." for path in paths})


def _not_written(path: str, error: Exception) -> IrsaError:
    return IrsaError(f"{files.shown(path)} cannot be written: {files.reason(error)}.")
