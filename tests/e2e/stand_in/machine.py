# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first process of a server: gives it a root with files of its own, and is its systemd.

``python -m stand_in.machine ROOT NAME`` runs in new namespaces for mounts, network, processes and the host's name. All
that is mounted is seen in there alone, and goes with its last process, which is this one.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
from pathlib import Path

from stand_in import systemd

# What a host of any distribution has there is not to be seen.
HIDDEN = frozenset(
    {
        "etc/cni",
        "etc/default",
        "etc/k0s",
        "etc/kubernetes",
        "etc/rancher",
        "etc/sysconfig",
        "etc/systemd",
        "run",
        "snap",
        "usr/bin/journalctl",
        "usr/bin/kubeadm",
        "usr/bin/kubectl",
        "usr/bin/kubelet",
        "usr/bin/snap",
        "usr/bin/systemctl",
        "usr/local/bin/k0s",
        "usr/local/bin/k3s",
        "usr/local/bin/kubeadm",
        "usr/local/bin/kubectl",
        "usr/local/bin/kubelet",
        "usr/local/bin/rke2",
        "var/lib/k0s",
        "var/lib/kubelet",
        "var/lib/rancher",
        "var/log",
        "var/run",
        "var/snap",
    }
)
_MS_BIND, _MS_REC = 4096, 16384

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: Path, kind: str = "", *, flags: int = _MS_BIND | _MS_REC) -> None:
    if _libc.mount(source.encode(), os.fsencode(target), kind.encode(), flags, None):
        raise OSError(ctypes.get_errno(), "mount", str(target))


def graft(root: Path, inside: str = "") -> None:
    """Put what the machine has in a folder into the root, but for what is hidden and what the root has itself."""
    # The folder with the root comes first: afterwards it would have the mounts within the root once more.
    for entry in sorted(os.scandir(f"/{inside}"), key=lambda each: not str(root).startswith(f"{each.path}/")):
        path = f"{inside}/{entry.name}".lstrip("/")
        target = root / path
        if path in HIDDEN | {"proc"} or target.is_symlink() or target.is_file():
            continue
        if entry.is_symlink():
            target.symlink_to(os.readlink(entry.path))
        elif entry.is_dir():
            if target.is_dir() or any(each.startswith(f"{path}/") for each in HIDDEN):
                target.mkdir(exist_ok=True)
                graft(root, path)
            else:
                target.mkdir()
                _mount(entry.path, target)
        elif entry.is_file():
            target.touch()
            _mount(entry.path, target)


def main(root: Path, name: str) -> None:
    graft(root)
    (root / "proc").mkdir()
    _mount("proc", root / "proc", "proc", flags=0)
    os.chroot(root)
    os.chdir("/")
    socket.sethostname(name)
    manager = systemd.Manager()
    threading.Thread(target=manager.serve, daemon=True).start()
    print("ready", flush=True)
    # The tests have the other end, which is closed in whichever way they end.
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
