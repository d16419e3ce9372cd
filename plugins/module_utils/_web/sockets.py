# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that end in time, whatever is at their other end.

A timeout of Python's sockets is for each read and write, so a host that sends a byte every few seconds would hold a
reader for ever; a look-up of a name has none at all.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
import typing as t


class Deadline:
    """A moment so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds until then; raises TimeoutError when it has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took longer than {self._seconds:g} seconds")
        return left


class _Timed:
    """What sockets of both kinds do before each read and write."""

    deadline: t.Optional[Deadline] = None

    def recv_into(self, *arguments: t.Any, **options: t.Any) -> int:
        self._hurry()
        return super().recv_into(*arguments, **options)  # type: ignore[misc]

    def sendall(self, *arguments: t.Any, **options: t.Any) -> None:
        self._hurry()
        super().sendall(*arguments, **options)  # type: ignore[misc]

    def _hurry(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.left())  # type: ignore[attr-defined]


class PlainSocket(_Timed, socket.socket):
    """A socket whose reads and writes all end at its ``deadline``."""


class TlsSocket(_Timed, ssl.SSLSocket):
    """The same, for TLS: the ``sslsocket_class`` of a context."""


class Address(t.NamedTuple):
    """An address that a name stands for, as sockets take it."""

    family: int
    sockaddr: tuple[t.Any, ...]

    @property
    def ip(self) -> str:
        """The IP address as text."""
        return str(self.sockaddr[0])


def resolved(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The addresses of a name, each once; raises OSError, TimeoutError among them."""
    answers: queue.SimpleQueue[t.Any] = queue.SimpleQueue()

    def look() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=look, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        deadline.left()
        raise TimeoutError("it took too long") from None
    if isinstance(answer, ValueError):
        raise OSError("it is no host name")
    if isinstance(answer, OSError):
        raise answer
    return list(dict.fromkeys(Address(family, sockaddr) for family, kind, protocol, name, sockaddr in answer))


def connected(found: t.Sequence[Address], deadline: Deadline) -> tuple[PlainSocket, str]:
    """A connection to the first address that takes one, and that address; raises OSError, TimeoutError among them."""
    failure: OSError = OSError("the name has no address")
    for number, address in enumerate(found):
        made = PlainSocket(address.family, socket.SOCK_STREAM)
        try:
            # One that is silent leaves time for the others.
            made.settimeout(deadline.left() / (len(found) - number))
            made.connect(address.sockaddr)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made, address.ip
        except OSError as error:
            made.close()
            failure = error
    raise failure
