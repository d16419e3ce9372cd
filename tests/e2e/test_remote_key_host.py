# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key on a host that is reached by SSH, where its user has to become root: it never leaves that host."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from endpoint import Endpoint, Site, setting
from runs import Ansible, Run

KEY_HOST = "control-plane-1"
DELETE_ALL = {"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}


@pytest.fixture
def remote(tmp_path: Path) -> Ansible:
    """Ansible with an inventory of the one host that the environment names."""
    variables = {"ansible_host": setting("IRSA_E2E_SSH_HOST", "a host reached by SSH, whose user may sudo")}
    for name, variable in (
        ("IRSA_E2E_SSH_PORT", "ansible_port"),
        ("IRSA_E2E_SSH_USER", "ansible_user"),
        ("IRSA_E2E_SSH_KEY", "ansible_ssh_private_key_file"),
        ("IRSA_E2E_SSH_PYTHON", "ansible_python_interpreter"),
    ):
        if value := os.environ.get(name):
            variables[variable] = value
    if known_hosts := os.environ.get("IRSA_E2E_SSH_KNOWN_HOSTS"):
        variables["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={known_hosts}"
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return Ansible(tmp_path, " ".join([KEY_HOST, *words]))


@pytest.fixture
def key_path(remote: Ansible) -> Iterator[str]:
    """A path for the key in a new folder of root's on that host."""
    parent = os.environ.get("IRSA_E2E_SSH_FOLDER", "/root")
    folder = f"{parent}/irsa-e2e-{secrets.token_hex(5)}"
    remote.module("ansible.builtin.file", KEY_HOST, path=folder, state="directory", mode="0700")
    try:
        yield f"{folder}/sa-signer.key"
    finally:
        remote.module("ansible.builtin.file", KEY_HOST, path=folder, state="absent")


def remote_bytes(remote: Ansible, path: str) -> bytes:
    return base64.b64decode(remote.module("ansible.builtin.slurp", KEY_HOST, src=path)["content"])


def traces(pem: bytes) -> list[bytes]:
    """What would give an RSA key away: lines of its PEM, and its numbers in decimal and hexadecimal digits."""
    key = load_pem_private_key(pem, None)
    assert isinstance(key, RSAPrivateKey)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    # A few lines hold nothing but the modulus, which is public.
    lines = [line for line in pem.split(b"\n")[1:-2] if base64.b64decode(line) not in public]
    numbers = key.private_numbers()
    secret = (numbers.d, numbers.p, numbers.q)
    return lines + [text.encode() for number in secret for text in (str(number), f"{number:x}")]


def exists(remote: Ansible, path: str) -> bool:
    return bool(remote.module("ansible.builtin.stat", KEY_HOST, path=path)["stat"]["exists"])


@pytest.mark.parametrize("way", ["the playbook, with --become", "a play on the key host"])
def test_the_key_stays_on_its_host(endpoint: Endpoint, site: Site, remote: Ansible, key_path: str, way: str) -> None:
    variables = {**site.variables, "irsa_issuer_key_path": key_path, "irsa_issuer_key_host": KEY_HOST}

    def run(*options: str) -> Run:
        if way == "a play on the key host":
            return remote.include_role(KEY_HOST, variables, *options)
        return remote.provision(variables, "--become", *options)

    rehearsal = run("--check")
    assert not rehearsal.writes and not exists(remote, key_path)

    made = run("-vvvv")
    assert made.result["actions"] == rehearsal.result["actions"]
    assert f"--service-account-signing-key-file={key_path}" in made.result["apiserver_flags"]
    status = remote.module("ansible.builtin.stat", KEY_HOST, path=key_path)["stat"]
    assert (status["mode"], status["pw_name"]) == ("0600", "root")
    assert not Path(key_path).exists(), f"{key_path} is there on this side, too: is the key host this one?"

    [published] = json.loads(endpoint.fetch(site.documents[0]).body)["keys"]
    assert published["kid"] == made.result["kid"]
    # Each write was made from here, where the credentials are.
    assert len(made.writes) == len(made.calls_that_write)

    assert run().changed == 0

    left_here = [path.read_bytes() for path in remote.folder.rglob("*") if path.is_file()]
    seen = b"\n".join([made.output.encode(), *left_here])
    assert published["n"].encode() in seen
    pem = remote_bytes(remote, key_path)
    private = traces(pem)
    assert len([trace for trace in private if trace in pem]) > 15
    assert not [trace for trace in private if trace in seen]

    gone = remote.teardown({**variables, **DELETE_ALL}, "--become")
    assert gone.result["actions"][-3:] == [
        "file:RemovePublicKey",
        "file:RemoveOpensshPublicKey",
        "file:RemovePrivateKey",
    ]
    assert not exists(remote, key_path)
