# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetches from a real server on a loopback port: what is asked for, what is read, when a fetch gives up."""

from __future__ import annotations

import http.client
import io
import itertools
import socket
import threading

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import connections, https, sockets, tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Client, get
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import URL, failed, patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, INTERMEDIATE, LEAF, HttpsServer


class TestGet:
    def test_the_answer_is_what_the_server_sent(self, server, route):
        server.serve("/keys.json", b'{"keys": []}', **{"Content-Type": "application/json", "X-Mixed-Case": "Yes"})
        answer = get(URL, route, 1000)
        assert (answer.status, answer.body) == (200, b'{"keys": []}')
        assert (answer.headers["content-type"], answer.headers["x-mixed-case"]) == ("application/json", "Yes")

    def test_the_request_is_anonymous(self, server, route):
        get(URL, route, 1000)
        ((path, headers),) = server.requests
        assert path == "/keys.json" and headers["host"] == HOST
        assert not {"authorization", "cookie", "x-amz-date"} & set(headers)

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            (f"https://{HOST}", "/"),
            (f"https://{HOST}/a/b", "/a/b"),
            (f"https://{HOST}/keys?version=2", "/keys?version=2"),
        ],
    )
    def test_path_and_query_are_sent(self, server, route, url, path):
        get(url, route, 1000)
        assert [asked for asked, headers in server.requests] == [path]

    def test_a_redirect_is_not_followed(self, server, route):
        server.serve("/keys.json", b"", status=307, Location=f"https://{HOST}/elsewhere")
        answer = get(URL, route, 1000)
        assert (answer.status, answer.headers["location"]) == (307, f"https://{HOST}/elsewhere")
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [403, 404, 500])
    def test_an_error_status_is_an_answer(self, server, route, status):
        server.serve("/keys.json", b"<Error/>", status=status)
        assert get(URL, route, 1000)[::2] == (status, b"<Error/>")

    def test_an_endless_body_is_cut(self, server, route):
        server.replies["/keys.json"] = lambda: (200, {}, itertools.repeat(b"x" * 4096))
        assert get(URL, route, 10_000).body == b"x" * 10_000


def _break_off(listener):
    listener.accept()[0].close()


class TestFailure:
    @pytest.fixture
    def impatient(self, monkeypatch):
        """Wait only a moment once connected; connecting may take as long as a busy machine needs."""
        real = https.Client._request

        def request(client, connection, parts, *, max_bytes, deadline):
            return real(client, connection, parts, max_bytes=max_bytes, deadline=sockets.Deadline(0.05))

        monkeypatch.setattr(https.Client, "_request", request)

    def test_a_name_that_does_not_resolve_is_a_failure(self, monkeypatch):
        def resolve(*arguments, **options):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        failure = failed(URL, Route())
        assert failure.check == "dns-resolve"
        assert str(failure) == f"The name {HOST} cannot be resolved: Name or service not known."

    def test_a_port_without_a_listener_is_a_failure(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            failure = failed(URL, patient(f"127.0.0.1:{port}"))
        assert failure.check == "tcp-connect" and f"127.0.0.1 cannot be reached on port {port}: " in str(failure)
        assert "refused" in str(failure)

    def test_a_server_without_tls_is_a_failure(self):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            accepted = []
            thread = threading.Thread(
                target=lambda: accepted.append(listener.accept()[0].sendall(b"HTTP/1.0 200 OK\r\n\r\n"))
            )
            thread.start()
            failure = failed(URL, patient(f"127.0.0.1:{listener.getsockname()[1]}"))
            thread.join()
        assert failure.check == "tls-version" and HOST in str(failure)

    def test_a_silent_server_is_a_failure(self, server, route, impatient):
        server.replies["/keys.json"] = lambda: server.stopping.wait() and (200, {}, [])
        failure = failed(URL, route)
        assert failure.check == "http-response" and failure.is_slow and f"{URL} gave no answer within" in str(failure)

    def test_a_body_that_ends_too_early_is_a_failure(self, server, route):
        server.replies["/keys.json"] = lambda: (200, {"Content-Length": "100"}, [b"{}"])
        failure = failed(URL, route)
        assert failure.check == "http-response" and "98 more" in str(failure)

    def test_a_body_that_stalls_is_a_failure(self, server, route, impatient):
        def body():
            yield b"{"
            server.stopping.wait()

        server.replies["/keys.json"] = lambda: (200, {"Content-Length": "100"}, body())
        assert failed(URL, route).check == "http-response"

    def test_a_slow_body_exceeds_the_timeout(self, server, route, monkeypatch):
        clock = itertools.count()
        monkeypatch.setattr(sockets.time, "monotonic", lambda: next(clock) / 100)
        server.replies["/keys.json"] = lambda: (200, {}, itertools.repeat(b"x"))
        failure = failed(URL, route._replace(timeout=5), max_bytes=10**9)
        assert failure.check == "http-response" and "no answer within 5 s, AWS's limit" in str(failure)

    def test_slow_headers_exceed_the_timeout(self, server, route, monkeypatch):
        clock = itertools.count()
        monkeypatch.setattr(sockets.time, "monotonic", lambda: next(clock) / 100)
        server.replies["/keys.json"] = lambda: (200, {f"X-{number}": "y" * 60_000 for number in range(90)}, [])
        failure = failed(URL, route._replace(timeout=5))
        assert failure.check == "http-response" and "no answer within 5 s, AWS's limit" in str(failure)

    def test_a_connection_closed_during_the_handshake_is_a_failure(self, ca_path):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            thread = threading.Thread(target=_break_off, args=(listener,))
            thread.start()
            failure = failed(URL, patient(f"127.0.0.1:{listener.getsockname()[1]}", ca_path))
            thread.join()
        assert failure.check == "tls-version" and HOST in str(failure)

    @pytest.mark.parametrize("path", ["/kéys.json", "/a b", "/\x00"])
    def test_a_path_that_cannot_be_sent_is_a_failure(self, server, route, path):
        assert failed(f"https://{HOST}{path}", route).check == "http-response"


class TestKeptConnection:
    @pytest.fixture
    def open_server(self, tmp_path):
        made = HttpsServer(tmp_path, [LEAF, INTERMEDIATE], keeps_open=True)
        made.serve("/keys.json", b"{}")
        made.serve("/other", b"[]")
        yield made
        made.stop()

    def test_a_kept_connection_takes_all_requests(self, open_server, ca_path):
        with Client(patient(open_server.address, ca_path), HOST) as client:
            bodies = [client.get(f"https://{HOST}/{path}", 10).body for path in ("keys.json", "other", "keys.json")]
        assert bodies == [b"{}", b"[]", b"{}"]
        assert (open_server.connections, len(open_server.requests)) == (1, 3)

    def test_an_announced_close_leads_to_a_new_connection(self, server, route):
        server.serve("/keys.json", b"{}")
        with Client(route, HOST) as client:
            assert [client.get(URL, 10).body for _number in range(2)] == [b"{}", b"{}"]
        assert server.connections == 2

    def test_a_connection_closed_while_idle_is_replaced(self, open_server, ca_path):
        with Client(patient(open_server.address, ca_path), HOST) as client:
            client.get(URL, 10)
            kept = next(iter(client._kept.values()))
            kept.sock.shutdown(socket.SHUT_RDWR)
            assert client.get(URL, 10).body == b"{}"
        assert open_server.connections == 2

    def test_a_connection_is_not_reused_after_a_partial_answer(self, open_server, ca_path):
        open_server.serve("/other", b"x" * 100)
        with Client(patient(open_server.address, ca_path), HOST) as client:
            assert client.get(f"https://{HOST}/other", 10).body == b"x" * 10
            assert client.get(URL, 10).body == b"{}"
        assert open_server.connections == 2

    def test_steps_are_noted_once_and_the_chain_is_kept(self, open_server, ca_path):
        steps = []
        with Client(
            patient(open_server.address, ca_path), HOST, lambda check, seen: steps.append((check, seen))
        ) as client:
            client.get(URL, 10)
            client.get(URL, 10)
            assert list(client.chain) == [LEAF.der, INTERMEDIATE.der]
        assert [check for check, seen in steps] == ["tls-version", "tls-trust", "tls-expiry", "tls-host"]
        assert steps[0][1] == "The host speaks TLSv1.3."


class _Recorded:
    """A connection on which a server has sent something and closed."""

    deadline = None

    def __init__(self, content: bytes) -> None:
        self._content = content

    def sendall(self, data: bytes) -> None:
        pass

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)

    def close(self) -> None:
        pass


STATUS_LINES = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 100 Continue\r\n"])
HEADERS = st.sampled_from(
    [
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Location: https://[\r\n",
        b"Location: /other\r\n",
        b"Location: \xff\xfe\r\n",
        b"Content-Encoding: gzip\r\n",
        b"X: " + b"x" * 70_000 + b"\r\n",
    ]
)
PIECES = st.one_of(STATUS_LINES, HEADERS, st.just(b"\r\n"), st.binary(max_size=20), st.just(b"5\r\nhello\r\n0\r\n\r\n"))


@hypothesis.given(st.lists(PIECES, max_size=12).map(b"".join))
def test_any_bytes_from_a_server_are_an_answer_or_a_failure(content):
    def connect(connector, host, port, deadline):
        connection = http.client.HTTPSConnection(host, port, context=tls.accepting_context())
        connection.sock = _Recorded(content)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections.Connector, "connect", connect)
        patch.setattr(tls, "verifying_context", lambda ca_path: None)
        outcome = _outcome(Client(Route(), HOST))
    if isinstance(outcome, FetchFailed):
        assert outcome.check in ("http-response", "http-redirect")
        assert len(str(outcome)) < 2000 and str(outcome).isprintable()
    else:
        answer, urls = outcome
        assert 100 <= answer.status < 1000 and len(answer.body) <= 1000 and len(urls) <= 6


def _outcome(client):
    try:
        return client.fetch(URL, 1000)
    except FetchFailed as failure:
        return failure
