# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``kubelet`` of a control-plane node of kubeadm: runs what is in the folder of static pods.

https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/controlplane/manifests.go,
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/config/file.go
"""

from __future__ import annotations

import functools
import hashlib
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stand_in import api_server
from stand_in.rke2 import STATE, Container, mirror

PKI = "/etc/kubernetes/pki"
MANIFESTS = "/etc/kubernetes/manifests"
KUBECONFIG = "/etc/kubernetes/admin.conf"
_API_SERVER = "kube-apiserver"
_MANAGER = "kube-controller-manager"
_PAIRS = {"client-ca-file": "ca.crt", "tls-cert-file": "apiserver.crt", "tls-private-key-file": "apiserver.key"}
_CONFIGURATION = """apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
networking:
  dnsDomain: cluster.local
  serviceSubnet: 10.96.0.0/16
"""


def manifests(address: str, etcd: str) -> Mapping[str, str]:
    """The static pods of a node by the names of their files, as ``kubeadm init`` writes them."""
    api = {
        "advertise-address": address,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "etcd-servers": etcd,
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": "10.96.0.0/16",
        **{name: f"{PKI}/{file}" for name, file in _PAIRS.items()},
    }
    manager = {
        "kubeconfig": "/etc/kubernetes/controller-manager.conf",
        "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/sa.key",
        "use-service-account-credentials": "true",
    }
    endpoint = {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": f"{address}:6443"}
    return {
        f"{_API_SERVER}.yaml": _manifest(_API_SERVER, api, endpoint),
        f"{_MANAGER}.yaml": _manifest(_MANAGER, manager, {}),
    }


def _manifest(component: str, flags: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    container = {
        "command": [component, *(f"--{name}={flags[name]}" for name in sorted(flags))],
        "image": f"registry.k8s.io/{component}:v1.37.2",
        "imagePullPolicy": "IfNotPresent",
        "name": component,
        "volumeMounts": [{"mountPath": PKI, "name": "k8s-certs", "readOnly": True}],
    }
    metadata: dict[str, Any] = {"annotations": dict(annotations)} if annotations else {}
    labels = {"component": component, "tier": "control-plane"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "labels": labels, "name": component, "namespace": "kube-system"},
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "volumes": [{"hostPath": {"path": PKI, "type": "DirectoryOrCreate"}, "name": "k8s-certs"}],
        },
        "status": {},
    }
    return yaml.safe_dump(pod)


def _read(path: Path) -> dict[str, Any] | None:
    """A manifest, with a hash of its file as the pod's UID; None while it is being written."""
    try:
        return _parsed(path.read_bytes())
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        return None


@functools.lru_cache(maxsize=8)
def _parsed(content: bytes) -> dict[str, Any]:
    manifest = yaml.safe_load(content)
    manifest["metadata"]["uid"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return dict(manifest)


class Kubelet:
    """Has every file in the folder run, whatever its name ends with; a name that begins with a dot is left."""

    def __init__(self, node: str, address: str) -> None:
        self._node, self._address = node, address
        self._containers: dict[str, Container] = {}
        self._administrator = api_server.Administrator(
            f"https://{address}:6443",
            authority=f"{PKI}/ca.crt",
            certificate=f"{PKI}/admin.crt",
            key=f"{PKI}/admin.key",
        )
        self._is_up = False

    def look(self) -> None:
        found = [_read(path) for path in sorted(Path(MANIFESTS).iterdir()) if not path.name.startswith(".")]
        for manifest in filter(None, found):
            self._follow(manifest)

    def _follow(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        container = self._containers.setdefault(name, Container(name))
        container.follow(manifest, self._node)
        if not container.is_running() or container.mirrored == container.uid or not self._administrator.is_ready():
            return
        if not self._is_up:
            self._begin()
        mirror(self._administrator, manifest, started=container.started, node=self._node, address=self._address)
        container.mirrored = container.uid

    def _begin(self) -> None:
        """Register the node, and have what ``kubeadm init`` leaves in the cluster."""
        self._is_up = True
        self._administrator.ensure_accounts()
        self._administrator.ensure_node(self._node, self._address, {"node-role.kubernetes.io/control-plane": "true"})
        configuration = {"metadata": {"name": "kubeadm-config"}, "data": {"ClusterConfiguration": _CONFIGURATION}}
        self._administrator.ask("/api/v1/namespaces/kube-system/configmaps", configuration)
        api_server.tell_systemd()


def main(address: str) -> None:
    api_server.end_with_systemd()
    STATE.mkdir(parents=True, exist_ok=True)
    kubelet = Kubelet(socket.gethostname(), address)
    while True:
        kubelet.look()
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1])
