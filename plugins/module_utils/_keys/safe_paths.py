# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether another user could put a different file at a path: asked of a key that is found as of one that is created.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
import typing as t

try:
    import grp
    import pwd
except ImportError:  # only on platforms that Ansible does not manage with Python modules
    grp = pwd = None  # type: ignore[assignment]  # a module is not Optional; without it no call here is reached

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

# The file and not getpwall(3), which asks a directory service for all its users. Such a service has its own rules for
# groups, and its users are rarely members of a local user's private group.
_PASSWD = "/etc/passwd"

# As many as Linux follows, path_resolution(7).
_MAX_LINKS = 40

_OWNER_REMEDY = (
    "Run as that user or as root, set owner (irsa_issuer_key_owner) if the key is that user's, or choose another path."
)

# https://github.com/torvalds/linux/blob/master/include/uapi/linux/posix_acl.h
_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP, _ACL_WRITE = 0x02, 0x04, 0x08, 0x02


class _Trusted(t.NamedTuple):
    """The users and groups that may replace the file."""

    users: set[int]
    groups: set[int]


class _Step(t.NamedTuple):
    """A directory in which a name is looked up while a path is resolved, and the name."""

    folder: str
    name: str


def check(path: str, owner: str | None = None, *, group: str | None = None, found: bool = True) -> None:
    """Raise IrsaError if a user other than this one, root and ``owner`` could put a different file at the path.

    Looks at the directory of the file and at all directories above; with symbolic links, at those on the way to their
    targets, too. A file that was ``found``, and is not about to be replaced, must belong to one of the three as well.
    The directory must exist. A ``group`` that the options name may write to the file.
    """
    trusted = _trusted(owner, group)
    with _refused(path):
        steps = list(_steps(path))
        for number, step in enumerate(steps, start=1):
            is_last = number == len(steps)
            _check_step(step, trusted, may_be_sticky=not is_last, is_file=is_last and found)


def check_new_folder(path: str, owner: str | None = None) -> None:
    """Raise IrsaError if a directory that is about to be created at the path could be replaced by another user.

    It may be in a sticky one: another user cannot move it, and is noticed who was faster.
    """
    trusted = _trusted(owner, None)
    with _refused(path):
        for step in _steps(path):
            _check_step(step, trusted, may_be_sticky=True, is_file=False)


def _trusted(owner: str | None, group: str | None) -> _Trusted:
    owners = {files.user_id(owner)} if owner else set()
    return _Trusted({0, os.geteuid(), *owners}, {files.group_id(group)} if group else set())


@contextlib.contextmanager
def _refused(path: str) -> t.Iterator[None]:
    """Let every fault be an IrsaError that names the path."""
    try:
        yield
    except Fault as fault:
        raise IrsaError(f"{files.shown(path)} is not safe: {fault}") from None
    except (OSError, ValueError) as error:
        raise IrsaError(f"{files.shown(path)} cannot be checked: {files.reason(error)}.") from None


def _check_step(step: _Step, trusted: _Trusted, *, may_be_sticky: bool, is_file: bool) -> None:
    entry = os.path.join(step.folder, step.name)
    is_link = os.path.islink(entry)
    _check_folder(step.folder, trusted._replace(groups=set()), may_be_sticky=may_be_sticky and not is_link)
    if is_link or is_file:
        _check_entry(entry, trusted, is_link=is_link)


def _steps(path: str) -> t.Iterator[_Step]:
    """Yield each look-up that resolving an absolute or relative path takes, those of symbolic links included."""
    folder = "/"
    # Not abspath(), which takes link/.. for nothing.
    ahead = _names(os.path.join(os.getcwd(), path))
    links = 0
    while ahead:
        name = ahead.pop()
        if name == "..":
            folder = os.path.dirname(folder)
            continue
        yield _Step(folder, name)
        entry = os.path.join(folder, name)
        if not os.path.islink(entry):
            folder = entry
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(entry)
        folder = "/" if target.startswith("/") else folder
        ahead += _names(target)


def _names(path: str) -> list[str]:
    """Return the parts of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _check_folder(folder: str, trusted: _Trusted, *, may_be_sticky: bool) -> None:
    """Raise Fault for a directory in which a user who is not trusted could rename or replace an entry.

    In a sticky one, such as /tmp, only the owner of an entry can: enough for a directory, whose owner is checked as
    well, but not for a file, which another user could create first.
    """
    status = os.stat(folder)
    if status.st_uid not in trusted.users:
        raise Fault(
            f"the directory {files.shown(folder)} belongs to {files.user_name(status.st_uid)}, who could replace the "
            f"file. {_OWNER_REMEDY}"
        )
    if not _others_write(folder, status, trusted):
        return
    if status.st_mode & stat.S_ISVTX:
        if may_be_sticky:
            return
        raise Fault(
            f"every user may create files in the directory {files.shown(folder)} (mode "
            f"{stat.S_IMODE(status.st_mode):04o}), and so could have been there first. Choose a directory that only "
            "you can write to and that is not cleared at a restart."
        )
    raise Fault(
        f"others can write to the directory {files.shown(folder)} (mode {stat.S_IMODE(status.st_mode):04o}) and could "
        "replace the file. Choose another directory, or remove that permission (chmod go-w)."
    )


def _check_entry(path: str, trusted: _Trusted, *, is_link: bool) -> None:
    """Raise Fault for a file or link that a user who is not trusted owns or can change; one that is missing is fine."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    kind = "symbolic link" if is_link else "file"
    if status.st_uid not in trusted.users:
        raise Fault(
            f"the {kind} {files.shown(path)} belongs to {files.user_name(status.st_uid)}, who could have put it "
            f"there. {_OWNER_REMEDY}"
        )
    if not is_link and _others_write(path, status, trusted):
        raise Fault(
            f"others can write to the file {files.shown(path)} (mode {stat.S_IMODE(status.st_mode):04o}). Check that "
            "the key in it is yours, and remove that permission (chmod go-w)."
        )


def _others_write(path: str, status: os.stat_result, trusted: _Trusted) -> bool:
    """Whether a user who is not trusted has permission to write to a file or directory."""
    if status.st_mode & stat.S_IWOTH:
        return True
    # With an access control list these bits are its mask: without them, no entry of it grants a write. acl(5)
    if not status.st_mode & stat.S_IWGRP:
        return False
    writers = [(tag, who) for tag, permissions, who in _access_list(path) if permissions & _ACL_WRITE]
    if any(
        (tag == _ACL_GROUP and who not in trusted.groups) or (tag == _ACL_USER and who not in trusted.users)
        for tag, who in writers
    ):
        return True
    if writers and all(tag != _ACL_GROUP_OBJ for tag, who in writers):
        return False
    return status.st_gid not in trusted.groups and not _is_private_group(status, trusted)


def _access_list(path: str) -> list[tuple[int, int, int]]:
    """Return the entries of a POSIX access control list as Linux stores them, none without a list."""
    try:
        stored = os.getxattr(path, "system.posix_acl_access")
    except (OSError, AttributeError):  # Python has no getxattr on other systems
        return []
    # https://github.com/torvalds/linux/blob/master/include/uapi/linux/posix_acl_xattr.h
    return list(struct.iter_unpack("<HHI", stored[4:]))


def _is_private_group(status: os.stat_result, trusted: _Trusted) -> bool:
    """Whether the group of a file or directory has only trusted members, as a user private group has.

    It must be the owner's primary group: the list of another group's members may be hidden on this host.
    """
    try:
        owner = pwd.getpwuid(status.st_uid)
        members = set(grp.getgrgid(status.st_gid).gr_mem)
    except KeyError:
        return False
    if owner.pw_gid != status.st_gid:
        return False
    # System accounts that are not people have root's group as their primary one, operator of Red Hat for example.
    if status.st_gid != 0:
        members |= _with_primary_group(status.st_gid)
    return not members - {files.user_name(uid) for uid in {*trusted.users, status.st_uid}}


def _with_primary_group(gid: int) -> set[str]:
    """Return the local users whose primary group this is; such a user need not be in the group's list of members."""
    content = (files.read(_PASSWD) or b"").decode("utf-8", "replace")
    entries = (line.split(":") for line in content.splitlines())
    return {entry[0] for entry in entries if len(entry) > 3 and entry[3] == str(gid)}
