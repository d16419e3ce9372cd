# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kubelite of MicroK8s: the API server is a part of its process, with the arguments of a file.

The file is read as in https://github.com/canonical/microk8s/blob/master/build-scripts/components/kubernetes/patches
(ReadArgsFromFile).
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

from stand_in import api_server

DATA = "/var/snap/microk8s/current"
ARGUMENTS = Path(DATA, "args/kube-apiserver")
MANAGER_ARGUMENTS = Path(DATA, "args/kube-controller-manager")


def arguments(text: str) -> list[str]:
    """The words of all lines but comments, without quotation marks, with variables replaced."""
    lines = [line.strip() for line in text.splitlines()]
    words = [
        word
        for line in lines
        if line and not line.startswith("#")
        for word in line.replace('"', "").replace("'", "").split(" ")
    ]
    return [re.sub(r"\$\{?(\w+)\}?", lambda name: os.environ.get(name[1], ""), word) for word in words]


def main() -> None:
    api_server.end_with_systemd()
    # snapd sets it to the revision's folder: https://snapcraft.io/docs/environment-variables
    os.environ["SNAP_DATA"] = os.path.realpath(DATA)
    administrator = api_server.Administrator(
        "https://127.0.0.1:16443",
        authority=f"{DATA}/certs/ca.crt",
        certificate=f"{DATA}/certs/client.crt",
        key=f"{DATA}/certs/client.key",
    )
    words = arguments(ARGUMENTS.read_text(encoding="utf-8"))
    print("Starting kubelite", flush=True)
    with api_server.running(words) as process:
        if administrator.wait(process):
            address = next(word.partition("=")[2] for word in words if word.startswith("--advertise-address="))
            api_server.note_manager(arguments(MANAGER_ARGUMENTS.read_text(encoding="utf-8")))
            administrator.ensure_accounts()
            administrator.ensure_node(
                socket.gethostname(), address, {"node.kubernetes.io/microk8s-controlplane": "microk8s-controlplane"}
            )
        process.wait()
    sys.exit(f"API Server exited {process.returncode}")


if __name__ == "__main__":
    main()
