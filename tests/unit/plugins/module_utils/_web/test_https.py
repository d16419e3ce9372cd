# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS against a real server on a loopback port: whom it trusts, how it gets there, and how it gives up."""

from __future__ import annotations

import base64
import http.client
import io
import itertools
import socket
import threading

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https, sockets
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import (
    AddressRefused,
    Client,
    FetchFailed,
    Route,
    get,
    parse_connect_to,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    DAY,
    HOST,
    INTERMEDIATE,
    LEAF,
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


@pytest.fixture
def names(monkeypatch):
    """What each name stands for; others are unknown."""
    known = {"127.0.0.1": ["127.0.0.1"]}
    real = socket.getaddrinfo

    def resolve(host, port, *arguments, **options):
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [entry for ip in known[host] for entry in real(ip, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


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
        real = https.Client._ask

        def ask(client, connection, parts, most_bytes, deadline):
            return real(client, connection, parts, most_bytes, sockets.Deadline(0.05))

        monkeypatch.setattr(https.Client, "_ask", ask)

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
        assert failure.stage == "tls-version" and HOST in str(failure)

    def test_on_a_server_that_says_nothing(self, server, route, impatient):
        server.replies["/keys.json"] = lambda: server.stopping.wait() and (200, {}, [])
        failure = failed(URL, route)
        assert failure.stage == "http-response" and URL in str(failure)

    def test_on_a_body_that_ends_too_early(self, server, route):
        server.replies["/keys.json"] = lambda: (200, {"Content-Length": "100"}, [b"{}"])
        failure = failed(URL, route)
        assert failure.stage == "http-response" and "98 more" in str(failure)

    def test_on_a_body_that_stops_within(self, server, route, impatient):
        def body():
            yield b"{"
            server.stopping.wait()

        server.replies["/keys.json"] = lambda: (200, {"Content-Length": "100"}, body())
        assert failed(URL, route).stage == "http-response"

    def test_on_a_body_that_drips(self, server, route, monkeypatch):
        clock = itertools.count()
        monkeypatch.setattr(sockets.time, "monotonic", lambda: next(clock) / 100)
        server.replies["/keys.json"] = lambda: (200, {}, itertools.repeat(b"x"))
        failure = failed(URL, route._replace(timeout=5), most_bytes=10**9)
        assert failure.stage == "http-response" and "longer than 5 seconds" in str(failure)

    def test_on_headers_that_drip(self, server, route, monkeypatch):
        clock = itertools.count()
        monkeypatch.setattr(sockets.time, "monotonic", lambda: next(clock) / 100)
        server.replies["/keys.json"] = lambda: (200, {"X": "y" * 10_000_000}, [])
        assert failed(URL, route).stage == "http-response"

    def test_on_a_connection_that_breaks_off(self, tmp_path, ca_path):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            thread = threading.Thread(target=_break_off, args=(listener,))
            thread.start()
            failure = failed(URL, Route(f"127.0.0.1:{listener.getsockname()[1]}", ca_path))
            thread.join()
        assert failure.stage == "tls-version" and HOST in str(failure)

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


class TestOneConnection:
    @pytest.fixture
    def open_server(self, tmp_path):
        made = HttpsServer(tmp_path, [LEAF, INTERMEDIATE], keeps_open=True)
        made.serve("/keys.json", b"{}")
        made.serve("/other", b"[]")
        yield made
        made.stop()

    def test_serves_for_all(self, open_server, ca_path):
        with Client(Route(open_server.address, ca_path), HOST) as client:
            bodies = [client.get(f"https://{HOST}/{path}", 10).body for path in ("keys.json", "other", "keys.json")]
        assert bodies == [b"{}", b"[]", b"{}"]
        assert (open_server.connections, len(open_server.requests)) == (1, 3)

    def test_is_followed_by_another_where_the_host_closed_it(self, server, route):
        server.serve("/keys.json", b"{}")
        with Client(route, HOST) as client:
            assert [client.get(URL, 10).body for dummy in range(2)] == [b"{}", b"{}"]
        assert server.connections == 2

    def test_is_followed_by_another_where_the_host_closed_it_without_a_word(self, open_server, ca_path):
        with Client(Route(open_server.address, ca_path), HOST) as client:
            client.get(URL, 10)
            kept = next(iter(client._kept.values()))
            kept.sock.shutdown(socket.SHUT_RDWR)
            assert client.get(URL, 10).body == b"{}"
        assert open_server.connections == 2

    def test_is_not_used_again_after_half_an_answer(self, open_server, ca_path):
        open_server.serve("/other", b"x" * 100)
        with Client(Route(open_server.address, ca_path), HOST) as client:
            assert client.get(f"https://{HOST}/other", 10).body == b"x" * 10
            assert client.get(URL, 10).body == b"{}"
        assert open_server.connections == 2

    def test_tells_each_step_and_the_chain(self, open_server, ca_path):
        steps = []
        with Client(
            Route(open_server.address, ca_path), HOST, lambda check, seen: steps.append((check, seen))
        ) as client:
            client.get(URL, 10)
            client.get(URL, 10)
            assert list(client.chain) == [LEAF.der, INTERMEDIATE.der]
        assert [check for check, seen in steps] == ["tls-version", "tls-trust", "tls-expiry", "tls-host"]
        assert steps[0][1] == "The host speaks TLSv1.3."


class TestRedirects:
    def fetch(self, route, url=URL):
        with Client(route, HOST) as client:
            return client.fetch(url, 1000)

    def refused(self, server, route, location, path="/keys.json"):
        server.serve(path, b"", status=302, Location=location)
        with pytest.raises(FetchFailed) as caught:
            self.fetch(route)
        assert caught.value.stage == "http-redirect"
        return str(caught.value)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["/other", f"https://{HOST}/other", f"https://{HOST}:443/other#part", "other"])
    def test_are_followed(self, server, route, status, location):
        server.serve("/keys.json", b"", status=status, Location=location)
        server.serve("/other", b"{}")
        answer, urls = self.fetch(route)
        assert (answer.status, answer.body) == (200, b"{}")
        assert len(urls) == 2 and urls[0] == URL and urls[1].endswith("/other")

    def test_without_an_address_are_answers(self, server, route):
        server.serve("/keys.json", b"<Code>PermanentRedirect</Code>", status=301)
        answer, urls = self.fetch(route)
        assert (answer.status, urls) == (301, [URL])

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            (f"http://{HOST}/other", "unencrypted"),
            (f"HTTP://{HOST}/other", "unencrypted"),
            ("http://169.254.169.254/latest/meta-data/", "unencrypted"),
            ("/keys.json", "circle"),
            ("file:///etc/passwd", "no address"),
            ("ftp://irsa.example.test/", "no address"),
            ("javascript:alert(1)", "no address"),
            ("https://", "circle"),
            ("https://[::1", "no address"),
            ("https://host:port/", "no address"),
            ("https://host:0/", "no address"),
            ("https://user:secret@irsa.example.test/", "no address"),
            ("https://irsa.example.test/\x1b[31m", "no address"),
            ("https://irsa.example.test/a b", "no address"),
            ("https://127.0.0.1/", "not on the public internet"),
            ("https://[::1]/", "not on the public internet"),
            ("https://[::ffff:127.0.0.1]/", "not on the public internet"),
            ("https://169.254.169.254/", "not on the public internet"),
            ("https://10.0.0.1:6443/", "not on the public internet"),
            ("https://2130706433/", "not on the public internet"),
            ("https://0x7f.1/", "not on the public internet"),
            ("https://localhost/", "not on the public internet"),
            ("//192.168.1.1/", "not on the public internet"),
        ],
    )
    def test_are_refused(self, server, route, location, reason):
        message = self.refused(server, route, location)
        assert reason in message and URL in message
        assert [path for path, headers in server.requests] == ["/keys.json"]
        assert "\x1b" not in message

    def test_in_a_wide_circle_are_refused(self, server, route):
        server.serve("/other", b"", status=302, Location="/keys.json")
        assert "circle" in self.refused(server, route, "/other")
        assert len(server.requests) == 2

    def test_end_at_some_time(self, server, route):
        for number in range(100):
            server.serve(f"/{number}", b"", status=302, Location=f"/{number + 1}")
        assert "after 5 redirects" in self.refused(server, route, "/0")
        assert len(server.requests) == 6

    def test_that_lead_nowhere_are_what_is_wrong(self, server, route, names):
        assert "other.example" in self.refused(server, route, "https://other.example/keys.json")


class TestOtherHosts:
    """Names that were in what a stranger serves."""

    @pytest.mark.parametrize(
        "ips", [["127.0.0.1"], ["::1"], ["10.1.2.3"], ["8.8.8.8", "10.1.2.3"], ["169.254.169.254"], ["::ffff:10.0.0.1"]]
    )
    @pytest.mark.parametrize("connect_to", [True, False])
    def test_must_not_lead_inside(self, server, route, names, ips, connect_to):
        names["other.example.test"] = ips
        with Client(route if connect_to else route._replace(connect_to=None), HOST) as client:
            with pytest.raises(AddressRefused, match="not on the public internet"):
                client.get("https://other.example.test/", 10)
        assert server.connections == 0

    def test_are_connected_to_at_the_address_that_was_judged(self, route, names, monkeypatch):
        names["other.example.test"] = ["8.8.8.8", "8.8.4.4"]
        tried = []

        def connected(found, deadline):
            tried.extend(each.sockaddr[:2] for each in found)
            names["other.example.test"] = ["127.0.0.1"]  # who asks again is told something else
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr(https, "connected", connected)
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get("https://other.example.test/", 10)
        assert caught.value.stage == "tcp-connect"
        assert tried == [("8.8.8.8", 443), ("8.8.4.4", 443)]

    def test_are_not_where_connect_to_leads(self, server, route, names):
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get("https://other.example.test/", 10)
        assert caught.value.stage == "dns-resolve" and server.connections == 0

    def test_has_no_other_port_by_connect_to_either(self, server, route, names):
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get(f"https://{HOST}:8443/", 10)
        assert caught.value.stage == "dns-resolve" and server.connections == 0

    def test_the_issuers_own_may_be_inside(self, server, names, ca_path, monkeypatch):
        names[HOST] = ["127.0.0.1"]
        port = int(server.address.rpartition(":")[2])
        steps = []
        monkeypatch.setattr(https, "PORT", port)
        with Client(Route(None, ca_path), HOST.upper(), lambda check, seen: steps.append(check)) as client:
            assert client.get(f"https://{HOST}:{port}/keys.json", 10).status == 404
        assert steps[:2] == ["dns-resolve", "tcp-connect"]

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "inside.example.test"])
    def test_must_not_lead_inside_through_a_proxy(self, server, route, names, monkeypatch, host):
        names.update({"::1": ["::1"], "169.254.169.254": ["169.254.169.254"]})
        names["inside.example.test"] = ["10.0.0.1"]
        proxy = ForwardProxy(server.address)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Client(route, HOST) as client, pytest.raises(AddressRefused):
            client.get(f"https://{host}/", 10)
        proxy.stop()
        assert proxy.requests == []

    def test_that_only_the_proxy_knows_are_its_business(self, server, route, names, monkeypatch):
        proxy = ForwardProxy(server.address)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Client(route, "home.example.test") as client:
            assert client.get(f"https://{HOST}/", 10).status == 404
        proxy.stop()
        assert len(proxy.requests) == 1


class TestRefusedChain:
    def test_is_seen_though_it_is_not_trusted(self, server, route):
        with Client(route._replace(ca_path=None), HOST) as client:
            assert client.refused_chain(HOST) == [LEAF.der, INTERMEDIATE.der]
        assert server.requests == []

    def test_of_no_server_is_empty(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with Client(Route(f"127.0.0.1:{taken.getsockname()[1]}"), HOST) as client:
                assert client.refused_chain(HOST) == []


@pytest.mark.parametrize("timeout", [0, -1, 1e9, float("inf"), float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(IrsaError, match="timeout is"):
        Client(Route(timeout=timeout))


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
def test_whatever_a_server_sends_is_an_answer_or_a_failure(content):
    def connect(client, host, port, deadline):
        connection = http.client.HTTPSConnection(host, port, context=https.distrust())
        connection.sock = _Recorded(content)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(https.Client, "connect", connect)
        patch.setattr(https, "trust", lambda ca_path: None)
        try:
            answer, urls = Client(Route(), HOST).fetch(URL, 1000)
        except FetchFailed as failure:
            assert failure.stage in ("http-response", "http-redirect")
            assert len(str(failure)) < 2000 and str(failure).isprintable()
        else:
            assert 100 <= answer.status < 1000 and len(answer.body) <= 1000 and len(urls) <= 6
