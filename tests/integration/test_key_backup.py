# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of a key by role irsa_issuer: made before the key is used, and never in place of another key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts import Account
from oracles import kid_of, openssl
from playbooks import Operator

pytestmark = pytest.mark.any_core

VAULT = "irsa-vault"
NAMES = ["prod/sa-pkcs8.pub", "prod/sa.key", "prod/sa.key.pub"]
UPLOADS = ["s3:PutObject"] * 3


def _cluster(operator: Operator, name: str, **more: Any) -> dict[str, Any]:
    """Variables of a cluster whose key file has the same name as those of all others."""
    folder = operator.keys / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return {
        "irsa_issuer_bucket": f"irsa-{name}",
        "irsa_issuer_key_path": str(folder / "sa.key"),
        "irsa_issuer_key_backup": f"s3://{VAULT}/prod",
        **more,
    }


def _in_vault(account: Account) -> dict[str, bytes]:
    listed = account.s3.list_objects_v2(Bucket=VAULT).get("Contents", [])
    return {each["Key"]: account.s3.get_object(Bucket=VAULT, Key=each["Key"])["Body"].read() for each in listed}


def _make_key(path: Path) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(openssl("genrsa", "-traditional", "2048"))
    return path


@pytest.fixture
def vault(account: Account) -> None:
    account.make_bucket(VAULT)


@pytest.mark.usefixtures("vault")
def test_a_new_key_is_backed_up_before_it_is_published(operator: Operator, account: Account) -> None:
    operator.variables = _cluster(operator, "one")
    check = operator.provision("--check").ok()
    made = operator.provision().ok()
    assert check.actions == made.actions
    assert made.aws_actions == made.writes
    key_files = ["file:CreatePrivateKey", "file:WritePublicKey", "file:WriteOpensshPublicKey"]
    start = made.actions.index(key_files[0])
    assert made.actions[start:] == [
        *key_files,
        *UPLOADS,
        "s3:PutObject",
        "s3:PutObject",
        "iam:CreateOpenIDConnectProvider",
    ]
    assert list(_in_vault(account)) == NAMES
    again = operator.provision().ok()
    assert (again.writes, again.changed) == ([], {"localhost": 0})


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
def test_another_key_of_the_same_name_is_refused_before_its_issuer_is_made(
    operator: Operator, account: Account, arguments: list[str]
) -> None:
    operator.provision(variables=_cluster(operator, "one")).ok()
    before = _in_vault(account)
    second = _make_key(operator.keys / "two" / "sa.key")

    refused = operator.provision(*arguments, variables=_cluster(operator, "two"))

    for part in (f"s3://{VAULT}/prod/sa.key", kid_of(second), kid_of(operator.keys / "one" / "sa.key")):
        assert part in refused.failure
    assert "irsa_issuer_key_backup" in refused.failure
    assert refused.writes == []
    assert _in_vault(account) == before
    assert sorted(account.buckets()) == ["irsa-one", VAULT]


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
def test_a_key_is_not_created_while_a_backup_has_its_place(
    operator: Operator, account: Account, arguments: list[str]
) -> None:
    cluster = _cluster(operator, "one")
    operator.provision(variables=cluster).ok()
    before = _in_vault(account)
    for path in (operator.keys / "one").iterdir():
        path.unlink()

    # The same cluster whose key was lost, and another one that would get the place.
    for variables in (cluster, _cluster(operator, "two")):
        refused = operator.provision(*arguments, variables=variables)
        assert f"s3://{VAULT}/prod/sa.key exists" in refused.failure
        assert "restore it" in refused.failure and "irsa_issuer_key_backup" in refused.failure
        assert refused.writes == []
        assert not Path(variables["irsa_issuer_key_path"]).exists()
    assert _in_vault(account) == before


@pytest.mark.usefixtures("vault")
def test_of_two_clusters_in_one_play_the_second_gets_no_place(operator: Operator, account: Account) -> None:
    run = operator.provision(hosts={name: _cluster(operator, name) for name in ("one", "two")})
    (failed,) = run.failures
    assert f"s3://{VAULT}/prod/sa" in run.failures[failed]
    (made,) = {"one", "two"} - {failed}
    assert _in_vault(account)["prod/sa.key"] == (operator.keys / made / "sa.key").read_bytes()
    # The key that has no backup is not used.
    assert "s3:PutObject" not in run.writes_to(f"irsa-{failed}")
    assert len(account.providers()) == 1


@pytest.mark.usefixtures("vault")
def test_each_cluster_can_have_a_prefix(operator: Operator, account: Account) -> None:
    hosts = {name: _cluster(operator, name, irsa_issuer_key_backup=f"s3://{VAULT}/{name}/") for name in ("one", "two")}
    operator.provision(hosts=hosts).ok()
    assert len(_in_vault(account)) == 6
    again = operator.provision(hosts=hosts).ok()
    assert again.writes == []


def test_a_public_place_stops_the_run_before_anything_is_made(operator: Operator, account: Account) -> None:
    account.make_bucket(VAULT)
    account.s3.delete_public_access_block(Bucket=VAULT)
    refused = operator.provision(variables=_cluster(operator, "one"))
    assert f"The bucket {VAULT} does not block all public access" in refused.failure
    assert refused.writes == []
    assert not (operator.keys / "one" / "sa.key").exists()


def test_a_vault_of_another_account_is_refused(operator: Operator, account: Account) -> None:
    Account(account.sandbox, "210987654321").make_bucket(VAULT)
    refused = operator.provision(variables=_cluster(operator, "one"))
    assert f"{VAULT} exists and does not belong to account {account.id}" in refused.failure
    assert refused.writes == []
