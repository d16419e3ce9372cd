# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A signing key that lies ready on a node, is handed on and removed. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import json
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import key_reading, key_staging, node_files, tools
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.sudden_ends import ended_at

KID = samples.kid(samples.RSA.pkcs8)
PUBLIC = samples.public_pem(samples.RSA.pkcs8).decode()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pki" / "irsa"


def made(folder, key_type="RSA", **more):
    return key_staging.make(str(folder), key_type=key_type, **{"size": None, "curve": None, "like": None, **more})


def installed(folder, private=samples.RSA.pkcs8, public_key=PUBLIC, kid=KID):
    return key_staging.install(str(folder), private.decode(), public_key=public_key, kid=kid, like=None)


class TestMake:
    @pytest.mark.parametrize(
        ("key_type", "options", "said"),
        [
            ("RSA", {}, "(2048 bit"),
            ("RSA", {"size": 3072}, "(3072 bit"),
            ("ECDSA", {}, "P-256"),
            ("ECDSA", {"curve": "P-384"}, "P-384"),
            ("ECDSA", {"curve": "P-521"}, "P-521"),
        ],
    )
    def test_a_key_is_made_as_openssl_reads_it(self, folder, key_type, options, said):
        found = made(folder, key_type, **options)
        with open(found["path"], "rb") as file:
            private = file.read()
        assert said in samples.openssl("pkey -noout -text", private).decode()
        assert (found["kid"], found["made"]) == (samples.kid(private), True)
        assert found["public_key"].encode() == samples.public_pem(private)
        assert found["path"] == f"{folder}/{found['kid']}.key"
        assert (folder / f"{found['kid']}.pub").read_text(encoding="utf-8") == found["public_key"]
        assert found["sha256"] == node_files.digest(private)
        assert samples.traces_of(private, json.dumps(found)) == []

    def test_its_file_is_for_its_owner_alone(self, folder):
        path = made(folder, "ECDSA")["path"]
        assert (os.stat(path).st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)

    def test_a_kubernetes_that_reads_public_keys_from_it_can_use_it(self, folder):
        """An API server reads no public key from an elliptic-curve key in PKCS#8."""
        with open(made(folder, "ECDSA")["path"], encoding="utf-8") as file:
            assert file.readline() == "-----BEGIN EC PRIVATE KEY-----\n"

    def test_the_private_key_is_never_there_without_the_public_one(self, folder, monkeypatch):
        written, replace = [], node_files.replace
        monkeypatch.setattr(
            node_files, "replace", lambda new, backup: written.append(new.path[-4:]) or replace(new, backup)
        )
        made(folder, "ECDSA")
        assert written == [".pub", ".key"]

    def test_a_node_without_openssl_makes_none(self, folder, monkeypatch):
        monkeypatch.setattr(tools, "find", lambda name: None)
        with pytest.raises(IrsaError) as caught:
            made(folder)
        assert str(caught.value) == (
            "A key of type RSA needs openssl, which this host does not have. Nothing was written."
        )
        assert not folder.exists()


class TestInstall:
    def test_a_key_from_elsewhere_is_installed_once(self, folder):
        found = installed(folder)
        assert (folder / f"{KID}.key").read_bytes() == samples.RSA.pkcs8
        assert (found["kid"], found["made"], found["public_key"]) == (KID, True, PUBLIC)
        assert installed(folder)["made"] is False

    def test_one_that_was_interrupted_is_taken_up(self, folder):
        folder.mkdir(parents=True)
        (folder / f"{KID}.pub").write_text(PUBLIC, encoding="utf-8")
        assert installed(folder)["made"] is True and (folder / f"{KID}.key").exists()

    @pytest.mark.parametrize(
        "other",
        [
            {"private": samples.OTHER_RSA.pkcs8},
            {"public_key": samples.public_pem(samples.P256.pkcs8).decode()},
            {"public_key": PUBLIC + samples.RSA.pkcs8.decode()},
            {"public_key": "x"},
            {"kid": "../kid"},
        ],
    )
    def test_what_does_not_belong_together_is_not_installed(self, folder, other):
        with pytest.raises(IrsaError) as caught:
            installed(folder, **other)
        assert "was not installed: what was handed over is another key. Nothing was written." in str(caught.value)
        assert samples.traces_of(samples.RSA.pkcs8, str(caught.value)) == [] and not folder.exists()

    def test_another_key_in_its_place_stays(self, folder):
        folder.mkdir(parents=True)
        (folder / f"{KID}.key").write_bytes(samples.OTHER_RSA.pkcs8)
        with pytest.raises(IrsaError, match="is another key than the one that its name says"):
            installed(folder)
        assert os.listdir(folder) == [f"{KID}.key"]


def test_a_key_is_whole_or_not_there_wherever_a_run_is_killed(tmp_path):
    number = 0
    while ended_at(number, lambda folder=tmp_path / str(number): installed(folder)):
        folder = tmp_path / str(number)
        for path in folder.glob("*.key"):
            assert path.read_bytes() == samples.RSA.pkcs8 and path.with_suffix(".pub").exists()
        assert installed(folder)["kid"] == KID
        assert sorted(os.listdir(folder)) == [f"{KID}.key", f"{KID}.pub"]
        number += 1
    assert number > 10


class TestSealed:
    @pytest.mark.parametrize("private", [samples.RSA.pkcs8, samples.P256.traditional])
    def test_it_is_read_with_the_pad_alone(self, tmp_path, private):
        (tmp_path / "sa.key").write_bytes(private)
        pad = os.urandom(4096)
        found = key_staging.sealed(str(tmp_path / "sa.key"), base64.b64encode(pad).decode())
        assert found["length"] == len(private)
        assert samples.traces_of(private, json.dumps(found)) == []
        assert bytes(byte ^ pad[place] for place, byte in enumerate(base64.b64decode(found["sealed"]))) == private

    @pytest.mark.parametrize("pad", ["", base64.b64encode(bytes(100)).decode(), "?"])
    def test_a_pad_that_does_not_cover_it_is_refused(self, tmp_path, pad):
        (tmp_path / "sa.key").write_bytes(samples.RSA.pkcs8)
        with pytest.raises(IrsaError) as caught:
            key_staging.sealed(str(tmp_path / "sa.key"), pad)
        assert samples.traces_of(samples.RSA.pkcs8, str(caught.value)) == []

    def test_a_key_that_is_gone_is_named(self, tmp_path):
        with pytest.raises(IrsaError, match=r"sa\.key does not exist"):
            key_staging.sealed(str(tmp_path / "sa.key"), "")


class TestRemove:
    def test_a_key_is_removed_once(self, folder):
        path = installed(folder)["path"]
        paths = [path, path.replace(".key", ".pub")]
        assert key_staging.remove(str(folder), paths) == {"removed": paths}
        assert key_staging.remove(str(folder), paths) == {"removed": []}
        assert os.listdir(folder) == []

    def test_a_key_that_was_replaced_is_removed_from_where_it_is_kept(self, folder):
        path = f"{folder}/retired/{os.path.basename(installed(folder)['path'])}"
        os.mkdir(f"{folder}/retired")
        os.rename(installed(folder)["path"], path)
        assert key_staging.remove(str(folder), [path]) == {"removed": [path]}

    @pytest.mark.parametrize(
        "other", ["{0}/sa.key", "{0}/../{1}.key", "{1}.key", "{0}/{1}.crt", "/etc/{1}.key", "{0}/a/{1}.key"]
    )
    def test_nothing_else_is_removed(self, folder, other):
        path = installed(folder)["path"]
        with pytest.raises(IrsaError, match="is not removed"):
            key_staging.remove(str(folder), [path, other.format(folder, KID)])
        assert os.path.exists(path)


class TestRetire:
    def test_a_key_is_no_longer_among_those_that_lie_ready(self, folder):
        path = installed(folder)["path"]
        assert key_staging.retire(str(folder), [path]) == {"retired": [path]}
        assert key_staging.retire(str(folder), [path]) == {"retired": []}
        [found] = key_reading.staged(str(folder), [])
        assert (found["kid"], found["is_retired"], os.listdir(folder)) == (KID, True, ["retired"])
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in os.scandir(folder / "retired")}
        assert modes == {f"{KID}.key": 0o600, f"{KID}.pub": 0o644}
        assert (folder / "retired").stat().st_mode & 0o777 == 0o700

    def test_the_same_key_may_be_there_already(self, folder):
        for dummy in range(2):
            key_staging.retire(str(folder), [installed(folder)["path"]])
        assert os.listdir(folder) == ["retired"]

    def test_another_key_there_is_not_overwritten(self, folder):
        path = installed(folder)["path"]
        (folder / "retired").mkdir()
        (folder / "retired" / f"{KID}.key").write_bytes(samples.OTHER_RSA.pkcs8)
        with pytest.raises(IrsaError, match=r"is not retired: .* exists and is another key"):
            key_staging.retire(str(folder), [path])
        assert os.path.exists(path)

    @pytest.mark.parametrize("other", ["{0}/sa.key", "{0}/retired/{1}.key", "/etc/{1}.key"])
    def test_nothing_else_is_moved(self, folder, other):
        with pytest.raises(IrsaError, match="is not retired"):
            key_staging.retire(str(folder), [installed(folder)["path"], other.format(folder, KID)])
        assert sorted(os.listdir(folder)) == [f"{KID}.key", f"{KID}.pub"]

    def test_it_is_taken_up_wherever_it_is_killed(self, tmp_path):
        number = 0
        while True:
            folder = tmp_path / str(number)
            path = installed(folder)["path"]
            if not ended_at(number, lambda folder=folder, path=path: key_staging.retire(str(folder), [path])):
                break
            key_staging.retire(str(folder), [path])
            assert (folder / "retired" / f"{KID}.key").read_bytes() == samples.RSA.pkcs8
            assert os.listdir(folder) == ["retired"]
            number += 1
        assert number > 3
