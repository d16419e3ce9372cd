# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No output, result, diff or temporary file contains a byte of a private key, even one that was given by mistake."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from accounts import Account
from oracles import new_key, openssl
from playbooks import Operator, Play
from traces import Secret

ROLES_TASK = "Issuer | Reconcile the issuer"
ROLE = {"ansible.builtin.include_role": {"name": "selfhosted.irsa.irsa_issuer"}}
EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


@pytest.fixture(scope="module", params=[("-algorithm", "RSA"), EC], ids=["RSA", "EC"])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_key(tmp_path_factory.mktemp("key") / "key", *request.param)


def der(pem: bytes) -> bytes:
    return openssl("pkey", "-outform", "DER", stdin=pem)


def private_jwk(pem: bytes) -> str:
    for algorithm in (jwt.algorithms.RSAAlgorithm, jwt.algorithms.ECAlgorithm):
        instance: Any = algorithm(algorithm.SHA256)
        try:
            return str(instance.to_jwk(instance.prepare_key(pem)))
        except (jwt.InvalidKeyError, TypeError):
            continue
    raise AssertionError("neither RSA nor EC")


def decimal(pem: bytes) -> bytes:
    encoded = json.loads(private_jwk(pem))["d"]
    return str(int.from_bytes(base64.urlsafe_b64decode(encoded + "=="), "big")).encode()


def shipped(pem: bytes) -> bytes:
    """Return a key as Ansible ships a module's arguments: in a zip, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arguments", pem)
    return b"ZIPDATA = '" + base64.b64encode(buffer.getvalue()) + b"'"


class TestTheSearchItself:
    @pytest.mark.parametrize(
        "spell",
        [
            lambda pem: pem,
            lambda pem: json.dumps({"content": pem.decode()}).encode(),
            lambda pem: b"".join(b"      " + line for line in pem.splitlines(keepends=True)),
            der,
            lambda pem: openssl("pkey", "-text", "-noout", stdin=pem).replace(b"\n    ", b""),
            lambda pem: der(pem).hex().upper().encode(),
            base64.b64encode,
            lambda pem: base64.b64encode(b"x" + pem),
            lambda pem: base64.b64encode(b"xx" + pem),
            lambda pem: base64.b64encode(b"x" + der(pem)),
            lambda pem: base64.urlsafe_b64encode(b"xx" + der(pem)),
            lambda pem: private_jwk(pem).encode(),
            decimal,
            shipped,
        ],
        ids=[
            "PEM",
            "JSON",
            "indented",
            "DER",
            "text",
            "hexadecimal",
            "base64",
            "base64+1",
            "base64+2",
            "DER base64",
            "DER base64url",
            "JWK",
            "decimal",
            "in a module",
        ],
    )
    def test_search_finds_a_private_key_in_any_form(
        self, key: Path, tmp_path: Path, spell: Callable[[bytes], bytes]
    ) -> None:
        text = b"some text: " + spell(key.read_bytes()) + b" and more"
        (tmp_path / "file").write_bytes(text)
        assert list(Secret(key).traces_under(tmp_path)) == [str(tmp_path / "file")]

    def test_search_finds_a_part_of_a_private_key(self, key: Path) -> None:
        lines = key.read_bytes().splitlines()
        assert Secret(key).traces_in(lines[-3])

    def test_search_finds_nothing_in_public_forms(self, key: Path) -> None:
        pem = key.read_bytes()
        public = openssl("pkey", "-pubout", stdin=pem) + openssl("pkey", "-pubout", "-text", stdin=pem)
        assert Secret(key).traces_in(public) == []


@pytest.fixture
def verbose(operator: Operator) -> Operator:
    """An operator who sees all output of Ansible, and whose temporary files are in one folder."""
    temporary = operator.folder / "temporary"
    operator.environment = {
        "ANSIBLE_LOCAL_TEMP": str(temporary / "local"),
        "ANSIBLE_REMOTE_TEMP": str(temporary / "remote"),
        "ANSIBLE_LOG_PATH": str(temporary / "ansible.log"),
        "TMPDIR": str(temporary),
    }
    temporary.mkdir()
    return operator


# Created, adopted and repaired. Shipping is slow, so there the adopted key is also the one that is repaired.
@pytest.mark.parametrize(("keep", "runs"), [("false", 2), ("true", 1)], ids=["in-process", "shipped"])
def test_created_key_is_only_in_its_file(verbose: Operator, account: Account, keep: str, runs: int) -> None:
    # Ansible must ship the module to keep the files that it ships.
    verbose.environment["ANSIBLE_KEEP_REMOTE_FILES"] = keep
    account.make_bucket("irsa-private")
    issuer = {
        "irsa_issuer_bucket": "irsa-secrecy",
        "irsa_issuer_key_path": str(verbose.key),
    }
    plays: list[Play] = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": issuer,
            "tasks": [
                *[ROLE] * runs,
                {"ansible.builtin.file": {"path": f"{verbose.key}.pub", "state": "absent"}},
                {**ROLE, "vars": {"irsa_issuer_key_backup": "s3://irsa-private/keys"}},
            ],
        }
    ]
    run = verbose.play(plays, "-vvvv", "--diff").ok()

    secret = Secret(verbose.key)
    assert len([record for record in run.records if record.task.startswith("Result")]) == runs + 1
    assert (
        account.s3.get_object(Bucket="irsa-private", Key="keys/sa-signer.key")["Body"].read()
        == verbose.key.read_bytes()
    )
    assert secret.traces_in(run.output.encode()) == []
    assert secret.traces_under(verbose.folder) == {}
    kept = list((verbose.folder / "temporary" / "remote").glob("*/AnsiballZ_irsa_keypair.py"))
    assert bool(kept) == (keep == "true")


def test_private_key_given_as_a_public_key_is_refused_and_masked(verbose: Operator) -> None:
    key = new_key(verbose.keys / "misplaced.key", "-algorithm", "RSA")
    (verbose.folder / "jwk.json").write_text(private_jwk(key.read_bytes()))
    pem = f"{{{{ lookup('file', '{key}') }}}}"
    jwks = {"keys": [f"{{{{ lookup('file', '{verbose.folder}/jwk.json') | from_json }}}}"]}
    issuer = "https://irsa-secrecy.s3.eu-west-1.amazonaws.com"
    tasks: dict[str, dict[str, Any]] = {
        "pem": {"selfhosted.irsa.irsa_jwks": {"issuer": issuer, "public_keys": [pem]}},
        "path": {"selfhosted.irsa.irsa_jwks": {"issuer": issuer, "public_key_paths": [str(key)]}},
        "jwk": {"selfhosted.irsa.irsa_jwks": {"issuer": issuer, "jwks": [jwks]}},
        "published": {
            "selfhosted.irsa.irsa_publish": {
                "bucket": "irsa-secrecy",
                "issuer": issuer,
                "jwks_json": "{{ jwks | to_json }}",
                "discovery_json": json.dumps({"issuer": issuer}),
            },
            "vars": {"jwks": jwks},
        },
        "role": {
            "ansible.builtin.include_role": {"name": "selfhosted.irsa.irsa_issuer"},
            "vars": {
                "irsa_issuer_bucket": "irsa-secrecy",
                "irsa_issuer_key_path": str(verbose.key),
                "irsa_issuer_extra_jwks": [jwks],
            },
        },
        "public key path": {
            "selfhosted.irsa.irsa_keypair": {"path": str(verbose.key), "public_key_path": str(key)},
        },
    }
    blocks = [
        {"block": [{"name": name, **task}], "rescue": [{"ansible.builtin.debug": {"msg": "refused"}}]}
        for name, task in tasks.items()
    ]
    plays: list[Play] = [{"hosts": "localhost", "gather_facts": False, "tasks": blocks}]
    before = key.read_bytes()

    run = verbose.play(plays, "-vvvv", "--diff").ok()

    refused = {record.task: record.result["msg"] for record in run.records if record.status == "failed"}
    assert refused.keys() == {*tasks, ROLES_TASK} - {"role"}
    assert all("private" in message for message in refused.values())
    (verbose.folder / "jwk.json").unlink()
    secret = Secret(key)
    assert secret.traces_in(run.output.encode()) == []
    assert secret.traces_under(verbose.folder) == {}
    assert run.calls == []
    assert key.read_bytes() == before
    assert list(verbose.key_files()) == [key]
