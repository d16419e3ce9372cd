# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real kube-apiserver as a child of a distribution's service, and what a cluster has beside it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PROGRAM = "/opt/stand-in/kube-apiserver"
# An issuer with which no API server of this host starts as the first one: how tests make a server fail.
REFUSED_ISSUER = Path("/run/stand-in/refused-issuer")
ISSUER = "--service-account-issuer="
# There is no controller manager, but what it would be started with.
MANAGER = Path("/run/stand-in/kube-controller-manager")
_STOP_SECONDS = 10.0


def command(arguments: Sequence[str]) -> list[str]:
    """The command that starts the API server, or the one that fails in its place."""
    issuers = [each.removeprefix(ISSUER) for each in arguments if each.startswith(ISSUER)]
    with contextlib.suppress(FileNotFoundError):
        if issuers[:1] == [REFUSED_ISSUER.read_text(encoding="utf-8").strip()]:
            return failing(f"Error: the stand-in refuses the issuer {issuers[0]}")
    return [PROGRAM, *arguments]


def failing(message: str) -> list[str]:
    """A command that only says why it fails, whichever user it runs as."""
    return ["sh", "-c", 'echo "$0" >&2; exit 1', message]


def note_manager(arguments: Sequence[str], user: int = 0) -> None:
    """Start a controller manager in name only. Raises SystemExit if it could not read its key as this user."""
    flag = "--service-account-private-key-file="
    path = [each.removeprefix(flag) for each in arguments if each.startswith(flag)][-1]
    reading = subprocess.run(["cat", path], check=False, stdout=subprocess.DEVNULL, user=user, group=0, extra_groups=[])
    if reading.returncode:
        raise SystemExit(f"Error: kube-controller-manager cannot read {path}")
    MANAGER.write_text("\n".join(arguments), encoding="utf-8")


@contextlib.contextmanager
def running(
    arguments: Sequence[str], user: int | None = None, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The API server as a child that ends with this program."""
    ids: dict[str, Any] = {} if user is None else {"user": user, "group": 0, "extra_groups": []}
    # The service itself tells systemd that it is ready.
    own = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    process = subprocess.Popen(command(arguments), stdout=log, stderr=log and subprocess.STDOUT, env=own, **ids)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_with_systemd() -> None:
    """Have what is open be closed when systemd ends this program."""

    def stop(*dummy: Any) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)


def tell_systemd() -> None:
    """Say that the service is up: sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


class Administrator:
    """Asks the API server of this host with an administrator's certificate."""

    def __init__(self, url: str, *, authority: str, certificate: str, key: str) -> None:
        self._url = url
        self._files = (authority, certificate, key)

    def ask(self, path: str, body: Any = None, method: str | None = None) -> int:
        """The status of one request: a GET, a POST where there is something to send, or another method."""
        authority, certificate, key = self._files
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": kind}, method=method)
        try:
            with opener.open(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in (404, 409, 500):
                    print(f"{method or 'POST'} {path}: {error.code} {error.read()!r}", flush=True)
                return error.code

    def is_ready(self) -> bool:
        try:
            return self.ask("/readyz") == 200
        except OSError:
            return False

    def wait(self, process: subprocess.Popen[bytes], patience: float = float("inf")) -> bool:
        """Wait until it is ready; False if it ends before, or takes too long."""
        deadline = time.monotonic() + patience
        while process.poll() is None and time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(0.1)
        return False

    def ensure_accounts(self) -> None:
        """Make the accounts that a controller manager makes, as far as tests need them."""
        account = {"metadata": {"name": "default"}}
        for namespace in ("default", "kube-system"):
            self.ask(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)

    def ensure_node(self, name: str, address: str, labels: Mapping[str, str]) -> None:
        """Register this host as a node, as its kubelet does."""
        self.ask("/api/v1/nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}})
        addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
        self.ask(f"/api/v1/nodes/{name}/status", {"status": {"addresses": addresses}}, "PATCH")
