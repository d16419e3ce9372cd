# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``rke2 server``: writes static pods and is their kubelet.

https://github.com/rancher/rke2/blob/master/pkg/executor/staticpod/staticpod.go, pkg/podtemplate/podtemplate.go
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from stand_in import api_server, bootstrap_data, rancher

CONFIG = Path("/etc/rancher/rke2/config.yaml")
_MIRROR = "kubernetes.io/config."
STATE = Path("/run/stand-in/containers")
_LOGS = Path("/var/log/pods")
# The kubelet's, which doubles it up to five minutes.
_BACK_OFF_SECONDS = 10.0
_FOLDERS = ("/etc/ssl/certs",)


def pod(component: str, arguments: Sequence[str], folders: Sequence[str]) -> dict[str, Any]:
    """The manifest of a static pod, another one if the content of files is that the arguments name. They are mounted if
    they exist now.
    """
    values = [argument.partition("=")[2] for argument in arguments]
    files = sorted({value for value in values if value.startswith("/") and Path(value).is_file()})
    volumes = [*((path, "DirectoryOrCreate") for path in folders), *((path, "File") for path in files)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": component,
            "namespace": "kube-system",
            "labels": {"component": component, "tier": "control-plane"},
        },
        "spec": {
            "containers": [
                {
                    "name": component,
                    "image": "index.docker.io/rancher/hardened-kubernetes:v1.37.2-rke2r1",
                    "command": [component],
                    "args": list(arguments),
                    "env": [{"name": "FILE_HASH", "value": _hash(files)}],
                    "volumeMounts": [
                        {"name": f"mount{number}", "mountPath": path} for number, (path, dummy) in enumerate(volumes)
                    ],
                }
            ],
            "hostNetwork": True,
            "priorityClassName": "system-cluster-critical",
            "volumes": [
                {"name": f"mount{number}", "hostPath": {"path": path, "type": kind}}
                for number, (path, kind) in enumerate(volumes)
            ],
        },
    }


def _hash(files: Iterable[str]) -> str:
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


def write(manifest: dict[str, Any], folder: Path) -> None:
    """Write a manifest; its UID is a hash of what is in it."""
    path = folder / f"{manifest['metadata']['name']}.yaml"
    manifest["metadata"]["uid"] = hashlib.md5(json.dumps(manifest).encode(), usedforsecurity=False).hexdigest()
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")


class Container:
    """The container of one static pod. It goes on when rke2 ends, as with KillMode=process."""

    def __init__(self, component: str) -> None:
        self.component = component
        self._state = STATE / f"{component}.json"
        self._number, self._not_before, self._wait = 0, 0.0, _BACK_OFF_SECONDS
        self.mirrored = ""

    def _read(self, name: str) -> str:
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(self._state.read_text(encoding="utf-8"))[name])
        return ""

    @property
    def uid(self) -> str:
        return self._read("uid")

    @property
    def started(self) -> str:
        return self._read("started")

    def is_running(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            status = Path(f"/proc/{int(self._read('pid'))}/stat").read_text(encoding="utf-8")
            return status.rpartition(")")[2].split()[0] != "Z"
        return False

    def end(self) -> None:
        if self.is_running():
            process = int(self._read("pid"))
            os.kill(process, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while self.is_running():
                if time.monotonic() > deadline:
                    os.kill(process, signal.SIGKILL)
                time.sleep(0.05)
        self._state.unlink(missing_ok=True)

    def follow(self, manifest: dict[str, Any], node: str) -> None:
        """Have what the manifest says run, and start it again after a while if it has ended."""
        uid = manifest["metadata"]["uid"]
        if self.uid != uid:
            self.end()
            self._number, self._not_before, self._wait = 0, 0.0, _BACK_OFF_SECONDS
        if self.is_running() or time.monotonic() < self._not_before:
            return
        self._start(manifest, _LOGS / f"kube-system_{self.component}-{node}_{uid}" / self.component)
        self._not_before = time.monotonic() + self._wait
        self._wait *= 2

    def _start(self, manifest: dict[str, Any], logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / f"{self._number}.log"
        self._number += 1
        # Both go on when rke2 ends, as with a runtime's shim.
        logger = subprocess.Popen(
            [sys.executable, "-m", "stand_in.rke2", "log", str(log)], stdin=subprocess.PIPE, start_new_session=True
        )
        process = subprocess.Popen(
            self._command(manifest),
            stdin=subprocess.DEVNULL,
            stdout=logger.stdin,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        state = {"pid": process.pid, "uid": manifest["metadata"]["uid"], "started": _now()}
        self._state.write_text(json.dumps(state), encoding="utf-8")
        for child in (logger, process):
            threading.Thread(target=child.wait, daemon=True).start()

    def _command(self, manifest: dict[str, Any]) -> list[str]:
        container = manifest["spec"]["containers"][0]
        arguments = [*container.get("command", [])[1:], *container.get("args", [])]
        mounted = [each["mountPath"] for each in container["volumeMounts"]]
        for path in rancher.files_in(arguments):
            if not any(path == each or path.startswith(f"{each}/") for each in mounted):
                return api_server.failing(f"Error: open {path}: no such file or directory")
        if self.component == "kube-apiserver":
            return api_server.command(arguments)
        api_server.note_manager(arguments)
        return ["sleep", "infinity"]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log(path: Path) -> None:
    """Write what a container prints in the CRI's form."""
    with path.open("ab") as file:
        for line in sys.stdin.buffer:
            file.write(datetime.now(UTC).isoformat().encode() + b" stderr F " + line.rstrip(b"\n") + b"\n")
            file.flush()


def mirror(
    administrator: api_server.Administrator, manifest: dict[str, Any], *, started: str, node: str, address: str
) -> None:
    """Show a static pod in the cluster, as its kubelet does."""
    uid, name = manifest["metadata"]["uid"], f"{manifest['metadata']['name']}-{node}"
    annotations = {
        **manifest["metadata"].get("annotations", {}),
        **{f"{_MIRROR}{key}": value for key, value in (("hash", uid), ("mirror", uid), ("seen", started))},
    }
    metadata = {
        **{key: value for key, value in manifest["metadata"].items() if key != "uid"},
        "name": name,
        "annotations": {**annotations, f"{_MIRROR}source": "file"},
    }
    path = "/api/v1/namespaces/kube-system/pods"
    administrator.ask(f"{path}/{name}?gracePeriodSeconds=0", method="DELETE")
    administrator.ask(path, {"metadata": metadata, "spec": {**manifest["spec"], "nodeName": node}})
    container = {
        "name": manifest["metadata"]["name"],
        "image": manifest["spec"]["containers"][0]["image"],
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": started}},
    }
    addresses = [{"ip": address}]
    status = {
        "phase": "Running",
        "hostIP": address,
        "hostIPs": addresses,
        "podIP": address,
        "podIPs": addresses,
        "startTime": started,
        "containerStatuses": [container],
    }
    administrator.ask(f"{path}/{name}/status", {"status": status}, "PATCH")


def main() -> None:
    api_server.end_with_systemd()
    options = rancher.Options.of(CONFIG)
    data, node = options.last("data-dir", "/var/lib/rancher/rke2"), socket.gethostname()
    address = options.last("node-ip", "")
    defaults = rancher.api_server_defaults("rke2", options, data=data, address=address)
    del defaults["kubelet-preferred-address-types"]
    flags = rancher.arguments(defaults, options.values("kube-apiserver-arg"))
    if not any(flag.startswith("--kubelet-preferred-address-types=") for flag in flags):
        flags = ["--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname", *flags]
    if options.last("profile", "").startswith("cis"):
        flags = ["--service-account-extend-token-expiration=false", *flags]
    flags = ["--admission-control-config-file=/etc/rancher/rke2/rke2-pss.yaml", *flags]
    manager = rancher.arguments(
        rancher.controller_manager_defaults(data), options.values("kube-controller-manager-arg")
    )
    tls, folder = f"{data}/server/tls", Path(data) / "agent/pod-manifests"
    bootstrap_data.reconcile(Path(tls), options.last("datastore-endpoint", ""))
    administrator = api_server.Administrator(
        "https://127.0.0.1:6443",
        authority=f"{tls}/server-ca.crt",
        certificate=f"{tls}/client-admin.crt",
        key=f"{tls}/client-admin.key",
    )
    rancher.log(f"Running kube-apiserver {' '.join(flags)}")
    folder.mkdir(parents=True, exist_ok=True)
    write(pod("kube-apiserver", flags, (*_FOLDERS, f"{data}/server")), folder)
    keep(folder, administrator, manager, node=node, address=address)


def keep(
    folder: Path, administrator: api_server.Administrator, manager: Sequence[str], *, node: str, address: str
) -> None:
    """Be the kubelet of the static pods, and write the controller manager's once the API server is ready."""
    STATE.mkdir(parents=True, exist_ok=True)
    containers = {name: Container(name) for name in ("kube-apiserver", "kube-controller-manager")}
    is_up = False
    while True:
        for name, container in containers.items():
            path = folder / f"{name}.yaml"
            if not path.exists():
                continue
            manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
            container.follow(manifest, node)
            uid = manifest["metadata"]["uid"]
            if container.is_running() and container.mirrored != uid and administrator.is_ready():
                if not is_up:
                    is_up = True
                    administrator.ensure_accounts()
                    administrator.ensure_node(node, address, {"node-role.kubernetes.io/control-plane": "true"})
                    api_server.tell_systemd()
                    rancher.log(f"Running kube-controller-manager {' '.join(manager)}")
                    write(pod("kube-controller-manager", manager, _FOLDERS), folder)
                mirror(administrator, manifest, started=container.started, node=node, address=address)
                container.mirrored = uid
        time.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[1] == "log":
        log(Path(sys.argv[2]))
    else:
        main()
