# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write kubeadm's ClusterConfiguration, which later upgrades and joining nodes read.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.observation import CONFIGURATION


def write(kubectl: Kubectl, server: str, change: t.Mapping[str, str]) -> None:
    """Write the text ``after`` if the present one is still ``before``. Raises IrsaError."""
    try:
        present = kubectl.get(CONFIGURATION, server)
        text = present["data"]["ClusterConfiguration"]
        if text == change["after"]:
            return
        if text != change["before"]:
            raise Fault("has changed since it was read")
        # With its resourceVersion, so that the API server refuses it if another process has just written.
        kubectl.replace(
            CONFIGURATION, {**present, "data": {**present["data"], "ClusterConfiguration": change["after"]}}
        )
    except (Fault, KeyError, TypeError) as error:
        why = str(error) if isinstance(error, Fault) else "has an unknown form"
        raise IrsaError(
            f"The API server {server} was changed and works, but ConfigMap kube-system/kubeadm-config was not written, "
            f"so the next kubeadm upgrade would undo the change: it {why}. Run again."
        ) from None
