# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of stand-in servers, from its network to its inventory."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from control_plane import etcd
from stand_in import certificates, layouts, network
from stand_in.layouts import DISTRIBUTIONS, Host, Secrets

_PATIENCE = 60.0
_TESTS = Path(__file__).resolve().parents[1]
_PYTHON = f"env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={_TESTS} {sys.executable}"
# What its service makes once it is ready.
_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"


def missing() -> str | None:
    """What this machine lacks for stand-in servers, None if there is nothing."""
    tools = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    return f"install {', '.join(tools)} (util-linux, iproute2)" if tools else None


@dataclass(frozen=True)
class Server:
    """A running server: its files, and commands that run in it as root."""

    host: Host
    process: int
    interpreter: Path
    unit: str
    port: int
    kubeconfig: str

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def address(self) -> str:
        return f"{self.host.address}:{self.port}"

    def path(self, path: str) -> Path:
        """Where a path of the server is on this machine, for paths without links."""
        return self.host.root / path.lstrip("/")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        script = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
        ended = subprocess.run(
            [str(self.interpreter), "-c", script, *command], check=False, capture_output=True, text=True, timeout=600
        )
        assert not check or ended.returncode == 0, ended.stderr
        return ended

    def is_ready(self, path: str = "/readyz") -> bool:
        """Whether its API server answers for a path."""
        kubectl = ["/opt/stand-in/kubectl", f"--kubeconfig={self.kubeconfig}"]
        return self.run(*kubectl, "get", f"--raw={path}", check=False).returncode == 0

    def show(self) -> dict[str, str]:
        """What its systemd says of its service."""
        lines = self.run("systemctl", "show", self.unit).stdout.splitlines()
        return {name: value for name, dummy, value in (line.partition("=") for line in lines)}

    def log(self) -> str:
        return self.run("journalctl", f"--unit={self.unit}", "--no-pager", "--output=cat", "--lines=100").stdout

    def manager(self) -> list[str]:
        """The arguments of its controller manager."""
        return self.path("/run/stand-in/kube-controller-manager").read_text(encoding="utf-8").splitlines()

    def restart(self) -> None:
        self.run("systemctl", "restart", "--no-block", self.unit)

    def refuse(self, issuer: str | None) -> None:
        """Have its API server fail while this issuer is the one that it is to sign for; None ends that."""
        file = self.path("/run/stand-in/refused-issuer")
        if issuer is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(issuer, encoding="utf-8")


@dataclass(frozen=True)
class Cluster:
    """Servers of one distribution on one datastore, and a kubeconfig of their administrator on this machine."""

    distribution: str
    servers: Sequence[Server]
    kubeconfig: str
    # Starts one more server, with these files of the first one.
    join: Callable[[Sequence[str]], Server]

    @property
    def inventory(self) -> str:
        local = "ansible_connection=local ansible_become=false"
        lines = [
            f"{server.name} {local} ansible_python_interpreter={server.interpreter}"
            f" ansible_remote_tmp={server.interpreter.parent / 'ansible'}"
            for server in self.servers
        ]
        return "\n".join(["[control_plane]", *lines])

    def files(self) -> Mapping[str, Mapping[str, tuple[int, int, bytes]]]:
        """Mode, owner and content of every file that administrators and the collection could change, by server."""
        return {server.name: _files(server.host.root) for server in self.servers}


_FOLDERS = ("etc/rancher", "etc/k0s", "etc/kubernetes", "var/lib/k0s", "var/lib/rancher", "var/snap")
# What the services themselves write.
_WRITTEN = ("var/lib/rancher/rke2/agent/", "var/lib/rancher/k3s/server/tls/temporary-certs/")


def _files(root: Path) -> dict[str, tuple[int, int, bytes]]:
    files = [file for folder in _FOLDERS for file in sorted((root / folder).rglob("*")) if not file.is_dir()]
    found = {}
    for file in files:
        name = str(file.relative_to(root))
        if not name.startswith(_WRITTEN):
            status = file.stat()
            found[name] = (status.st_mode & 0o7777, status.st_uid, file.read_bytes())
    return found


@contextlib.contextmanager
def running(distribution: str, count: int, folder: Path, *, programs: Mapping[str, Path]) -> Iterator[Cluster]:
    """Servers of a distribution in a network that the calling thread enters.

    ``programs`` has the paths of etcd, kube-apiserver, kubectl, and the Python that modules run with.
    """
    kind, secrets = DISTRIBUTIONS[distribution], Secrets()
    with contextlib.ExitStack() as stack:
        stack.enter_context(network.entered())
        url = stack.enter_context(etcd(programs["etcd"].parent, folder, address=network.BRIDGE_ADDRESS))
        numbers = itertools.count(1)

        def laid_out(*, joins: bool) -> Server:
            number = next(numbers)
            name, address = f"{distribution}-{number}", f"192.0.2.{10 + number}"
            host = Host(name, address, folder / name / "root", url, secrets, joins)
            layouts.prepare(host, _PYTHON)
            kind.lay_out(host, _PYTHON)
            for program in ("kube-apiserver", "kubectl"):
                layouts.linked(programs[program], host.root / "opt/stand-in" / program)
            return stack.enter_context(_machine(host, number, kind, python=programs["python"]))

        def join(copied: Sequence[str]) -> Server:
            server = laid_out(joins=True)
            for path in copied:
                server.host.write(path, servers[0].path(path).read_bytes())
            return _started(server)

        servers = [laid_out(joins=False) for dummy in range(count)]
        for server in servers:
            _started(server)
        server_ca, client_ca = kind.authorities(secrets)
        config = certificates.kubeconfig(
            f"https://{servers[0].address}", server_ca, client_ca.issue("e2e", "system:masters")
        )
        kubeconfig = folder / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_bytes(config)
        yield Cluster(distribution, servers, str(kubeconfig), join)


@contextlib.contextmanager
def _machine(host: Host, number: int, kind: layouts.Distribution, *, python: Path) -> Iterator[Server]:
    command = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child"]
    environment = {"PATH": _PATH, "PYTHONPATH": str(_TESTS), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [*command, sys.executable, "-m", "stand_in.machine", str(host.root), host.name],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdin and parent.stdout
        try:
            assert parent.stdout.readline() == b"ready\n", f"{host.name} does not start"
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text(encoding="utf-8")
            process = int(children)
            network.connect(process, host.address, number)
            interpreter = host.root.parent / "python"
            interpreter.write_text(
                f"#!/bin/sh\nexport PATH={_PATH}\n"
                f'exec nsenter --target={process} --mount --uts --net --pid --root --wd {python} "$@"\n',
                encoding="utf-8",
            )
            interpreter.chmod(0o755)
            yield Server(host, process, interpreter, kind.unit, kind.port, kind.kubeconfig)
        finally:
            parent.stdin.close()


def _started(server: Server) -> Server:
    server.restart()
    _require_ready(server)
    return server


def _require_ready(server: Server) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not (server.is_ready() and server.is_ready(_ACCOUNT)):
        assert time.monotonic() < deadline, json.dumps(server.show(), indent=1) + server.log()
        time.sleep(0.2)
