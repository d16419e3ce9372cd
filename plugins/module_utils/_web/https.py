# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS as a stranger makes it: anonymous, certificate and host name checked, through whatever proxy the environment
names, in bounded time and size.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import ssl
import typing as t
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import public_addresses
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import (
    Deadline,
    TlsSocket,
    connected,
    resolved,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# STS gives an issuer this long: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
DEFAULT_TIMEOUT = 5.0

_LONGEST_TIMEOUT = 3600

PORT = 443

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)

# A host may have closed the connection that was kept.
_STALE = (ConnectionError, ssl.SSLEOFError)

_CONNECT_TO = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?$")

# X509_V_ERR_… of OpenSSL's x509_vfy.h: not yet valid, expired; another host name, another address
_STAGES_OF_VERIFICATION = {9: "tls-expiry", 10: "tls-expiry", 62: "tls-host", 64: "tls-host"}

# Told of each step that went well, once a connection: the id of its check, and what was seen.
Note = t.Callable[[str, str], None]


class Route(t.NamedTuple):
    """How a host is reached: ``connect_to`` (``host:port``) instead of DNS and proxies, a further CA file, and the
    seconds that an answer may take from the first step to its last byte.
    """

    connect_to: t.Optional[str] = None
    ca_path: t.Optional[str] = None
    timeout: float = DEFAULT_TIMEOUT


class Answer(t.NamedTuple):
    """An HTTP answer: status, headers (names in lower case), body (bytes)."""

    status: int
    headers: dict[str, str]
    body: bytes


class Fetched(t.NamedTuple):
    """The answer that was found at the end, and the addresses on the way to it; without a redirect that is one."""

    answer: Answer
    urls: t.Sequence[str]


class FetchFailed(IrsaError):
    """No answer came. ``stage`` is the id of the check that says how far it went: ``dns-resolve``, ``tcp-connect``,
    ``tls-version``, ``tls-trust``, ``tls-expiry``, ``tls-host``, ``http-response`` or ``http-redirect``.
    """

    def __init__(self, message: str, stage: str) -> None:
        super().__init__(message, stage=stage)
        self.stage = stage


class AddressRefused(FetchFailed):
    """A name that somebody else chose leads to where strangers do not come."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "tcp-connect")


def parse_connect_to(text: str) -> tuple[str, int]:
    """``host:port``, ``[v6]:port`` or ``host`` (port 443) as a pair; raises IrsaError."""
    match = _CONNECT_TO.fullmatch(text)
    port = int(match.group("port") or PORT) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise IrsaError(f"connect_to is {text!r}; wanted is host:port, as 192.0.2.10:8443 or [2001:db8::1]:443.")
    return match.group("host").strip("[]"), port


def trust(ca_path: t.Optional[str]) -> ssl.SSLContext:
    """A context that checks certificates against the system's CAs and those in a file of PEM; raises IrsaError for that
    file.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = TlsSocket
    if ca_path is not None:
        try:
            context.load_verify_locations(cafile=ca_path)
        except (OSError, ssl.SSLError) as error:
            raise IrsaError(
                f"ca_path {ca_path} cannot be used: {error.strerror or error}. It must be a file of CA certificates in "
                "PEM."
            ) from None
    return context


def distrust() -> ssl.SSLContext:
    """A context that takes any certificate, to look at one that was refused. Nothing may be sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(host: str, route: Route) -> http.client.HTTPSConnection:
    """An open, checked TLS connection to port 443 of a host. The caller closes it. Raises FetchFailed, and IrsaError
    for a bad route.
    """
    return Client(route).connect(host)


def get(url: str, route: Route, most_bytes: int) -> Answer:
    """Fetch an https URL without credentials and without following redirects; reads ``most_bytes`` of the body at most.

    Raises FetchFailed, also when the whole takes longer than the route's timeout.
    """
    with Client(route) as client:
        return client.get(url, most_bytes)


class Client:
    """Fetches with one TLS context, and on one connection where the host keeps it open.

    With a ``home``, that host alone may have an address that is not on the public internet, and ``connect_to`` is for
    it alone: other hosts are named by what was fetched, that is by strangers. Without one, every host is at home.
    """

    def __init__(self, route: Route, home: t.Optional[str] = None, note: Note = lambda check, seen: None) -> None:
        """Raises IrsaError for a route that cannot be used."""
        if not 0 < route.timeout <= _LONGEST_TIMEOUT:
            raise IrsaError(
                f"timeout is {route.timeout}; wanted are seconds, more than 0 and at most {_LONGEST_TIMEOUT}."
            )
        self._route = route
        self._home = home
        self._note = note
        self._context = trust(route.ca_path)
        self._connect_to = None if route.connect_to is None else parse_connect_to(route.connect_to)
        self._kept: dict[tuple[str, int], http.client.HTTPSConnection] = {}
        self.chain: t.Sequence[bytes] = ()  # what the host of the last connection presents, DER, the leaf first

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *ignored: t.Any) -> None:
        for connection in self._kept.values():
            connection.close()

    def fetch(self, url: str, most_bytes: int) -> Fetched:
        """Fetch an https URL and follow redirects, all within the route's timeout. Raises FetchFailed."""
        deadline = Deadline(self._route.timeout)
        urls = [url]
        while True:
            try:
                answer = self.get(urls[-1], most_bytes, deadline)
            except FetchFailed as failure:
                if len(urls) == 1:
                    raise
                raise FetchFailed(f"{url} redirects to {quoted(urls[-1])}: {failure}", "http-redirect") from None
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return Fetched(answer, urls)
            urls.append(_redirected(urls, location))

    def get(self, url: str, most_bytes: int, deadline: t.Optional[Deadline] = None) -> Answer:
        """Fetch an https URL as it is; reads ``most_bytes`` of the body at most. Raises FetchFailed."""
        deadline = deadline or Deadline(self._route.timeout)
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or PORT)
        kept = self._kept.pop(place, None)
        try:
            if kept is not None:
                with contextlib.suppress(*_STALE):
                    return self._ask(kept, parts, most_bytes, deadline)
            return self._ask(self.connect(*place, deadline), parts, most_bytes, deadline)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise FetchFailed(f"{url} gave no answer: {_said(error)}.", "http-response") from None

    def _ask(
        self, connection: http.client.HTTPSConnection, parts: SplitResult, most_bytes: int, deadline: Deadline
    ) -> Answer:
        """Ask, and keep the connection where it can be asked again."""
        keep = False
        connection.sock.deadline = deadline
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": "selfhosted.irsa"})
            response = connection.getresponse()
            headers: dict[str, str] = {}
            for name, value in response.getheaders():
                headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
            body = _read(response, most_bytes)
            whole = response.isclosed() or response.length == 0
            keep = whole and not response.will_close and connection.sock is not None
            response.close()
            return Answer(response.status, headers, body)
        finally:
            if keep:
                self._kept[(parts.hostname or "", parts.port or PORT)] = connection
            else:
                connection.close()

    # --- the way to a host

    def connect(
        self, host: str, port: int = PORT, deadline: t.Optional[Deadline] = None
    ) -> http.client.HTTPSConnection:
        """An open, checked TLS connection. The caller closes it. Raises FetchFailed."""
        deadline = deadline or Deadline(self._route.timeout)
        connection = self._connect(host, port, deadline, self._context)
        with contextlib.suppress(IrsaError):
            self.chain = served_chain(connection.sock)
        self._note("tls-version", f"The host speaks {connection.sock.version()}.")
        self._note("tls-trust", "The host's certificate is of a CA that is trusted here.")
        self._note("tls-expiry", "The host's certificate is valid now.")
        self._note("tls-host", f"The host's certificate is for {host}.")
        return connection

    def refused_chain(self, host: str, port: int = PORT) -> list[bytes]:
        """The chain of a host whose certificate was not accepted, DER, the leaf first; empty where it cannot be had."""
        try:
            connection = self._connect(host, port, Deadline(self._route.timeout), distrust())
        except IrsaError:
            return []
        try:
            return served_chain(connection.sock)
        except (IrsaError, OSError):
            return []
        finally:
            connection.close()

    def _connect(
        self, host: str, port: int, deadline: Deadline, context: ssl.SSLContext
    ) -> http.client.HTTPSConnection:
        try:
            connection = http.client.HTTPSConnection(host, port, context=context)
        except http.client.InvalidURL:
            raise FetchFailed(f"{quoted(host)} is no host name.", "dns-resolve") from None
        plain = self._reach(host, port, deadline)
        try:
            plain.settimeout(deadline.left())
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors; no TLS name has a leading dot
            plain.close()
            raise _tls_failure(host, error) from None
        return connection

    def _reach(self, host: str, port: int, deadline: Deadline) -> t.Any:
        """A plain connection to a host, through the proxy where there is one."""
        at_home = self._home is None or host.lower() == self._home.lower()
        if self._connect_to is not None and at_home and port == PORT:
            return _reached(self._connect_to, deadline)[0]
        proxy = None if proxy_bypass(host) else getproxies().get("https")
        if proxy is not None:
            if not at_home:
                self._judge_names(host, port, deadline)
            return _through_proxy(proxy, host, port, deadline)
        plain, address = _reached((host, port), deadline, self._note, _refuse_private if not at_home else _accept)
        self._note("tcp-connect", f"{address} takes connections on port {port}.")
        return plain

    def _judge_names(self, host: str, port: int, deadline: Deadline) -> None:
        """Refuse a host that would be refused without a proxy; which names the proxy knows is not known here."""
        try:
            found = resolved(host, port, deadline)
        except OSError:
            return
        _refuse_private(host, [each.ip for each in found])


def _redirected(urls: t.Sequence[str], location: str) -> str:
    """The address that a redirect leads to, if it may be followed; raises FetchFailed."""

    def refuse(reason: str) -> FetchFailed:
        return FetchFailed(f"{quoted(urls[-1])} redirects to {quoted(location)}, {reason}", "http-redirect")

    try:
        target = urljoin(urls[-1], location)
        parts = urlsplit(target)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        sound = sound and "@" not in parts.netloc and target.isascii() and target.isprintable() and " " not in target
    except ValueError:
        sound = False
    if not sound:
        raise refuse("which is no address on the web.")
    if parts.scheme == "http":
        raise refuse("that is to unencrypted http.")
    target = target.partition("#")[0]
    if target in urls:
        raise refuse("where it came from: it goes in a circle.")
    if len(urls) > _MOST_REDIRECTS:
        raise refuse(f"after {_MOST_REDIRECTS} redirects already.")
    return target


def _accept(host: str, ips: t.Sequence[str]) -> None:
    """What is said of a host that may have any address."""


def _refuse_private(host: str, ips: t.Sequence[str]) -> None:
    private = [ip for ip in ips if not public_addresses.is_public(ip)]
    if private:
        leads = "is" if private == [host] else f"leads to {private[0]},"
        raise AddressRefused(
            f"{quoted(host)} {leads} an address that is not on the public internet. It was not connected to."
        )


def _reached(
    place: tuple[str, int],
    deadline: Deadline,
    note: Note = lambda check, seen: None,
    judge: t.Callable[[str, t.Sequence[str]], None] = _accept,
) -> tuple[t.Any, str]:
    """A plain connection to a host and port, and the address that it goes to: one of those that were judged."""
    host, port = place
    try:
        found = resolved(host, port, deadline)
    except OSError as error:
        raise FetchFailed(f"The name {host} cannot be resolved: {_said(error)}.", "dns-resolve") from None
    ips = [each.ip for each in found]
    judge(host, ips)
    note("dns-resolve", f"{host} resolves to {', '.join(ips)}.")
    try:
        return connected(found, deadline)
    except OSError as error:
        raise FetchFailed(f"{host} cannot be reached: {_said(error)}.", "tcp-connect") from None


def _through_proxy(proxy: str, host: str, port: int, deadline: Deadline) -> t.Any:
    """A plain connection to a host, made by a proxy."""
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
    plain = _reached((proxy_host, proxy_port), deadline)[0]
    name = f"[{host}]" if ":" in host else host
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}", "User-Agent: selfhosted.irsa"]
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(login.encode()).decode())
    try:
        plain.deadline = deadline
        plain.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
        response = http.client.HTTPResponse(plain, method="CONNECT")
        response.begin()
        if response.status == 200:
            return plain
        said = quoted(f"{response.status} {response.reason}")
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        said = _said(error)
    plain.close()
    raise FetchFailed(f"{host} cannot be reached: the proxy answers: {said}.", "tcp-connect")


def _tls_failure(host: str, error: Exception) -> FetchFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        stage = _STAGES_OF_VERIFICATION.get(error.verify_code, "tls-trust")
        return FetchFailed(f"The certificate of {host} is not accepted: {error.verify_message}.", stage)
    if isinstance(error, TimeoutError):
        said = "it took too long"
    else:
        said = error.reason if isinstance(error, ssl.SSLError) and error.reason else _said(error)
    return FetchFailed(f"TLS with {host} failed: {said}.", "tls-version")


def _said(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return quoted(str(error) or type(error).__name__)  # what the host sent is in it
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def _read(response: http.client.HTTPResponse, most_bytes: int) -> bytes:
    length = response.length
    body = b""
    while len(body) < most_bytes:
        chunk = response.read1(min(65536, most_bytes - len(body)))
        if not chunk:
            break
        body += chunk
    if length is not None and len(body) < min(length, most_bytes):
        raise http.client.IncompleteRead(body, length - len(body))
    return body


def served_chain(sock: ssl.SSLSocket) -> list[bytes]:
    """The certificates as a server sent them, DER, the leaf first. Raises IrsaError where this Python cannot tell."""
    if hasattr(sock, "get_unverified_chain"):  # public since Python 3.13
        return list(sock.get_unverified_chain())
    # Python 3.10 to 3.12 have the same call one level down: https://github.com/python/cpython/issues/109109
    inner = getattr(sock, "_sslobj", None)
    if not hasattr(inner, "get_unverified_chain"):
        raise IrsaError(
            "This Python cannot tell the chain that a server presents. Use Python 3.13 or newer, or list thumbprints "
            "yourself."
        )
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_unverified_chain()]
