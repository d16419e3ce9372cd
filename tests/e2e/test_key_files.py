# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""openssl and ssh-keygen read the files of irsa_keypair, for every kind of key in both formats."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.selfhosted.irsa.tests.unit.plugins.key_file_samples import PRIVATE, PUBLIC
from endpoint import setting
from runs import Ansible

KINDS: dict[str, dict[str, Any]] = {
    "RSA-2048": {"type": "RSA", "size": 2048},
    "RSA-3072": {"type": "RSA", "size": 3072},
    "RSA-4096": {"type": "RSA", "size": 4096},
    "P-256": {"type": "ECDSA", "curve": "P-256"},
    "P-384": {"type": "ECDSA", "curve": "P-384"},
    "P-521": {"type": "ECDSA", "curve": "P-521"},
}
SSH_NAMES = {"P-256": ("256", "ECDSA"), "P-384": ("384", "ECDSA"), "P-521": ("521", "ECDSA")}


def says(*command: str | Path, sent: bytes | None = None) -> bytes:
    """Return the output of a program, which must succeed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"install {command[0]} (PATH has none)")
    ended = subprocess.run([str(word) for word in command], input=sent, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


class KeyFiles:
    """The three files of one key, and the result of the module."""

    def __init__(self, ansible: Ansible, kind: str, file_format: str) -> None:
        self.private = ansible.folder / "sa-signer.key"
        self.public = ansible.folder / "sa-signer-pkcs8.pub"
        self.openssh = ansible.folder / "sa-signer.key.pub"
        self.result = ansible.module(
            "selfhosted.irsa.irsa_keypair",
            path=str(self.private),
            public_key_path=str(self.public),
            openssh_public_key_path=str(self.openssh),
            format=file_format,
            **KINDS[kind],
        )


@pytest.fixture(params=["traditional", "pkcs8"])
def file_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def key_files(ansible: Ansible, kind: str, file_format: str) -> KeyFiles:
    return KeyFiles(ansible, kind, file_format)


def test_openssl_and_ssh_keygen_read_all_three_files(key_files: KeyFiles, kind: str, file_format: str) -> None:
    # The private key is sound, has the given format, and only its owner can read it.
    says("openssl", "pkey", "-in", key_files.private, "-check", "-noout")
    traditional = "RSA PRIVATE KEY" if kind.startswith("RSA") else "EC PRIVATE KEY"
    expected = "PRIVATE KEY" if file_format == "pkcs8" else traditional
    assert key_files.private.read_text(encoding="ascii").splitlines()[0] == f"-----BEGIN {expected}-----"
    assert key_files.private.stat().st_mode & 0o777 == 0o600

    # openssl derives the content of the PKIX file from the private key, and its SHA-256 is the kid.
    derived = says("openssl", "pkey", "-in", key_files.private, "-pubout", "-outform", "DER")
    assert says("openssl", "pkey", "-pubin", "-in", key_files.public, "-outform", "DER") == derived
    digest = hashlib.sha256(derived).digest()
    assert key_files.result["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert key_files.result["fingerprint"] == digest.hex()

    # ssh-keygen derives the content of the OpenSSH file from both others.
    line = key_files.openssh.read_bytes().split()[:2]
    assert says("ssh-keygen", "-y", "-f", key_files.private).split()[:2] == line
    assert says("ssh-keygen", "-i", "-m", "PKCS8", "-f", key_files.public).split()[:2] == line

    # ssh-keygen -l: bits, fingerprint, comment, (type), the same for the private and the public file.
    listed = says("ssh-keygen", "-l", "-f", key_files.openssh).decode().split()
    bits, name = SSH_NAMES.get(kind, (kind.removeprefix("RSA-"), "RSA"))
    assert (listed[0], listed[-1]) == (bits, f"({name})")
    assert (
        listed[1]
        == "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(line[1])).digest()).rstrip(b"=").decode()
    )
    key_files.openssh.rename(key_files.openssh.with_suffix(".moved"))
    assert says("ssh-keygen", "-l", "-f", key_files.private).decode().split()[:2] == listed[:2]


def test_jwk_has_the_numbers_that_openssl_reads(ansible: Ansible, key_files: KeyFiles, kind: str) -> None:
    documents = ansible.module(
        "selfhosted.irsa.irsa_jwks", issuer="https://issuer.example.com", public_key_paths=[str(key_files.public)]
    )
    [key] = json.loads(documents["jwks_json"])["keys"]

    def number(member: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(key[member] + "=="), "big")

    if kind.startswith("RSA"):
        modulus = says("openssl", "rsa", "-pubin", "-in", key_files.public, "-modulus", "-noout").decode()
        assert modulus.strip() == f"Modulus={number('n'):X}"
        assert b"Exponent: 65537 " in says("openssl", "rsa", "-pubin", "-in", key_files.public, "-text", "-noout")
        assert number("e") == 65537
        return
    # The last bytes of a PKIX elliptic-curve key are the uncompressed point: 04, x, y.
    der = says("openssl", "pkey", "-pubin", "-in", key_files.public, "-outform", "DER")
    width = {"P-256": 32, "P-384": 48, "P-521": 66}[kind]
    point = der[-2 * width - 1 :]
    assert point[0] == 4
    assert (number("x"), number("y")) == (
        int.from_bytes(point[1 : width + 1], "big"),
        int.from_bytes(point[width + 1 :], "big"),
    )
    # RFC 7518, section 6.2.1.2: the full width of the curve's field, including leading zeros.
    assert [len(base64.urlsafe_b64decode(key[member] + "==")) for member in ("x", "y")] == [width, width]


MAKERS = {
    "RSA PRIVATE KEY": ("openssl", "genrsa", "-traditional", "2048"),
    "EC PRIVATE KEY": ("openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout"),
    "PRIVATE KEY": ("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
}


@pytest.mark.parametrize("form", MAKERS)
def test_keys_of_openssl_are_adopted(ansible: Ansible, form: str) -> None:
    pem = says(*MAKERS[form])
    assert pem.startswith(f"-----BEGIN {form}-----".encode())
    _adopt(ansible, pem)


def test_key_of_the_shell_procedure_is_adopted(ansible: Ansible) -> None:
    """ssh-keygen -t rsa -b 2048 -m pem, and its public file, which keeps even its comment."""
    key = ansible.folder / "sa-signer.key"
    says("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "pem", "-N", "", "-C", "created by hand", "-f", key)
    openssh = (ansible.folder / "sa-signer.key.pub").read_bytes()
    adopted = _adopt(ansible, key.read_bytes())
    assert adopted["actions"] == ["file:WritePublicKey"]
    assert (ansible.folder / "sa-signer.key.pub").read_bytes() == openssh
    exported = says("ssh-keygen", "-e", "-m", "PKCS8", "-f", ansible.folder / "sa-signer.key.pub")
    assert (ansible.folder / "sa-signer-pkcs8.pub").read_bytes() == exported


def _adopt(ansible: Ansible, pem: bytes) -> dict[str, Any]:
    key = ansible.folder / "sa-signer.key"
    key.touch(mode=0o600)
    key.write_bytes(pem)
    adopted = ansible.module(
        "selfhosted.irsa.irsa_keypair",
        path=str(key),
        public_key_path=str(ansible.folder / "sa-signer-pkcs8.pub"),
        openssh_public_key_path=str(ansible.folder / "sa-signer.key.pub"),
    )
    assert key.read_bytes() == pem
    derived = says("openssl", "pkey", "-in", key, "-pubout")
    assert says("openssl", "pkey", "-pubin", "-in", ansible.folder / "sa-signer-pkcs8.pub") == derived
    return adopted


class TestKubeApiserver:
    """What the table of samples says kube-apiserver reads, and all unit tests of key files follow, is what it does.

    The server never gets as far as to need etcd: what is missing behind the key files ends it if it has read them.
    """

    @staticmethod
    def _ended(key: Path, public: Path, *flags: str) -> str:
        program = Path(setting("KUBEBUILDER_ASSETS", "a folder with etcd and kube-apiserver")) / "kube-apiserver"
        files = (f"--service-account-signing-key-file={key}", f"--service-account-key-file={public}")
        ended = subprocess.run(
            [program, "--service-account-issuer=https://issuer.example", f"--cert-dir={key.parent}", *files, *flags],
            capture_output=True,
            check=False,
            timeout=60,
        )
        return ended.stderr.decode(errors="replace")

    @pytest.mark.parametrize("name", PRIVATE)
    def test_private_keys(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "sa.key").write_bytes(PRIVATE[name].content)
        said = self._ended(tmp_path / "sa.key", tmp_path / "sa.key")
        is_read = "--etcd-servers must be specified" in said
        assert is_read or "service-account-issuer-key-file" in said or "token generator" in said, said
        assert is_read is PRIVATE[name].is_read

    @pytest.mark.parametrize("name", PUBLIC)
    def test_public_keys(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "sa.key").write_bytes(PRIVATE["PKCS#1"].content)
        (tmp_path / "sa.pub").write_bytes(PUBLIC[name].content)
        # Policies for audits are read right after the key files.
        later = ("--etcd-servers=http://127.0.0.1:1", f"--audit-policy-file={tmp_path / 'gone'}", "--audit-log-path=-")
        said = self._ended(tmp_path / "sa.key", tmp_path / "sa.pub", *later)
        is_read = "loading audit policy file" in said
        assert is_read or "error reading public key file" in said, said
        assert is_read is PUBLIC[name].is_read
