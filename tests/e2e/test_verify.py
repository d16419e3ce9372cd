# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""irsa_verify on an issuer that works, and after something in it was really broken: STS, asked by boto3, refuses, and
the diagnosis names the reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from control_plane import ApiServer, NewApiServer
from endpoint import Endpoint, Site, eventually
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible, Run
from tokens import claims_of, forged, header_of, with_other_claims

AUDIENCE = "sts.amazonaws.com"
SUBJECT = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@dataclass(frozen=True)
class Cluster:
    """An issuer created by the role, an API server with its key, and a role for one of its service accounts."""

    endpoint: Endpoint
    site: Site
    ansible: Ansible
    provisioned: Run
    api: ApiServer
    role_arn: str

    @property
    def role(self) -> str:
        return self.role_arn.rpartition("/")[2]

    def token(self, audience: str = AUDIENCE) -> str:
        return self.api.token(NAMESPACE, SERVICE_ACCOUNT, audience)

    def options(self, **given: Any) -> dict[str, Any]:
        usual = {
            "issuer": self.site.issuer,
            "expected_kids": [self.provisioned.result["kid"]],
            "role_arn": self.role_arn,
            "assume_role": True,
            "fail_on": "never",
        }
        owner = "IRSA_E2E_ACCOUNT_ID"
        for option, variable in (("ca_path", "AWS_CA_BUNDLE"), ("account_id", owner), ("bucket_account_id", owner)):
            if value := os.environ.get(variable):
                usual[option] = value
        return {"token": self.token(), **usual, **given}

    def verify(self, **given: Any) -> dict[str, Any]:
        """The result of the module, which must not contain the token or credentials."""
        options = self.options(**given)
        set_options = {name: value for name, value in options.items() if value is not None}
        result = self.ansible.module("selfhosted.irsa.irsa_verify", **set_options)
        shown = json.dumps({name: value for name, value in result.items() if name != "invocation"})
        assert not any(part in shown for part in (options["token"] or "\0").split("."))
        assert "SecretAccessKey" not in shown and "ASIA" not in shown
        return result

    def sts_accepts(self, token: str) -> bool:
        """Whether STS accepts the token from another client, boto3."""
        try:
            self.endpoint.sts.assume_role_with_web_identity(
                RoleArn=self.role_arn, RoleSessionName="e2e", WebIdentityToken=token
            )
        except self.endpoint.sts.exceptions.ClientError:
            return False
        return True

    def put(self, key: str, document: Any) -> None:
        body = json.dumps(document).encode()
        headers = {"ContentType": "application/json", "CacheControl": "no-cache"}
        self.endpoint.s3.put_object(Bucket=self.site.bucket, Key=key, Body=body, **headers)

    def trust(self, policy: Any) -> None:
        self.endpoint.iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=json.dumps(policy))


@pytest.fixture(scope="module")
def cluster(
    endpoint: Endpoint, any_style: str, new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    ansible = Ansible(tmp_path_factory.mktemp("cluster"))
    with endpoint.site(any_style) as site:
        provisioned = ansible.provision(site.variables)
        role = f"{site.bucket}-app"[:64]
        policy = json.dumps(provisioned.trust_policy)
        arn = endpoint.iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        try:
            with new_api_server(*provisioned.result["apiserver_flags"]) as api:
                made = Cluster(endpoint, site, ansible, provisioned, api, arn)
                eventually(lambda: _works(made), AssertionError)
                yield made
        finally:
            endpoint.iam.delete_role(RoleName=role)


def _works(cluster: Cluster) -> None:
    assert cluster.sts_accepts(cluster.token())


def errors(result: dict[str, Any]) -> list[str]:
    return [check["id"] for check in result["checks"] if check["status"] == "error"]


def status(result: dict[str, Any], check_id: str) -> str:
    return next(str(check["status"]) for check in result["checks"] if check["id"] == check_id)


def test_a_working_issuer_passes_every_check(cluster: Cluster) -> None:
    kubeconfig = cluster.ansible.folder / "kubeconfig"
    cluster.api.write_kubeconfig(kubeconfig)
    result = cluster.verify(kubeconfig=str(kubeconfig))
    assert (result["verdict"], result["diagnosis"]) == ("ok", None), result["report"]
    ids = [check["id"] for check in result["checks"] if check["status"] == "ok"]
    assert ids[-1] == "sts-assume"
    assert {"cluster-issuer", "cluster-keys", "provider-audience", "token-signature", "trust-subject"} <= set(ids)


def test_the_api_server_makes_the_token_that_sts_is_asked_with(cluster: Cluster) -> None:
    kubeconfig = cluster.ansible.folder / "kubeconfig"
    cluster.api.write_kubeconfig(kubeconfig)
    account = f"{NAMESPACE}/{SERVICE_ACCOUNT}"
    result = cluster.verify(kubeconfig=str(kubeconfig), service_account=account, token=None)
    assert result["verdict"] == "ok" and status(result, "sts-assume") == "ok", result["report"]
    result = cluster.verify(kubeconfig=str(kubeconfig), service_account=f"{NAMESPACE}/nobody", token=None)
    assert errors(result) == ["token-format"] and "no service account nobody" in result["diagnosis"]


def test_a_working_issuer_passes_with_only_its_url(cluster: Cluster) -> None:
    result = cluster.verify(expected_kids=[], token=None, role_arn=None, assume_role=False)
    assert result["verdict"] == "ok", result["report"]


# Ways to break the issuer. Each one also repairs it.


@contextlib.contextmanager
def other_key_published(cluster: Cluster) -> Iterator[None]:
    other = jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
    del other["key_ops"]
    cluster.put("keys.json", {"keys": [{**other, "kid": "other", "alg": "RS256", "use": "sig"}]})
    try:
        yield
    finally:
        cluster.put("keys.json", json.loads(cluster.provisioned.result["jwks_json"]))


@contextlib.contextmanager
def other_key_under_its_kid(cluster: Cluster) -> Iterator[None]:
    own = json.loads(cluster.provisioned.result["jwks_json"])
    other = jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
    cluster.put("keys.json", {"keys": [{**own["keys"][0], "n": other["n"]}]})
    try:
        yield
    finally:
        cluster.put("keys.json", own)


@contextlib.contextmanager
def policy_removed(cluster: Cluster) -> Iterator[None]:
    s3, bucket = cluster.endpoint.s3, cluster.site.bucket
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@contextlib.contextmanager
def access_block_on(cluster: Cluster) -> Iterator[None]:
    s3, bucket = cluster.endpoint.s3, cluster.site.bucket
    before = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=BLOCKED)
    try:
        yield
    finally:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=before)


@contextlib.contextmanager
def object_removed(cluster: Cluster) -> Iterator[None]:
    cluster.endpoint.s3.delete_object(Bucket=cluster.site.bucket, Key="keys.json")
    try:
        yield
    finally:
        cluster.put("keys.json", json.loads(cluster.provisioned.result["jwks_json"]))


@contextlib.contextmanager
def discovery_of_another_issuer(cluster: Cluster) -> Iterator[None]:
    own = json.loads(cluster.provisioned.result["discovery_json"])
    cluster.put(".well-known/openid-configuration", {**own, "issuer": f"{cluster.site.issuer}/"})
    try:
        yield
    finally:
        cluster.put(".well-known/openid-configuration", own)


@contextlib.contextmanager
def provider_deleted(cluster: Cluster) -> Iterator[None]:
    iam, issuer = cluster.endpoint.iam, cluster.site.issuer
    before = cluster.endpoint.provider(issuer)
    assert before is not None
    cluster.endpoint.delete_provider(issuer)
    try:
        yield
    finally:
        iam.create_open_id_connect_provider(
            Url=issuer, ClientIDList=before["ClientIDList"], ThumbprintList=before["ThumbprintList"]
        )


@contextlib.contextmanager
def audience_removed(cluster: Cluster) -> Iterator[None]:
    iam = cluster.endpoint.iam
    arn = {"OpenIDConnectProviderArn": cluster.provisioned.result["provider_arn"]}
    iam.add_client_id_to_open_id_connect_provider(ClientID="other.example.com", **arn)
    iam.remove_client_id_from_open_id_connect_provider(ClientID=AUDIENCE, **arn)
    try:
        yield
    finally:
        iam.add_client_id_to_open_id_connect_provider(ClientID=AUDIENCE, **arn)
        iam.remove_client_id_from_open_id_connect_provider(ClientID="other.example.com", **arn)


@contextlib.contextmanager
def other_trust(cluster: Cluster, **claims: str) -> Iterator[None]:
    own = cluster.provisioned.trust_policy
    policy = json.loads(json.dumps(own))
    conditions = policy["Statement"][0]["Condition"]["StringEquals"]
    for key in conditions:
        conditions[key] = claims.get(key.rpartition(":")[2], conditions[key])
    cluster.trust(policy)
    try:
        yield
    finally:
        cluster.trust(own)


def wrong_subject(cluster: Cluster) -> contextlib.AbstractContextManager[None]:
    return other_trust(cluster, sub=f"system:serviceaccount:{NAMESPACE}:another")


def wildcard_in_the_subject(cluster: Cluster) -> contextlib.AbstractContextManager[None]:
    return other_trust(cluster, sub=f"system:serviceaccount:{NAMESPACE}:*")


def wrong_audience_trusted(cluster: Cluster) -> contextlib.AbstractContextManager[None]:
    return other_trust(cluster, aud="other.example.com")


Break = Callable[[Cluster], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (other_key_published, "kid-expected"),
        (other_key_under_its_kid, "token-signature"),
        (policy_removed, "bucket-policy"),
        (access_block_on, "bucket-access-block"),
        (object_removed, "object-exists"),
        (provider_deleted, "provider-exists"),
        (audience_removed, "provider-audience"),
        (wrong_subject, "trust-subject"),
        (wildcard_in_the_subject, "trust-subject"),
        (wrong_audience_trusted, "trust-audience"),
    ],
)
def test_the_broken_part_is_named_when_sts_refuses(cluster: Cluster, broken: Break, found: str) -> None:
    def named() -> None:
        token = cluster.token()
        assert not cluster.sts_accepts(token)
        result = cluster.verify(token=token)
        assert errors(result)[0] == found, result["report"]
        assert (result["verdict"], status(result, "sts-assume")) == ("broken", "error")
        assert result["diagnosis"].startswith("STS answers ") and found in result["diagnosis"]

    with broken(cluster):
        eventually(named, AssertionError)
    eventually(lambda: _works(cluster), AssertionError)


def test_a_discovery_document_of_another_issuer_is_an_error_even_if_sts_accepts(cluster: Cluster) -> None:
    """AWS compares the issuer; the STS of some stores does not."""
    with discovery_of_another_issuer(cluster):
        token = cluster.token()
        result = cluster.verify(token=token)
        assert errors(result)[0] == "discovery-issuer", result["report"]
        assert (status(result, "sts-assume") == "ok") == cluster.sts_accepts(token)
        assert "discovery-issuer" in result["diagnosis"] or "slash" in result["diagnosis"]


def signed_by_the_cluster(cluster: Cluster, **claims: Any) -> str:
    """A token as the API server signs it, with its key, except for these claims."""
    key = (cluster.ansible.folder / "sa-signer.key").read_bytes()
    own = cluster.token()
    return jwt.encode({**claims_of(own), **claims}, key, "RS256", headers={"kid": header_of(own)["kid"]})


def expired(cluster: Cluster) -> str:
    now = int(time.time())
    return signed_by_the_cluster(cluster, iat=now - 7200, nbf=now - 7200, exp=now - 3600)


def of_another_issuer(cluster: Cluster) -> str:
    return signed_by_the_cluster(cluster, iss=f"{cluster.site.issuer}/")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (expired, "token-lifetime"),
        (of_another_issuer, "token-issuer"),
        (lambda cluster: forged(cluster.token()), "token-signature"),
        (lambda cluster: with_other_claims(cluster.token(), sub=f"{SUBJECT}-other"), "token-signature"),
        (lambda cluster: cluster.token("other.example.com"), "token-audience"),
        (lambda cluster: cluster.api.token(NAMESPACE, "another", AUDIENCE), "trust-subject"),
    ],
    ids=[
        "expired",
        "of another issuer",
        "forged",
        "tampered with",
        "for another audience",
        "of another service account",
    ],
)
def test_a_token_that_sts_refuses_is_an_error_with_the_reason(
    cluster: Cluster, make: Callable[[Cluster], str], found: str
) -> None:
    token = make(cluster)
    assert not cluster.sts_accepts(token)
    result = cluster.verify(token=token)
    assert errors(result)[0] == found, result["report"]
    assert status(result, "sts-assume") == "error"
    assert result["diagnosis"].startswith("STS answers ") and found in result["diagnosis"]


def test_an_api_server_with_another_issuer_or_key_is_named(
    cluster: Cluster, new_api_server: NewApiServer, tmp_path: Path
) -> None:
    other_key = tmp_path / "other.key"
    Ansible(tmp_path).module("selfhosted.irsa.irsa_keypair", path=str(other_key))

    def flags(issuers: Sequence[str], key: Path) -> list[str]:
        return [
            *(f"--service-account-issuer={issuer}" for issuer in issuers),
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--api-audiences={AUDIENCE}",
        ]

    own_key = cluster.ansible.folder / "sa-signer.key"
    old = "https://kubernetes.default.svc.cluster.local"
    for issuers, key, found in (
        ([old, cluster.site.issuer], own_key, "apiserver-issuer"),
        ([cluster.site.issuer], other_key, "cluster-keys"),
    ):
        with new_api_server(*flags(issuers, key)) as api:
            kubeconfig = tmp_path / f"kubeconfig-of-{found}"
            api.write_kubeconfig(kubeconfig)
            token = api.token(NAMESPACE, SERVICE_ACCOUNT, AUDIENCE)
            assert not cluster.sts_accepts(token)
            result = cluster.verify(kubeconfig=str(kubeconfig), token=token)
            assert errors(result)[0] == found, result["report"]
            assert found in result["diagnosis"]


def test_a_kubeconfig_without_permissions_leaves_the_cluster_unknown(cluster: Cluster, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    cluster.api.write_kubeconfig(kubeconfig)
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = "nobody"
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    result = cluster.verify(kubeconfig=str(kubeconfig))
    assert [status(result, check_id) for check_id in ("cluster-issuer", "cluster-keys")] == ["skipped", "skipped"]
    assert result["verdict"] == "ok", result["report"]
