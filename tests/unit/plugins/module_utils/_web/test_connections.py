# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that are named by fetched content, and the issuer's own host."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import connections, sockets
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import AddressRefused, FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Client
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, ForwardProxy


class TestOtherHosts:
    """Hosts that fetched content names, which an attacker may have written."""

    @pytest.mark.parametrize(
        "ips", [["127.0.0.1"], ["::1"], ["10.1.2.3"], ["8.8.8.8", "10.1.2.3"], ["169.254.169.254"], ["::ffff:10.0.0.1"]]
    )
    @pytest.mark.parametrize("connect_to", [True, False])
    def test_another_host_must_not_resolve_to_a_private_address(self, server, route, names, ips, connect_to):
        names["other.example.test"] = ips
        route = route if connect_to else route._replace(connect_to=None)
        with Client(route, HOST) as client, pytest.raises(AddressRefused, match="not on the public internet"):
            client.get("https://other.example.test/", 10)
        assert server.connections == 0

    def test_the_connection_goes_to_an_address_that_was_checked(self, route, names, monkeypatch):
        names["other.example.test"] = ["8.8.8.8", "8.8.4.4"]
        tried = []

        def connect(addresses, deadline):
            tried.extend(address.sockaddr[:2] for address in addresses)
            names["other.example.test"] = ["127.0.0.1"]  # a second look-up would give this
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr(sockets, "connect", connect)
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get("https://other.example.test/", 10)
        assert caught.value.check == "tcp-connect"
        assert tried == [("8.8.8.8", 443), ("8.8.4.4", 443)]

    def test_connect_to_does_not_apply_to_another_host(self, server, route, names):
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get("https://other.example.test/", 10)
        assert caught.value.check == "dns-resolve" and server.connections == 0

    def test_connect_to_does_not_apply_to_another_port(self, server, route, names):
        with Client(route, HOST) as client, pytest.raises(FetchFailed) as caught:
            client.get(f"https://{HOST}:8443/", 10)
        assert caught.value.check == "dns-resolve" and server.connections == 0

    def test_the_issuers_own_host_may_have_a_private_address(self, server, names, ca_path, monkeypatch):
        names[HOST] = ["127.0.0.1"]
        port = int(server.address.rpartition(":")[2])
        steps = []
        monkeypatch.setattr(connections, "PORT", port)
        with Client(patient(None, ca_path), HOST.upper(), lambda check, seen: steps.append(check)) as client:
            assert client.get(f"https://{HOST}:{port}/keys.json", 10).status == 404
        assert steps[:2] == ["dns-resolve", "tcp-connect"]

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "inside.example.test"])
    def test_another_host_behind_a_proxy_must_not_be_private(self, server, route, names, monkeypatch, host):
        names.update({"::1": ["::1"], "169.254.169.254": ["169.254.169.254"]})
        names["inside.example.test"] = ["10.0.0.1"]
        proxy = ForwardProxy(server.address)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Client(route, HOST) as client, pytest.raises(AddressRefused):
            client.get(f"https://{host}/", 10)
        proxy.stop()
        assert proxy.requests == []

    @pytest.mark.parametrize("host", ["127.0.0.1.", "0x7f.1", "2130706433", "[::127.0.0.1]", "10.0.0.1.1"])
    def test_an_address_that_only_the_proxy_can_read_is_refused(self, server, route, names, monkeypatch, host):
        proxy = ForwardProxy(server.address)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Client(route, HOST) as client, pytest.raises(AddressRefused):
            client.get(f"https://{host}/", 10)
        proxy.stop()
        assert proxy.requests == []

    def test_a_name_that_only_the_proxy_resolves_is_allowed(self, server, route, names, monkeypatch):
        proxy = ForwardProxy(server.address)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Client(route, "issuer.example.test") as client:
            assert client.get(f"https://{HOST}/", 10).status == 404
        proxy.stop()
        assert len(proxy.requests) == 1
