# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module that handles keys on nodes returns and logs: never a key."""

from __future__ import annotations

import base64
import json
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import kubectl, tools
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import FakeCluster

KID = samples.kid(samples.RSA.pkcs8)
PUBLIC = samples.public_pem(samples.RSA.pkcs8).decode()
PRIVATE = samples.RSA.pkcs8.decode()


@pytest.fixture(autouse=True)
def _root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def node(run_any, tmp_path):
    """Run the module for a folder of keys; return its result if it prints and logs nothing of a private key."""
    folder = tmp_path / "irsa"

    def run(operation, **options):
        printed = run_any("irsa_node", operation=operation, key_folder=str(folder), **options)
        private = [PRIVATE.encode(), *(path.read_bytes() for path in tmp_path.rglob("*.key"))]
        assert [samples.traces_of(each, printed) for each in private] == [[]] * len(private)
        return json.loads(next(line for line in printed.splitlines() if line.startswith("{")))

    return run


@pytest.fixture
def kubernetes(monkeypatch):
    """A cluster that this node's kubectl asks."""
    cluster = FakeCluster(1)
    asked = kubectl.Kubectl("admin.conf", run=cluster, program=["kubectl"])
    monkeypatch.setattr(kubectl.Kubectl, "found", classmethod(lambda cls, programs, kubeconfigs: asked))
    return cluster


@pytest.mark.parametrize("key_type", ["RSA", "ECDSA"])
def test_a_key_is_made_by_the_node(node, key_type):
    made = node("make_key", key_type=key_type)
    with open(made["found"]["path"], "rb") as file:
        assert samples.kid(file.read()) == made["found"]["kid"]
    assert made["changed"] is True


def test_a_key_from_the_controller_is_installed_once(node):
    first, second = (node("make_key", private_key=PRIVATE, public_key=PUBLIC, kid=KID) for dummy in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["found"] == {**first["found"], "made": False}


def test_a_key_is_handed_on_sealed(node):
    path = node("make_key", private_key=PRIVATE, public_key=PUBLIC, kid=KID)["found"]["path"]
    pad = os.urandom(5000)
    found = node("private_key", path=path, pad=base64.b64encode(pad).decode())["found"]
    sealed = base64.b64decode(found["sealed"])
    assert bytes(byte ^ pad[place] for place, byte in enumerate(sealed)).decode() == PRIVATE


def test_keys_are_told_without_a_private_one(node, kubernetes, tmp_path):
    node("make_key", private_key=PRIVATE, public_key=PUBLIC, kid=KID)
    path = str(tmp_path / "sa.key")
    with open(path, "wb") as file:
        file.write(samples.P256.traditional)
    told = node("keys", paths=[path], private_paths=[path], server=kubernetes.servers[0].url)
    found = told["found"]
    assert (told["changed"], found["has_openssl"]) == (False, True)
    assert base64.b64decode(found["files"][path]["content"]) == samples.public_pem(samples.P256.pkcs8)
    assert found["digests"][path]["kid"] == samples.kid(samples.P256.pkcs8)
    assert [each["kid"] for each in found["staged"]] == [KID]


def test_a_step_that_replaces_a_key_does_not_tell_it(node, kubernetes, tmp_path):
    (tmp_path / "sa.key").write_bytes(samples.OTHER_RSA.pkcs8)
    private = {"path": str(tmp_path / "sa.key"), "expected": "0", "new": "1"}
    step = {"pod": "x", "server": "x", "servers": [], "restarts": True, "arguments": [], "issuer": "x"}
    failed = node("step", step={**step, "private": private}, private_key=PRIVATE)
    assert "sa.key is another key than the one that was read, so it was not replaced." in failed["msg"]
    assert (tmp_path / "sa.key").read_bytes() == samples.OTHER_RSA.pkcs8


def test_keys_are_removed_once(node):
    path = node("make_key")["found"]["path"]
    assert [node("remove_keys", paths=[path])["changed"] for dummy in range(2)] == [True, False]
    assert not os.path.exists(path)


def test_keys_are_retired_once(node):
    path = node("make_key")["found"]["path"]
    assert [node("retire_keys", paths=[path])["changed"] for dummy in range(2)] == [True, False]


@pytest.mark.parametrize("operation", ["step", "make_key", "remake_tokens", "remove_keys", "retire_keys"])
def test_check_mode_writes_nothing(node, monkeypatch, operation):
    monkeypatch.setattr(tools, "run", None)
    failed = node(operation, check_mode=True, step={})
    assert failed["msg"] == f"Operation {operation} cannot be done in check mode."


@pytest.mark.parametrize("options", [{"private_key": PRIVATE}, {"private_key": PRIVATE, "kid": KID}])
def test_a_key_without_its_public_half_is_not_installed(node, tmp_path, options):
    assert node("make_key", **options)["failed"] and not (tmp_path / "irsa").exists()
