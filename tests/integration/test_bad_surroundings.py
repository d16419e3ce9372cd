# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors outside the variables: accounts, credentials, permissions, endpoints, interpreters."""

from __future__ import annotations

import venv
from typing import Any

import pytest

from accounts import Account
from playbooks import Operator, Play, Run
from rehearsal import Rehearsal
from tests.sandbox import Sandbox

pytestmark = pytest.mark.any_core

BLOCKED, OTHER = "333333333333", "444444444444"

# The role with each host's own credentials and endpoint.
PLAYS: list[Play] = [
    {
        "hosts": "clusters",
        "gather_facts": False,
        "environment": "{{ aws | default({}) }}",
        "roles": ["selfhosted.irsa.irsa_issuer"],
    }
]


def variables_of(operator: Operator, name: str, **more: Any) -> dict[str, Any]:
    """A new issuer of which nothing exists."""
    return {"irsa_issuer_bucket": f"irsa-{name}", "irsa_issuer_key_path": str(operator.keys / f"{name}.key"), **more}


def credentials_of(sandbox: Sandbox, account_id: str) -> dict[str, str]:
    return {name.upper(): value for name, value in sandbox.credentials(account_id).items()}


def assert_nothing_was_done(run: Run, operator: Operator) -> None:
    assert run.writes == []
    assert list(operator.key_files()) == []


def test_wrong_accounts_regions_and_credentials_are_named_before_any_change(
    operator: Operator, sandbox: Sandbox, account: Account, closed_port: int
) -> None:
    blocked = Account(sandbox, BLOCKED)
    blocked.client("s3control").put_public_access_block(
        AccountId=BLOCKED,
        PublicAccessBlockConfiguration={"BlockPublicPolicy": True, "RestrictPublicBuckets": True},
    )
    Account(sandbox, OTHER).make_bucket("irsa-other-account")
    account.make_bucket("irsa-other-region", "us-west-2")
    account.make_bucket("irsa-owner")
    hosts = {
        "blocked": variables_of(operator, "blocked", aws=credentials_of(sandbox, BLOCKED)),
        "other-account": variables_of(operator, "other-account"),
        "other-region": variables_of(operator, "other-region", irsa_issuer_region="eu-west-1"),
        "wrong-account": variables_of(operator, "wrong-account", irsa_issuer_account_id=OTHER),
        "wrong-owner": variables_of(operator, "owner", irsa_issuer_bucket_account_id=OTHER),
        "no-credentials": variables_of(
            operator, "no-credentials", aws={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        ),
        "unknown-credentials": variables_of(
            operator, "unknown", aws={"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN22", "AWS_SECRET_ACCESS_KEY": "x" * 40}
        ),
        "unknown-with-account": variables_of(
            operator,
            "unknown-too",
            irsa_issuer_account_id="123456789012",
            aws={"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN22", "AWS_SECRET_ACCESS_KEY": "x" * 40},
        ),
        "no-profile": variables_of(
            operator, "no-profile", aws={"AWS_PROFILE": "missing", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        ),
        "no-endpoint": variables_of(operator, "none", aws={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed_port}"}),
    }
    run = operator.play(PLAYS, hosts=hosts)

    for host, parts in {
        "blocked": (BLOCKED, "blocks public access to all its buckets", "BlockPublicPolicy", "Nothing was created"),
        "other-account": ("irsa-other-account", "does not belong to account 123456789012", "choose another name"),
        "other-region": ("irsa-other-region", "us-west-2", "eu-west-1"),
        "wrong-account": (f"account_id is {OTHER}", "belong to account 123456789012", "Nothing was created"),
        "wrong-owner": ("irsa-owner", f"does not belong to account {OTHER}", "the owner's account ID"),
        "no-credentials": ("AWS_PROFILE", "AWS_ACCESS_KEY_ID"),
        "unknown-credentials": ("AWS does not accept these credentials", "the access key"),
        "unknown-with-account": ("credentials",),
        "no-profile": ("missing",),
        "no-endpoint": ("http://127.0.0.1:", "AWS_ENDPOINT_URL"),
    }.items():
        for part in parts:
            assert part in run.failures[host], run.failures[host]
    assert run.failures.keys() == hosts.keys()
    assert_nothing_was_done(run, operator)


# The first call that is signed, and, with the account ID given, a HEAD, whose answer has no body to say why.
@pytest.mark.parametrize(
    ("operation", "variables"),
    [("sts:GetCallerIdentity", {}), ("s3:HeadBucket", {"irsa_issuer_account_id": "123456789012"})],
)
def test_expired_credentials_are_named(
    operator: Operator, sandbox: Sandbox, operation: str, variables: dict[str, str]
) -> None:
    sandbox.fail(operation, status=400, code="ExpiredToken", message="The provided token has expired.", times=9)
    run = operator.provision(variables=variables_of(operator, "expired", **variables))
    assert "expired" in run.failure
    assert "Log in" in run.failure
    assert_nothing_was_done(run, operator)


def test_a_missing_permission_is_named(operator: Operator, sandbox: Sandbox, account: Account) -> None:
    # Reading the account's own block is only a service to the user; a failure there does not stop the run.
    sandbox.fail("s3control:GetPublicAccessBlock")
    sandbox.fail("s3:PutBucketPolicy", message="User: arn:aws:iam::123456789012:user/ci is not authorized")
    variables = variables_of(operator, "denied")
    run = operator.provision(variables=variables)
    (warning,) = run.warnings
    assert "s3:GetAccountPublicAccessBlock" in warning
    for part in ("s3:PutBucketPolicy", "bucket irsa-denied", "user/ci is not authorized", "need the permission"):
        assert part in run.failure
    (failed,) = (record for record in run.records if record.status == "failed")
    assert failed.result["missing_permissions"] == ["s3:PutBucketPolicy"]

    # Once the permission is granted, the next run continues where this one stopped.
    issuer = Rehearsal(account, operator.keys / "denied.key", "irsa-denied")
    assert issuer.run()[0] == "s3:PutBucketPolicy"


def test_a_python_other_than_the_controllers_own_is_named(operator: Operator) -> None:
    # Ansible finds such a Python if localhost is listed in an inventory without its interpreter.
    bare = operator.folder / "bare"
    venv.create(bare, with_pip=False)
    hosts = {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": str(bare / "bin" / "python")}}
    run = operator.provision(hosts=hosts, variables=variables_of(operator, "python"))
    assert run.failures.keys() == {"localhost"}
    for part in (
        str(bare / "bin" / "python"),
        "localhost is listed in an inventory",
        'ansible_python_interpreter: "{{ ansible_playbook_python }}"',
        "ansible_connection: local",
    ):
        assert part in run.failures["localhost"]
    assert run.calls == []
    assert_nothing_was_done(run, operator)
