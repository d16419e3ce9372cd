# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look-ups and connections that end in time, whatever is at the other end.

A timeout of Python's sockets applies to each read and write, so a host that sends a byte every few seconds could hold a
reader forever; the look-up of a name has no timeout at all.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
import typing as t


class Deadline:
    """The end of a time limit that starts now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raises TimeoutError if none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took longer than {self._seconds:g} seconds")
        return left


if t.TYPE_CHECKING:
    _SocketBase = socket.socket
else:
    _SocketBase = object


class _WithDeadline(_SocketBase):
    """Limits each read and write of a socket class to the time that is left."""

    deadline: Deadline | None = None

    def recv_into(self, *arguments: t.Any, **options: t.Any) -> int:
        self._apply_deadline()
        return super().recv_into(*arguments, **options)

    def sendall(self, *arguments: t.Any, **options: t.Any) -> None:
        self._apply_deadline()
        super().sendall(*arguments, **options)

    def _apply_deadline(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.left())


class PlainSocket(_WithDeadline, socket.socket):
    """A socket whose reads and writes all end at its ``deadline``."""


class TlsSocket(_WithDeadline, ssl.SSLSocket):
    """The same for TLS: the ``sslsocket_class`` of a context."""


class Address(t.NamedTuple):
    """An address of a host, in the form that sockets take."""

    family: int
    sockaddr: tuple[t.Any, ...]

    @property
    def ip(self) -> str:
        """The IP address as text."""
        return str(self.sockaddr[0])


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Look up the addresses of a host, each once. Raises OSError, after the deadline TimeoutError."""
    answers: queue.SimpleQueue[list[t.Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        deadline.left()
        raise TimeoutError("it took too long") from None
    if isinstance(answer, ValueError):
        raise OSError("it is not a valid host name")
    if isinstance(answer, Exception):
        raise answer
    return list(dict.fromkeys(Address(family, sockaddr) for family, _kind, _protocol, _name, sockaddr in answer))


def connect(addresses: t.Sequence[Address], deadline: Deadline) -> tuple[PlainSocket, str]:
    """Connect to the first address that accepts, and return the connection and the IP address.

    Raises OSError, after the deadline TimeoutError.
    """
    failure: OSError = OSError("the name has no address")
    for number, address in enumerate(addresses):
        connection = PlainSocket(address.family, socket.SOCK_STREAM)
        try:
            # An address that does not answer leaves time for the others.
            connection.settimeout(deadline.left() / (len(addresses) - number))
            connection.connect(address.sockaddr)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection, address.ip
        except OSError as error:
            connection.close()
            failure = error
    raise failure
