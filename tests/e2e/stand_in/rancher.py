# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of k3s and RKE2: what comes of their configuration files and arguments.

Files: https://github.com/k3s-io/k3s/blob/main/pkg/configfilearg/parser.go, arguments: pkg/util/args.go, defaults:
pkg/daemons/control/server.go of the same repository.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def configured(file: Path) -> dict[str, list[str]]:
    """The options that come of a configuration file and the files in its folder .d, with all their values."""
    drop_ins = sorted(each for each in Path(f"{file}.d").glob("*") if each.suffix.lower() in (".yaml", ".yml"))
    found: dict[str, list[str]] = {}
    for path in (*([file] if file.exists() else []), *drop_ins):
        for key, value in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            name = key.removesuffix("+")
            former = found.get(name, []) if key.endswith("+") else []
            found[name] = former + _listed(value)
    return found


def given(words: Sequence[str]) -> dict[str, list[str]]:
    """The options of a command line, ``--name=value`` or ``--name value``."""
    found: dict[str, list[str]] = {}
    rest = list(words)
    while rest:
        name, is_joined, value = rest.pop(0).removeprefix("--").partition("=")
        if not is_joined:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        found.setdefault(name, []).append(value)
    return found


@dataclass(frozen=True)
class Options:
    """The options of a server: those of the command line come after those of the files."""

    all: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, file: Path) -> Options:
        files, words = configured(file), given(sys.argv[2:])
        return cls({name: [*files.get(name, []), *words.get(name, [])] for name in {**files, **words}})

    def values(self, name: str) -> Sequence[str]:
        return self.all.get(name, ())

    def last(self, name: str, default: str) -> str:
        return (self.values(name) or [default])[-1]


def arguments(defaults: Mapping[str, str], extra: Iterable[str]) -> list[str]:
    """The arguments of a program: NAME=VALUE replaces the default, NAME+=VALUE appends, NAME-=VALUE goes in front."""
    lists = {name: [value] for name, value in defaults.items()}
    touched: set[str] = set()
    for each in extra:
        word, has_value, value = each.removeprefix("--").partition("=")
        name = word.rstrip("+-")
        former = lists.get(name, []) if name in touched or word != name else []
        own = [value if has_value else "true"]
        lists[name] = own + former if word.endswith("-") else former + own
        touched.add(name)
    return [f"--{name}={value}" for name in sorted(lists) for value in lists[name]]


def api_server_defaults(program: str, options: Options, *, data: str, address: str) -> dict[str, str]:
    """The defaults of k3s's engine, without what only an agent or an encrypted datastore needs."""
    tls = f"{data}/server/tls"
    domain = options.last("cluster-domain", "cluster.local")
    return {
        "advertise-address": address,
        "allow-privileged": "true",
        "anonymous-auth": "false",
        "api-audiences": f"https://kubernetes.default.svc.{domain},{program}",
        "authorization-mode": "Node,RBAC",
        # Servers of k3s listen on loopback, behind a port of k3s's own that takes everything else.
        "bind-address": "0.0.0.0",
        "cert-dir": f"{data}/server/tls/temporary-certs",
        "client-ca-file": f"{tls}/client-ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "etcd-servers": options.last("datastore-endpoint", ""),
        "kubelet-certificate-authority": f"{tls}/server-ca.crt",
        "kubelet-client-certificate": f"{tls}/client-kube-apiserver.crt",
        "kubelet-client-key": f"{tls}/client-kube-apiserver.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "profiling": "false",
        "proxy-client-cert-file": f"{tls}/client-auth-proxy.crt",
        "proxy-client-key-file": f"{tls}/client-auth-proxy.key",
        "requestheader-allowed-names": "system:auth-proxy",
        "requestheader-client-ca-file": f"{tls}/request-header-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": "6443",
        "service-account-issuer": f"https://kubernetes.default.svc.{domain}",
        "service-account-key-file": f"{tls}/service.key",
        "service-account-signing-key-file": f"{tls}/service.current.key",
        "service-cluster-ip-range": "10.43.0.0/16",
        "service-node-port-range": "30000-32767",
        "storage-backend": "etcd3",
        "tls-cert-file": f"{tls}/serving-kube-apiserver.crt",
        "tls-private-key-file": f"{tls}/serving-kube-apiserver.key",
    }


def controller_manager_defaults(data: str) -> dict[str, str]:
    """The defaults of the controller manager that are about service accounts."""
    tls = f"{data}/server/tls"
    return {
        "kubeconfig": f"{data}/server/cred/controller.kubeconfig",
        "root-ca-file": f"{tls}/server-ca.crt",
        "service-account-private-key-file": f"{tls}/service.current.key",
        "use-service-account-credentials": "true",
    }


def log(message: str) -> None:
    """Write a line as logrus does."""
    print(f'level=info msg="{message}"', flush=True)


def files_in(words: Iterable[str]) -> list[str]:
    """The paths of key files that arguments name."""
    pairs = [word.removeprefix("--").partition("=") for word in words]
    return [value for name, dummy, value in pairs if name.endswith("key-file")]
