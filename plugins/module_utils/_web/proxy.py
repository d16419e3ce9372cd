# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tunnels through the forward proxy that the environment names."""

from __future__ import annotations

import base64
import http.client
import typing as t
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import tcp
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed, reason_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import Deadline, PlainSocket

_REMEDY = "Correct HTTPS_PROXY, or list the host in NO_PROXY."


def for_host(host: str) -> str | None:
    """Return the proxy that the environment names for a host."""
    return None if proxy_bypass(host) else getproxies().get("https")


def open_tunnel(proxy: str, host: str, port: int, *, deadline: Deadline) -> PlainSocket:
    """Let a proxy connect to a host; raises FetchFailed, and IrsaError for a proxy that cannot be used."""
    parts = _parse(proxy, host)
    connection = tcp.open_connection(t.cast(str, parts.hostname), parts.port or 80, deadline=deadline)
    connection.deadline = deadline
    try:
        connection.sendall(_request(parts, host, port))
        response = http.client.HTTPResponse(connection, method="CONNECT")
        response.begin()
        if response.status == 200:
            return connection
        reason = f"the proxy answers {quoted(f'{response.status} {response.reason}')}"
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = f"the proxy does not answer: {reason_of(error)}"
    connection.close()
    raise FetchFailed(f"{host} cannot be reached on port {port}: {reason}.", "tcp-connect")


def _parse(proxy: str, host: str) -> SplitResult:
    """Split the URL of a proxy. It may have a password in it, so no message repeats it."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise IrsaError(f"The proxy for {host} is not a valid URL. {_REMEDY}") from None
    if parts.scheme != "http":
        raise IrsaError(
            f"The proxy for {host} is a {parts.scheme}:// proxy, but only http:// proxies (CONNECT) are supported. "
            f"{_REMEDY}"
        )
    if not has_host:
        raise IrsaError(f"The URL of the proxy for {host} has no host or no port to connect to. {_REMEDY}")
    return parts


def _request(proxy: SplitResult, host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}", "User-Agent: selfhosted.irsa"]
    if proxy.username:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(login.encode()).decode())
    return "\r\n".join((*lines, "", "")).encode("ascii")
