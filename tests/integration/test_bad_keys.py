# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key that cannot be used, or cannot be written to its path, stops the run before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from oracles import new_key, openssl
from playbooks import Operator

RSA = ("-algorithm", "RSA")

# Root may write anywhere, but not into the folder of another user, who could replace the key.
IS_ROOT = os.geteuid() == 0


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def _encrypted(folder: Path) -> Path:
    return _write(folder / "key", openssl("genpkey", *RSA, "-aes256", "-pass", "pass:secret"))


def _truncated(folder: Path) -> Path:
    return _write(folder / "key", openssl("genpkey", *RSA)[:-200])


def _damaged(folder: Path) -> Path:
    lines = openssl("genpkey", *RSA).splitlines(keepends=True)
    return _write(folder / "key", b"".join(lines[:5] + lines[6:]))


def _public(folder: Path) -> Path:
    return _write(folder / "key", openssl("pkey", "-pubout", stdin=openssl("genpkey", *RSA)))


def _text(folder: Path) -> Path:
    return _write(folder / "key", b"not a key\n")


def _of(*options: str) -> Callable[[Path], Path]:
    return lambda folder: new_key(folder / "key", *options)


def _directory(folder: Path) -> Path:
    (folder / "key").mkdir()
    return folder / "key"


def _missing(folder: Path) -> Path:
    return folder / "nowhere" / "prod" / "key"


def _file_in_the_way(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "key"


def _shared(folder: Path) -> Path:
    folder.chmod(0o777)
    return folder / "key"


def _unwritable(folder: Path) -> Path:
    if IS_ROOT:
        os.chown(folder, 65534, 65534)
    else:
        folder.chmod(0o500)
    return folder / "key"


def _dangling(folder: Path) -> Path:
    (folder / "key").symlink_to("nowhere")
    return folder / "key"


# How the key file comes to be, and what the message must say beside its path.
CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "encrypted": (_encrypted, "it is encrypted"),
    "truncated": (_truncated, "it is truncated"),
    "damaged": (_damaged, "it is damaged"),
    "empty": (lambda folder: _write(folder / "key", b""), "it is empty"),
    "vault": (lambda folder: _write(folder / "key", b"$ANSIBLE_VAULT;1.1;AES256\n66366665\n"), "ansible-vault"),
    "explicit": (
        _of("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"),
        "explicit parameters",
    ),
    "public": (_public, "only a public part"),
    "text": (_text, "no PEM block"),
    "ed25519": (_of("-algorithm", "ED25519"), "cannot sign service account tokens"),
    "short": (_of(*RSA, "-pkeyopt", "rsa_keygen_bits:1024"), "1024 bits"),
    "curve": (_of("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "P-256, P-384 or P-521"),
    "directory": (_directory, "is a directory"),
    "missing": (_missing, "only the last directory of a path is created"),
    "file-in-the-way": (_file_in_the_way, "is a file, not a directory"),
    "shared": (_shared, "others can write to the directory"),
    "unwritable": (_unwritable, "who could replace the file" if IS_ROOT else "may not write to the directory"),
    "dangling": (_dangling, "symbolic link"),
}


@pytest.fixture(scope="module")
def operator(new_operator: Callable[[], Operator]) -> Operator:
    return new_operator()


@pytest.fixture(scope="module")
def paths(operator: Operator) -> dict[str, Path]:
    created = {}
    for name, (make, dummy) in CASES.items():
        (operator.keys / name).mkdir(mode=0o700)
        created[name] = make(operator.keys / name)
    return created


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def test_unusable_key_is_reported_and_not_changed(operator: Operator, paths: dict[str, Path]) -> None:
    before = _tree(operator.keys)
    run = operator.provision(
        hosts={
            name: {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": str(path)}
            for name, path in paths.items()
        }
    )
    assert run.failures.keys() == CASES.keys()
    for name, (dummy, part) in CASES.items():
        assert str(paths[name]) in run.failures[name] and part in run.failures[name], run.failures[name]
    assert run.calls == []
    assert _tree(operator.keys) == before


def test_key_that_does_not_match_is_reported_and_not_changed(operator: Operator) -> None:
    key = new_key(operator.keys / "rsa.key", *RSA)
    before = key.read_bytes()
    hosts = {
        "type": {"irsa_issuer_key_type": "ECDSA"},
        "size": {"irsa_issuer_key_type": "RSA", "irsa_issuer_key_size": 4096},
    }
    run = operator.provision(
        hosts=hosts, variables={"irsa_issuer_bucket": "irsa-kind", "irsa_issuer_key_path": str(key)}
    )
    assert "its type is RSA, not ECDSA" in run.failures["type"]
    assert "its size is 2048 bits, not 4096" in run.failures["size"]
    assert run.calls == []
    assert key.read_bytes() == before
    assert not key.with_name("rsa.key.pub").exists()
