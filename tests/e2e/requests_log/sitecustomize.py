# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes down the HTTP requests of each Python process with this folder on its PYTHONPATH: Ansible's and all modules'.

One line of JSON a request goes to the file that IRSA_E2E_REQUESTS names. It is taken where bytes leave http.client, so
it does not depend on what a module says of itself.
"""

from __future__ import annotations

import http.client
import json
import os
from typing import Any
from urllib.parse import parse_qs

_LOG = os.environ.get("IRSA_E2E_REQUESTS")
_FORM = b"application/x-www-form-urlencoded"
_send = http.client.HTTPConnection.send


def _write(method: str, host: str, target: str, *, signed: bool, action: str | None = None) -> None:
    line = json.dumps({"method": method, "host": host, "target": target, "signed": signed, "action": action})
    with open(str(_LOG), "a", encoding="utf-8") as log:
        log.write(line + "\n")


def _record(connection: Any, data: bytes) -> None:
    first, dummy, headers = data.partition(b"\r\n")
    words = first.split(b" ")
    if len(words) == 3 and words[2].startswith(b"HTTP/1.") and words[0] != b"CONNECT":
        method, target = words[0].decode(), words[1].decode()
        request = {
            "method": method,
            "host": connection.host,
            "target": target,
            "signed": b"\nauthorization:" in headers.lower(),
        }
        # IAM and STS name the call in a form, which is sent on its own.
        if method == "POST" and _FORM in headers.lower():
            connection.irsa_request = request
        else:
            _write(**request)
        data = headers.partition(b"\r\n\r\n")[2]
    if data.startswith(b"Action=") or b"&Action=" in data:
        request = connection.__dict__.pop("irsa_request", None)
        if request:
            _write(**request, action=parse_qs(data.decode())["Action"][0])


def _recording_send(connection: Any, data: Any) -> None:
    if isinstance(data, (bytes, bytearray)):
        _record(connection, bytes(data))
    _send(connection, data)


if _LOG:
    http.client.HTTPConnection.send = _recording_send  # type: ignore[assignment, method-assign]
