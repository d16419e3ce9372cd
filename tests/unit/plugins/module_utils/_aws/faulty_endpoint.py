# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An endpoint on a loopback port that answers each request with the next raw answer of a script."""

from __future__ import annotations

import functools
import socketserver
import threading
import typing as t

import boto3
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import ignore_redirects_of_others
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION, SERVICES

RESET = b""


def answer(
    body: bytes = b"", *, status: str = "200 OK", media_type: str = "application/xml", length: int | None = None
) -> bytes:
    """A raw answer with the request ID of AWS; ``length`` is the announced one, if it is not the body's."""
    headers = f"x-amz-request-id: 1\r\nContent-Type: {media_type}\r\nContent-Length: {length or len(body)}"
    return f"HTTP/1.1 {status}\r\n{headers}\r\nConnection: close\r\n\r\n".encode() + body


def page(
    status: str = "200 OK", *, body: bytes = b"<html>Please sign in<br></html>", media_type: str = "text/html"
) -> bytes:
    """The page of a proxy, raw."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def cut(whole: bytes, keep: int) -> bytes:
    """An answer without its end."""
    return whole[: len(whole) - keep]


@functools.cache
def _session() -> t.Any:
    """The one session of all endpoints, since each would read the descriptions of all services again."""
    return boto3.session.Session("AKIDEXAMPLE", "a-secret", region_name=REGION)


class FaultyEndpoint:
    """``aws`` makes its calls there. ``requests`` are the first lines of those that came."""

    def __init__(self, *script: bytes) -> None:
        self.script = list(script)
        self.requests: list[str] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._handle(self.rfile, self.wfile)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        config = Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5)
        clients = {service: _session().client(service, endpoint_url=self.url, config=config) for service in SERVICES}
        ignore_redirects_of_others(clients["s3"])
        self.aws = Aws(ReadyClients(clients))

    def _handle(self, incoming: t.BinaryIO, outgoing: t.BinaryIO) -> None:
        first = incoming.readline().decode().strip()
        length = 0
        while (line := incoming.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            if line.startswith(b"expect:"):
                outgoing.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        incoming.read(length)
        self.requests.append(first)
        outgoing.write(self.script.pop(0) if len(self.script) > 1 else self.script[0])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
