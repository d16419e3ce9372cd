# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that share a TLS context, against a real server behind a proxy."""

from __future__ import annotations

import concurrent.futures
import os
import ssl

import boto3.session
import pytest
from botocore import exceptions
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.shared_tls import SharedContext
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    LEAF,
    ForwardProxy,
    HttpsServer,
    certify,
)

LISTED = b"<ListAllMyBucketsResult><Owner><ID>me</ID></Owner><Buckets/></ListAllMyBucketsResult>"


@pytest.fixture
def served_by(tmp_path, monkeypatch):
    """Start a server with these certificates, behind a proxy that connects every name to it."""
    started = []

    def start(*chain):
        server = HttpsServer(tmp_path, chain)
        proxy = ForwardProxy(server.address)
        started.extend([server, proxy])
        server.serve("/", LISTED, **{"Content-Type": "application/xml", "Connection": "close"})
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        return server

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def loads(monkeypatch):
    """The CA files that were read."""
    read = []
    original = ssl.SSLContext.load_verify_locations

    def load(self, cafile=None, *others):
        read.append(cafile)
        return original(self, cafile, *others)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
    return read


def client(shared, ca_path, service="s3", **more):
    session = boto3.session.Session(aws_access_key_id="AKID", aws_secret_access_key="x", region_name="eu-west-1")
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    client = session.client(service, endpoint_url=f"https://{HOST}", verify=ca_path, config=config, **more)
    shared.put_on(client)
    return client


def test_cas_are_loaded_once_for_all_clients_and_connections(served_by, ca_path, loads):
    server = served_by(LEAF, INTERMEDIATE)
    shared = SharedContext()
    clients = [client(shared, ca_path), client(shared, ca_path)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: clients[number % 2].list_buckets(), range(8)))
    assert [answer["Owner"]["ID"] for answer in answers] == ["me"] * 8
    assert len(server.requests) == 8
    assert loads.count(ca_path) == 1


@pytest.mark.parametrize(
    "chain",
    [
        (certify("another CA", hosts=[HOST]),),
        (certify("Test server", INTERMEDIATE, ["other.example.test"]), INTERMEDIATE),
    ],
)
def test_the_shared_context_verifies_certificates(served_by, ca_path, chain):
    served_by(*chain)
    with pytest.raises(exceptions.SSLError):
        client(SharedContext(), ca_path).list_buckets()


def test_a_ca_bundle_that_a_read_would_wait_for_is_refused(served_by, tmp_path):
    served_by(LEAF, INTERMEDIATE)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(exceptions.HTTPClientError, match=f"{tmp_path / 'pipe'} is a named pipe"):
        client(SharedContext(), str(tmp_path / "pipe")).list_buckets()


def test_verification_of_the_shared_context_can_be_turned_off(served_by):
    served_by(certify("another CA", hosts=[HOST]))
    assert client(SharedContext(), False).list_buckets()["Owner"]["ID"] == "me"


def test_a_client_with_other_internals_keeps_its_own_context():
    SharedContext().put_on(object())
