# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From nothing to a pod with credentials: playbook enable on a real cluster, judged by a pod and by STS."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from endpoint import Endpoint, Site, eventually
from running_cluster import RunningCluster
from runs import Ansible, Run
from tokens import claims_of, forged, with_other_claims

NAMESPACE = "irsa-e2e-enable"
READER = "reader"
OTHER = "other"
ALLOWED = "allowed"
REFUSED = "refused"


@dataclass(frozen=True)
class Enabled:
    """A cluster that playbook enable was run on three times: in check mode, for real, and once more."""

    cluster: RunningCluster
    site: Site
    data: str
    planned: Run
    first: Run
    second: Run

    @property
    def role_arn(self) -> str:
        (account,) = self.first.result["accounts"]
        return str(account["role_arn"])


@pytest.fixture(scope="module")
def enabled(endpoint: Endpoint, any_style: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enabled]:
    cluster = RunningCluster()
    ansible = Ansible(tmp_path_factory.mktemp("enable"), cluster.inventory.read_text(encoding="utf-8"))
    with (
        endpoint.site(any_style) as site,
        _data(endpoint, site) as data,
        endpoint.role_removed(data),
        _no_namespace_left(cluster),
    ):
        variables = _variables(endpoint, cluster, site=site, data=data)
        planned = ansible.enable(variables, "--check")
        first = ansible.enable(variables, "-vvv")
        second = ansible.enable(variables)
        yield Enabled(cluster, site, data, planned=planned, first=first, second=second)


@contextlib.contextmanager
def _data(endpoint: Endpoint, site: Site) -> Iterator[str]:
    """A private bucket with two objects."""
    bucket = f"{site.bucket}-data"
    endpoint.make_bucket(bucket)
    try:
        for key in (ALLOWED, REFUSED):
            endpoint.s3.put_object(Bucket=bucket, Key=key, Body=f"this is {key}".encode())
        yield bucket
    finally:
        endpoint.delete_bucket(bucket)


@contextlib.contextmanager
def _no_namespace_left(cluster: RunningCluster) -> Iterator[None]:
    try:
        yield
    finally:
        cluster.delete_namespace(NAMESPACE)


def _variables(endpoint: Endpoint, cluster: RunningCluster, *, site: Site, data: str) -> dict[str, Any]:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{data}/{ALLOWED}"}],
    }
    account = {"namespace": NAMESPACE, "name": READER, "role_name": data, "inline_policy": policy}
    return {
        **{name: value for name, value in site.variables.items() if name != "irsa_issuer_key_path"},
        "irsa_kubeconfig": cluster.kubeconfig,
        # The URL of an issuer that is not on a bucket's own host at AWS does not tell it.
        "irsa_injection_region": endpoint.session.region_name,
        "irsa_service_accounts_list": [account],
        "irsa_service_accounts_create_namespaces": True,
    }


def test_check_mode_lists_what_the_run_does(enabled: Enabled) -> None:
    assert enabled.first.all_actions
    assert enabled.planned.all_actions == enabled.first.all_actions


def test_check_mode_writes_nothing(enabled: Enabled) -> None:
    assert not enabled.planned.writes


def test_restarts_are_announced_before_they_happen(enabled: Enabled) -> None:
    number = len(enabled.first.result["servers"])
    sentence = "1 API server restarts" if number == 1 else f"{number} API servers restart, one at a time"
    assert sentence in enabled.planned.output
    # Each step is a task twice: when it is planned, and when it is taken.
    tasks = [task.start() for task in re.finditer(r"TASK \[.* : API servers \| \S+: ", enabled.first.output)]
    assert enabled.first.output.index(sentence) < tasks[len(tasks) // 2]


def test_a_second_run_changes_nothing(enabled: Enabled) -> None:
    assert enabled.second.changed == 0
    assert enabled.second.all_actions == []


def test_no_token_is_printed(enabled: Enabled) -> None:
    # Every JWT begins with the encoding of {" and has a payload that does.
    assert not re.search(r"eyJ[\w-]+\.eyJ", enabled.planned.output + enabled.first.output + enabled.second.output)


def test_every_server_signs_for_the_issuer(enabled: Enabled) -> None:
    assert enabled.cluster.get("/.well-known/openid-configuration")["issuer"] == enabled.site.issuer
    for server in enabled.first.result["servers"].values():
        assert server["issuers"]["after"][0] == enabled.site.issuer
        assert len(server["issuers"]["after"]) > 1, "the old issuer is no longer accepted"


def test_the_clusters_keys_are_published(enabled: Enabled, endpoint: Endpoint) -> None:
    published = json.loads(endpoint.fetch(enabled.site.documents[0]).body)
    served = enabled.cluster.get("/openid/v1/jwks")
    assert {key["kid"] for key in served["keys"]} == {key["kid"] for key in published["keys"]}


def test_a_pod_reads_what_its_role_allows_and_nothing_else(enabled: Enabled) -> None:
    read = enabled.cluster.objects_read_by_a_pod(NAMESPACE, READER, bucket=enabled.data, keys=[ALLOWED, REFUSED])
    assert read == {ALLOWED: f"this is {ALLOWED}", REFUSED: "AccessDenied"}


def test_a_pod_of_another_account_gets_no_credentials(enabled: Enabled) -> None:
    enabled.cluster.ensure_account(NAMESPACE, OTHER)
    read = enabled.cluster.objects_read_by_a_pod(NAMESPACE, OTHER, bucket=enabled.data, keys=[ALLOWED])
    assert read == {ALLOWED: "NoCredentialsError"}


def test_sts_accepts_only_the_accounts_own_tokens(enabled: Enabled, endpoint: Endpoint) -> None:
    enabled.cluster.ensure_account(NAMESPACE, OTHER)
    good = enabled.cluster.token(NAMESPACE, READER)
    assert claims_of(good)["iss"] == enabled.site.issuer
    refused = endpoint.sts.exceptions.ClientError

    def assume(token: str) -> str:
        answer = endpoint.sts.assume_role_with_web_identity(
            RoleArn=enabled.role_arn, RoleSessionName="e2e", WebIdentityToken=token
        )
        return str(answer["Credentials"]["AccessKeyId"])

    assert eventually(lambda: assume(good), refused)
    bad = {
        "other account": enabled.cluster.token(NAMESPACE, OTHER),
        "other audience": enabled.cluster.token(NAMESPACE, READER, "other.example.com"),
        "the cluster's own audience": enabled.cluster.token(NAMESPACE, READER, enabled.site.issuer),
        "forged": forged(good),
        "other subject": with_other_claims(good, sub=f"system:serviceaccount:{NAMESPACE}:{OTHER}"),
    }
    for name, token in bad.items():
        with pytest.raises(refused):
            pytest.fail(f"{name}: accepted, as {assume(token)}")


def test_the_old_issuers_tokens_are_still_accepted(enabled: Enabled) -> None:
    """An audience of the old issuer is one of the API server's own, so a token for it is a login."""
    old = next(iter(enabled.first.result["servers"].values()))["issuers"]["before"][-1]
    token = enabled.cluster.token(NAMESPACE, READER, old)
    assert enabled.cluster.is_known(token)
