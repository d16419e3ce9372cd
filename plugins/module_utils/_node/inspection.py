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
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files, public_key_files, tools

_SECONDS = 20

# The files that kubeadm reads: https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/
_PATCHES = ("kube-apiserver", "kube-controller-manager")
_PATCH_TYPES = (".yaml", ".json")
_MAX_PATCHES = 50


def inspect(
    paths: t.Iterable[str], folders: t.Iterable[str], patches: str | None, *, public_keys: t.Iterable[str] = ()
) -> dict[str, t.Any]:
    """Return the files at these paths, the names in these folders, the patches in a folder, what is wrong with files of
    public keys, and the version of kubeadm. Raises IrsaError.
    """
    return {
        "hostname": socket.gethostname(),
        "now": time.time(),
        "files": {path: node_files.described(path) for path in paths},
        "folders": {folder: _names(folder) for folder in folders},
        "patches": _contents(patches) if patches else {},
        "public_keys": {path: public_key_files.fault_of(path) for path in public_keys},
        "kubeadm_version": _kubeadm_version(),
        "has_kubectl": tools.find("kubectl") is not None,
    }


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


def _kubeadm_version() -> str | None:
    """Return the version of kubeadm, None if the node has none or it does not say."""
    program = tools.find("kubeadm")
    if program is None:
        return None
    try:
        ended = tools.run([program, "version", "--output=short"], seconds=_SECONDS)
    except Fault:
        return None
    return ended.stdout.decode("utf-8", "replace").strip()[:100] or None if ended.return_code == 0 else None
