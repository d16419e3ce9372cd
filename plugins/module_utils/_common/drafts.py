# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that get their path only when they are whole and on disk, and those that a killed run has left half done.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
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

MODE = 0o600

# Short, since the name of the file itself may be as long as a name can be.
_TEMPORARY = re.compile(r"[.]selfhosted-irsa-[0-9a-f]{16}[.]tmp")


def remove_leftovers(folders: t.Iterable[str]) -> None:
    """Remove the temporary files of runs that were killed from these folders.

    A run that is alive holds a lock on its file. What cannot be looked at or removed stays.
    """
    for folder in folders:
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


class Draft:
    """A file that is written in a folder, locked, readable by its owner alone, and then linked or moved to
    its path, which must be on the same file system.

    It has no name (O_TMPFILE) until then, so a killed run leaves nothing behind. On file systems without that, such as
    NFS and some of FUSE, and for the moment between link(2) and rename(2), it has one that ``remove_leftovers`` knows.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder or "."
        self._name: str | None = None
        try:
            self.descriptor = self._open_unnamed()
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
                raise
            self.descriptor = self._open_named()

    def __enter__(self) -> Draft:
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
        descriptor = os.open(self._folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, MODE)
        _lock(descriptor)
        return descriptor

    def _open_named(self) -> int:
        while True:
            name = self._new_name()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, MODE)
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
