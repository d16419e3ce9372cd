# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetches through a forward proxy."""

from __future__ import annotations

import base64
import socket

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import get
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import URL, failed
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, ForwardProxy


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
    def test_the_proxy_connects_to_the_host_name(self, server, proxy, direct, monkeypatch, variable):
        monkeypatch.setenv(variable, proxy.url)
        assert get(URL, direct, 10).status == 404
        assert proxy.requests[0].startswith(f"CONNECT {HOST}:443 HTTP/1.")
        assert len(server.requests) == 1

    def test_a_proxy_url_needs_no_scheme(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
        assert get(URL, direct, 10).status == 404

    def test_the_proxys_own_credentials_are_sent(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:p%40ss@"))
        get(URL, direct, 10)
        assert "Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss").decode() in proxy.requests[0]

    def test_connect_to_bypasses_the_proxy(self, proxy, route, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        get(URL, route, 10)
        assert proxy.requests == []

    def test_no_proxy_bypasses_the_proxy(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", ".example.test")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [])
        assert failed(URL, direct).check == "tcp-connect"
        assert proxy.requests == []

    @pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
    def test_a_proxys_refusal_is_a_failure_to_connect(self, server, direct, monkeypatch, status):
        proxy = ForwardProxy(server.address, b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = failed(URL, direct)
        proxy.stop()
        assert failure.check == "tcp-connect" and status.decode() in str(failure)

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
    def test_an_unsupported_proxy_is_refused(self, direct, monkeypatch, url):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(IrsaError) as caught:
            get(URL, direct, 10)
        assert "HTTPS_PROXY" in str(caught.value) and "secret" not in str(caught.value)

    def test_the_certificate_is_verified_through_a_proxy(self, proxy, direct, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert failed(URL, direct._replace(ca_path=None)).check == "tls-trust"
        assert failed("https://other.example.test/", direct).check == "tls-host"
