# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS as a stranger makes it: anonymous, certificate and host name checked, through whatever proxy the environment
names.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import time
import typing as t
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError

# STS gives an issuer this long: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
DEFAULT_TIMEOUT = 5.0

_CONNECT_TO = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?$")


class Route(t.NamedTuple):
    """How a host is reached: ``connect_to`` (``host:port``) instead of DNS and proxies, a further CA file, seconds to
    wait.
    """

    connect_to: t.Optional[str] = None
    ca_path: t.Optional[str] = None
    timeout: float = DEFAULT_TIMEOUT


class Answer(t.NamedTuple):
    """An HTTP answer: status, headers (names in lower case), body (bytes)."""

    status: int
    headers: dict[str, str]
    body: bytes


class FetchFailed(IrsaError):
    """No answer came. ``stage`` is how far it went: ``dns-resolve``, ``tcp-connect``, ``tls-trust``, ``tls-host``,
    ``tls-expiry`` or ``http-response``.
    """

    def __init__(self, message: str, stage: str) -> None:
        super().__init__(message, stage=stage)
        self.stage = stage


def parse_connect_to(text: str) -> tuple[str, int]:
    """``host:port``, ``[v6]:port`` or ``host`` (port 443) as a pair; raises IrsaError."""
    match = _CONNECT_TO.fullmatch(text)
    port = int(match.group("port") or 443) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise IrsaError(f"connect_to is {text!r}; wanted is host:port, as 192.0.2.10:8443 or [2001:db8::1]:443.")
    return match.group("host").strip("[]"), port


def trust(ca_path: t.Optional[str]) -> ssl.SSLContext:
    """A context that checks certificates against the system's CAs and those in a file of PEM; raises IrsaError for that
    file.
    """
    context = ssl.create_default_context()
    if ca_path is not None:
        try:
            context.load_verify_locations(cafile=ca_path)
        except (OSError, ssl.SSLError) as error:
            raise IrsaError(
                f"ca_path {ca_path} cannot be used: {error.strerror or error}. It must be a file of CA certificates in "
                "PEM."
            ) from None
    return context


class _PinnedConnection(http.client.HTTPSConnection):
    """A connection to another address than its host's; TLS asks for its own name all the same, as with curl."""

    def __init__(self, host: str, address: tuple[str, int], context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, context=context, timeout=timeout)
        self._address = address
        self._trust = context

    def connect(self) -> None:
        plain = socket.create_connection(self._address, self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def _proxy_for(host: str) -> t.Optional[str]:
    return None if proxy_bypass(host) else getproxies().get("https")


def _unconnected(host: str, route: Route) -> http.client.HTTPSConnection:
    context = trust(route.ca_path)
    if route.connect_to is not None:
        return _PinnedConnection(host, parse_connect_to(route.connect_to), context, route.timeout)
    proxy = _proxy_for(host)
    if proxy is None:
        return http.client.HTTPSConnection(host, context=context, timeout=route.timeout)
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        proxy_host, proxy_port = parts.hostname, parts.port or 80
    except ValueError:
        raise IrsaError(f"The proxy for {host} is no URL. Set HTTPS_PROXY or NO_PROXY.") from None
    if parts.scheme != "http" or not proxy_host:
        raise IrsaError(
            f"The proxy for {host} is of the kind {parts.scheme}:// or has no host, and only http:// proxies (CONNECT) "
            "are known here. Set HTTPS_PROXY or NO_PROXY."
        )
    connection = http.client.HTTPSConnection(proxy_host, proxy_port, context=context, timeout=route.timeout)
    headers = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    connection.set_tunnel(host, 443, headers)
    return connection


def connect(host: str, route: Route) -> http.client.HTTPSConnection:
    """An open, checked TLS connection to port 443 of a host. The caller closes it. Raises FetchFailed, and IrsaError
    for a bad route.
    """
    connection = _unconnected(host, route)
    try:
        connection.connect()
    except socket.gaierror as error:
        raise FetchFailed(f"The name {connection.host} cannot be resolved: {error.strerror}.", "dns-resolve") from None
    except ssl.SSLCertVerificationError as error:
        raise FetchFailed(
            f"The certificate of {host} is not accepted: {error.verify_message}", _tls_stage(error)
        ) from None
    except ssl.SSLError as error:
        raise FetchFailed(f"TLS with {host} failed: {error.reason or error}.", "tls-trust") from None
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(
            f"{host} cannot be reached: {getattr(error, 'strerror', None) or error}.", "tcp-connect"
        ) from None
    return connection


def _tls_stage(error: ssl.SSLCertVerificationError) -> str:
    # X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL's x509_vfy.h
    return {10: "tls-expiry", 62: "tls-host"}.get(error.verify_code, "tls-trust")


def get(url: str, route: Route, most_bytes: int) -> Answer:
    """Fetch an https URL without credentials and without following redirects; reads ``most_bytes`` of the body at most.

    Raises FetchFailed, also when the whole takes longer than twice the route's timeout.
    """
    parts = urlsplit(url)
    deadline = time.monotonic() + 2 * route.timeout
    connection = connect(parts.hostname or "", route)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": "selfhosted.irsa"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, _read(response, most_bytes, deadline, url))
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise FetchFailed(
            f"{url} gave no answer: {getattr(error, 'strerror', None) or error or type(error).__name__}.",
            "http-response",
        ) from None
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse, most_bytes: int, deadline: float, url: str) -> bytes:
    body = b""
    while len(body) < most_bytes:
        if time.monotonic() > deadline:
            raise FetchFailed(f"{url} took too long to send its answer.", "http-response")
        chunk = response.read1(min(65536, most_bytes - len(body)))
        if not chunk:
            break
        body += chunk
    return body
