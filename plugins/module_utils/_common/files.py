# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files as they are found: only regular ones are read, never one that a read could wait for, and none without end.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t

try:
    import grp
    import pwd
except ImportError:  # only on platforms that Ansible does not manage with Python modules
    grp = pwd = None  # type: ignore[assignment]  # a module is not Optional; without it no call here is reached

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

# A key has a few kilobytes, a document at most 80; a larger file is something else.
MAX_BYTES = 1 << 20

# A path of this length is shown whole.
_MAX_SHOWN = 1000

_KINDS: tuple[tuple[t.Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read(path: str) -> bytes | None:
    """Return the content of a file, None if it does not exist.

    Raises IrsaError for everything that is not a regular file, for a file that cannot be read, and one that is too
    large.
    """
    content = read_start(path, MAX_BYTES + 1)
    if content is not None and len(content) > MAX_BYTES:
        raise IrsaError(f"{shown(path)} is larger than 1 MiB, so it is neither a key nor a document.")
    return content


def read_start(path: str, max_bytes: int) -> bytes | None:
    """Return at most so many bytes from the start of a file, None if it does not exist. Raises IrsaError, as read()."""
    return _read(path, lambda stream: stream.read(max_bytes))


def read_end(path: str, max_bytes: int) -> bytes | None:
    """Return at most so many bytes from the end of a file, None if it does not exist. Raises IrsaError, as read()."""

    def end(stream: t.IO[bytes]) -> bytes | None:
        stream.seek(max(stream.seek(0, os.SEEK_END) - max_bytes, 0))
        return stream.read(max_bytes)

    return _read(path, end)


def _read(path: str, part: t.Callable[[t.IO[bytes]], bytes | None]) -> bytes | None:
    try:
        descriptor = _open_regular(path)
        if descriptor is None:
            return None
        with open(descriptor, "rb") as stream:
            content = part(stream)
        if content is None:  # a file such as /proc/kmsg, which a reader would wait for
            raise Fault("is not an ordinary file: it has no content yet")
        return content
    except Fault as fault:
        raise IrsaError(f"{shown(path)} {fault}.") from None
    except PermissionError:
        raise IrsaError(
            f"{shown(path)} cannot be read by user {user_name(os.geteuid())}. Run the task with become, or as the "
            "file's owner."
        ) from None
    except (OSError, ValueError) as error:
        raise IrsaError(f"{shown(path)} cannot be read: {reason(error)}.") from None


def sync_folder(folder: str) -> None:
    """Have a change in a folder survive a power failure. The change is there even if the file system refuses this, as
    some network file systems do, or if the folder may be written to but not read.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def require_valid(path: str) -> None:
    """Raise IrsaError for a path that no file can have."""
    try:
        if b"\0" in os.fsencode(path):
            raise ValueError
    except ValueError as error:
        raise IrsaError(f"{shown(path)} cannot be the path of a file: {reason(error)}.") from None


def require_readable(path: str) -> None:
    """Raise IrsaError unless the path is a regular file that can be opened, before a library opens it by name."""
    if read_start(path, 0) is None:
        raise IrsaError(f"{shown(path)} does not exist.")


def _open_regular(path: str) -> int | None:
    """Open a regular file; None if there is none. Raises Fault for anything else at the path."""
    try:
        # Opening a device can have an effect, so the kind is looked at first, and again once the file is open.
        _require_regular(os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        if os.path.islink(path):
            raise Fault("is a symbolic link to a file that does not exist") from None
        return None
    except NotADirectoryError:
        raise Fault("cannot exist: a part of its path is a file, not a directory") from None
    try:
        _require_regular(os.fstat(descriptor))
    except BaseException:  # whatever it is, the descriptor must not stay open
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result) -> None:
    for is_kind, name in _KINDS:
        if is_kind(status.st_mode):
            raise Fault(f"is {name}; expected the path of a file")


def reason(error: Exception) -> str:
    """Return why the system refused an operation on a path."""
    if isinstance(error, OSError):
        said = error.strerror or type(error).__name__
        # What permissions allow, an attribute of the file or its directory may still forbid: chattr(1).
        return f"{said}; it may be immutable, which lsattr shows" if error.errno == errno.EPERM else said
    # Python itself refuses two kinds of path before the system is asked.
    return "the path cannot be encoded" if isinstance(error, UnicodeError) else "the path contains a null character"


def shown(path: str) -> str:
    """Return a path for a message: as it is, or if it is not printable or very long, quoted and cut."""
    if path.isprintable() and len(path) <= _MAX_SHOWN:
        return path
    return repr(path[:_MAX_SHOWN]) + ("…" if len(path) > _MAX_SHOWN else "")


def user_id(user: str) -> int:
    """Return the ID of a user of this host by name or number. Raises KeyError or ValueError if there is none."""
    return int(user) if _is_number(user) else pwd.getpwnam(user).pw_uid


def group_id(group: str) -> int:
    """Return the ID of a group of this host by name or number. Raises KeyError or ValueError if there is none."""
    return int(group) if _is_number(group) else grp.getgrnam(group).gr_gid


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def user_name(uid: int) -> str:
    """Return the name of a user on this host, the number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
