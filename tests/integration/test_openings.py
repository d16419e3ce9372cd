# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an anonymous client reaches in a bucket of others before and after a run: the documents, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts import REGION, Account
from fetching import Anonymous
from playbooks import Operator, Run

pytestmark = pytest.mark.any_core

BUCKET = "irsa-others"
ROOT = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
SID = "SelfhostedIrsaPublicDocuments"
PAYROLL = "payroll.csv"
LOGIN = "apps/login/keys.json"
MOST_CALLS = 12  # of a first run
EVERYTHING = {
    "Sid": "Website",
    "Effect": "Allow",
    "Principal": "*",
    "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
    "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
}
OPEN = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


@pytest.fixture(autouse=True)
def bucket(account: Account) -> None:
    """A bucket with objects of others. It blocks public access, as every new one."""
    account.make_bucket(BUCKET)
    for key in (PAYROLL, LOGIN):
        account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")


def set_block(account: Account, closed: bool) -> None:
    block = dict.fromkeys(OPEN, True) if closed else OPEN
    account.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)


def put_policy(account: Account, *statements: dict[str, Any]) -> None:
    """Writes a policy that may be public, and leaves the access block as it was."""
    set_block(account, closed=False)
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    account.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    set_block(account, closed=True)


def provision(operator: Operator, *arguments: str, **variables: Any) -> Run:
    given = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_key_path": str(operator.key)}
    return operator.provision(*arguments, variables={**given, **variables})


def reached(fetch: Anonymous) -> dict[str, int]:
    """What an anonymous client gets that reads, writes and lists."""
    statuses = {key: fetch(f"{ROOT}/{key}").status for key in (PAYROLL, LOGIN)}
    return {**statuses, "write": fetch(f"{ROOT}/new", "PUT", body=b"x").status, "list": fetch(ROOT).status}


NOTHING = {PAYROLL: 403, LOGIN: 403, "write": 403, "list": 403}


@pytest.mark.parametrize("arguments", [["--check"], []], ids=["check", "run"])
def test_what_sleeps_behind_the_access_block_stays_closed(
    operator: Operator, account: Account, fetch: Anonymous, arguments: list[str]
) -> None:
    put_policy(account, EVERYTHING)

    run = provision(operator, *arguments)

    for part in (BUCKET, "the statement 'Website'", "'s3:PutObject'", "irsa_issuer_bucket_open_existing"):
        assert part in run.failure
    assert run.writes == [] and list(operator.key_files()) == []
    assert reached(fetch) == NOTHING


def test_what_sleeps_behind_the_access_block_is_opened_on_request(
    operator: Operator, account: Account, fetch: Anonymous
) -> None:
    put_policy(account, EVERYTHING)

    run = provision(operator, irsa_issuer_bucket_open_existing=True).ok()

    assert any("the statement 'Website'" in warning for warning in run.warnings)
    assert reached(fetch)[PAYROLL] == 200
    assert provision(operator).ok().writes == []


def test_statements_that_are_not_public_are_no_obstacle(operator: Operator, account: Account, fetch: Anonymous) -> None:
    inside = {"StringEquals": {"aws:PrincipalOrgID": "o-12345"}}
    put_policy(
        account,
        {**EVERYTHING, "Condition": inside},
        {**EVERYTHING, "Sid": "No", "Effect": "Deny", "Resource": f"arn:aws:s3:::{BUCKET}/private/*"},
    )

    run = provision(operator).ok()

    assert run.warnings == []
    assert reached(fetch) == NOTHING
    assert fetch(f"{ROOT}/keys.json").status == 200


@pytest.mark.parametrize("arguments", [["--check"], []], ids=["check", "run"])
def test_a_prefix_does_not_open_objects_of_others(
    operator: Operator, account: Account, fetch: Anonymous, arguments: list[str]
) -> None:
    run = provision(operator, *arguments, irsa_issuer_prefix="prod")

    for part in (f"'{LOGIN}'", "irsa_issuer_bucket_public_paths", "irsa_issuer_bucket_open_existing"):
        assert part in run.failure
    assert PAYROLL not in run.failure
    assert run.writes == [] and list(operator.key_files()) == []
    assert reached(fetch) == NOTHING

    own = ["prod/keys.json", "prod/.well-known/openid-configuration"]
    provision(operator, *arguments, irsa_issuer_prefix="prod", irsa_issuer_bucket_public_paths=own).ok()
    assert reached(fetch) == NOTHING


def test_two_clusters_share_a_bucket_without_a_word(operator: Operator, account: Account, fetch: Anonymous) -> None:
    for key in (PAYROLL, LOGIN):
        account.s3.delete_object(Bucket=BUCKET, Key=key)
    account.s3.delete_bucket(Bucket=BUCKET)
    for name in ("one", "two"):
        path = str(operator.keys / f"{name}.key")
        run = provision(operator, irsa_issuer_prefix=name, irsa_issuer_key_path=path).ok()
        assert run.warnings == [] and len(run.counted_calls) <= MOST_CALLS
        assert "s3:ListObjectsV2" not in run.counted_calls
    for name in ("one", "two"):
        assert fetch(f"{ROOT}/{name}/keys.json").status == 200
    # Another user closes the bucket and removes the policy: either run opens both clusters again.
    account.s3.delete_bucket_policy(Bucket=BUCKET)
    set_block(account, closed=True)
    repaired = provision(operator, irsa_issuer_prefix="two", irsa_issuer_key_path=str(operator.keys / "two.key")).ok()
    assert repaired.writes == ["s3:PutPublicAccessBlock", "s3:PutBucketPolicy"] and repaired.warnings == []
    assert fetch(f"{ROOT}/one/keys.json").status == 200


@pytest.mark.parametrize(
    "theirs",
    [
        {"Effect": "Deny", "Resource": f"arn:aws:s3:::{BUCKET}/private/*"},
        {"Action": "s3:GetObject", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
    ids=["deny", "condition"],
)
def test_a_statement_of_others_with_our_sid_is_not_rewritten(
    operator: Operator, account: Account, fetch: Anonymous, theirs: dict[str, Any]
) -> None:
    put_policy(account, {**EVERYTHING, "Sid": SID, **theirs})
    before = account.policy(BUCKET)

    run = provision(operator)

    assert f"its statement {SID} is not the one" in run.failure and "another Sid" in run.failure
    assert run.writes == [] and account.policy(BUCKET) == before
    assert reached(fetch) == NOTHING


def test_every_module_refuses_to_open_more_or_to_set_tags_of_aws(
    operator: Operator, account: Account, fetch: Anonymous
) -> None:
    put_policy(account, EVERYTHING)
    bucket, provider = "selfhosted.irsa.irsa_bucket", "selfhosted.irsa.irsa_oidc_provider"
    issuer = {"bucket": BUCKET, "key": {"exists": False}}
    external = {"url": "https://issuer.example", "key_path": str(operator.key), "thumbprints": ["auto"]}
    reserved = {"aws:mine": "1"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({bucket: {"name": BUCKET}}, "the statement 'Website'"),
        ({bucket: {"name": BUCKET, "public_paths": ["*/keys.json"]}}, f"'{LOGIN}'"),
        ({bucket: {"name": BUCKET, "public_paths": ["*"]}}, "'*' opens objects of any name"),
        ({bucket: {"name": BUCKET, "public_paths": ["*"], "state": "absent"}}, "'*' opens objects of any name"),
        ({bucket: {"name": BUCKET, "public_paths": ["*/keys.json"], "state": "absent"}}, f"'{LOGIN}'"),
        ({bucket: {"name": BUCKET, "tags": reserved}}, "the tag 'aws:mine' begins with aws:"),
        ({provider: {"url": "https://issuer.example", "tags": reserved}}, "the tag 'aws:mine' begins with aws:"),
        ({"selfhosted.irsa.irsa_issuer": issuer}, "the statement 'Website'"),
        ({"selfhosted.irsa.irsa_issuer": {**issuer, "prefix": "prod"}}, f"'{LOGIN}'"),
        (
            {"selfhosted.irsa.irsa_issuer": {**issuer, "bucket_public_paths": ["*/*"]}},
            "'*/*' opens objects of any name",
        ),
        ({"selfhosted.irsa.irsa_issuer": {**issuer, "tags": reserved}}, "the tag 'aws:mine' begins with aws:"),
        ({"selfhosted.irsa.irsa_issuer": {**external, "tags": reserved}}, "the tag 'aws:mine' begins with aws:"),
    ]
    tasks = [{"name": str(number), "ignore_errors": True, **task} for number, (task, _text) in enumerate(cases)]
    defaults = {"group/selfhosted.irsa.aws": {"region": REGION}}

    run = operator.play(
        [{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]
    ).ok()

    messages = {record.task: str(record.result.get("msg")) for record in run.records if record.task.isdigit()}
    for number, (_task, text) in enumerate(cases):
        assert text in messages[str(number)]
    assert run.writes == [] and list(operator.key_files()) == []
    assert reached(fetch) == NOTHING
