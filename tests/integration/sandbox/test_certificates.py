# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sandbox presents over TLS: judged by openssl and by Python's ssl module."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import stat
import subprocess
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.sandbox import Sandbox

HOST = "issuer-bucket.s3.eu-west-1.amazonaws.com"
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def served_chain(sandbox: Sandbox, *via: Any) -> Any:
    command = ["openssl", "s_client", *via, "-servername", HOST, "-showcerts", "-CAfile", str(sandbox.ca_path)]
    output = subprocess.run([*command, "-verify_hostname", HOST], input=b"", capture_output=True, check=True).stdout
    assert b"Verify return code: 0 (ok)" in output
    return [x509.load_pem_x509_certificate(pem) for pem in CERTIFICATE.findall(output)]


@pytest.mark.parametrize("way", ["proxy", "direct"])
def test_leaf_and_intermediate_are_served(sandbox: Sandbox, way: str) -> None:
    address = sandbox.proxy.removeprefix("http://")
    via = ["-proxy", address, "-connect", f"{HOST}:443"] if way == "proxy" else ["-connect", address]
    chain = {certificate.subject.rfc4514_string() for certificate in served_chain(sandbox, *via)}
    assert "CN=Embedded AWS Intermediate CA" in chain
    assert "CN=Embedded AWS Root CA" not in chain


def test_the_thumbprint_is_that_of_the_intermediate(sandbox: Sandbox) -> None:
    via = ["-proxy", sandbox.proxy.removeprefix("http://"), "-connect", f"{HOST}:443"]
    tops = [cert for cert in served_chain(sandbox, *via) if "Intermediate" in cert.subject.rfc4514_string()]
    assert {hashlib.sha1(top.public_bytes(Encoding.DER)).hexdigest() for top in tops} == {sandbox.thumbprint}


def test_python_verifies_it_strictly(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with direct(sandbox, context, HOST) as connection:
        assert connection.getpeercert()["subjectAltName"][1] == ("DNS", "*.s3.eu-west-1.amazonaws.com")


def test_a_bucket_name_with_a_dot_does_not_fit_the_wildcard(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_path))
    with pytest.raises(ssl.SSLCertVerificationError, match="ostname"):
        direct(sandbox, context, "dotted.bucket.s3.eu-west-1.amazonaws.com")


def test_written_files_are_private(sandbox: Sandbox) -> None:
    served_chain(sandbox, "-connect", sandbox.proxy.removeprefix("http://"))
    assert stat.S_IMODE(sandbox.state_dir.stat().st_mode) == 0o700
    private = [path for path in sandbox.state_dir.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert private
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def direct(sandbox: Sandbox, context: Any, name: str) -> Any:
    host, port = sandbox.proxy.removeprefix("http://").split(":")
    return context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=name)
