# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server of each distribution has on its disk before its service starts for the first time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from stand_in import certificates, kubeadm
from stand_in.certificates import Authority, Pair

# What must be in no output.
SECRET = "K10stand-in-secret"
# Of the user whom `k0s install controller` makes.
KUBE_APISERVER_ID = 64501


@dataclass(frozen=True)
class Secrets:
    """What all servers of one cluster have in common."""

    server_ca: Authority = field(default_factory=lambda: Authority("server-ca"))
    client_ca: Authority = field(default_factory=lambda: Authority("client-ca"))
    header_ca: Authority = field(default_factory=lambda: Authority("request-header-ca"))
    signing_key: tuple[bytes, bytes] = field(default_factory=certificates.signing_key)


@dataclass(frozen=True)
class Host:
    """A server's name, address and root folder, and where its cluster's datastore is."""

    name: str
    address: str
    root: Path
    etcd: str
    secrets: Secrets
    # A server that joins a running cluster of k3s or RKE2 gets its keys there.
    joins: bool = False

    def write(self, path: str, content: str | bytes, mode: int = 0o600, *, owner: int = 0) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        os.chown(file, owner, 0)

    def command(self, path: str, script: str) -> None:
        """A program of the server, as a script of the shell."""
        self.write(path, f"#!/bin/sh\n{script}\n", 0o755)

    def pairs(self, folder: str, pairs: Mapping[str, Pair], *, owner: int = 0) -> None:
        for name, pair in pairs.items():
            self.write(f"{folder}/{name}.crt", pair.certificate, 0o644, owner=owner)
            self.write(f"{folder}/{name}.key", pair.key, 0o600, owner=owner)

    @property
    def hosts(self) -> Sequence[str]:
        return ("127.0.0.1", self.address, "localhost", self.name, "kubernetes", "kubernetes.default.svc")

    def serving(self, authority: Authority) -> Pair:
        return authority.issue("kube-apiserver", hosts=self.hosts)


def _kubectl(kubeconfig: str) -> str:
    return f': "${{KUBECONFIG:={kubeconfig}}}"; export KUBECONFIG; exec /opt/stand-in/kubectl "$@"'


def _rancher(host: Host, program: str) -> None:
    secrets = host.secrets
    data, etc = f"/var/lib/rancher/{program}", f"/etc/rancher/{program}"
    tls = f"{data}/server/tls"
    administrator = secrets.client_ca.issue("system:admin", "system:masters")
    host.pairs(
        tls,
        {
            "serving-kube-apiserver": host.serving(secrets.server_ca),
            "client-kube-apiserver": secrets.client_ca.issue("system:apiserver", "system:masters"),
            "client-auth-proxy": secrets.header_ca.issue("system:auth-proxy"),
            "client-admin": administrator,
        },
    )
    authorities = {
        "server-ca": secrets.server_ca,
        "client-ca": secrets.client_ca,
        "request-header-ca": secrets.header_ca,
    }
    host.pairs(tls, {name: authority.pair for name, authority in authorities.items()})
    if not host.joins:
        host.write(f"{tls}/service.key", secrets.signing_key[0])
    config = certificates.kubeconfig("https://127.0.0.1:6443", secrets.server_ca, administrator)
    host.write(f"{etc}/{program}.yaml", config)
    host.write(
        f"{etc}/config.yaml",
        f"# written when the server was set up\ndatastore-endpoint: {host.etcd}\nnode-ip: {host.address}\n"
        f"token: {SECRET}\n"
        "kube-apiserver-arg:\n  - event-ttl=2h\n",
    )


def _rancher_unit(host: Host, name: str, command: str) -> None:
    host.write(
        f"/etc/systemd/system/{name}.service",
        f"""[Unit]
Description={name}

[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-/etc/systemd/system/{name}.service.env
KillMode=process
Restart=always
RestartSec=5s
ExecStart={command}
""",
        0o644,
    )


def k3s(host: Host, python: str) -> None:
    """As https://get.k3s.io installs it."""
    _rancher(host, "k3s")
    _rancher_unit(host, "k3s", "/usr/local/bin/k3s \\\n    server \\\n")
    host.write("/etc/systemd/system/k3s.service.env", f"K3S_TOKEN='{SECRET}'\n")
    host.command(
        "/usr/local/bin/k3s",
        f'case "$1" in server) exec {python} -m stand_in.k3s "$@";;\n'
        f'certificate) exec {python} -m stand_in.bootstrap_data k3s "$@";;\n'
        f"kubectl) shift; {_kubectl('/etc/rancher/k3s/k3s.yaml')};;\n"
        '*) echo "k3s version v1.37.2+k3s1 (0f0f0f0f)";; esac',
    )


def rke2(host: Host, python: str) -> None:
    """As https://get.rke2.io installs it. RKE2 has no command for kubectl, but the program itself."""
    _rancher(host, "rke2")
    _rancher_unit(host, "rke2-server", "/usr/local/bin/rke2 server")
    host.write(
        "/etc/rancher/rke2/rke2-pss.yaml",
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: []\n",
    )
    host.command("/var/lib/rancher/rke2/bin/kubectl", 'exec /opt/stand-in/kubectl "$@"')
    host.command(
        "/usr/local/bin/rke2",
        f'case "$1" in server) exec {python} -m stand_in.rke2 "$@";;\n'
        f'certificate) exec {python} -m stand_in.bootstrap_data rke2 "$@";;\n'
        '*) echo "rke2 version v1.37.2+rke2r1 (0f0f0f0f)";; esac',
    )


def k0s(host: Host, python: str) -> None:
    """As ``k0s install controller -c /etc/k0s/k0s.yaml`` sets it up."""
    secrets, pki = host.secrets, "/var/lib/k0s/pki"
    for file, line in (("passwd", ":64501:65534::/nonexistent:/sbin/nologin"), ("group", ":64501:")):
        known = Path("/etc", file).read_text(encoding="utf-8")
        host.write(f"/etc/{file}", f"{known}kube-apiserver:x{line}\n", 0o644)
    administrator = secrets.server_ca.issue("kubernetes-admin", "system:masters")
    host.pairs(pki, {"admin": administrator})
    host.pairs(
        pki,
        {
            "ca": secrets.server_ca.pair,
            "server": host.serving(secrets.server_ca),
            "apiserver-kubelet-client": secrets.server_ca.issue("apiserver-kubelet-client", "system:masters"),
            "front-proxy-ca": secrets.header_ca.pair,
            "front-proxy-client": secrets.header_ca.issue("front-proxy-client"),
        },
        owner=KUBE_APISERVER_ID,
    )
    host.write(f"{pki}/sa.key", secrets.signing_key[0], 0o640, owner=KUBE_APISERVER_ID)
    host.write(f"{pki}/sa.pub", secrets.signing_key[1], 0o644, owner=KUBE_APISERVER_ID)
    host.write(f"{pki}/admin.conf", certificates.kubeconfig("https://localhost:6443", secrets.server_ca, administrator))
    external = {"endpoints": [host.etcd], "etcdPrefix": "k0s"}
    config = {
        "apiVersion": "k0s.k0sproject.io/v1beta1",
        "kind": "ClusterConfig",
        "metadata": {"name": "k0s"},
        "spec": {
            "api": {"address": host.address, "port": 6443, "extraArgs": {"event-ttl": "2h"}},
            "storage": {"type": "etcd", "etcd": {"externalCluster": external}},
        },
    }
    host.write("/etc/k0s/k0s.yaml", f"# generated\n{yaml.safe_dump(config)}")
    host.write(
        "/etc/systemd/system/k0scontroller.service",
        """[Unit]
Description=k0s - Zero Friction Kubernetes

[Service]
StartLimitInterval=5
StartLimitBurst=10
ExecStart=/usr/local/bin/k0s controller --config=/etc/k0s/k0s.yaml
RestartSec=10
KillMode=process
Restart=always
""",
        0o644,
    )
    host.command(
        "/usr/local/bin/k0s",
        f'case "$1" in controller) exec {python} -m stand_in.k0s "$@";;\n'
        f"kubectl|kc) shift; {_kubectl(f'{pki}/admin.conf')};;\n"
        '*) echo "v1.37.2+k0s.0";; esac',
    )


_MICROK8S_ARGUMENTS = """--cert-dir=${SNAP_DATA}/certs
--service-cluster-ip-range=10.152.183.0/24
--authorization-mode=RBAC,Node
--service-account-key-file=${SNAP_DATA}/certs/serviceaccount.key
--client-ca-file=${SNAP_DATA}/certs/ca.crt
--tls-cert-file=${SNAP_DATA}/certs/server.crt
--tls-private-key-file=${SNAP_DATA}/certs/server.key
--kubelet-client-certificate=${SNAP_DATA}/certs/apiserver-kubelet-client.crt
--kubelet-client-key=${SNAP_DATA}/certs/apiserver-kubelet-client.key
--secure-port=16443
--etcd-servers="ETCD"
--allow-privileged=true
--service-account-issuer='https://kubernetes.default.svc'
--service-account-signing-key-file=${SNAP_DATA}/certs/serviceaccount.key
--event-ttl=5m
--profiling=false

# Enable the aggregation layer
--requestheader-client-ca-file=${SNAP_DATA}/certs/front-proxy-ca.crt
--requestheader-allowed-names=front-proxy-client
--requestheader-extra-headers-prefix=X-Remote-Extra-
--requestheader-group-headers=X-Remote-Group
--requestheader-username-headers=X-Remote-User
--proxy-client-cert-file=${SNAP_DATA}/certs/front-proxy-client.crt
--proxy-client-key-file=${SNAP_DATA}/certs/front-proxy-client.key
#~Enable the aggregation layer
--kubelet-certificate-authority=${SNAP_DATA}/certs/ca.crt
--kubelet-preferred-address-types=InternalIP,Hostname,InternalDNS,ExternalDNS,ExternalIP
--advertise-address=ADDRESS
"""


def microk8s(host: Host, python: str) -> None:
    """As the snap has it after its first start, with RBAC."""
    secrets, data = host.secrets, "/var/snap/microk8s/7500"
    administrator = secrets.server_ca.issue("admin", "system:masters")
    host.pairs(
        f"{data}/certs",
        {
            "ca": secrets.server_ca.pair,
            "client": administrator,
            "server": host.serving(secrets.server_ca),
            "apiserver-kubelet-client": secrets.server_ca.issue("apiserver-kubelet-client", "system:masters"),
            "front-proxy-ca": secrets.header_ca.pair,
            "front-proxy-client": secrets.header_ca.issue("front-proxy-client"),
        },
    )
    host.write(f"{data}/certs/serviceaccount.key", secrets.signing_key[0], 0o660)
    config = certificates.kubeconfig("https://127.0.0.1:16443", secrets.server_ca, administrator)
    host.write(f"{data}/credentials/client.config", config, 0o660)
    text = _MICROK8S_ARGUMENTS.replace("ETCD", host.etcd).replace("ADDRESS", host.address)
    host.write(f"{data}/args/kube-apiserver", text, 0o660)
    host.write(f"{data}/args/kube-controller-manager", _MICROK8S_MANAGER, 0o660)
    host.write("/snap/microk8s/7500/meta/snap.yaml", "name: microk8s\nversion: v1.37.2\nconfinement: classic\n", 0o644)
    for folder in ("/var/snap/microk8s/current", "/snap/microk8s/current"):
        (host.root / folder.lstrip("/")).symlink_to("7500")
    host.write(
        "/etc/systemd/system/snap.microk8s.daemon-kubelite.service",
        """[Unit]
Description=Service for snap application microk8s.daemon-kubelite

[Service]
EnvironmentFile=-/etc/environment
ExecStart=/usr/bin/snap run microk8s.daemon-kubelite
Restart=on-failure
WorkingDirectory=/var/snap/microk8s/7500
TimeoutStopSec=30
Type=simple
""",
        0o644,
    )
    host.command("/usr/bin/snap", f'exec {python} -m stand_in.commands snap "$@"')
    kubectl = _kubectl(f"{data}/credentials/client.config")
    host.command(
        "/snap/bin/microk8s",
        f'case "$1" in kubectl) shift; {kubectl};;\n*) echo "MicroK8s v1.37.2 revision 7500";; esac',
    )
    host.command("/snap/bin/microk8s.kubectl", kubectl)


_MICROK8S_MANAGER = """--kubeconfig=${SNAP_DATA}/credentials/controller.config
--service-account-private-key-file=${SNAP_DATA}/certs/serviceaccount.key
--root-ca-file=${SNAP_DATA}/certs/ca.crt
--cluster-signing-cert-file=${SNAP_DATA}/certs/ca.crt
--cluster-signing-key-file=${SNAP_DATA}/certs/ca.key
--use-service-account-credentials
--profiling=false
"""


def kubeadm_node(host: Host, python: str) -> None:
    """As ``kubeadm init`` or ``kubeadm join --control-plane`` leaves it."""
    secrets, pki = host.secrets, kubeadm.PKI
    administrator = secrets.server_ca.issue("kubernetes-admin", "system:masters")
    host.pairs(
        pki,
        {
            "ca": secrets.server_ca.pair,
            # The stand-in kubelet's own.
            "admin": administrator,
            "apiserver": host.serving(secrets.server_ca),
            "apiserver-kubelet-client": secrets.server_ca.issue("kube-apiserver-kubelet-client", "system:masters"),
            "front-proxy-ca": secrets.header_ca.pair,
            "front-proxy-client": secrets.header_ca.issue("front-proxy-client"),
        },
    )
    host.write(f"{pki}/sa.key", secrets.signing_key[0], 0o600)
    host.write(f"{pki}/sa.pub", secrets.signing_key[1], 0o600)
    url = f"https://{host.address}:6443"
    host.write(kubeadm.KUBECONFIG, certificates.kubeconfig(url, secrets.server_ca, administrator))
    for name, text in kubeadm.manifests(host.address, host.etcd).items():
        host.write(f"{kubeadm.MANIFESTS}/{name}", text)
    host.write(
        "/etc/systemd/system/kubelet.service",
        """[Unit]
Description=kubelet: The Kubernetes Node Agent

[Service]
ExecStart=/usr/bin/kubelet
KillMode=process
Restart=always
RestartSec=10
""",
        0o644,
    )
    host.command("/usr/bin/kubelet", f"exec {python} -m stand_in.kubeadm {host.address}")
    host.command("/usr/bin/kubeadm", "echo v1.37.2")
    host.command("/usr/bin/kubectl", 'exec /opt/stand-in/kubectl "$@"')


@dataclass(frozen=True)
class Distribution:
    """How a distribution's server is made and started."""

    lay_out: Callable[[Host, str], None]
    unit: str
    port: int
    kubeconfig: str
    authorities: Callable[[Secrets], tuple[Authority, Authority]]


def _own_client_ca(secrets: Secrets) -> tuple[Authority, Authority]:
    return secrets.server_ca, secrets.client_ca


def _one_ca(secrets: Secrets) -> tuple[Authority, Authority]:
    return secrets.server_ca, secrets.server_ca


DISTRIBUTIONS = {
    "k3s": Distribution(k3s, "k3s.service", 6443, "/etc/rancher/k3s/k3s.yaml", _own_client_ca),
    "rke2": Distribution(rke2, "rke2-server.service", 6443, "/etc/rancher/rke2/rke2.yaml", _own_client_ca),
    "k0s": Distribution(k0s, "k0scontroller.service", 6443, "/var/lib/k0s/pki/admin.conf", _one_ca),
    "microk8s": Distribution(
        microk8s,
        "snap.microk8s.daemon-kubelite.service",
        16443,
        "/var/snap/microk8s/current/credentials/client.config",
        _one_ca,
    ),
    "kubeadm": Distribution(kubeadm_node, "kubelet.service", 6443, kubeadm.KUBECONFIG, _one_ca),
}


def prepare(host: Host, python: str) -> None:
    """What every server has."""
    for folder in ("run/stand-in", "var/log", "etc/systemd/system", "opt/stand-in", "usr/bin"):
        (host.root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("systemctl", "journalctl"):
        host.command(f"/usr/bin/{name}", f'exec {python} -m stand_in.commands {name} "$@"')


def linked(source: Path, target: Path) -> None:
    """A program under another path, as a hard link where that is possible: it has a hundred megabytes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
