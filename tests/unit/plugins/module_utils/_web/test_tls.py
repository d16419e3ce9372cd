# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates are trusted, and what is read of those that are not."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Client, get
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.tls import verifying_context
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import URL, failed, patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    DAY,
    HOST,
    INTERMEDIATE,
    LEAF,
    NOW,
    ROOT,
    HttpsServer,
    certify,
)


@pytest.fixture
def served_by(tmp_path, ca_path):
    """Start a server with these certificates, and return the route to it."""
    servers = []

    def start(*chain):
        servers.append(HttpsServer(tmp_path, chain))
        return patient(servers[-1].address, ca_path)

    yield start
    for server in servers:
        server.stop()


class TestVerification:
    def test_a_ca_in_the_file_is_trusted(self, server, route):
        assert get(URL, route, 1000).status == 404

    def test_only_the_systems_cas_are_trusted_without_a_file(self, server, route):
        failure = failed(URL, route._replace(ca_path=None))
        assert failure.check == "tls-trust" and HOST in str(failure)
        assert server.requests == []

    def test_a_ca_in_ssl_cert_file_is_trusted(self, server, route, ca_path, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", ca_path)
        assert get(URL, route._replace(ca_path=None), 1000).status == 404

    def test_a_missing_intermediate_is_refused(self, served_by):
        assert failed(URL, served_by(certify("x", INTERMEDIATE, [HOST]))).check == "tls-trust"

    def test_an_expired_certificate_is_refused(self, served_by):
        expired = certify("x", ROOT, [HOST], valid=(NOW - 3 * DAY, NOW - 2 * DAY))
        failure = failed(URL, served_by(expired))
        assert failure.check == "tls-expiry" and "expired" in str(failure)

    def test_a_certificate_for_another_name_is_refused(self, served_by):
        failure = failed(URL, served_by(certify("x", ROOT, ["*.s3.example.test", "other.example.test"])))
        assert failure.check == "tls-host" and HOST in str(failure)

    def test_a_wildcard_covers_one_label(self, served_by):
        route = served_by(certify("x", ROOT, ["*.s3.example.test"]))
        assert get("https://irsa-prod.s3.example.test/", route, 10).status == 404
        assert failed("https://irsa.prod.s3.example.test/", route).check == "tls-host"

    def test_a_self_signed_certificate_is_refused(self, served_by):
        assert failed(URL, served_by(certify("x", None, [HOST]))).check == "tls-trust"

    @pytest.mark.parametrize(
        "content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_an_unusable_ca_path_is_named(self, tmp_path, content):
        file = tmp_path / "other.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(IrsaError) as caught:
            get(URL, Route("127.0.0.1:1", str(file)), 10)
        assert f"ca_path {file}" in str(caught.value) and "PEM" in str(caught.value)


class TestRefusedChain:
    def test_an_untrusted_chain_is_returned(self, server, route):
        with Client(route._replace(ca_path=None), HOST) as client:
            assert client.refused_chain(HOST) == [LEAF.der, INTERMEDIATE.der]
        assert server.requests == []

    def test_the_chain_is_empty_without_a_server(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with Client(patient(f"127.0.0.1:{taken.getsockname()[1]}"), HOST) as client:
                assert client.refused_chain(HOST) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [("pipe", "is a named pipe"), ("gone", "does not exist"), ("a\0b", "null character"), (".", "is a directory")],
)
def test_a_ca_path_that_cannot_be_read_is_refused(tmp_path, name, reason):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IrsaError, match=f"ca_path .* cannot be used: .*{reason}"):
        verifying_context(f"{tmp_path}/{name}")
