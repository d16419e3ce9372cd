# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module returns what its documentation says, of the type it says, and nothing else."""

from __future__ import annotations

import importlib
import json
import typing as t

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_issuer
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    LEAF,
    ROOT,
    HttpsServer,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_documents import DISCOVERY, ISSUER, JWKS, REGION

PUBLIC = samples.public_pem(samples.P256.pkcs8).decode()
PUBLISH = {"bucket": "irsa-prod", "region": REGION, "issuer": ISSUER, "jwks_json": JWKS, "discovery_json": DISCOVERY}
PROVIDER = {"url": ISSUER, "region": REGION, "tags": {"team": "platform"}}

# What Ansible itself documents of every result.
COMMON = {"changed", "diff", "invocation", "warnings", "deprecations", "failed", "msg"}
# What Ansible adds to a result that has a path.
FILE_FACTS = {"mode", "owner", "group", "uid", "gid", "state", "secontext"}

TYPES: dict[str, t.Any] = {"str": str, "bool": bool, "int": int, "float": (int, float), "list": list, "dict": dict}


def documented(module_name: str) -> dict[str, t.Any]:
    module = importlib.import_module(f"ansible_collections.selfhosted.irsa.plugins.modules.{module_name}")
    return yaml.safe_load(module.RETURN)


def is_promised(returned: str, state: str) -> bool:
    """Whether a value's "returned" promises it for a run of this state."""
    return returned == "always" or (returned == "when O(state=present)" and state == "present")


def check_type(name: str, value: t.Any, entry: dict[str, t.Any]) -> None:
    if value is None:
        assert "null" in str(entry["description"]).lower(), f"{name} is null, and its description does not say so"
        return
    assert isinstance(value, TYPES[entry["type"]]), f"{name} is {value!r}, documented as {entry['type']}"
    inner = entry.get("contains")
    for each in value if isinstance(value, list) else [value]:
        if inner:
            always = {part for part, part_entry in inner.items() if part_entry.get("returned", "always") == "always"}
            assert always <= set(each) <= set(inner), name
            for part in each:
                check_type(f"{name}.{part}", each[part], inner[part])
        elif isinstance(value, list):
            assert isinstance(each, TYPES[entry["elements"]]), name


def check_result(module_name: str, result: dict[str, t.Any], state: str = "present") -> None:
    promised = documented(module_name)
    returned = set(result) - COMMON - (FILE_FACTS if "path" in promised else set())
    assert returned <= set(promised), "returned and not documented"
    missing = {name for name, entry in promised.items() if is_promised(entry["returned"], state)} - returned
    assert missing == set(), "documented and not returned"
    for name in returned:
        check_type(name, result[name], promised[name])


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
class TestResults:
    def test_results_of_irsa_keypair_are_documented(self, run, tmp_path, check_mode):
        tmp_path.chmod(0o700)
        options = {"path": str(tmp_path / "sa.key"), "type": "ECDSA", "public_key_path": str(tmp_path / "sa.pub")}
        for given in (
            {},
            {},
            {"regenerate": "always", "backup": True},
            {"create": False},
            {"format": "pkcs8", "backup": True},
        ):
            check_result("irsa_keypair", run("irsa_keypair", check_mode, **options, **given).result)
        check_result("irsa_keypair", run("irsa_keypair", check_mode, **options, state="absent").result, "absent")

    def test_results_of_irsa_jwks_are_documented(self, run, tmp_path, check_mode):
        tmp_path.chmod(0o700)
        for given in (
            {"public_keys": [PUBLIC]},
            {"public_keys": [PUBLIC], "dest": str(tmp_path), "legacy_empty_kid": True},
        ):
            check_result("irsa_jwks", run("irsa_jwks", check_mode, issuer=ISSUER, **given).result)
        if check_mode:
            check_result("irsa_jwks", run("irsa_jwks", check_mode, issuer=ISSUER).result)

    def test_results_of_irsa_bucket_are_documented(self, run, aws, check_mode):
        options = {"name": "irsa-prod", "region": REGION}
        for state in ("present", "present", "absent", "absent"):
            check_result("irsa_bucket", run("irsa_bucket", check_mode, **options, state=state).result, state)

    def test_results_of_irsa_bucket_info_are_documented(self, run, aws, check_mode):
        options = {"name": "irsa-prod", "region": REGION}
        check_result("irsa_bucket_info", run("irsa_bucket_info", check_mode, **options).result)
        run("irsa_bucket", **options)
        check_result("irsa_bucket_info", run("irsa_bucket_info", check_mode, **options).result)

    def test_results_of_irsa_key_backup_are_documented(self, run, aws, tmp_path, check_mode):
        tmp_path.chmod(0o700)
        key_path = str(tmp_path / "sa.key")
        options = {"destination": "s3://example-vault/prod", "region": REGION, "key_path": key_path}
        run("irsa_bucket", name="example-vault", region=REGION)
        closed = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        aws.quietly("s3").put_public_access_block(Bucket="example-vault", PublicAccessBlockConfiguration=closed)
        check_result("irsa_key_backup", run("irsa_key_backup", check_mode, **options, upload=False).result)
        run("irsa_keypair", path=key_path, type="ECDSA")
        for dummy in range(2):
            check_result("irsa_key_backup", run("irsa_key_backup", check_mode, **options).result)

    def test_results_of_irsa_publish_are_documented(self, run, aws, check_mode):
        run("irsa_bucket", name="irsa-prod", region=REGION)
        for state in ("present", "present", "absent", "absent"):
            check_result("irsa_publish", run("irsa_publish", check_mode, **PUBLISH, state=state).result, state)
        if check_mode:
            unknown = {**PUBLISH, "jwks_json": None, "discovery_json": None}
            check_result("irsa_publish", run("irsa_publish", check_mode, **unknown).result)

    def test_results_of_irsa_rotation_state_are_documented(self, run, aws, check_mode):
        run("irsa_bucket", name="irsa-prod", region=REGION)
        run("irsa_publish", **PUBLISH)
        where = {name: PUBLISH[name] for name in ("bucket", "region", "issuer")}
        for given in ({}, {"publish": [PUBLIC], "by": "ci"}, {}):
            check_result("irsa_rotation_state", run("irsa_rotation_state", check_mode, **where, **given).result)

    def test_results_of_irsa_oidc_provider_are_documented(self, run, aws, check_mode):
        for state in ("present", "present", "absent", "absent"):
            check_result(
                "irsa_oidc_provider", run("irsa_oidc_provider", check_mode, **PROVIDER, state=state).result, state
            )

    def test_results_of_irsa_oidc_provider_info_are_documented(self, run, aws, check_mode):
        run("irsa_oidc_provider", **PROVIDER)
        for given in ({}, {"url": ISSUER}, {"tags": {"team": "nobody"}}):
            result = run("irsa_oidc_provider_info", check_mode, region=REGION, **given).result
            check_result("irsa_oidc_provider_info", result)
            assert len(result["providers"]) == ("tags" not in given)

    def test_results_of_irsa_issuer_are_documented(self, run, aws, tmp_path, check_mode):
        tmp_path.chmod(0o700)
        options = {"bucket": "irsa-prod", "region": REGION, "verify": False}
        no_key, key = {"exists": False}, {"exists": True, "public_key": PUBLIC, "path": "/keys/sa.key"}
        check_result("irsa_issuer", {"changed": False, **irsa_issuer.KEY_WANTED_RESULT})
        before = run("irsa_issuer", check_mode, **options, key=no_key).result
        check_result("irsa_issuer", before)
        after = run("irsa_issuer", check_mode, **options, key=key, prepared=before["prepared"])
        check_result("irsa_issuer", after.result)
        at_hand = {**options, "bucket": "irsa-other", "key_path": str(tmp_path / "sa.key")}
        check_result("irsa_issuer", run("irsa_issuer", check_mode, **at_hand).result)
        # The key is lost, except in check mode, in which nothing was created.
        lost = run("irsa_issuer", check_mode, **options, key=no_key).result
        check_result("irsa_issuer", lost)
        assert (lost["key_is_lost"] is None) == check_mode
        for state in ("absent", "absent"):
            check_result("irsa_issuer", run("irsa_issuer", check_mode, **options, state=state).result, state)

    def test_results_of_irsa_verify_are_documented(self, run, tmp_path, check_mode):
        (tmp_path / "ca.pem").write_bytes(ROOT.pem)
        server = HttpsServer(tmp_path, [LEAF, INTERMEDIATE])
        issuer = f"https://{HOST}"
        options = {"issuer": issuer, "connect_to": server.address, "ca_path": str(tmp_path / "ca.pem")}
        try:
            check_result("irsa_verify", run("irsa_verify", check_mode, fails=True, **options).result)
            check_result("irsa_verify", run("irsa_verify", check_mode, fail_on="never", **options).result)
            discovery = documents.discovery(issuer, f"{issuer}/keys.json", ["ES256"])
            headers = {"Content-Type": "application/json"}
            server.serve("/.well-known/openid-configuration", json.dumps(discovery).encode(), **headers)
            server.serve("/keys.json", JWKS.encode(), **headers)
            result = run("irsa_verify", check_mode, **options).result
            check_result("irsa_verify", result)
            assert result["verdict"] == "ok"
        finally:
            server.stop()
