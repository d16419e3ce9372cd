# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of service accounts: planned here, and written by modules of amazon.aws."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.sandbox.environment import REGION

from . import module_runs
from .module_runs import Step
from .scenario import Scenario
from .stage import Stage

PLAN = "irsa_service_accounts_plan"
HOST = f"irsa-faults.s3.{REGION}.amazonaws.com"
SESSION = 7200

# Options of amazon.aws.iam_role, as the role sets them, by what the plan calls them.
_OPTIONS = {
    "trust_policy": "assume_role_policy_document",
    "description": "description",
    "managed_policies": "managed_policies",
    "permissions_boundary": "boundary",
    "max_session_duration": "max_session_duration",
    "tags": "tags",
}


def _provider(stage: Stage) -> str:
    return f"arn:aws:iam::{stage.account_id}:oidc-provider/{HOST}"


def _policy_arn(stage: Stage, name: str) -> str:
    return f"arn:aws:iam::{stage.account_id}:policy/{name}"


def _inline(bucket: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


# --- what is run


def _steps(stage: Stage, accounts: Sequence[Mapping[str, Any]]) -> Sequence[Step]:
    """The tasks of the role. Its manifest is there already, since no fault of AWS changes it."""
    options = {
        "accounts": accounts,
        "provider_arn": _provider(stage),
        "cluster": "prod",
        "manifests_path": str(stage.keys),
    }
    return [Step(module=PLAN, options=options, then=_writes)]


def _writes(plan: Mapping[str, Any]) -> Iterator[Step]:
    for role in plan["roles"]:
        yield _role(role)
    for policy in plan["inline_policies"]:
        options = {
            "iam_type": "role",
            "iam_name": policy["name"],
            "policy_name": policy["policy_name"],
            "policy_json": policy["policy"],
            "state": "present",
        }
        yield Step(module="amazon.aws.iam_policy", options=options)
    for role in plan["former_roles"]:
        yield _role(role)


def _role(role: Mapping[str, Any]) -> Step:
    options = {option: role[name] for name, option in _OPTIONS.items() if name in role}
    fixed = {
        "name": role["name"],
        "state": role["state"],
        "purge_policies": role["state"] == "absent",
        "purge_tags": False,
        "create_instance_profile": False,
        "delete_instance_profile": False,
    }
    return Step(module="amazon.aws.iam_role", options={**fixed, **options})


def _first(stage: Stage) -> list[dict[str, Any]]:
    cart = {
        "namespace": "shop",
        "name": "cart",
        **_everything(stage, "carts"),
    }
    return [cart, _shared(stage)]


def _everything(stage: Stage, bucket: str) -> dict[str, Any]:
    """What a role can have beside its trust policy."""
    return {
        "managed_policies": [_policy_arn(stage, "read")],
        "inline_policy": _inline(bucket),
        "max_session_duration": SESSION,
        "permissions_boundary": _policy_arn(stage, "boundary"),
        "tags": {"team": "shop"},
    }


def _shared(stage: Stage) -> dict[str, Any]:
    """An account that gets the role of another cluster, too, in which everything has to change."""
    return {
        "namespace": "shop",
        "name": "bill",
        "role_name": "shared",
        **_everything(stage, "bills"),
    }


def _steps_first(stage: Stage) -> Sequence[Step]:
    return _steps(stage, _first(stage))


def _steps_absent(stage: Stage) -> Sequence[Step]:
    return _steps(stage, [{**account, "state": "absent"} for account in _first(stage)])


# --- what it is run on


def _prepare_first(stage: Stage) -> None:
    iam = stage.client("iam")
    for name in ("read", "boundary"):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(_inline(name)))
    trusted = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{stage.account_id}:oidc-provider/other.example"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"other.example:sub": "system:serviceaccount:shop:bill"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    iam.create_role(RoleName="shared", AssumeRolePolicyDocument=document, Tags=[{"Key": "cost-center", "Value": "42"}])
    iam.put_role_policy(RoleName="shared", PolicyName="theirs", PolicyDocument=json.dumps(_inline("theirs")))
    _write_manifest(stage, _steps_first(stage))


def _prepare_absent(stage: Stage) -> None:
    _prepare_first(stage)
    made = module_runs.run(_steps_first(stage))
    assert not made.failed, made.broke or made.message
    stage.client("iam").put_role_policy(
        RoleName="prod-shop-cart", PolicyName="added", PolicyDocument=json.dumps(_inline("added"))
    )
    _write_manifest(stage, _steps_absent(stage))


def _write_manifest(stage: Stage, steps: Sequence[Step]) -> None:
    (step,) = steps
    plan = module_runs.run([Step(module=step.module, options=step.options)])
    assert not plan.failed, plan.broke or plan.message
    manifest = plan.results[0]["manifest"]
    Path(manifest["path"]).write_text(manifest["text"], encoding="utf-8")


ROLE_SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="accounts",
        title="roles of service accounts: one created, one of another cluster extended, by amazon.aws",
        prepare=_prepare_first,
        steps=_steps_first,
    ),
    Scenario(
        name="accounts-absent",
        title="the same withdrawn: one deleted with its policies, one kept for the other cluster",
        prepare=_prepare_absent,
        steps=_steps_absent,
    ),
)
