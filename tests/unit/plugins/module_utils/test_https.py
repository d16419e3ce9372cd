# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS against a real server on a loopback port: whom it trusts, how it gets there, and how it gives up."""

from __future__ import annotations

import base64
import itertools
import socket
import threading

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils import https
from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils.https import FetchFailed, Route, get, parse_connect_to
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    DAY,
    HOST,
    INTERMEDIATE,
    NOW,
    ROOT,
    ForwardProxy,
    HttpsServer,
    certify,
)

URL = f"https://{HOST}/keys.json"


def failed(url: str, route: Route, most_bytes: int = 1000) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        get(url, route, most_bytes)
    assert caught.value.details == {"stage": caught.value.stage}
    return caught.value


@pytest.fixture
def served_by(tmp_path, ca_path):
    """Start a server with a chain of one's own, and give the route to it."""
    servers = []

    def start(*chain):
        servers.append(HttpsServer(tmp_path, chain))
        return Route(servers[-1].address, ca_path)

    yield start
    for server in servers:
        server.stop()


class TestConnectTo:
    @pytest.mark.parametrize(
        ("text", "pair"),
        [
            ("192.0.2.10:8443", ("192.0.2.10", 8443)),
            ("192.0.2.10", ("192.0.2.10", 443)),
            ("host.example", ("host.example", 443)),
            ("host.example:1", ("host.example", 1)),
            ("host.example:65535", ("host.example", 65535)),
            ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
            ("[::1]", ("::1", 443)),
        ],
    )
    def test_is_host_and_port(self, text, pair):
        assert parse_connect_to(text) == pair

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ":",
            ":443",
            "host:",
            "host:0",
            "host:65536",
            "host:https",
            "::1",
            "2001:db8::1",
            "[::1",
            "[nonsense]",
            "a:b:c",
            "host:443\n",
            "https://host",
        ],
    )
    def test_refuses_anything_else(self, text):
        with pytest.raises(IrsaError) as caught:
            parse_connect_to(text)
        assert repr(text) in str(caught.value) and "host:port" in str(caught.value)

    @hypothesis.given(st.text() | st.text(st.sampled_from("a1.:[]-")))
    def test_any_text_is_taken_or_refused(self, text):
        try:
            host, port = parse_connect_to(text)
        except IrsaError:
            return
        assert host and 1 <= port <= 65535


class TestAnswer:
    def test_is_what_the_server_sent(self, server, route):
        server.serve("/keys.json", b'{"keys": []}', **{"Content-Type": "application/json", "X-Mixed-Case": "Yes"})
        answer = get(URL, route, 1000)
        assert (answer.status, answer.body) == (200, b'{"keys": []}')
        assert (answer.headers["content-type"], answer.headers["x-mixed-case"]) == ("application/json", "Yes")

    def test_is_asked_for_as_a_stranger(self, server, route):
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
    def test_is_asked_for_by_its_whole_address(self, server, route, url, path):
        get(url, route, 1000)
        assert [asked for asked, headers in server.requests] == [path]

    def test_of_a_redirect_is_the_redirect(self, server, route):
        server.serve("/keys.json", b"", status=307, Location=f"https://{HOST}/elsewhere")
        answer = get(URL, route, 1000)
        assert (answer.status, answer.headers["location"]) == (307, f"https://{HOST}/elsewhere")
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [403, 404, 500])
    def test_of_a_failure_is_an_answer(self, server, route, status):
        server.serve("/keys.json", b"<Error/>", status=status)
        assert get(URL, route, 1000)[::2] == (status, b"<Error/>")

    def test_is_cut_where_it_would_never_end(self, server, route):
        server.replies["/keys.json"] = lambda: (200, {}, itertools.repeat(b"x" * 4096))
        assert get(URL, route, 10_000).body == b"x" * 10_000


class TestTrust:
    def test_is_in_the_cas_of_the_file(self, server, route):
        assert get(URL, route, 1000).status == 404

    def test_is_in_the_systems_cas_without_one(self, server, route):
        failure = failed(URL, route._replace(ca_path=None))
        assert failure.stage == "tls-trust" and HOST in str(failure)
        assert server.requests == []

    def test_is_in_those_of_the_environment_too(self, server, route, ca_path, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", ca_path)
        assert get(URL, route._replace(ca_path=None), 1000).status == 404

    def test_wants_the_intermediates(self, served_by):
        assert failed(URL, served_by(certify("x", INTERMEDIATE, [HOST]))).stage == "tls-trust"

    def test_ends_with_the_certificate(self, served_by):
        expired = certify("x", ROOT, [HOST], (NOW - 3 * DAY, NOW - 2 * DAY))
        failure = failed(URL, served_by(expired))
        assert failure.stage == "tls-expiry" and "expired" in str(failure)

    def test_is_for_one_name(self, served_by):
        failure = failed(URL, served_by(certify("x", ROOT, ["*.s3.example.test", "other.example.test"])))
        assert failure.stage == "tls-host" and HOST in str(failure)

    def test_of_a_wildcard_ends_at_a_dot(self, served_by):
        route = served_by(certify("x", ROOT, ["*.s3.example.test"]))
        assert get("https://irsa-prod.s3.example.test/", route, 10).status == 404
        assert failed("https://irsa.prod.s3.example.test/", route).stage == "tls-host"

    def test_is_not_in_a_self_signed_certificate(self, served_by):
        assert failed(URL, served_by(certify("x", None, [HOST]))).stage == "tls-trust"

    @pytest.mark.parametrize(
        "content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_in_a_file_that_is_none_is_refused_by_its_name(self, tmp_path, content):
        file = tmp_path / "other.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(IrsaError) as caught:
            get(URL, Route("127.0.0.1:1", str(file)), 10)
        assert f"ca_path {file}" in str(caught.value) and "PEM" in str(caught.value)


def _break_off(listener):
    listener.accept()[0].close()


class TestGivingUp:
    @pytest.fixture
    def impatient(self, monkeypatch):
        """Once connected, wait for a moment only; to connect may take as long as a busy machine needs."""
        real = https.connect

        def connect(host, route):
            connection = real(host, route)
            connection.sock.settimeout(0.05)
            return connection

        monkeypatch.setattr(https, "connect", connect)

    def test_on_a_name_that_does_not_resolve(self, monkeypatch):
        def resolve(*arguments, **options):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        failure = failed(URL, Route())
        assert failure.stage == "dns-resolve"
        assert str(failure) == f"The name {HOST} cannot be resolved: Name or service not known."

    def test_on_a_port_that_nothing_listens_at(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            failure = failed(URL, Route(f"127.0.0.1:{taken.getsockname()[1]}"))
        assert failure.stage == "tcp-connect" and "refused" in str(failure)

    def test_on_a_server_without_tls(self):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            accepted = []
            thread = threading.Thread(
                target=lambda: accepted.append(listener.accept()[0].sendall(b"HTTP/1.0 200 OK\r\n\r\n"))
            )
            thread.start()
            failure = failed(URL, Route(f"127.0.0.1:{listener.getsockname()[1]}"))
            thread.join()
        assert failure.stage in ("tls-trust", "tcp-connect")

    def test_on_a_server_that_says_nothing(self, server, route, impatient):
        server.replies["/keys.json"] = lambda: server.stopping.wait() and (200, {}, [])
        failure = failed(URL, route)
        assert failure.stage == "http-response" and "timed out" in str(failure)

    def test_on_a_body_that_stops_within(self, server, route, impatient):
        def body():
            yield b"{"
            server.stopping.wait()

        server.replies["/keys.json"] = lambda: (200, {"Content-Length": "100"}, body())
        assert failed(URL, route).stage == "http-response"

    def test_on_a_body_that_drips(self, server, route, monkeypatch):
        clock = itertools.count(step=1.0)
        monkeypatch.setattr(https.time, "monotonic", clock.__next__)
        server.replies["/keys.json"] = lambda: (200, {}, itertools.repeat(b"x"))
        failure = failed(URL, route, most_bytes=10**9)
        assert failure.stage == "http-response" and "too long" in str(failure)

    def test_on_a_connection_that_breaks_off(self, tmp_path, ca_path):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            thread = threading.Thread(target=_break_off, args=(listener,))
            thread.start()
            failure = failed(URL, Route(f"127.0.0.1:{listener.getsockname()[1]}", ca_path))
            thread.join()
        assert failure.stage in ("tls-trust", "tcp-connect") and HOST in str(failure)

    @pytest.mark.parametrize("path", ["/kéys.json", "/a b", "/\x00"])
    def test_on_a_path_that_cannot_be_asked_for(self, server, route, path):
        assert failed(f"https://{HOST}{path}", route).stage == "http-response"


class TestProxy:
    @pytest.fixture
    def proxy(self, server):
        made = ForwardProxy(server.address)
        yield made
        made.stop()

    @pytest.fixture
    def direct(self, route):
        return route._replace(connect_to=None)

    @pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
    def test_of_the_environment_is_asked_for_the_name(self, server, proxy, direct, monkeypatch, variable):
        monkeypatch.setenv(variable, proxy.url)
        assert get(URL, direct, 10).status == 404
        assert proxy.requests[0].startswith(f"CONNECT {HOST}:443 HTTP/1.")
        assert len(server.requests) == 1

    def test_may_be_named_without_a_scheme(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
        assert get(URL, direct, 10).status == 404

    def test_gets_its_own_credentials(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:p%40ss@"))
        get(URL, direct, 10)
        assert "Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss").decode() in proxy.requests[0]

    def test_is_not_asked_with_connect_to(self, proxy, route, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        get(URL, route, 10)
        assert proxy.requests == []

    def test_is_not_asked_for_an_exception(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", ".example.test")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [])
        assert failed(URL, direct).stage == "tcp-connect"
        assert proxy.requests == []

    @pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
    def test_that_refuses_is_a_failure_to_connect(self, server, direct, monkeypatch, status):
        proxy = ForwardProxy(server.address, b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = failed(URL, direct)
        proxy.stop()
        assert failure.stage == "tcp-connect" and status.decode() in str(failure)

    @pytest.mark.parametrize(
        "url",
        [
            "socks5://127.0.0.1:1080",
            "https://user:secret@127.0.0.1:3128",
            "http://127.0.0.1:port",
            "http://",
            "http://[::1",
        ],
    )
    def test_of_another_kind_is_refused(self, direct, monkeypatch, url):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(IrsaError) as caught:
            get(URL, direct, 10)
        assert "HTTPS_PROXY" in str(caught.value) and "secret" not in str(caught.value)

    def test_does_not_weaken_the_check_of_the_certificate(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert failed(URL, direct._replace(ca_path=None)).stage == "tls-trust"
        assert failed("https://other.example.test/", direct).stage == "tls-host"
