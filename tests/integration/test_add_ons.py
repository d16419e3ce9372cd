# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variable files of docs/add-ons against the embedded AWS, with the settings that their pages show."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.exceptions import ClientError

from accounts import Account
from add_ons import BLOCKS, OVERVIEW, VARIABLES, needed, page_of, settings
from playbooks import Operator, Run

MANIFEST = "irsa-service-accounts.yaml"
POLICY = "selfhosted.irsa"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: all inline policies of a role together,
# without white space.
LARGEST_POLICY = 10240

# The services of botocore whose operations are the actions of a prefix.
SERVICES = {"elasticloadbalancing": "elbv2"}
# Actions that are not called like an operation: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
# and https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html say which permission these need.
OTHER_NAMES = {"s3:ListBucket": "ListObjectsV2", "s3:ListMultipartUploadParts": "ListParts"}

# Actions for which AWS knows no smaller resource than all: those without a resource type in the pages for route53,
# ec2, elasticloadbalancing (V2), acm and autoscaling of
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = re.compile(
    r"route53:ListHostedZones"
    r"|acm:ListCertificates"
    r"|autoscaling:Describe(AutoScalingGroups|LaunchConfigurations|ScalingActivities)"
    r"|ec2:Describe(AccountAttributes|Addresses|AvailabilityZones|Images|InstanceTypes|Instances|InternetGateways"
    r"|LaunchTemplateVersions|NetworkInterfaces|RouteTables|SecurityGroups"
    r"|Snapshots|Subnets|VolumeStatus|Volumes|VolumesModifications|Vpcs)"
    # On all in the project's policy, too: Elastic Load Balancing makes this call.
    r"|ec2:Get(InstanceTypesFromInstanceRequirements|SecurityGroupsForVpc)"
    r"|elasticloadbalancing:Describe(ListenerAttributes|ListenerCertificates|Listeners|LoadBalancerAttributes"
    r"|LoadBalancers|Rules|Tags|TargetGroupAttributes|TargetGroups|TargetHealth)"
)


@dataclass(frozen=True)
class Given:
    """What came of one file: its runs, and the role and the manifest afterwards."""

    runs: list[Run]
    account: dict[str, Any]
    role: dict[str, Any]
    policy: dict[str, Any]
    manifest: list[dict[str, Any]]


def run(operator: Operator, file: Path, given: dict[str, Any]) -> Run:
    """Run the playbook of the overview with a file."""
    (playbook,) = (block for block in BLOCKS[OVERVIEW] if block.file == "accounts.yml")
    (plays,) = playbook.documents
    return operator.play(plays, "-e", f"@{file}", variables=given)


def in_place_of_a_cluster(operator: Operator, file: Path) -> dict[str, Any]:
    folder = operator.folder / file.stem
    folder.mkdir(exist_ok=True)
    given = {**settings(), "irsa_manifests_path": str(folder)}
    del given["irsa_kubeconfig"]
    return given


def result(run: Run) -> dict[str, Any]:
    (found,) = (
        record.result["ansible_facts"]["irsa_service_accounts_result"]
        for record in run.ok().records
        if "irsa_service_accounts_result" in (record.result.get("ansible_facts") or {})
    )
    (account,) = found
    return dict(account)


@pytest.fixture(scope="module")
def given(new_operator: Callable[[], Operator]) -> dict[Path, Given]:
    operator = new_operator()
    iam = Account(operator.sandbox).client("iam")
    made = {}
    for file in VARIABLES:
        variables = in_place_of_a_cluster(operator, file)
        runs = [run(operator, file, variables).ok() for _again in range(2)]
        name = result(runs[0])["role_name"]
        made[file] = Given(
            runs,
            result(runs[0]),
            iam.get_role(RoleName=name)["Role"],
            iam.get_role_policy(RoleName=name, PolicyName=POLICY)["PolicyDocument"],
            list(yaml.safe_load_all((operator.folder / file.stem / MANIFEST).read_text(encoding="utf-8"))),
        )
    return made


def statements(policy: dict[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """The actions and the resources of each statement."""
    for statement in policy["Statement"]:
        yield as_list(statement["Action"]), as_list(statement["Resource"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


each_file = pytest.mark.parametrize("file", VARIABLES, ids=lambda file: file.stem)


@each_file
def test_the_role_gives_the_account_its_role_with_the_policy(file: Path, given: dict[Path, Given]) -> None:
    found = given[file]
    (item,) = yaml.safe_load(file.read_text(encoding="utf-8"))["irsa_service_accounts_list"]
    key = settings()["irsa_service_accounts_provider_arn"].partition("/")[2]
    (trusted,) = found.role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Condition"] == {
        "StringEquals": {
            f"{key}:aud": "sts.amazonaws.com",
            f"{key}:sub": f"system:serviceaccount:{item['namespace']}:{item['name']}",
        }
    }
    (account,) = (each for each in found.manifest if each["kind"] == "ServiceAccount")
    assert {name: account["metadata"][name] for name in ("namespace", "name")} == {
        name: item[name] for name in ("namespace", "name")
    }
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == found.role["Arn"]
    has_namespace = any(each["kind"] == "Namespace" for each in found.manifest)
    assert has_namespace is (item["namespace"] != "kube-system")
    assert [each["Sid"] for each in found.policy["Statement"]] == [
        each["Sid"] for each in item["inline_policy"]["Statement"]
    ]


@each_file
def test_a_second_run_changes_nothing(file: Path, given: dict[Path, Given]) -> None:
    assert given[file].runs[1].writes == []
    assert given[file].runs[1].changed == {"localhost": 0}


@each_file
def test_the_policy_is_whole_and_fits(file: Path, given: dict[Path, Given]) -> None:
    text = json.dumps(given[file].policy, separators=(",", ":"))
    assert "{" + "{" not in text
    assert len(text) <= LARGEST_POLICY
    for name in needed(file):
        values = settings()[name]
        for value in values if isinstance(values, list) else [values]:
            assert str(value) in text


@each_file
def test_every_action_exists(file: Path, given: dict[Path, Given]) -> None:
    session = botocore.session.get_session()
    for actions, _resources in statements(given[file].policy):
        for action in actions:
            prefix, name = action.split(":")
            model = session.get_service_model(SERVICES.get(prefix, prefix))
            assert OTHER_NAMES.get(action, name) in model.operation_names, action


@each_file
def test_only_what_has_no_smaller_resource_is_allowed_on_all(file: Path, given: dict[Path, Given]) -> None:
    for actions, resources in statements(given[file].policy):
        for action in actions:
            assert (resources == ["*"]) is bool(WITHOUT_RESOURCE.fullmatch(action)), action
    for actions, resources in statements(given[file].policy):
        assert "*" not in "".join(actions)
        assert resources
        if resources != ["*"]:
            # The name of a service, and what is behind it.
            assert all(re.fullmatch(r"arn:aws:[a-z0-9]+:[\w-]*:\d*:.*[^*:/].*", each) for each in resources), resources


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no effect": lambda statement: statement.pop("Effect"),
    "no resource": lambda statement: statement.pop("Resource"),
    "an empty list of resources": lambda statement: statement.update(Resource=[]),
    "an action without service": lambda statement: statement.update(Action="ListBucket"),
    "a resource that is no ARN": lambda statement: statement.update(Resource="example-backups"),
    "an unknown operator": lambda statement: statement.update(Condition={"StringMatches": {"aws:x": "y"}}),
    "an unknown member": lambda statement: statement.update(Actions="s3:ListBucket"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_iam_refuses_a_policy_that_is_broken(fault: str, account: Account, given: dict[Path, Given]) -> None:
    """So that it took the policies of the files means something."""
    (policy,) = (copy.deepcopy(found.policy) for file, found in given.items() if file.stem == "velero")
    iam = account.client("iam")
    iam.create_role(RoleName=fault.replace(" ", "-"), AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))
    put = {"RoleName": fault.replace(" ", "-"), "PolicyName": POLICY}
    iam.put_role_policy(**put, PolicyDocument=json.dumps(policy))
    BROKEN[fault](policy["Statement"][0])
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        iam.put_role_policy(**put, PolicyDocument=json.dumps(policy))


@each_file
def test_a_setting_that_is_missing_stops_the_run_with_its_name(
    file: Path, new_operator: Callable[[], Operator]
) -> None:
    operator = new_operator()
    (missing, *_others) = sorted(needed(file), key=lambda name: (name.startswith(("add_ons", "irsa")), name))
    variables = in_place_of_a_cluster(operator, file)
    del variables[missing]
    stopped = run(operator, file, variables)
    assert missing in stopped.failure
    assert stopped.writes == []


@each_file
def test_the_check_names_the_account_and_its_role(file: Path, given: dict[Path, Given]) -> None:
    account = given[file].account
    (block,) = (block for block in BLOCKS[page_of(file)] if "selfhosted.irsa.verify" in block.text)
    options = dict(re.findall(r"-e irsa_verify_(\w+)=(\S+)", block.text))
    assert options["service_account"] == f"{account['namespace']}/{account['name']}"
    assert options["role_arn"] == given[file].role["Arn"]
    assert options["issuer"].endswith(settings()["irsa_service_accounts_provider_arn"].partition("/")[2])
