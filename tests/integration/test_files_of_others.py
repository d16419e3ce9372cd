# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is at the path of a key file already: files of others stay, and keys that others could have put there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oracles import new_key, openssl
from playbooks import Operator

pytestmark = pytest.mark.any_core

EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def _public(key: Path) -> bytes:
    return openssl("pkey", "-in", str(key), "-pubout")


def _certificate(key: Path) -> bytes:
    return openssl("req", "-new", "-x509", "-days", "30", "-subj", "/CN=example", "-key", str(key))


def _other(folder: Path) -> Path:
    """The private key of another program, in a directory of its own."""
    (folder / "other").mkdir(mode=0o700)
    return new_key(folder / "other" / "other.key", *EC)


def _key(folder: Path) -> Path:
    return new_key(folder / "sa.key", *EC)


def _at_public_path(make: Callable[[Path], bytes]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        _key(folder)
        (folder / "sa.pub").write_bytes(make(folder))

    return prepare


def _without_key(folder: Path) -> None:
    (folder / "sa.pub").write_bytes(_certificate(_other(folder)))


def _beside_another(folder: Path) -> None:
    """The files of kubeadm under the names of kubeadm, and a path that ends in one of them by mistake."""
    _key(folder)
    other = new_key(folder / "sa.pem", *EC)
    (folder / "sa.pub").write_bytes(_public(other))


def _open_directory(folder: Path) -> None:
    _key(folder)
    folder.chmod(0o1777)


def _open_directory_above(folder: Path) -> None:
    _key(folder)
    folder.parent.chmod(0o777)


def _of_another_user(folder: Path) -> None:
    os.chown(_key(folder), 54321, 54321)


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "sa.key")


def _public_pipe(folder: Path) -> None:
    _key(folder)
    os.mkfifo(folder / "sa.pub")


# What is there, and what the message says besides the path.
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "bundle": (
        _at_public_path(lambda folder: _public(_other(folder)) + _public(new_key(folder / "other" / "2", *EC))),
        "2 public keys",
    ),
    "certificate": (_at_public_path(lambda folder: _certificate(_other(folder))), "a certificate"),
    "kubeconfig": (_at_public_path(lambda folder: b"apiVersion: v1\nkind: Config\n"), "other than a public key"),
    "private": (_at_public_path(lambda folder: _other(folder).read_bytes()), "contains a private key"),
    "no-key": (_without_key, "a certificate"),
    "beside-another": (_beside_another, "the public key"),
    "open-directory": (_open_directory, "every user may create files in the directory"),
    "open-directory-above": (_open_directory_above, "others can write to the directory"),
    "pipe": (_pipe, "is a named pipe"),
    "public-pipe": (_public_pipe, "is a named pipe"),
}
if os.geteuid() == 0:  # only root can give a file away
    REFUSED["other-user"] = (_of_another_user, "belongs to 54321")

KEPT: dict[str, Callable[[Path], bytes]] = {
    "kept-bundle": lambda folder: _public(_other(folder)) + _public(folder / "sa.key"),
    "kept-certificate": lambda folder: _certificate(folder / "sa.key"),
}


def _folder(operator: Operator, name: str) -> Path:
    return operator.keys / name / "pki"


def _host(operator: Operator, name: str) -> dict[str, Any]:
    folder = _folder(operator, name)
    return {
        "irsa_issuer_bucket": f"irsa-others-{name}",
        "irsa_issuer_key_path": str(folder / "sa.key"),
        "irsa_issuer_public_key_path": str(folder / "sa.pub"),
        "irsa_issuer_openssh_public_key_path": "",
    }


def _tree(folder: Path) -> dict[str, Any]:
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", stat.S_IMODE(path.lstat().st_mode))
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def operator(new_operator: Callable[[], Operator]) -> Operator:
    """All the files, which no test changes."""
    operator = new_operator()
    for name in (*REFUSED, *KEPT):
        _folder(operator, name).mkdir(mode=0o700, parents=True)
        _folder(operator, name).parent.chmod(0o700)
    for name, (prepare, dummy) in REFUSED.items():
        prepare(_folder(operator, name))
    for name, make in KEPT.items():
        _at_public_path(make)(_folder(operator, name))
    return operator


@pytest.mark.parametrize("on_host", [False, True], ids=["controller", "key host"])
@pytest.mark.parametrize("arguments", [("--check",), ()], ids=["check mode", "real run"])
def test_files_of_others_stop_the_run_before_any_write(
    operator: Operator, arguments: tuple[str, ...], on_host: bool
) -> None:
    before = _tree(operator.keys)
    hosts = {name: _host(operator, name) for name in REFUSED}
    if on_host:
        hosts = {
            name: {**host, "irsa_issuer_key_host": name, "ansible_connection": "local"} for name, host in hosts.items()
        }
    run = operator.provision(*arguments, hosts=hosts)
    assert run.failures.keys() == REFUSED.keys()
    for name, (dummy, part) in REFUSED.items():
        assert str(_folder(operator, name)) in run.failures[name] and part in run.failures[name], run.failures[name]
    assert run.writes == []
    assert _tree(operator.keys) == before


def test_files_that_hold_the_key_stay_and_outlive_a_teardown(operator: Operator) -> None:
    hosts = {name: _host(operator, name) for name in KEPT}
    before = {name: (_folder(operator, name) / "sa.pub").read_bytes() for name in KEPT}
    operator.provision("--check", hosts=hosts).ok()
    first = operator.provision(hosts=hosts).ok()
    assert not any(action.startswith("file:") for result in first.results.values() for action in result["actions"])
    assert set(operator.provision(hosts=hosts).ok().changed.values()) == {0}
    removal = operator.teardown(hosts=hosts, variables={"irsa_issuer_delete_key": True}).ok()
    for name, content in before.items():
        assert (_folder(operator, name) / "sa.pub").read_bytes() == content
        assert not (_folder(operator, name) / "sa.key").exists()
        assert any("was not removed" in warning for warning in removal.warnings_of(name))
    operator.teardown(hosts=hosts, variables={"irsa_issuer_delete_key": True}).ok()


def test_a_wrong_mode_is_refused_before_anything_is_created(operator: Operator) -> None:
    folder = operator.keys / "mode"
    folder.mkdir(mode=0o700)
    variables = {
        "irsa_issuer_bucket": "irsa-others-mode",
        "irsa_issuer_key_path": str(folder / "sa.key"),
        "irsa_issuer_key_mode": "rubbish",
    }
    run = operator.provision(variables=variables)
    assert "irsa_issuer_key_mode" in run.failure and "rubbish" in run.failure
    assert run.writes == [] and list(folder.iterdir()) == []
