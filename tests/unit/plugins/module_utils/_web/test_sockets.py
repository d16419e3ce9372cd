# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets on loopback ports, by a clock that the test sets."""

from __future__ import annotations

import socket
import threading

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import sockets
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import Address, Deadline, PlainSocket

LOOPBACK = socket.AF_INET


@pytest.fixture
def clock(monkeypatch):
    """The current time, in a list of one."""
    now = [1000.0]
    monkeypatch.setattr(sockets.time, "monotonic", lambda: now[0])
    return now


class TestDeadline:
    def test_a_deadline_comes_nearer(self, clock):
        deadline = Deadline(5)
        assert deadline.left() == 5
        clock[0] += 3
        assert deadline.left() == 2

    @pytest.mark.parametrize("late", [5, 6])
    def test_a_deadline_that_has_passed_raises(self, clock, late):
        deadline = Deadline(5)
        clock[0] += late
        with pytest.raises(TimeoutError, match="longer than 5 seconds"):
            deadline.left()


@pytest.fixture
def pair():
    """Our end of a connection, and the peer's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours, address = sockets.connect([Address(LOOPBACK, listener.getsockname())], Deadline(60))
        peer, _address = listener.accept()
    assert address == "127.0.0.1"
    with ours, peer:
        yield ours, peer


class TestSocketWithDeadline:
    def test_a_read_before_the_deadline_succeeds(self, pair):
        ours, peer = pair
        ours.deadline = Deadline(60)
        peer.sendall(b"text\n")
        assert ours.makefile("rb").readline() == b"text\n"
        assert 0 < ours.gettimeout() <= 60

    def test_a_read_after_the_deadline_raises(self, pair, clock):
        ours, peer = pair
        peer.sendall(b"text\nmore")
        ours.deadline = Deadline(5)
        clock[0] += 5
        with pytest.raises(TimeoutError):
            ours.makefile("rb").readline()

    def test_a_write_after_the_deadline_raises(self, pair, clock):
        ours, _peer = pair
        ours.deadline = Deadline(5)
        clock[0] += 5
        with pytest.raises(TimeoutError):
            ours.sendall(b"text")


class TestConnect:
    def test_the_next_address_is_tried_after_a_failure(self):
        with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as listener:
            closed.bind(("127.0.0.1", 0))
            addresses = [Address(LOOPBACK, each.getsockname()) for each in (closed, listener)]
            connection, _ip = sockets.connect(addresses, Deadline(60))
            assert isinstance(connection, PlainSocket) and connection.getpeername() == listener.getsockname()
            connection.close()

    def test_the_failure_of_the_last_address_is_raised(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionRefusedError):
                sockets.connect([Address(LOOPBACK, closed.getsockname())] * 2, Deadline(60))

    def test_no_address_is_a_failure(self):
        with pytest.raises(OSError, match="no address"):
            sockets.connect([], Deadline(60))


class TestResolve:
    def test_each_address_is_returned_once(self, monkeypatch):
        entry = (LOOPBACK, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [entry, entry])
        assert [each.ip for each in sockets.resolve("name.example", 443, Deadline(60))] == ["192.0.2.1"]

    def test_an_ip_address_resolves_to_itself(self):
        (address,) = sockets.resolve("127.0.0.1", 8443, Deadline(60))
        assert address == Address(LOOPBACK, ("127.0.0.1", 8443))

    @pytest.mark.parametrize("name", ["a" * 64 + ".example", "\x00", "a..b"])
    def test_an_invalid_name_is_refused(self, name):
        with pytest.raises(OSError, match=r"[Nn]ame"):
            sockets.resolve(name, 443, Deadline(60))

    def test_a_silent_resolver_does_not_delay_the_deadline(self, monkeypatch):
        asked, over = threading.Event(), threading.Event()

        def resolve(*arguments, **options):
            asked.set()
            over.wait()
            return []

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(TimeoutError):
            sockets.resolve("name.example", 443, Deadline(0.01))
        assert asked.wait(60)
        over.set()
