# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files on disk: read with care, and written so that no one else can read them and no key is lost.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat

try:
    import grp
    import pwd
except ImportError:  # only on platforms that Ansible does not manage with Python modules
    grp = pwd = None  # type: ignore[assignment]  # a module is not Optional; without it no call here is reached

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644

# A key has a few kilobytes, a document at most 80; a larger file is something else.
_MAX_BYTES = 1 << 20


def read(path: str) -> bytes | None:
    """Return the content of a file, None if it does not exist.

    Raises IrsaError for a directory, a file that cannot be read, and one that is too large.
    """
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        if os.path.islink(path):
            raise IrsaError(f"{path} is a symbolic link to a file that does not exist.") from None
        return None
    except NotADirectoryError:
        raise IrsaError(f"{path} cannot exist: a part of its path is a file, not a directory.") from None
    except IsADirectoryError:
        raise IrsaError(f"{path} is a directory; expected the path of a file.") from None
    except PermissionError:
        raise IrsaError(
            f"{path} cannot be read by user {_user_name(os.geteuid())}. Run the task with become, or as the file's "
            "owner."
        ) from None
    except OSError as error:
        raise IrsaError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise IrsaError(f"{path} is larger than 1 MiB, so it is neither a key nor a document.")
    return content


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_private_group(directory: os.stat_result) -> bool:
    """Whether the directory's group has its owner as the only member (a user private group)."""
    try:
        owner = pwd.getpwuid(directory.st_uid)
        return owner.pw_gid == directory.st_gid and not set(grp.getgrgid(directory.st_gid).gr_mem) - {owner.pw_name}
    except KeyError:
        return False


def check_owner(owner: str | None, group: str | None) -> None:
    """Raise IrsaError for a user or group that does not exist on this host, before a file is created for them."""
    for option, name, find in (("owner", owner, pwd.getpwnam), ("group", group, grp.getgrnam)):
        if name and not name.isdigit():
            try:
                find(name)
            except KeyError:
                raise IrsaError(
                    f"{option} is {name!r}, which does not exist on this host. Nothing was written."
                ) from None


def check_writable(path: str) -> None:
    """Raise IrsaError unless a file can be written at the path safely.

    Its directory must exist, be writable, belong to this user or to root, and be writable by no other user. The path
    itself must not be a symbolic link or a directory.
    """
    folder = os.path.dirname(path) or "."
    _check_folder(path, folder)
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise IrsaError(
            f"{path} cannot be written: user {_user_name(os.geteuid())} may not write to the directory {folder}. "
            "Run the task with become, or choose another directory."
        )
    if os.path.islink(path):
        raise IrsaError(
            f"{path} is a symbolic link, and files are never written through one. Give the path of the file itself."
        )
    if os.path.isdir(path):
        raise IrsaError(f"{path} is a directory; expected the path of a file.")


def _check_folder(path: str, folder: str) -> None:
    """Raise IrsaError for a directory that does not exist, or in which another user could replace the file."""
    try:
        directory = os.stat(folder)
    except FileNotFoundError:
        raise IrsaError(
            f"{path} cannot be written: the directory {folder} does not exist. Create it first, with mode 0700."
        ) from None
    except OSError as error:
        raise IrsaError(f"{path} cannot be written: {folder}: {error.strerror}.") from None
    if not stat.S_ISDIR(directory.st_mode):
        raise IrsaError(f"{path} cannot be written: {folder} is not a directory.")
    if directory.st_uid not in (0, os.geteuid()):
        raise IrsaError(
            f"{path} was not written: the directory {folder} belongs to {_user_name(directory.st_uid)}, who could "
            "replace the file."
        )
    is_shared_with_group = directory.st_mode & stat.S_IWGRP and not _is_private_group(directory)
    if directory.st_mode & stat.S_IWOTH or is_shared_with_group:
        mode = stat.S_IMODE(directory.st_mode)
        raise IrsaError(
            f"{path} was not written: others can write to the directory {folder} (mode {mode:04o}) and could replace "
            "the file. Choose another directory, or remove that permission (chmod go-w)."
        )


def create_private(path: str, content: bytes) -> bool:
    """Create a private file, 0600 from its first byte. Returns False when the path exists already.

    The file is written without a name (O_TMPFILE) and linked to its path when it is whole and on disk. So a killed run
    leaves nothing behind, and of two runs at once exactly one wins: link(2) never replaces.
    """
    folder = os.path.dirname(path) or "."
    try:
        descriptor, named = _open_unnamed(folder), None
    except OSError as error:
        # File systems without O_TMPFILE: NFS and some FUSE ones. A killed run can then leave a file that only its owner
        # can read.
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            raise IrsaError(f"{path} cannot be written: {error.strerror}.") from None
        descriptor, named = _open_temporary(path, PRIVATE_MODE)
    try:
        _write_all(descriptor, content)
        if named is None:
            # With a directory descriptor Python calls linkat(2) with AT_SYMLINK_FOLLOW, which open(2) asks for here.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
        else:
            os.link(named, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise IrsaError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        os.close(descriptor)
        if named is not None:
            os.unlink(named)
    _sync_folder(folder)
    return True


def replace(path: str, content: bytes, *, mode: int, owner: os.stat_result | None = None) -> None:
    """Create or replace a file in one step: a reader sees the whole old file or the whole new one.

    ``owner`` is the status of the file whose owner and group the new one gets. Raises IrsaError.
    """
    descriptor, temporary = _open_temporary(path, mode)
    try:
        _write_all(descriptor, content)
        if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, mode)
        os.replace(temporary, path)
    except OSError as error:
        os.unlink(temporary)
        raise IrsaError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        os.close(descriptor)
    _sync_folder(os.path.dirname(path) or ".")


def keep_copy(path: str) -> str:
    """Give the file a second name, which stays when the first is replaced or removed; return that name.

    The second name is a hard link: no byte is copied, so only those who can read the file can read its backup.
    """
    name = f"{path}.{secrets.token_hex(4)}.bak"
    try:
        os.link(path, name)
    except OSError as error:
        raise IrsaError(f"{path} was not changed, because no backup could be created: {error.strerror}.") from None
    return name


def remove(path: str) -> None:
    """Remove a file; one that does not exist is fine. Raises IrsaError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise IrsaError(f"{path} cannot be removed: {error.strerror}.") from None
    _sync_folder(os.path.dirname(path) or ".")


def _open_unnamed(folder: str) -> int:
    if not hasattr(os, "O_TMPFILE"):  # Linux has it; a controller on macOS does not
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    return os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, PRIVATE_MODE)


def _open_temporary(path: str, mode: int) -> tuple[int, str]:
    name = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{secrets.token_hex(8)}")
    try:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), name
    except OSError as error:
        raise IrsaError(f"{path} cannot be written: {error.strerror}.") from None


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
    os.fsync(descriptor)


def _sync_folder(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return  # a directory that may be written to but not listed; the file in it is whole all the same
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems cannot sync a directory; they do so by themselves
    finally:
        os.close(descriptor)
