# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the faults are put into: states of an account, what is run on them, and what of others' is in it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sandbox.environment import REGION

from . import key_state, module_runs
from .module_runs import Step
from .role_scenarios import ROLE_SCENARIOS
from .scenario import Scenario
from .stage import Stage

PROVISION = "selfhosted.irsa.provision"
TEARDOWN = "selfhosted.irsa.teardown"
BUCKET = "irsa-faults"
PRIVATE_BUCKET = "vault-faults"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
ISSUER = f"https://{HOST}"
ROLE = "cart"
SUBJECT = "system:serviceaccount:shop:cart"
TAGS = {"team": "platform"}
# The greatest of IAM's thumbprints is as good as any.
OTHER_THUMBPRINT = "f" * 40


def _arn(stage: Stage) -> str:
    return f"arn:aws:iam::{stage.account_id}:oidc-provider/{HOST}"


# --- what is run


def _issuer(stage: Stage, **more: Any) -> Step:
    options = {
        "bucket": BUCKET,
        "tags": TAGS,
        "key_path": str(stage.key),
        # As the role names them.
        "public_key_path": str(stage.key.with_name(f"{stage.key.stem}-pkcs8.pub")),
        "openssh_public_key_path": f"{stage.key}.pub",
        "key_type": "ECDSA",
        **more,
    }
    return Step(module="irsa_issuer", options=options)


def _steps_present(stage: Stage) -> Sequence[Step]:
    return [_issuer(stage)]


def _steps_drifted(stage: Stage) -> Sequence[Step]:
    thumbprints = [stage.cloud.thumbprint]
    return [_issuer(stage, thumbprints=thumbprints, bucket_versioning=True, bucket_encryption="AES256")]


def _steps_single(stage: Stage) -> Sequence[Step]:
    bucket = {"name": BUCKET, "tags": {}, "purge_tags": True, "object_ownership": "BucketOwnerEnforced"}
    provider = {
        "url": ISSUER,
        "client_ids": ["sts.amazonaws.com"],
        "purge_client_ids": True,
        "thumbprints": [stage.cloud.thumbprint],
        "tags": {},
        "purge_tags": True,
    }
    return [
        Step(module="irsa_bucket", options=bucket),
        Step(module="irsa_oidc_provider", options=provider),
        Step(module="irsa_oidc_provider_info", options={}),
        Step(module="irsa_bucket_info", options={"name": BUCKET, "required": True}),
    ]


def _steps_backup(stage: Stage) -> Sequence[Step]:
    options = {
        "destination": f"s3://{PRIVATE_BUCKET}/prod",
        "key_path": str(stage.key),
        "openssh_public_key_path": f"{stage.key}.pub",
    }
    return [Step(module="irsa_key_backup", options=options)]


def _steps_teardown(stage: Stage) -> Sequence[Step]:
    # The playbook asks for the path of the key, which it keeps.
    return [Step(module="irsa_issuer", options={"bucket": BUCKET, "key_path": str(stage.key), "state": "absent"})]


def _steps_teardown_with_bucket(stage: Stage) -> Sequence[Step]:
    (step,) = _steps_teardown(stage)
    return [Step(module=step.module, options={**step.options, "delete_bucket": True})]


def _steps_verify(stage: Stage) -> Sequence[Step]:
    options = {
        "issuer": ISSUER,
        "role_arn": f"arn:aws:iam::{stage.account_id}:role/{ROLE}",
        "token": _token(stage),
        "assume_role": True,
        "fail_on": "never",
    }
    return [Step(module="irsa_verify", options=options)]


def _token(stage: Stage) -> str:
    key = key_state.load(stage.key)
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": ["sts.amazonaws.com"], "iat": now, "exp": now + 3600}
    return jwt.encode(claims, stage.key.read_text(), "ES256", headers={"kid": key_state.kid_of(key)})


# --- what it is run on


def _make(stage: Stage) -> None:
    made = module_runs.run(_steps_present(stage))
    assert not made.failed, made.broke or made.message


def _prepare_nothing(stage: Stage) -> None:
    """A bucket and a provider of others."""
    stage.client("s3").create_bucket(Bucket="others-faults", CreateBucketConfiguration={"LocationConstraint": REGION})
    stage.client("iam").create_open_id_connect_provider(
        Url="https://issuer.example/of-others", ClientIDList=["others"], ThumbprintList=[OTHER_THUMBPRINT]
    )


def _prepare_used(stage: Stage) -> None:
    """An issuer that is as it should be, and that others use, too."""
    _prepare_nothing(stage)
    _make(stage)
    s3, iam = stage.client("s3"), stage.client("iam")
    _add_statement(s3, stage)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": _tag_list({**TAGS, "cost-center": "42"})})
    s3.put_object(Bucket=BUCKET, Key="reports/march.csv", Body=b"1;2\n")
    keys = json.loads(s3.get_object(Bucket=BUCKET, Key="keys.json")["Body"].read())["keys"]
    _publish(s3, [*keys, key_state.jwk_of(ec.generate_private_key(ec.SECP256R1()))])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=_arn(stage), Tags=_tag_list({"cost-center": "42"}))
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=_arn(stage), ClientID="others")
    assert not module_runs.run(_steps_present(stage)).failed


def _prepare_drifted(stage: Stage) -> None:
    """The same, with everything of ours changed or gone."""
    _prepare_used(stage)
    s3, iam, arn = stage.client("s3"), stage.client("iam"), {"OpenIDConnectProviderArn": _arn(stage)}
    s3.delete_bucket_policy(Bucket=BUCKET)
    _add_statement(s3, stage)
    block = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(block, True))
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": _tag_list({"team": "x", "cost-center": "42"})})
    own = key_state.kid_of(key_state.load(stage.key))
    keys = json.loads(s3.get_object(Bucket=BUCKET, Key="keys.json")["Body"].read())["keys"]
    _publish(s3, [key for key in keys if key["kid"] != own])
    s3.delete_object(Bucket=BUCKET, Key=".well-known/openid-configuration")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="sts.amazonaws.com")
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=[OTHER_THUMBPRINT])
    iam.tag_open_id_connect_provider(**arn, Tags=_tag_list({"team": "x"}))


def _prepare_single(stage: Stage) -> None:
    """What the single modules manage: tags, client IDs and thumbprints to take away."""
    _prepare_used(stage)
    s3, iam, arn = stage.client("s3"), stage.client("iam"), {"OpenIDConnectProviderArn": _arn(stage)}
    s3.put_bucket_ownership_controls(
        Bucket=BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=[OTHER_THUMBPRINT])
    iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="unwanted")


def _prepare_backup(stage: Stage) -> None:
    _make(stage)
    stage.client("s3").create_bucket(Bucket=PRIVATE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


def _prepare_teardown(stage: Stage) -> None:
    _prepare_used(stage)
    stage.client("iam").create_role(
        RoleName="another", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}'
    )


def _prepare_teardown_with_bucket(stage: Stage) -> None:
    """A bucket that keeps old versions, and holds nothing but them and the documents."""
    _prepare_nothing(stage)
    _make(stage)
    s3 = stage.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    _publish(s3, [key_state.jwk_of(key_state.load(stage.key))])


def _prepare_verify(stage: Stage) -> None:
    _make(stage)
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": _arn(stage)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:aud": "sts.amazonaws.com"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stage.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)


def _prepare_verify_closed(stage: Stage) -> None:
    _prepare_verify(stage)
    block = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    stage.client("s3").put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(block, True))


def _add_statement(s3: Any, stage: Stage) -> None:
    """Adds a statement of others that opens nothing to everybody."""
    statement = {
        "Sid": "Reports",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{stage.account_id}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/reports/*",
    }
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    except s3.exceptions.ClientError:
        policy = {"Version": "2012-10-17", "Statement": []}
    policy["Statement"].append(statement)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def _publish(s3: Any, keys: list[dict[str, Any]]) -> None:
    body = json.dumps({"keys": keys}).encode()
    s3.put_object(Bucket=BUCKET, Key="keys.json", Body=body, ContentType="application/json", CacheControl="no-cache")


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="first",
        title="first run, with a new key and a new bucket",
        prepare=_prepare_nothing,
        steps=_steps_present,
        playbook=PROVISION,
    ),
    Scenario(name="unchanged", title="unchanged run", prepare=_prepare_used, steps=_steps_present, playbook=PROVISION),
    Scenario(
        name="drifted",
        title="repair of everything: access block, policy, tags, encryption, versioning, documents, provider",
        prepare=_prepare_drifted,
        steps=_steps_drifted,
        playbook=PROVISION,
    ),
    Scenario(
        name="single",
        title="irsa_bucket and irsa_oidc_provider with purge options, irsa_oidc_provider_info, irsa_bucket_info",
        prepare=_prepare_single,
        steps=_steps_single,
    ),
    Scenario(
        name="backup",
        title="irsa_key_backup into a private bucket",
        prepare=_prepare_backup,
        steps=_steps_backup,
    ),
    Scenario(
        name="teardown",
        title="teardown that keeps the bucket",
        prepare=_prepare_teardown,
        steps=_steps_teardown,
        playbook=TEARDOWN,
    ),
    Scenario(
        name="teardown-bucket",
        title="teardown with the bucket and all old versions",
        prepare=_prepare_teardown_with_bucket,
        steps=_steps_teardown_with_bucket,
        playbook=TEARDOWN,
    ),
    Scenario(
        name="verify",
        title="irsa_verify with a token, down to AssumeRoleWithWebIdentity",
        prepare=_prepare_verify,
        steps=_steps_verify,
    ),
    Scenario(
        name="verify-closed",
        title="irsa_verify of a bucket that is closed, with the search for the reason",
        prepare=_prepare_verify_closed,
        steps=_steps_verify,
    ),
    *ROLE_SCENARIOS,
)
