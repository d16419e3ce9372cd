# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys a node has, without a byte of a private one. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import hashlib
import json
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import key_reading, openssl, tools
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

PRIVATE = [form for each in samples.EACH_KIND.values() for form in (each.traditional, each.pkcs8)]
DER = samples.openssl("pkey -outform DER", samples.RSA.pkcs8)


@pytest.fixture
def without_openssl(monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)


def placed(path, content):
    path.write_bytes(content)
    return str(path)


def read(path):
    """Return what is said of one file of public keys, with its content as text, and the faults."""
    faults = []
    found = key_reading.key_files([path], faults)[path]
    content = found["content"]
    return {**found, "content": content and base64.b64decode(content).decode()}, faults


class TestPublicKeys:
    @pytest.mark.parametrize(
        "content",
        [
            samples.public_pem(samples.RSA.pkcs8),
            b"# two keys\n" + samples.public_pem(samples.RSA.pkcs8) + samples.public_pem(samples.P256.pkcs8),
            samples.certificate(samples.P256.pkcs8),
        ],
    )
    def test_a_file_is_returned_as_it_is(self, tmp_path, content):
        found, faults = read(placed(tmp_path / "sa.pub", content))
        assert (found["content"], found["is_private"], faults) == (content.decode(), False, [])
        assert found["sha256"] == hashlib.sha256(content).hexdigest()

    def test_a_file_that_does_not_exist_has_no_content(self, tmp_path):
        found, faults = read(str(tmp_path / "sa.pub"))
        assert (found["content"], found["sha256"], faults) == (None, None, [])

    @pytest.mark.parametrize("private", PRIVATE)
    def test_of_a_private_key_the_public_one_is_returned(self, tmp_path, private):
        """k3s has API servers verify with the file that they sign with."""
        found, faults = read(placed(tmp_path / "service.key", private))
        assert (found["content"], found["is_private"]) == (samples.public_pem(private).decode(), True)
        assert samples.traces_of(private, json.dumps([found, faults])) == []

    def test_of_several_keys_each_is_returned_in_its_place(self, tmp_path):
        parts = [samples.RSA.traditional, samples.public_pem(samples.P384.pkcs8), samples.P256.traditional]
        found, faults = read(placed(tmp_path / "service.key", b"\n".join(parts)))
        expected = [samples.public_pem(each.pkcs8) for each in (samples.RSA, samples.P384, samples.P256)]
        assert (found["content"].encode(), faults) == (b"".join(expected), [])

    @pytest.mark.parametrize(
        "content",
        [
            DER,
            samples.RSA.pkcs8[:-100],
            samples.RSA.pkcs8.replace(b"PRIVATE", b"private"),
            b"".join(samples.RSA.pkcs8.splitlines()[1:-1]),
            b"",
        ],
    )
    def test_what_has_no_public_key_is_not_returned(self, tmp_path, content):
        path = placed(tmp_path / "sa.pub", content)
        found, faults = read(path)
        assert (found["content"], len(faults)) == (None, 1)
        assert samples.traces_of(samples.RSA.pkcs8, json.dumps([found, faults])) == []

    def test_without_openssl_a_private_key_is_named_and_not_returned(self, tmp_path, without_openssl):
        path = placed(tmp_path / "service.key", samples.RSA.pkcs8)
        found, faults = read(path)
        assert (found["content"], faults) == (None, [f"{path} needs openssl, which this host does not have."])


class TestPrivateKeys:
    @pytest.mark.parametrize("private", PRIVATE)
    def test_nothing_but_digest_and_kid_is_told(self, tmp_path, private):
        path = placed(tmp_path / "sa.key", private)
        digest = hashlib.sha256(private).hexdigest()
        assert key_reading.digests([path], []) == {path: {"sha256": digest, "kid": samples.kid(private)}}

    def test_without_openssl_there_is_no_kid(self, tmp_path, without_openssl):
        path = placed(tmp_path / "sa.key", samples.RSA.pkcs8)
        assert key_reading.digests([path], [])[path]["kid"] is None

    @pytest.mark.parametrize("name", ["a.key", "folder"])
    def test_what_cannot_be_read_has_no_digest(self, tmp_path, name):
        (tmp_path / "folder").mkdir()
        assert key_reading.digests([str(tmp_path / name)], []) == {str(tmp_path / name): None}

    @pytest.mark.parametrize(
        "content", [samples.openssl("pkey -aes128 -passout pass:x", samples.RSA.pkcs8), samples.RSA.pkcs8[:-200]]
    )
    def test_a_key_that_nobody_can_use_is_a_fault(self, tmp_path, content):
        path, faults = placed(tmp_path / "sa.key", content), []
        assert key_reading.digests([path], faults) == {path: None}
        assert faults == [f"{path} holds no private key that openssl of this host can read."]


class TestStagedKeys:
    def stage(self, folder, sample=samples.RSA, name=None, public=True):
        name = name or samples.kid(sample.pkcs8)
        (folder / f"{name}.key").write_bytes(sample.pkcs8)
        if public:
            (folder / f"{name}.pub").write_bytes(samples.public_pem(sample.pkcs8))
        return name

    @pytest.mark.parametrize("public", [True, False])
    def test_a_key_is_told_by_its_kid(self, tmp_path, public):
        kid, faults = self.stage(tmp_path, public=public), []
        (found,) = key_reading.staged(str(tmp_path), faults)
        assert (found["kid"], found["path"]) == (kid, str(tmp_path / f"{kid}.key"))
        assert found["public_key"] == samples.public_pem(samples.RSA.pkcs8).decode()
        assert found["sha256"] == hashlib.sha256(samples.RSA.pkcs8).hexdigest()
        assert faults == [] and samples.traces_of(samples.RSA.pkcs8, json.dumps(found)) == []

    @pytest.mark.parametrize(
        ("public", "expected"), [(True, samples.public_pem(samples.RSA.pkcs8).decode()), (False, None)]
    )
    def test_without_openssl_the_file_beside_it_counts(self, tmp_path, without_openssl, public, expected):
        self.stage(tmp_path, public=public)
        assert [each["public_key"] for each in key_reading.staged(str(tmp_path), [])] == [expected]

    def test_a_key_under_the_name_of_another_one_is_a_fault(self, tmp_path):
        kid, faults = self.stage(tmp_path, samples.P256, samples.kid(samples.RSA.pkcs8)), []
        assert key_reading.staged(str(tmp_path), faults) == []
        assert faults == [f"{tmp_path}/{kid}.key is another key than the one that its name says."]

    def test_other_files_are_none(self, tmp_path):
        self.stage(tmp_path, name="sa")
        (tmp_path / "old").mkdir()
        assert key_reading.staged(str(tmp_path), []) == []

    def test_a_key_that_was_replaced_is_told_from_one_that_lies_ready(self, tmp_path):
        ready = self.stage(tmp_path)
        replaced = self.stage(tmp_path, samples.P256)
        (tmp_path / "retired").mkdir()
        self.stage(tmp_path / "retired", samples.P256, public=False)
        found = key_reading.staged(str(tmp_path), [])
        assert {each["path"]: each["is_retired"] for each in found} == {
            f"{tmp_path}/{ready}.key": False,
            f"{tmp_path}/{replaced}.key": True,
            f"{tmp_path}/retired/{replaced}.key": True,
        }

    @pytest.mark.parametrize("folder", [None, "/nonexistent/irsa", os.devnull])
    def test_no_folder_has_no_keys(self, folder):
        faults = []
        assert (key_reading.staged(folder, faults), faults) == ([], [])


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----\n", samples.RSA.pkcs8.decode()]
)
def test_what_is_no_public_key_has_no_kid(text):
    with pytest.raises(Exception, match="holds no public key in PEM"):
        openssl.kid_of(text)
