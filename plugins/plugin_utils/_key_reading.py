# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a host when the cluster's signing key is to be changed, besides what irsa_apiserver reads."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, service, views
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    KUBE_CONTROLLER_MANAGER,
    StaticPod,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _service_reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask, Reading, content
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._kubeadm_reading import (
    CONTROLLER_MANAGER,
    KUBEADM,
    MANIFEST,
)


class _Paths(t.NamedTuple):
    """The files of keys on a host, the folder of own keys, and the file whose owner those get."""

    public: list[str]
    private: list[str]
    folder: str
    like: str | None


def read(reading: Reading, *, ask: Ask) -> dict[str, t.Any]:
    """Return what module irsa_node found of the keys of a host that was read, with the folder of its own keys.

    Raises IrsaError.
    """
    try:
        paths = _of_kubeadm(reading) if reading["distribution"] == KUBEADM else _of_service(reading)
    except Fault as fault:
        raise IrsaError(f"The keys of the API server on the host {reading['host']} cannot be found: {fault}.") from None
    found = ask(
        {
            "operation": "keys",
            "paths": paths.public,
            "private_paths": paths.private,
            "key_folder": paths.folder,
            "server": f"https://{reading['address']}",
            **reading["access"],
        }
    )
    return {**found, "key_folder": paths.folder, "like": paths.like}


def _of_kubeadm(reading: Reading) -> _Paths:
    """Return the paths in the manifests of a node. Raises Fault."""
    files = reading["inspected"]["files"]
    arguments = StaticPod(content(files[MANIFEST]) or b"").arguments
    signing = arguments.values(SIGNING_KEY_FILE)[-1:]
    manager = content(files.get(CONTROLLER_MANAGER))
    if manager:
        signing += StaticPod(manager, KUBE_CONTROLLER_MANAGER).arguments.values(PRIVATE_KEY_FILE)[-1:]
    folder = views.cluster_key_folder(arguments)
    if folder is None and signing:
        folder = posixpath.dirname(signing[0])
    if folder is None:
        raise Fault(f"its manifest has neither --{KEY_FILE} nor --{SIGNING_KEY_FILE}")
    return _Paths(
        public=list(dict.fromkeys(arguments.values(KEY_FILE))),
        private=list(dict.fromkeys(signing)),
        folder=phases.own_key_folder(folder),
        like=next((path for path in signing if not phases.is_own_key(path)), None),
    )


def _of_service(reading: Reading) -> _Paths:
    """Return the paths that a distribution's files lead to. Raises Fault.

    A file of keys is read where the distribution itself replaces it. It holds private keys, of which the host returns
    the public halves.
    """
    distribution = WITH_SERVICE[reading["distribution"]]
    unit = _service_reading.unit_of(reading["inspected"], distribution)
    files = _service_reading.files_of(reading["inspected"])
    arguments = distribution.programs(files, unit).api_server
    command = distribution.datastore_command(files, unit, reading["inspected"]["version"])
    return _Paths(
        public=[command.key_file] if command else [],
        private=list(arguments.values(SIGNING_KEY_FILE)[-1:]),
        folder=distribution.own_key_folder(files, unit),
        like=service.cluster_key(arguments),
    )
