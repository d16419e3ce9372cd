# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator of a kubeadm cluster must know after a run."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_persistence import NONE, PATCHES


def upgrades(patch_files: t.Collection[str], method: str) -> t.Iterator[str]:
    """Yield how kubeadm upgrade must be called so that it keeps the change."""
    folders = sorted({posixpath.dirname(path) for path in patch_files})
    if method == PATCHES and folders:
        yield (
            f"Run kubeadm upgrade apply and kubeadm upgrade node with --patches {folders[0]}, and kubeadm join of a "
            "control plane, too: without it, they drop the issuer. With UpgradeConfiguration, set patches.directory "
            f"to {folders[0]} below apply and node."
        )
    if method == NONE:
        yield "kubeadm upgrade will drop the issuer, since irsa_apiserver_persist is none. Run this after each upgrade."


def new_node_needs(patch_files: t.Collection[str], key_files: t.Iterable[str]) -> list[str]:
    """Return the files that a control-plane node must have before it joins.

    kubeadm's --certificate-key carries the cluster's key, but no other, and patches are files of each node.
    """
    return sorted({*patch_files, *key_files})
