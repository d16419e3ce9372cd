# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers of k3s and RKE2 keep in their cluster's datastore and take from there at each start, as far as it is
about service accounts; and the command that replaces it, ``python -m stand_in.bootstrap_data PROGRAM ARGUMENT…``

pkg/cluster/bootstrap.go, pkg/server/handlers/cert.go and pkg/daemons/control/deps/deps.go of
https://github.com/k3s-io/k3s. The real one is encrypted, and holds the CAs, too.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from stand_in import rancher

_KEY = "/bootstrap/stand-in"
# A file that is younger than what the datastore has by so much keeps a server from starting.
_SKEW_SECONDS = 3
_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n.*?-----END [A-Z ]*PRIVATE KEY-----\n", re.DOTALL)
# Where each program's commands ask it, and its service.
_PORTS = {"k3s": "6443", "rke2": "9345"}
_UNITS = {"k3s": "k3s", "rke2": "rke2-server"}


def _ask(url: str, path: str, **body: str) -> Any:
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in body.items()}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}/v3/kv/{path}", json.dumps(encoded).encode())
    with opener.open(request, timeout=20) as answer:
        return json.loads(answer.read())


def _load(url: str) -> dict[str, Any] | None:
    found = _ask(url, "range", key=_KEY).get("kvs")
    return json.loads(base64.b64decode(found[0]["value"])) if found else None


def _save(url: str, content: bytes, timestamp: float) -> None:
    data = {"Timestamp": timestamp, "Content": base64.b64encode(content).decode()}
    _ask(url, "put", key=_KEY, value=json.dumps(data))


def _write(file: Path, content: bytes) -> None:
    file.touch(0o600)
    file.write_bytes(content)


def reconcile(tls: Path, url: str) -> None:
    """Take what the datastore has, or give it what is here if it has nothing. Raises SystemExit for a younger file."""
    file, data = tls / "service.key", _load(url)
    if data is None:
        _save(url, file.read_bytes(), file.stat().st_mtime)
    else:
        content = base64.b64decode(data["Content"])
        if not file.exists():
            _write(file, content)
        elif file.read_bytes() != content:
            if int(file.stat().st_mtime) - int(data["Timestamp"]) >= _SKEW_SECONDS:
                raise SystemExit(f"{file} newer than datastore and could cause a cluster outage.")
            _write(file, content)
    first = serialization.load_pem_private_key(_BLOCK.findall(file.read_bytes())[0], None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = first.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    _write(tls / "service.current.key", pem)


def _public_keys(content: bytes) -> list[bytes]:
    """The public halves as API servers read them: of an elliptic-curve key, that is only from SEC1."""
    keys = [(block, serialization.load_pem_private_key(block, None)) for block in _BLOCK.findall(content)]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return [
        key.public_key().public_bytes(serialization.Encoding.DER, form)
        for block, key in keys
        if b"BEGIN PRIVATE" not in block or key.__class__.__name__.startswith("RSA")
    ]


def rotate_ca(program: str, words: list[str]) -> None:
    """Put keys into the datastore as the running server does. Raises SystemExit if it would refuse them."""
    options = rancher.given(words)
    config = rancher.configured(Path(f"/etc/rancher/{program}/config.yaml"))
    [data], [folder], [server] = options["data-dir"], options["path"], options["server"]
    shown = subprocess.run(
        ["systemctl", "show", "--property=ActiveState", f"{_UNITS[program]}.service"],
        check=True,
        capture_output=True,
        text=True,
    )
    if server != f"https://127.0.0.1:{_PORTS[program]}" or "ActiveState=active" not in shown.stdout:
        raise SystemExit(f'level=fatal msg="Error: dial tcp {server}: connect: connection refused"')
    present = (Path(data) / "server/tls/service.key").read_bytes()
    content = (Path(folder) / "tls/service.key").read_bytes()
    if _public_keys(present)[0] not in _public_keys(content):
        raise SystemExit("ServiceKey: old ServiceAccount signing key not in new ServiceAccount key list")
    [url] = config["datastore-endpoint"]
    _save(url, content, time.time())
    print("certificates saved to datastore")


if __name__ == "__main__":
    if sys.argv[2:4] != ["certificate", "rotate-ca"]:
        raise SystemExit(f"No help topic for '{' '.join(sys.argv[2:])}'")
    rotate_ca(sys.argv[1], sys.argv[4:])
