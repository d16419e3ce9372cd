# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node has without asking its cluster: manifests, other files, and the version of its tools.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import os
import socket
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files, public_key_files, tools, units

_SECONDS = 20

# The files that kubeadm reads: https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/
_PATCHES = ("kube-apiserver", "kube-controller-manager")
_PATCH_TYPES = (".yaml", ".json")
_MAX_PATCHES = 50
_MAX_FILES = 200


def inspect(
    paths: t.Iterable[str],
    folders: t.Iterable[str],
    patches: str | None,
    *,
    public_keys: t.Iterable[str] = (),
    services: t.Sequence[str] = (),
) -> dict[str, t.Any]:
    """Return the files at these paths, the names in these folders, the patches in a folder, what is wrong with files of
    public keys, those of these services that are installed, and the version of kubeadm. Raises IrsaError.
    """
    return {
        "hostname": socket.gethostname(),
        "now": time.time(),
        "files": {path: node_files.described(path) for path in paths},
        "folders": {folder: _names(folder) for folder in folders},
        "patches": _contents(patches) if patches else {},
        "public_keys": {path: public_key_files.fault_of(path) for path in public_keys},
        "services": units.show(services),
        "kubeadm_version": _version(["kubeadm", "version", "--output=short"]),
        "has_kubectl": tools.find("kubectl") is not None,
    }


def configuration(
    paths: t.Iterable[str], folders: t.Iterable[str], *, endings: t.Sequence[str], version_command: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return the configuration of a distribution without its secrets: files by path, among them those in the folders
    with one of these endings (in small letters or capitals), with the time of their last change in seconds since 1970;
    and what a command says as the version. Raises IrsaError.
    """
    names = {folder: _names(folder) or [] for folder in folders}
    ends = tuple(endings)
    listed = [os.path.join(folder, name) for folder in names for name in names[folder] if name.lower().endswith(ends)]
    every = [*paths, *listed[:_MAX_FILES]]
    return {
        "files": {path: {**node_files.described(path, hides=True), "changed": _changed(path)} for path in every},
        "version": _version(version_command) if version_command else None,
    }


def _changed(path: str) -> float | None:
    try:
        # A link that leads to another file than before is a change, too.
        return max(os.stat(path).st_ctime, os.lstat(path).st_ctime)
    except OSError:
        return None


def _contents(folder: str) -> dict[str, str]:
    """Return the patches for kubeadm in a folder (base64) by name. Raises IrsaError."""
    names = [name for name in _names(folder) or [] if name.startswith(_PATCHES) and name.endswith(_PATCH_TYPES)]
    described = {name: node_files.described(os.path.join(folder, name)) for name in names[:_MAX_PATCHES]}
    return {name: file["content"] for name, file in described.items() if file["content"] is not None}


def _names(folder: str) -> list[str] | None:
    """Return the names in a folder, None if there is no such folder. Raises IrsaError."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IrsaError(f"{files.shown(folder)} cannot be read: {files.reason(error)}.") from None


def _version(command: t.Sequence[str]) -> str | None:
    """Return what a program says as its version, None if the node has no such program or it does not say."""
    program = tools.find(command[0])
    if program is None:
        return None
    try:
        ended = tools.run([program, *command[1:]], seconds=_SECONDS)
    except Fault:
        return None
    return ended.stdout.decode("utf-8", "replace").strip()[:100] or None if ended.return_code == 0 else None
