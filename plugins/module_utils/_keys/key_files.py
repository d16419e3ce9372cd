# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files on disk: written so that no one else can read them, no key is lost, and a killed run leaves nothing.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import typing as t

try:
    import fcntl
except ImportError:  # only on platforms that Ansible does not manage with Python modules
    fcntl = None  # type: ignore[assignment]  # a module is not Optional; without it no call here is reached

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_folder, safe_paths

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644

# Short, since the name of the file itself may be as long as a name can be.
_TEMPORARY = re.compile(r"[.]selfhosted-irsa-[0-9a-f]{16}[.]tmp")


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
        with _Draft(path) as draft:
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
        with _Draft(path) as draft:
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
    """Remove the temporary files of runs that were killed, from the directories of these files.

    A run that is alive holds a lock on its file. What cannot be looked at or removed stays.
    """
    for folder in {os.path.dirname(path) or "." for path in paths}:
        with contextlib.suppress(OSError, ValueError):
            for name in filter(_TEMPORARY.fullmatch, os.listdir(folder)):
                _remove_leftover(os.path.join(folder, name))


def _remove_leftover(path: str) -> None:
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
        # Opened for writing, since NFS grants an exclusive lock for nothing else.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if os.geteuid() in (0, status.st_uid):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(status, os.lstat(path)):
                    os.unlink(path)
        finally:
            _close(descriptor)


class _Draft:
    """A file that is written beside its path, locked, readable by its owner alone, and then linked or moved there.

    It has no name (O_TMPFILE) until then, so a killed run leaves nothing behind. On file systems without that, such as
    NFS and some of FUSE, and for the moment between link(2) and rename(2), it has one that ``remove_leftovers`` knows.
    """

    def __init__(self, path: str) -> None:
        self._folder = os.path.dirname(path) or "."
        self._name: str | None = None
        try:
            self.descriptor = self._open_unnamed()
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
                raise
            self.descriptor = self._open_named()

    def __enter__(self) -> _Draft:
        return self

    def __exit__(self, *dummy: object) -> None:
        if self._name is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._name)
        _close(self.descriptor)

    def write(self, content: bytes) -> None:
        """Write the content, and wait until it is on disk."""
        while content:
            content = content[os.write(self.descriptor, content) :]
        os.fsync(self.descriptor)
        # A file server may refuse what was written only when a descriptor is closed, close(2).
        os.close(os.dup(self.descriptor))

    def link(self, path: str) -> None:
        """Give the file its path. Raises FileExistsError if there is one."""
        if self._name is not None:
            os.link(self._name, path)
        else:
            # With a directory descriptor Python calls linkat(2) with AT_SYMLINK_FOLLOW, which open(2) asks for here.
            source = f"/proc/self/fd/{self.descriptor}"
            os.link(source, path, src_dir_fd=self.descriptor, follow_symlinks=True)

    def rename(self, path: str) -> None:
        """Put the file at its path, in place of the one that is there."""
        if self._name is None:
            name = self._new_name()
            self.link(name)
            self._name = name
        os.replace(self._name, path)
        self._name = None

    def _open_unnamed(self) -> int:
        # Linux has it, and needs /proc to give the file a name; a controller on macOS has neither.
        if not hasattr(os, "O_TMPFILE") or not os.path.exists("/proc/self/fd"):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        descriptor = os.open(self._folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, PRIVATE_MODE)
        _lock(descriptor)
        return descriptor

    def _open_named(self) -> int:
        while True:
            name = self._new_name()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, PRIVATE_MODE)
            _lock(descriptor)
            if os.path.exists(name):
                self._name = name
                return descriptor
            _close(descriptor)  # another run removed it, before it was locked

    def _new_name(self) -> str:
        return os.path.join(self._folder, f".selfhosted-irsa-{secrets.token_hex(8)}.tmp")


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # without locks, no run can lock the file in order to remove it either
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # what was written has been synced by now, or is not used
        os.close(descriptor)


def _not_written(path: str, error: Exception) -> IrsaError:
    return IrsaError(f"{files.shown(path)} cannot be written: {files.reason(error)}.")
