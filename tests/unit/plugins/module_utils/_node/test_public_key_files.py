# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of public keys that an API server would start with, and others. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import inspection, tools
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.public_key_files import fault_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, ECDSA = (samples.public_pem(each.pkcs8).decode() for each in (samples.RSA, samples.P256))
ED25519 = samples.public_pem(samples.openssl("genpkey -algorithm ED25519")).decode()
CERTIFICATE = samples.certificate(samples.P256.pkcs8).decode()


def pem(label, content):
    return f"-----BEGIN {label}-----\n{base64.b64encode(content).decode()}\n-----END {label}-----\n"


@pytest.mark.parametrize(
    "text", [RSA, ECDSA, CERTIFICATE, RSA + ECDSA, f"# the former key\n{RSA}", RSA.replace("\n", "\r\n"), ED25519 + RSA]
)
def test_a_public_key_is_found(tmp_path, text):
    (tmp_path / "key.pub").write_bytes(text.encode())
    assert fault_of(str(tmp_path / "key.pub")) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        *(
            (private.decode(), "holds a private key. Name a file with its public key alone.")
            for each in (samples.RSA, samples.P256)
            for private in (each.pkcs8, each.traditional)
        ),
        (RSA + samples.P256.pkcs8.decode(), "holds a private key. Name a file with its public key alone."),
        *(
            (text, "holds no whole public key of RSA or ECDSA in PEM (PUBLIC KEY or CERTIFICATE).")
            for text in (
                "",
                "ssh-rsa AAAA",
                ED25519,
                RSA[: len(RSA) // 2],
                RSA.replace("\n", "", 3),
                RSA.replace("PUBLIC", "RSA PUBLIC"),
                "".join(RSA.splitlines(keepends=True)[:3] + RSA.splitlines(keepends=True)[-1:]),
                RSA.replace("MII", "MI!"),
                pem("PUBLIC KEY", b""),
                pem("PUBLIC KEY", b"0"),
                pem("PUBLIC KEY", bytes.fromhex("06092a864886f70d010101")),
            )
        ),
    ],
)
def test_anything_else_is_told_without_a_byte_of_it(tmp_path, text, fault):
    (tmp_path / "key.pub").write_text(text, encoding="utf-8")
    assert fault_of(str(tmp_path / "key.pub")) == f"{tmp_path}/key.pub {fault}"


def test_a_path_that_a_container_could_not_follow_is_told(tmp_path, monkeypatch):
    folder, mounted = tmp_path / "elsewhere", tmp_path / "pki"
    for each in (folder, mounted):
        each.mkdir()
        (each / "key.pub").write_text(RSA, encoding="utf-8")
    (mounted / "beside.pub").symlink_to("key.pub")
    (mounted / "away.pub").symlink_to(folder / "key.pub")
    (tmp_path / "link").symlink_to("pki")
    monkeypatch.chdir(mounted)
    assert fault_of(str(mounted / "beside.pub")) is fault_of(str(tmp_path / "link" / "key.pub")) is None
    assert "is a symbolic link into another folder" in fault_of(str(mounted / "away.pub"))
    assert fault_of("key.pub") == "key.pub is not an absolute path."
    assert fault_of(str(mounted / "nowhere.pub")) == f"{mounted}/nowhere.pub does not exist."
    assert "is a directory" in fault_of(str(mounted))


def test_an_inspection_says_what_is_wrong_with_each(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    key, other = tmp_path / "key.pub", os.path.join(tmp_path, "other.pub")
    key.write_text(RSA, encoding="utf-8")
    found = inspection.inspect([], [], None, public_keys=[str(key), other])
    assert found["public_keys"] == {str(key): None, other: f"{other} does not exist."}
