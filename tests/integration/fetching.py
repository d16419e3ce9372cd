# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anonymous fetching by an HTTPS client that shares nothing with the collection or the AWS SDK."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.sandbox import Sandbox


@dataclass
class Fetched:
    """What an anonymous client got; `headers` has lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


class Anonymous:
    """Has no credentials, trusts the sandbox's root certificate, and reaches every name through its proxy."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._proxy = urlsplit(sandbox.proxy)
        self._trust = ssl.create_default_context(cafile=str(sandbox.ca_path))

    def __call__(
        self, url: str, method: str = "GET", *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Fetched:
        parts = urlsplit(url)
        if parts.scheme == "https":
            secure = http.client.HTTPSConnection(str(self._proxy.hostname), self._proxy.port, context=self._trust)
            secure.set_tunnel(parts.hostname or "", 443)
            connection: http.client.HTTPConnection = secure
            target = parts.path + (f"?{parts.query}" if parts.query else "")
        else:
            connection = http.client.HTTPConnection(str(self._proxy.hostname), self._proxy.port)
            target = url
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        fetched = Fetched(
            response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()
        )
        connection.close()
        return fetched
