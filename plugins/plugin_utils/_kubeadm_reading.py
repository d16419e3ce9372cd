# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a host whose API server is a static pod of kubeadm: its manifests and patches, and what its API server says."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, views
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    AUTHENTICATION_CONFIG,
    advertised_address,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import StaticPod
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import (
    Ask,
    Reading,
    content,
    faults_of_keys,
    keys_of,
)

KUBEADM = "kubeadm"
MANIFESTS = "/etc/kubernetes/manifests"
MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
CONTROLLER_MANAGER = f"{MANIFESTS}/kube-controller-manager.yaml"


def read(
    host: str, inspected: dict[str, t.Any], *, has_own_key: bool, ask: Ask, inspect: t.Callable[..., dict[str, t.Any]]
) -> dict[str, t.Any]:
    """Return the reading of a host. ``inspect`` reads paths and folders. Raises IrsaError."""
    manifest = content(inspected["files"][MANIFEST])
    if manifest is None:
        raise IrsaError(f"The file {MANIFEST} of the host {host} is gone. Run this again.")
    if not inspected["has_kubectl"]:
        raise IrsaError(
            f"The host {host} has no kubectl, which comes with kubeadm. Install it on every control-plane node."
        )
    try:
        address = _address(manifest)
        authentication = _authentication_config(manifest)
        keys = _own_key_folder(manifest) if has_own_key else None
    except Fault as fault:
        raise IrsaError(f"The file {MANIFEST} on the host {host} cannot be used: {fault}.") from None
    if authentication or keys:
        more = inspect([authentication] if authentication else [], [keys] if keys else [])
        for kind in ("files", "folders"):
            inspected[kind].update(more[kind])
    observed = ask({"operation": "observe", "server": f"https://{address}"})
    return {
        "host": host,
        "distribution": KUBEADM,
        "address": address,
        "inspected": inspected,
        "observed": observed,
        "access": {},
    }


def _address(manifest: bytes) -> str:
    """Return address and port that an API server is reached by. Raises Fault if its manifest does not say."""
    address = advertised_address(StaticPod(manifest).arguments)
    if address is None:
        raise Fault("it has no --advertise-address, so the API server's address is not known")
    return address


def _authentication_config(manifest: bytes) -> str | None:
    """Return the path of the file of JWT authenticators, None if there is none."""
    return StaticPod(manifest).arguments.value(AUTHENTICATION_CONFIG)


def _own_key_folder(manifest: bytes) -> str | None:
    """Return the folder for the issuer's own key, None if the manifest does not name the cluster's key."""
    folder = views.cluster_key_folder(StaticPod(manifest).arguments)
    return phases.own_key_folder(folder) if folder else None


def server(name: str, reading: Reading, observed: t.Mapping[str, t.Any]) -> Server:
    """Return a server of the play. ``observed`` are the values that its API server told."""
    inspected, files = reading["inspected"], reading["inspected"]["files"]
    manifest = content(files[MANIFEST])
    authentication = content(files.get((_authentication_config(manifest) if manifest else None) or ""))
    return Server(
        name=name,
        addresses=(reading["address"],),
        manifest=manifest,
        manifest_path=MANIFEST,
        controller_manager=content(files.get(CONTROLLER_MANAGER)),
        controller_manager_path=CONTROLLER_MANAGER,
        authentication_config=None if authentication is None else authentication.decode("utf-8", "replace"),
        folder=tuple(inspected["folders"][MANIFESTS] or ()),
        patches={name: base64.b64decode(text) for name, text in inspected["patches"].items()},
        public_key_faults=faults_of_keys(inspected),
        tool_version=inspected["kubeadm_version"],
        **keys_of(reading),
        **observed,
    )
