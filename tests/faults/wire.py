# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy between a run and the embedded AWS: it puts a fault into one call, and sees which writes took effect."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

from tests.sandbox.answers import Answer
from tests.sandbox.call import Arrival, understand
from tests.sandbox.certificates import CertificateAuthority
from tests.sandbox.endpoint import Endpoint
from tests.sandbox.servers import BODILESS, ProxyHandler, Server

from .account_state import State
from .kinds import Call, Delivery, Kind, Reply

# How long an answer that never comes is waited for at most, if the client does not go away.
_FOREVER = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """A kind of fault in one call of a run.

    :ivar label: of the call
    :ivar number: which call with that label, from 1 on; None for all of them
    """

    kind: Kind
    label: str
    number: int | None

    def hits(self, label: str, number: int) -> bool:
        return label == self.label and self.number in (None, number)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exchange:
    """One call as it was answered.

    :ivar action: as results name it
    :ivar took_effect: whether it changed anything
    """

    call: Call
    number: int
    action: str
    took_effect: bool
    is_hit: bool


class Wire:
    """What lies between.

    :param read_state: reads the whole account
    """

    def __init__(self, endpoint: Endpoint, read_state: Callable[[], State], fault: Fault | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self._endpoint = endpoint
        self._read_state = read_state
        self._fault = fault
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reply(self, arrival: Arrival) -> Reply:
        """:return: what the client is to get"""
        call, action = describe(arrival)
        with self._lock:
            self._numbers[call.label] += 1
            number = self._numbers[call.label]
        kind = self._fault.kind if self._fault is not None and self._fault.hits(call.label, number) else None
        answer, took_effect = None, False
        if kind is None or kind.executes:
            before = self._read_state() if call.is_write else {}
            answer = self._endpoint.answer(arrival)
            took_effect = call.is_write and self._read_state() != before
        has_body = answer is not None and bool(answer.body) and answer.status not in BODILESS and call.method != "HEAD"
        call = dataclasses.replace(call, has_body=has_body)
        self.exchanges.append(
            Exchange(call=call, number=number, action=action, took_effect=took_effect, is_hit=kind is not None)
        )
        return Reply(answer) if kind is None else kind.reply(call, answer)


def describe(arrival: Arrival) -> tuple[Call, str]:
    """:return: which call a request makes, and what results call it"""
    understood = understand(arrival)
    path = urlsplit(arrival.target).path
    if understood is None or (understood.service == "s3" and not understood.is_signed):
        label = f"anonymous {arrival.method} {path}"
        call = Call(
            label=label, service="web", method=arrival.method, is_write=False, is_anonymous=True, is_document=True
        )
        return call, label
    action = f"{understood.service}:{understood.operation}"
    call = Call(
        label=f"{action} {understood.key}" if understood.key else action,
        service=understood.service,
        method=arrival.method,
        is_write=understood.is_write,
        is_anonymous=False,
        is_document=understood.key is not None,
    )
    return call, action


class FaultHandler(ProxyHandler):
    """Answers as the wire says."""

    def _exchange(self, arrival: Arrival) -> None:
        reply = self.server.wire.reply(arrival)
        if reply.delivery is Delivery.WHOLE and reply.answer is not None:
            self._send(reply.answer)
            return
        self.close_connection = True
        if reply.delivery is Delivery.BROKEN_OFF and reply.answer is not None:
            self._send_part(reply.answer)
        elif reply.delivery is Delivery.NEVER:
            self.connection.settimeout(_FOREVER)
            with contextlib.suppress(OSError):
                self.connection.recv(1)
        else:
            # With no time to linger, closing resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def _send_part(self, answer: Answer) -> None:
        """Announces the whole body, and sends 60 % of it."""
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [
            f"{name}: {value}"
            for name, value in answer.headers.items()
            if name.lower() not in ("status", "connection", "transfer-encoding", "content-length")
        ]
        lines.append(f"Content-Length: {len(answer.body)}")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        self.wfile.write(head + answer.body[: len(answer.body) * 6 // 10])

    def _start_tls(self, host: str) -> None:
        super()._start_tls(host)
        self.server.connections.append(self.connection)


@contextlib.contextmanager
def listening(wire: Wire, endpoint: Endpoint, authority: CertificateAuthority) -> Iterator[str]:
    """Serves the wire.

    :return: the URL of the proxy, for as long as the context lasts
    """
    connections: list[socket.socket] = []
    server = Server(FaultHandler, endpoint=endpoint, authority=authority, wire=wire, connections=connections)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://{server.address}"
    finally:
        server.shutdown()
        server.server_close()
        # Clients keep connections open, and a thread waits at each.
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
