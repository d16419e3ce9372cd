# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""irsa_keypair as a module: what it adds to the key pair, mainly file attributes."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def options(folder):
    return {"path": str(folder / "sa.key"), "public_key_path": str(folder / "sa.pub"), "type": "ECDSA"}


def modes(folder) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("sample", "size", "curve"), [(samples.RSA, 2048, None), (samples.P384, None, "P-384")], ids=["RSA", "EC"]
)
def test_irsa_keypair_returns_the_size_of_the_key_and_not_of_its_file(run, folder, sample, size, curve):
    (folder / "sa.key").write_bytes(sample.pkcs8)
    result = run("irsa_keypair", path=str(folder / "sa.key")).result
    assert (result["size"], result["curve"]) == (size, curve)


def test_irsa_keypair_returns_the_same_in_the_second_run(run, options):
    first = run("irsa_keypair", **options).result
    second = run("irsa_keypair", **options).result
    assert (first["changed"], second["changed"]) == (True, False)
    for name in set(first) - {"changed", "actions", "diff", "invocation"}:
        assert second[name] == first[name], name


def test_irsa_keypair_applies_mode_only_to_the_private_key_file(run, folder, options):
    assert run("irsa_keypair", **options, mode="0640").result["changed"]
    assert modes(folder) == {"sa.key": 0o640, "sa.pub": 0o644}
    assert not run("irsa_keypair", **options, mode="0640").result["changed"]


def test_irsa_keypair_repairs_the_mode_and_announces_it_in_check_mode(run, folder, options):
    run("irsa_keypair", **options)
    (folder / "sa.key").chmod(0o644)
    announced = run("irsa_keypair", True, **options, mode="0600").result
    assert modes(folder)["sa.key"] == 0o644
    done = run("irsa_keypair", **options, mode="0600").result
    assert modes(folder)["sa.key"] == 0o600
    assert announced["changed"] is done["changed"] is True
    assert announced["actions"] == done["actions"]


def test_irsa_keypair_warns_of_a_key_that_others_can_read(run, folder, options):
    run("irsa_keypair", **options)
    (folder / "sa.key").chmod(0o644)
    assert any("has mode 0644" in str(warning) for warning in run("irsa_keypair", **options).result["warnings"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_irsa_keypair_applies_owner_to_all_files(run, folder, options):
    result = run("irsa_keypair", **options, owner="nobody").result
    assert result["changed"]
    assert {path.stat().st_uid for path in folder.iterdir()} == {65534}
    assert not run("irsa_keypair", **options, owner="nobody").result["changed"]


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
def test_irsa_keypair_creates_no_key_for_an_unknown_owner(run, folder, options, check_mode):
    done = run("irsa_keypair", check_mode, fails=True, **options, owner="no-such-user")
    assert "no-such-user" in done.result["msg"]
    assert list(folder.iterdir()) == []


def test_irsa_keypair_check_mode_writes_nothing(run, folder, options):
    result = run("irsa_keypair", True, **options).result
    assert (result["changed"], result["exists"], result["kid"]) == (True, False, None)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"size": 1024}, "size"),
        ({"type": "DSA"}, "type"),
        ({"curve": "P-256", "type": "RSA"}, "curve is for ECDSA keys"),
        ({"path": ""}, "path is empty"),
        ({"regenerate": "sometimes"}, "regenerate"),
    ],
    ids=["short", "DSA", "curve of RSA", "no path", "no such choice"],
)
def test_irsa_keypair_names_the_wrong_option(run, folder, options, given, words):
    done = run("irsa_keypair", fails=True, **{**options, **given})
    assert words in done.result["msg"]
    assert list(folder.iterdir()) == []


def test_irsa_keypair_names_a_missing_cryptography(run, options, monkeypatch):
    monkeypatch.setattr(signing_key, "CRYPTOGRAPHY_IMPORT_ERROR", ImportError("no cryptography"))
    message = run("irsa_keypair", fails=True, **options).result["msg"]
    assert "cryptography>=3.4 (no cryptography)" in message


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
@pytest.mark.parametrize("mode", ["rubbish", "99999", "u=everything", True, -1], ids=repr)
def test_irsa_keypair_creates_no_key_for_a_mode_that_is_none(run, folder, options, check_mode, mode):
    done = run("irsa_keypair", check_mode, fails=True, **options, mode=mode)
    assert "mode" in done.result["msg"] and "Nothing was written" in done.result["msg"]
    assert (done.result.get("changed", False), done.result.get("actions", [])) == (False, [])
    assert list(folder.iterdir()) == []


def test_irsa_keypair_that_cannot_set_the_group_names_the_key_that_it_made(run, folder, options, monkeypatch):
    """Root may lack that capability in a container, for example."""

    def fail(path, uid, gid):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "lchown", fail)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result = run("irsa_keypair", fails=True, **options, group="54321").result
    assert f"the private key {folder / 'sa.key'} was created" in result["msg"] and "chgrp failed" in result["msg"]
    assert result["actions"] == ["file:CreatePrivateKey", "file:WritePublicKey"]
    assert (result["changed"], (folder / "sa.key").exists()) == (True, True)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_irsa_keypair_reports_a_disk_that_can_only_be_read(run, folder, options, monkeypatch, state):
    run("irsa_keypair", **options)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused = OSError(errno.EROFS, os.strerror(errno.EROFS))

    def fail(*arguments, **given):
        raise refused

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        patch.setattr(os, "unlink", fail)
        result = run("irsa_keypair", fails=True, **options, state=state, format="pkcs8").result
    assert os.strerror(errno.EROFS) in result["msg"] and str(folder) in result["msg"]
    assert (result["changed"], result["actions"]) == (False, [])
    run("irsa_keypair", **options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_irsa_issuer_whose_disk_is_full_behind_the_private_key_names_it(run, aws, folder, monkeypatch):
    def fail(path, *arguments, **given):
        raise IrsaError(f"{path} cannot be written: {os.strerror(errno.ENOSPC)}.")

    monkeypatch.setattr(key_files, "replace", fail)
    given = {"url": "https://issuer.example.com", "verify": False, "key_type": "ECDSA"}
    paths = {"key_path": str(folder / "sa.key"), "public_key_path": str(folder / "sa.pub")}
    result = run("irsa_issuer", fails=True, **given, **paths).result
    assert os.strerror(errno.ENOSPC) in result["msg"]
    assert f"the private key {folder / 'sa.key'} was created" in result["msg"]
    assert (result["changed"], result["actions"]) == (True, ["file:CreatePrivateKey"])
