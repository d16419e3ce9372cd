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
    """The present, in a list of one."""
    now = [1000.0]
    monkeypatch.setattr(sockets.time, "monotonic", lambda: now[0])
    return now


class TestDeadline:
    def test_comes_nearer(self, clock):
        deadline = Deadline(5)
        assert deadline.left() == 5
        clock[0] += 3
        assert deadline.left() == 2

    @pytest.mark.parametrize("late", [5, 6])
    def test_has_passed(self, clock, late):
        deadline = Deadline(5)
        clock[0] += late
        with pytest.raises(TimeoutError, match="longer than 5 seconds"):
            deadline.left()


@pytest.fixture
def pair(monkeypatch):
    """Our end of a connection, and the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours, address = sockets.connected([Address(LOOPBACK, listener.getsockname())], Deadline(60))
        theirs, dummy = listener.accept()
    assert address == "127.0.0.1"
    with ours, theirs:
        yield ours, theirs


class TestTimedSocket:
    def test_reads_in_time(self, pair):
        ours, theirs = pair
        ours.deadline = Deadline(60)
        theirs.sendall(b"text\n")
        assert ours.makefile("rb").readline() == b"text\n"
        assert 0 < ours.gettimeout() <= 60

    def test_does_not_begin_to_read_late(self, pair, clock):
        ours, theirs = pair
        theirs.sendall(b"text\nmore")
        ours.deadline = Deadline(5)
        clock[0] += 5
        with pytest.raises(TimeoutError):
            ours.makefile("rb").readline()

    def test_does_not_begin_to_write_late(self, pair, clock):
        ours, theirs = pair
        ours.deadline = Deadline(5)
        clock[0] += 5
        with pytest.raises(TimeoutError):
            ours.sendall(b"text")


class TestConnected:
    def test_goes_on_to_the_next_address(self):
        with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as listener:
            closed.bind(("127.0.0.1", 0))
            places = [Address(LOOPBACK, each.getsockname()) for each in (closed, listener)]
            made, dummy = sockets.connected(places, Deadline(60))
            assert isinstance(made, PlainSocket) and made.getpeername() == listener.getsockname()
            made.close()

    def test_fails_as_the_last_one_does(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionRefusedError):
                sockets.connected([Address(LOOPBACK, closed.getsockname())] * 2, Deadline(60))

    def test_fails_without_an_address(self):
        with pytest.raises(OSError, match="no address"):
            sockets.connected([], Deadline(60))


class TestResolved:
    def test_names_each_address_once(self, monkeypatch):
        entry = (LOOPBACK, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [entry, entry])
        assert [each.ip for each in sockets.resolved("name.example", 443, Deadline(60))] == ["192.0.2.1"]

    def test_takes_numbers(self):
        (address,) = sockets.resolved("127.0.0.1", 8443, Deadline(60))
        assert address == Address(LOOPBACK, ("127.0.0.1", 8443))

    @pytest.mark.parametrize("name", ["a" * 64 + ".example", "\x00", "a..b"])
    def test_refuses_what_is_no_name(self, name):
        with pytest.raises(OSError):
            sockets.resolved(name, 443, Deadline(60))

    def test_does_not_wait_for_a_resolver_that_is_silent(self, monkeypatch):
        asked, over = threading.Event(), threading.Event()

        def resolve(*arguments, **options):
            asked.set()
            over.wait()
            return []

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(TimeoutError):
            sockets.resolved("name.example", 443, Deadline(0.01))
        assert asked.wait(60)
        over.set()
