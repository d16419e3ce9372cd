# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a new key: created if only it is missing, and whether the key survives in it.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import safe_paths

MODE = 0o700

# https://docs.kernel.org/filesystems/proc.html, section 3.5
MOUNTS = "/proc/self/mountinfo"

# File systems in memory, and those of containers, which go with the container.
_IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
_OF_CONTAINERS = ("overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs")
# openSUSE MicroOS and others keep changes of /etc in an overlay that is on disk.
_KEPT_OVERLAY = "/etc"
# The kubelet's folder of a volume that goes with its pod.
_POD_VOLUME = "/volumes/kubernetes.io~empty-dir/"

_ESCAPED = r"\\([0-7]{3})"


class _Mount(t.NamedTuple):
    """A mounted file system: the folder of it that is mounted, where, and its type."""

    root: str
    point: str
    kind: str


def is_missing(folder: str) -> bool:
    """Whether a directory does not exist, so that it could be created."""
    return not os.path.lexists(folder)


def check_can_be_created(path: str, owner: str | None = None) -> None:
    """Raise IrsaError unless the missing directory of a file can be created safely. The one above it must exist."""
    folder = os.path.dirname(path)
    parent = os.path.dirname(folder) or "."
    intro = f"{files.shown(path)} cannot be written: its directory does not exist and cannot be created:"
    try:
        status = os.stat(parent)
    except FileNotFoundError:
        raise IrsaError(
            f"{intro} {files.shown(parent)} does not exist either, and only the last directory of a path is created. "
            f"Create {files.shown(parent)} first."
        ) from None
    except (OSError, ValueError) as error:
        raise IrsaError(f"{intro} {files.shown(parent)}: {files.reason(error)}.") from None
    if not stat.S_ISDIR(status.st_mode):
        raise IrsaError(f"{intro} {files.shown(parent)} is not a directory.")
    safe_paths.check_new_folder(folder, owner)
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise IrsaError(
            f"{intro} user {files.user_name(os.geteuid())} may not write to {files.shown(parent)}. Run the task with "
            "become, or choose another directory."
        )


def create(folder: str) -> bool:
    """Create a directory that only this user can enter. Returns False if there is one already. Raises IrsaError."""
    try:
        os.mkdir(folder, MODE)
    except FileExistsError:
        return False
    except (OSError, ValueError) as error:
        raise IrsaError(f"The directory {files.shown(folder)} cannot be created: {files.reason(error)}.") from None
    return True


def unreachable_warning(folder: str, owner: str | None) -> str | None:
    """Return a warning if another user is to own the key, but cannot enter the directory that was created for it."""
    if not owner or files.user_id(owner) in (0, os.geteuid()):
        return None
    return (
        f"The new directory {files.shown(folder)} belongs to {files.user_name(os.geteuid())} and has mode 0700, so "
        f"{owner} cannot reach the key in it. Give that user access to the directory."
    )


def loss_warning(path: str) -> str | None:
    """Return a warning if a new file at the path is on storage that does not last, as far as this host shows it."""
    try:
        content = files.read(MOUNTS) or b""
    except IrsaError:
        return None
    folder = os.path.realpath(os.path.dirname(path) or ".")
    mount = _mount_of(folder, content.decode("utf-8", "surrogateescape"))
    what = mount and _short_lived(mount)
    if not what:
        return None
    return (
        f"The new key {files.shown(path)} is on {what}. A key must never be lost: every pod loses its access to AWS "
        "once the API server signs with another one. Choose a path on a disk or a volume that stays, or keep a copy of "
        "the key: irsa_issuer_key_backup makes one of a key on the controller. This is said only when a key is created."
    )


def _short_lived(mount: _Mount) -> str | None:
    """Say what a file system is that does not last; None for any other."""
    if mount.kind in _IN_MEMORY:
        return f"{mount.kind} ({mount.point}), which is in memory and lost at the next restart"
    if mount.kind in _OF_CONTAINERS and mount.point != _KEPT_OVERLAY:
        return f"the file system of a container ({mount.kind}), which is lost with the container"
    if _POD_VOLUME in mount.root:
        return f"an emptyDir volume ({mount.point}), which is lost with the pod"
    return None


def _mount_of(folder: str, mounts: str) -> _Mount | None:
    """Return what is mounted at a directory, or above it. Of several mounts at one place, the last one is seen."""
    found = None
    for line in mounts.splitlines():
        mount = _parsed(line)
        if mount is None or not (folder + "/").startswith(mount.point.rstrip("/") + "/"):
            continue
        if found is None or len(mount.point) >= len(found.point):
            found = mount
    return found


def _parsed(line: str) -> _Mount | None:
    fields, separator, rest = line.partition(" - ")
    words = fields.split(" ")
    if not separator or len(words) < 6:
        return None
    root, point = (re.sub(_ESCAPED, lambda match: chr(int(match.group(1), 8)), word) for word in words[3:5])
    return _Mount(root, point, rest.split(" ")[0])
