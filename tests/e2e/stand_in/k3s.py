# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``k3s server``: the API server and the controller manager are parts of k3s's own process."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from stand_in import api_server, bootstrap_data, rancher

CONFIG = Path("/etc/rancher/k3s/config.yaml")


def main() -> int:
    api_server.end_with_systemd()
    options = rancher.Options.of(CONFIG)
    data, address = options.last("data-dir", "/var/lib/rancher/k3s"), options.last("node-ip", "")
    defaults = rancher.api_server_defaults("k3s", options, data=data, address=address)
    flags = rancher.arguments(defaults, options.values("kube-apiserver-arg"))
    manager = rancher.arguments(
        rancher.controller_manager_defaults(data), options.values("kube-controller-manager-arg")
    )
    tls = f"{data}/server/tls"
    bootstrap_data.reconcile(Path(tls), options.last("datastore-endpoint", ""))
    administrator = api_server.Administrator(
        "https://127.0.0.1:6443",
        authority=f"{tls}/server-ca.crt",
        certificate=f"{tls}/client-admin.crt",
        key=f"{tls}/client-admin.key",
    )
    rancher.log(f"Running kube-apiserver {' '.join(flags)}")
    with api_server.running(flags) as process:
        if administrator.wait(process):
            rancher.log(f"Running kube-controller-manager {' '.join(manager)}")
            api_server.note_manager(manager)
            administrator.ensure_accounts()
            administrator.ensure_node(socket.gethostname(), address, {"node-role.kubernetes.io/control-plane": "true"})
            api_server.tell_systemd()
        process.wait()
        rancher.log(f"apiserver exited: {process.returncode}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
