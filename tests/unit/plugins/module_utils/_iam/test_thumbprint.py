# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The thumbprint of what a host really serves, against the fingerprints that openssl prints."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import thumbprint
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    LEAF,
    ROOT,
    Certified,
    HttpsServer,
    certify,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_keys import openssl, with_unknown_version

URL = f"https://{HOST}/prod"
SECOND = certify("Second intermediate CA", INTERMEDIATE)
DEEP_LEAF = certify("Test server", SECOND, [HOST])
ROOTS_LEAF = certify("Test server", ROOT, [HOST])
SELF_SIGNED = certify("Test server", None, [HOST])


def fingerprint(certified: Certified) -> str:
    printed = openssl("x509 -noout -fingerprint -sha1", certified.pem).decode()
    return printed.strip().partition("=")[2].replace(":", "").lower()


CHAINS = pytest.mark.parametrize(
    ("chain", "top"),
    [
        ([LEAF, INTERMEDIATE], INTERMEDIATE),
        ([LEAF, INTERMEDIATE, ROOT], INTERMEDIATE),
        ([DEEP_LEAF, SECOND, INTERMEDIATE], INTERMEDIATE),
        ([DEEP_LEAF, SECOND, INTERMEDIATE, ROOT], INTERMEDIATE),
        ([ROOTS_LEAF, ROOT], ROOT),
        ([SELF_SIGNED], SELF_SIGNED),
    ],
    ids=["intermediate", "with the root", "two intermediates", "two with the root", "root alone", "self-signed"],
)


@CHAINS
def test_thumbprint_is_of_the_last_ca_that_is_not_a_root(chain, top):
    assert thumbprint.of_chain([each.der for each in chain], HOST) == fingerprint(top)


def test_thumbprint_is_never_of_the_leaf():
    with pytest.raises(IrsaError) as caught:
        thumbprint.of_chain([LEAF.der], HOST)
    assert HOST in str(caught.value) and "intermediate" in str(caught.value)


@pytest.mark.parametrize(
    "odd", [with_unknown_version(LEAF.der), b"", b"no DER", LEAF.der[:100]], ids=["version", "empty", "text", "cut"]
)
def test_a_certificate_that_cannot_be_read_has_no_thumbprint(odd):
    for chain in ([odd], [LEAF.der, odd], [odd, INTERMEDIATE.der]):
        with pytest.raises(IrsaError) as caught:
            thumbprint.of_chain(chain, HOST)
        assert HOST in str(caught.value) and "a certificate that cannot be read" in str(caught.value)


@pytest.mark.parametrize(
    ("chain", "top"),
    [
        ([LEAF, INTERMEDIATE], INTERMEDIATE),
        ([DEEP_LEAF, SECOND, INTERMEDIATE, ROOT], INTERMEDIATE),
        ([ROOTS_LEAF, ROOT], ROOT),
    ],
    ids=["intermediate", "two with the root", "root alone"],
)
def test_issuer_thumbprint_comes_from_the_served_chain(tmp_path, ca_path, chain, top):
    server = HttpsServer(tmp_path, chain)
    try:
        assert thumbprint.of_issuer(URL, patient(server.address, ca_path)) == fingerprint(top)
    finally:
        server.stop()


def test_issuer_thumbprint_is_of_the_host_in_jwks_uri(server, route, monkeypatch):
    """AWS checks the certificate of the host that serves the JWKS."""
    server.serve(
        "/prod/.well-known/openid-configuration", json.dumps({"jwks_uri": "https://keys.example.test/jwks"}).encode()
    )
    asked = []
    real = thumbprint.https.connect

    def connect(host, route, *, trusted_host):
        asked.append((host, trusted_host))
        return real(HOST, route, trusted_host=trusted_host)

    monkeypatch.setattr(thumbprint.https, "connect", connect)
    assert thumbprint.of_issuer(URL, route) == fingerprint(INTERMEDIATE)
    assert asked == [("keys.example.test", HOST)]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]"])
def test_a_private_host_in_jwks_uri_is_refused_without_a_connection(server, route, host):
    """The document may come from an attacker, who must not choose where in this network a connection goes."""
    server.serve("/prod/.well-known/openid-configuration", json.dumps({"jwks_uri": f"https://{host}/jwks"}).encode())
    with pytest.raises(IrsaError, match="not on the public internet") as caught:
        thumbprint.of_issuer(URL, route)
    assert "Correct jwks_uri" in str(caught.value) and "list thumbprints" in str(caught.value)
    assert "connect_to" not in str(caught.value)
    assert server.connections == 1


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"jwks_uri": null}',
        b'{"jwks_uri": 5}',
        b'{"jwks_uri": {}}',
        b'{"jwks_uri": ""}',
        b'{"jwks_uri": "https://[::1"}',
        b"\xff",
        b"[" * 100_000,
    ],
    ids=[
        "empty",
        "HTML",
        "null",
        "list",
        "no jwks_uri",
        "null jwks_uri",
        "number",
        "object",
        "empty jwks_uri",
        "no URL",
        "no text",
        "deep",
    ],
)
def test_issuer_thumbprint_without_a_valid_document_is_of_its_own_host(server, route, document):
    server.serve("/prod/.well-known/openid-configuration", document)
    assert thumbprint.of_issuer(URL, route) == fingerprint(INTERMEDIATE)


def test_an_untrusted_host_is_refused_with_a_remedy(server):
    with pytest.raises(IrsaError) as caught:
        thumbprint.of_issuer(URL, patient(server.address))
    for words in (HOST, "not accepted", "ca_path", "irsa_issuer_ca_path", "connect_to", "list thumbprints"):
        assert words in str(caught.value)


def test_a_host_that_serves_only_its_leaf_is_refused(tmp_path, ca_path):
    server = HttpsServer(tmp_path, [ROOTS_LEAF])
    try:
        with pytest.raises(IrsaError, match="only its own certificate"):
            thumbprint.of_issuer(URL, patient(server.address, ca_path))
    finally:
        server.stop()


def test_an_invalid_issuer_has_no_thumbprint(route):
    with pytest.raises(IrsaError, match="must begin with https://"):
        thumbprint.of_issuer("http://irsa.example.test", route)
