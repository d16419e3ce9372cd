# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``k0s controller``: supervises kube-apiserver, which runs as a user of its own.

https://github.com/k0sproject/k0s/blob/main/pkg/component/controller/apiserver.go, pkg/supervisor/supervisor.go
"""

from __future__ import annotations

import pwd
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stand_in import api_server, rancher

USER = "kube-apiserver"
_DEFAULT_ISSUER = "https://kubernetes.default.svc"
_RESPAWN_SECONDS = 5.0
_READY_SECONDS = 120.0


def arguments(spec: Mapping[str, Any], data: str) -> list[str]:
    """The arguments of the API server: extraArgs in place of defaults, rawArgs behind all of them."""
    pki, api = f"{data}/pki", spec.get("api") or {}
    defaults = {
        "advertise-address": api["address"],
        "allow-privileged": "true",
        "anonymous-auth": "false",
        "api-audiences": f"{_DEFAULT_ISSUER},system:konnectivity-server",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{pki}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "kubelet-certificate-authority": f"{pki}/ca.crt",
        "kubelet-client-certificate": f"{pki}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{pki}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "profiling": "false",
        "proxy-client-cert-file": f"{pki}/front-proxy-client.crt",
        "proxy-client-key-file": f"{pki}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(api.get("port", 6443)),
        "service-account-issuer": _DEFAULT_ISSUER,
        "service-account-jwks-uri": f"{_DEFAULT_ISSUER}/openid/v1/jwks",
        "service-account-key-file": f"{pki}/sa.pub",
        "service-account-signing-key-file": f"{pki}/sa.key",
        "service-cluster-ip-range": "10.96.0.0/12",
        "tls-cert-file": f"{pki}/server.crt",
        "tls-min-version": "VersionTLS12",
        "tls-private-key-file": f"{pki}/server.key",
        "v": "1",
    }
    merged = {**defaults, **{name: str(value) for name, value in (api.get("extraArgs") or {}).items()}}
    external = spec["storage"]["etcd"]["externalCluster"]
    return [
        # A map of Go has no order.
        *(f"--{name}={value}" for name, value in reversed(merged.items())),
        *(api.get("rawArgs") or []),
        f"--etcd-servers={','.join(external['endpoints'])}",
        f"--etcd-prefix={external['etcdPrefix']}",
    ]


def manager_arguments(spec: Mapping[str, Any], data: str) -> list[str]:
    """The arguments of the controller manager that are about service accounts, by the same rules."""
    section = spec.get("controllerManager") or {}
    defaults = {"root-ca-file": f"{data}/pki/ca.crt", "service-account-private-key-file": f"{data}/pki/sa.key"}
    merged = {**defaults, **(section.get("extraArgs") or {})}
    return [*(f"--{name}={value}" for name, value in merged.items()), *(section.get("rawArgs") or [])]


def keep(flags: Sequence[str], manager: Sequence[str], administrator: api_server.Administrator) -> None:
    """Run the API server, and start it again as long as it has been ready once within two minutes."""
    user = pwd.getpwnam(USER).pw_uid
    deadline, was_ready = time.monotonic() + _READY_SECONDS, False
    while True:
        with api_server.running(flags, user=user) as process:
            patience = float("inf") if was_ready else deadline - time.monotonic()
            if administrator.wait(process, patience):
                was_ready = True
                api_server.note_manager(manager, user)
                administrator.ensure_accounts()
                process.wait()
            if not was_ready and time.monotonic() > deadline:
                raise SystemExit("Error: failed to start controller node components: kube-apiserver is not ready")
            print(f"component=kube-apiserver Process terminated unexpectedly: {process.returncode}", flush=True)
        print("component=kube-apiserver respawning in 5s", flush=True)
        time.sleep(_RESPAWN_SECONDS)


def main() -> None:
    api_server.end_with_systemd()
    given = rancher.given([word for word in sys.argv[2:] if word.startswith("--")])
    data = given.get("data-dir", ["/var/lib/k0s"])[-1]
    config = yaml.safe_load(Path(given.get("config", ["/etc/k0s/k0s.yaml"])[-1]).read_text(encoding="utf-8"))
    pki = f"{data}/pki"
    administrator = api_server.Administrator(
        "https://127.0.0.1:6443", authority=f"{pki}/ca.crt", certificate=f"{pki}/admin.crt", key=f"{pki}/admin.key"
    )
    keep(arguments(config["spec"], data), manager_arguments(config["spec"], data), administrator)


if __name__ == "__main__":
    main()
