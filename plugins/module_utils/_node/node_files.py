# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a node: read as they are found, and replaced in one step only if they are still what was read.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import errno
import hashlib
import os
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import drafts, files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import hidden_values

# Not in the folder of the static pods: the kubelet starts whatever is there, a copy of a manifest, too.
BACKUP_FOLDER = "/etc/kubernetes/irsa-backup"

_SELINUX = "security.selinux"


@dataclasses.dataclass(frozen=True)
class Replacement:
    """A file and its new content, None to remove it. ``expected`` is the SHA-256 of its present content, None if it
    does not exist. A new file gets ``mode``, and the ``folders`` above it, as far as they are new, too,
    ``folder_mode``; all get the owner of the file ``like``, if there is one. What exists keeps mode, owner and SELinux
    label.

    With ``hides``, content and ``expected`` are those of the file without its secrets (hidden_values). Of one that
    ``is_private``, nothing is kept in the backup folder.
    """

    path: str
    content: bytes | None
    expected: str | None
    mode: int = 0o600
    folder_mode: int = 0o755
    folders: int = 1
    like: str | None = None
    hides: bool = False
    is_private: bool = False

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> Replacement:
        """Return one from a task's arguments, where the content is base64."""
        content = options.get("content")
        return cls(
            path=options["path"],
            content=None if content is None else base64.b64decode(content),
            expected=options.get("expected"),
            mode=options.get("mode") or 0o600,
            hides=bool(options.get("hides")),
        )


def digest(content: bytes | None) -> str | None:
    """Return the SHA-256 of a content, None for none."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def described(path: str, *, hides: bool = False) -> dict[str, t.Any]:
    """Return path, content (base64, None if there is no such file) and SHA-256 of a file, with ``hides`` of the file
    without its secrets. Raises IrsaError.
    """
    content = files.read(path)
    if hides and content is not None:
        content = _without_secrets(path, content)
    encoded = None if content is None else base64.b64encode(content).decode()
    return {"path": path, "content": encoded, "sha256": digest(content)}


@dataclasses.dataclass(frozen=True)
class Replaced:
    """A file that was written or removed, its ``former`` content, and the path of the ``backup`` of that, if any.

    ``folders`` were created for it, each below the one before it.
    """

    new: Replacement
    former: bytes | None
    backup: str | None
    folders: t.Sequence[str] = ()

    def undo(self) -> None:
        """Put the former content back, and remove the folders that were created if nothing else is in them. Raises
        IrsaError.
        """
        replace(Replacement(self.new.path, self.former, digest(self.new.content), self.new.mode), None)
        _remove_empty(self.folders)


def replace(new: Replacement, backup_folder: str | None) -> Replaced:
    """Write or remove a file. Raises IrsaError if it is not what was expected; then nothing is written.

    Its former content is kept in the backup folder, if there is one.
    """
    new, present = _expected_content(new)
    backup = None
    if present is not None and backup_folder is not None and not new.is_private:
        backup = _back_up(new.path, present, backup_folder)
    folders: list[str] = []
    try:
        if new.content is None:
            _remove(new.path)
        else:
            above, owner = os.path.dirname(new.path), _status(new.like)
            folders = make_folder(above, new.folder_mode, owner=owner, count=new.folders)
            _write(new, new.content)
    except OSError as error:
        _remove_empty(folders)
        raise IrsaError(f"{files.shown(new.path)} cannot be written: {files.reason(error)}. It is unchanged.") from None
    return Replaced(new, present, backup, folders)


def _expected_content(new: Replacement) -> tuple[Replacement, bytes | None]:
    """Return what is to be written, with its secrets, and the present content. Raises IrsaError if that is not what was
    expected.
    """
    if os.path.islink(new.path):
        raise IrsaError(f"{files.shown(new.path)} is a symbolic link. Put the file itself in its place.")
    present = files.read(new.path)
    read = _without_secrets(new.path, present) if new.hides and present is not None else present
    if digest(read) != new.expected:
        raise IrsaError(f"{files.shown(new.path)} has changed since it was read, so it was not written. Run again.")
    if new.hides and present is not None and new.content is not None:
        new = dataclasses.replace(new, content=_with_secrets(new.path, new.content, present), hides=False)
    return new, present


def _without_secrets(path: str, content: bytes) -> bytes:
    try:
        return hidden_values.hidden(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    except Fault as fault:
        raise IrsaError(f"{files.shown(path)} cannot be used: {fault}.") from None


def _with_secrets(path: str, content: bytes, present: bytes) -> bytes:
    new, old = (each.decode("utf-8", "surrogateescape") for each in (content, present))
    try:
        return hidden_values.shown(new, old).encode("utf-8", "surrogateescape")
    except Fault as fault:
        raise IrsaError(f"{files.shown(path)} was not written: {fault}. It is unchanged.") from None


def _back_up(path: str, content: bytes, folder: str) -> str:
    """Keep a content, once, and return the path of its copy. Raises IrsaError."""
    name = f"{os.path.basename(path)}.{(digest(content) or '')[:12]}"
    copy = os.path.join(folder, name)
    try:
        make_folder(folder, 0o700)
        if not os.path.exists(copy):
            _write(Replacement(copy, content, None), content)
    except OSError as error:
        raise IrsaError(
            f"{files.shown(path)} was not changed, since it cannot be kept in {files.shown(folder)}: "
            f"{files.reason(error)}."
        ) from None
    return copy


def make_folder(folder: str, mode: int, *, owner: os.stat_result | None = None, count: int = 1) -> list[str]:
    """Create a folder and those above it as far as they do not exist. Return what was created, the outermost first.

    So many of them, from the folder itself on, get the mode, and an owner if that is given. Raises OSError.
    """
    if os.path.isdir(folder):
        return []
    made = make_folder(os.path.dirname(folder) or ".", mode if count > 1 else 0o755, owner=owner, count=count - 1)
    os.mkdir(folder, mode)
    if owner is not None and count > 0:
        os.chown(folder, owner.st_uid, owner.st_gid)
    files.sync_folder(os.path.dirname(folder))
    return [*made, folder]


def _remove_empty(folders: t.Sequence[str]) -> None:
    """Remove folders that were created, the outermost first in the list, as far as nothing is in them."""
    with contextlib.suppress(OSError):
        for folder in reversed(folders):
            os.rmdir(folder)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    files.sync_folder(os.path.dirname(path))


def _write(new: Replacement, content: bytes) -> None:
    """Put a file in place by a rename, so that no reader finds a part of it."""
    folder = os.path.dirname(new.path)
    present, like = _status(new.path), _status(new.like)
    beside = _temporary_folder(folder)
    # What a killed run has left there may hold a private key.
    drafts.remove_leftovers([beside])
    with drafts.Draft(beside) as draft:
        draft.write(content)
        if present is not None:
            os.fchown(draft.descriptor, present.st_uid, present.st_gid)
            _copy_label(new.path, draft.descriptor)
        elif like is not None:
            os.fchown(draft.descriptor, like.st_uid, like.st_gid)
        os.fchmod(draft.descriptor, new.mode if present is None else stat.S_IMODE(present.st_mode))
        # Mode and owner must be on disk, too.
        os.fsync(draft.descriptor)
        draft.rename(new.path)
    files.sync_folder(folder)


def _temporary_folder(folder: str) -> str:
    """Return where the temporary file goes: beside the folder if that is on the same file system.

    The kubelet watches the folder of the static pods. It ignores names that begin with a dot:
    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubelet/config/file_linux.go
    """
    above = os.path.dirname(folder)
    return above if os.stat(above).st_dev == os.stat(folder).st_dev else folder


def _status(path: str | None) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=False) if path else None
    except FileNotFoundError:
        return None


def _copy_label(path: str, descriptor: int) -> None:
    """Give a new file the SELinux label of the one that it replaces; file systems without labels refuse this."""
    try:
        os.setxattr(descriptor, _SELINUX, os.getxattr(path, _SELINUX))
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP, errno.EPERM, errno.EACCES):
            raise
