# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page about permissions promises: they are enough."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from accounts import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from playbooks import Operator
from rehearsal import Rehearsal
from verifying import verify

pytestmark = pytest.mark.any_core

REPOSITORY = Path(__file__).resolve().parents[2]
PERMISSIONS = (REPOSITORY / "docs" / "permissions.md").read_text(encoding="utf-8")


def listed_actions() -> set[str]:
    """The actions of the policy on the page."""
    (policy,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PERMISSIONS, re.DOTALL))
    actions: set[str] = set()
    for statement in policy["Statement"]:
        actions |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return actions


def actions_in_text() -> set[str]:
    """The actions that the text after the policy names for single variables and for teardown."""
    return set(re.findall(r"`((?:s3|iam):[A-Za-z]+)`", PERMISSIONS.split("```json")[1]))


def test_the_policy_is_enough_for_a_run(operator: Operator) -> None:
    variables = {
        "irsa_issuer_bucket": "irsa-readme",
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_tags": {"a": "b"},
    }
    first = operator.provision(variables=variables).ok()
    assert set(first.result["permissions"]) <= listed_actions()


def test_the_text_is_enough_for_teardown_and_further_settings(operator: Operator, account: Account) -> None:
    issuer = Rehearsal(account, operator.key, "irsa-readme")
    operator.variables = {
        **issuer.variables,
        "irsa_issuer_bucket_encryption": "AES256",
        "irsa_issuer_bucket_versioning": True,
    }
    # A bucket that is there already is read before it is changed.
    issuer.run()
    again = operator.provision().ok()
    assert "s3:PutBucketVersioning" in again.result["permissions"]
    removed = operator.teardown(variables={"irsa_issuer_delete_bucket": True}).ok()
    named = listed_actions() | actions_in_text()
    assert set(again.result["permissions"]) <= named
    assert set(removed.result["permissions"]) <= named
    assert "s3:DeleteObjectVersion" in removed.result["permissions"]


def test_the_text_is_enough_for_a_backup_of_the_key(operator: Operator, account: Account) -> None:
    account.make_bucket("irsa-private")
    operator.variables = {
        "irsa_issuer_bucket": "irsa-readme",
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_key_backup": "s3://irsa-private/keys",
    }
    runs = [operator.provision().ok(), operator.provision().ok()]
    for run in runs:
        needed = {action for call in set(run.counted_calls) for action in permissions.needed(*call.split(":"))}
        assert needed <= set(run.result["permissions"]) <= listed_actions() | actions_in_text()
    assert runs[1].changed == {"localhost": 0}


@pytest.mark.usefixtures("in_sandbox")
def test_the_text_is_enough_for_all_that_verify_looks_at(cluster: Any) -> None:
    needed = set(verify(**cluster.options).result["permissions"])
    cluster.remove_provider()
    cluster.account.s3.delete_bucket_policy(Bucket=cluster.bucket)
    needed |= set(verify(**cluster.options, fail_on="never").result["permissions"])
    text = PERMISSIONS.split("`selfhosted.irsa.verify` works without any of these permissions")[1].split("\n\n")[0]
    assert needed == set(re.findall(r"`((?:s3|iam):[A-Za-z]+)`", text))
