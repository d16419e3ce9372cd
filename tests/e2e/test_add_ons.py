# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles that the variable files of docs/add-ons make, judged by a real STS with tokens of a real API server.

Ceph knows the actions of few services. So here the policies of others are left out; tests/integration/test_add_ons.py
has them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from add_ons import VARIABLES, settings
from control_plane import ApiServer, NewApiServer
from endpoint import Endpoint, eventually
from runs import Ansible

AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True)
class Installed:
    """The API server with the accounts, and what the role left for each file."""

    api: ApiServer
    accounts: dict[Path, dict[str, Any]]


def variables_of(file: Path, endpoint: Endpoint) -> dict[str, Any]:
    """The variables of a file, without a policy that the endpoint cannot have."""
    variables: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    (item,) = variables["irsa_service_accounts_list"]
    services = {action.partition(":")[0] for action in actions(item["inline_policy"])}
    if not endpoint.is_aws and services != {"s3"}:
        del item["inline_policy"]
    return variables


def actions(policy: dict[str, Any]) -> Iterator[str]:
    for statement in policy["Statement"]:
        yield from [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


@pytest.fixture(scope="module")
def installed(
    endpoint: Endpoint, any_style: str, new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("add-ons")
    ansible = Ansible(folder)
    with contextlib.ExitStack() as until_then:
        site = until_then.enter_context(endpoint.site(any_style))
        issuer = ansible.provision({**site.variables, "irsa_issuer_key_type": "RSA"}).result
        api = until_then.enter_context(new_api_server(*issuer["apiserver_flags"]))
        api.write_kubeconfig(folder / "kubeconfig")
        variables = {
            **settings(),
            "irsa_kubeconfig": "kubeconfig",
            "irsa_service_accounts_cluster": site.bucket,
            "irsa_service_accounts_provider_arn": issuer["provider_arn"],
        }
        made = {}
        for file in VARIABLES:
            ran = ansible.service_accounts({**variables, **variables_of(file, endpoint)})
            (account,) = ran.result["accounts"]
            until_then.enter_context(endpoint.role_removed(account["role_name"]))
            made[file] = account
        yield Installed(api, made)


@pytest.mark.parametrize("file", VARIABLES, ids=lambda file: file.stem)
def test_sts_gives_the_role_to_the_account_of_the_add_on_only(
    endpoint: Endpoint, installed: Installed, file: Path
) -> None:
    api, account = installed.api, installed.accounts[file]
    namespace, name = account["namespace"], account["name"]
    refused = endpoint.sts.exceptions.ClientError
    annotated = api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")["metadata"]["annotations"]
    arn = annotated["eks.amazonaws.com/role-arn"]
    assert arn == account["role_arn"]

    def assume(namespace: str, name: str, audience: str = AUDIENCE) -> str:
        token = api.token(namespace, name, audience)
        answer = endpoint.sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="e2e", WebIdentityToken=token)
        return str(answer["Credentials"]["AccessKeyId"])

    assert eventually(lambda: assume(namespace, name), refused)
    for other in ((namespace, f"{name}-2"), (namespace, "default"), ("elsewhere", name), (f"{namespace}-2", name)):
        with pytest.raises(refused):
            assume(*other)
    with pytest.raises(refused):
        assume(namespace, name, "other.example.com")
    assert assume(namespace, name)
