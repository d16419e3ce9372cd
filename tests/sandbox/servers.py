# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP servers: the forward proxy that ends TLS, the plain endpoint, the control API. All on loopback."""

from __future__ import annotations

import io
import json
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.datastructures import Headers

from .answers import Answer
from .call import Arrival
from .certificates import CertificateAuthority
from .endpoint import Endpoint

LOOPBACK = "127.0.0.1"
TLS_HANDSHAKE = 0x16
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Server(ThreadingHTTPServer):
    """A server on a loopback port that the system chooses."""

    daemon_threads = True
    # A client of a test may hold its connection open for as long as it lives.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], **attributes: Any) -> None:
        self.__dict__.update(attributes)
        super().__init__((LOOPBACK, 0), handler)

    @property
    def address(self) -> str:
        """:return: host and port"""
        return f"{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about a client that goes away or does not trust our certificate."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def log_message(self, *_args: Any) -> None:
        """The journal is the log."""

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _send(self, answer: Answer) -> None:
        reason = HTTPStatus(answer.status).phrase
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        is_head = self.command == "HEAD"
        for name, value in answer.headers.items():
            if name.lower() in ("status", "connection", "transfer-encoding"):
                continue
            if name.lower() == "content-length" and not is_head:
                continue
            lines.append(f"{name}: {value}")
        if not any(name.lower() == "date" for name in answer.headers):
            lines.append(f"Date: {self.date_time_string()}")
        if not is_head and answer.status not in BODILESS:
            lines.append(f"Content-Length: {len(answer.body)}")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        self.wfile.write(head if is_head or answer.status in BODILESS else head + answer.body)


class _AwsHandler(_Handler):
    custom = False

    def _authority(self) -> tuple[str, str]:
        """:return: host and target of the request"""
        if self.path.startswith(("http://", "https://")):
            url = urlsplit(self.path)
            return url.netloc, (url.path or "/") + (f"?{url.query}" if url.query else "")
        return self.headers.get("Host", ""), self.path

    def _arrival(self) -> Arrival:
        """:return: the request, read to its end"""
        host, target = self._authority()
        tls_version = self.connection.version() if isinstance(self.connection, ssl.SSLSocket) else None
        return Arrival(
            self.command,
            host,
            target,
            Headers(self.headers.items()),
            self._read_body(),
            secure=tls_version is not None,
            custom=self.custom,
            tls_version=tls_version,
        )

    def _answer(self) -> None:
        self._exchange(self._arrival())

    def _exchange(self, arrival: Arrival) -> None:
        """Answers one request."""
        answer = self.server.endpoint.answer(arrival)
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = _answer


class ProxyHandler(_AwsHandler):
    """A forward proxy that is itself what it connects to. A TLS client may also come directly, with SNI."""

    def handle(self) -> None:
        first = self.connection.recv(1, socket.MSG_PEEK)
        if first and first[0] == TLS_HANDSHAKE:
            self._start_tls(LOOPBACK)
        super().handle()

    def do_CONNECT(self) -> None:
        """Opens a tunnel that ends here."""
        host = self.path.rsplit(":", 1)[0].strip("[]")
        if not self.server.endpoint.serves(host):
            # Nothing leaves the machine: a name that AWS does not have is not looked up elsewhere.
            self.send_error(HTTPStatus.BAD_GATEWAY, f"The embedded AWS does not serve {host}")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        self._start_tls(host)
        self.close_connection = False

    def _start_tls(self, host: str) -> None:
        context = self.server.authority.server_context(host)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.request = self.connection
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = _Writer(self.connection)


class _Writer(io.BufferedIOBase):
    """Writes all of it at once, as the handler's own file for plain sockets does."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._connection.sendall(data)
        return len(data)


class PlainHandler(_AwsHandler):
    """An endpoint like any other S3-compatible store's: by URL, path style, without TLS."""

    custom = True


class ControlHandler(_Handler):
    """JSON or a query in, JSON out: what a test asks of the sandbox, as opposed to of AWS."""

    def _control(self) -> None:
        body = self._read_body()
        actions: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = self.server.actions
        url = urlsplit(self.path)
        action = actions.get((self.command, url.path))
        if action is None:
            self._send_json(404, {"error": f"{self.command} {url.path} is not part of the control API"})
            return
        try:
            self._send_json(200, action(json.loads(body) if body else dict(parse_qsl(url.query))))
        except (KeyError, TypeError, ValueError) as error:
            self._send_json(400, {"error": f"{type(error).__name__}: {error}"})

    def _send_json(self, status: int, value: Any) -> None:
        self._send(Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode() + b"\n"))

    do_GET = do_POST = do_DELETE = _control


def proxy_server(endpoint: Endpoint, authority: CertificateAuthority) -> Server:
    """:return: the forward proxy, not yet started"""
    return Server(ProxyHandler, endpoint=endpoint, authority=authority)


def plain_server(endpoint: Endpoint) -> Server:
    """:return: the plain endpoint, not yet started"""
    return Server(PlainHandler, endpoint=endpoint)


def control_server(actions: dict[tuple[str, str], Callable[[dict[str, Any]], Any]]) -> Server:
    """:param actions: what is done for a method and a path, given the JSON body"""
    return Server(ControlHandler, actions=actions)
