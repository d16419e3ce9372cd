# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers of the role in use: kube-apiserver signs with the key; STS and another kube-apiserver judge the tokens."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_plane import ApiServer, NewApiServer, NotReady
from endpoint import Endpoint, Site, eventually, setting
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible, Run
from tokens import claims_of, forged, header_of, with_other_claims

AUDIENCE = "sts.amazonaws.com"

KEYS = {
    "RSA": {"irsa_issuer_key_type": "RSA"},
    "P-256": {"irsa_issuer_key_type": "ECDSA", "irsa_issuer_key_curve": "P-256"},
    "P-384": {"irsa_issuer_key_type": "ECDSA", "irsa_issuer_key_curve": "P-384"},
    "P-521": {"irsa_issuer_key_type": "ECDSA", "irsa_issuer_key_curve": "P-521"},
}


@dataclass(frozen=True)
class Cluster:
    """An issuer that the role made, and an API server that was given the role's flags."""

    key_type: str
    folder: Path
    site: Site
    provisioned: Run
    api: ApiServer

    def token(self, audience: str = AUDIENCE, service_account: str = SERVICE_ACCOUNT) -> str:
        return self.api.token(NAMESPACE, service_account, audience)


@pytest.fixture(scope="module", params=KEYS)
def cluster(
    request: pytest.FixtureRequest,
    endpoint: Endpoint,
    any_style: str,
    new_api_server: NewApiServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with endpoint.site(any_style) as site:
        provisioned = Ansible(folder).provision({**site.variables, **KEYS[request.param]})
        with new_api_server(*provisioned.result["apiserver_flags"]) as api:
            yield Cluster(request.param, folder, site, provisioned, api)


def test_the_api_server_signs_with_the_published_key(cluster: Cluster) -> None:
    token = cluster.token()
    assert claims_of(token)["iss"] == cluster.site.issuer
    assert header_of(token)["kid"] == cluster.provisioned.result["kid"]
    assert header_of(token)["alg"] == cluster.provisioned.result["algorithm"]


def test_the_api_servers_jwks_is_the_published_one(endpoint: Endpoint, cluster: Cluster) -> None:
    published = endpoint.fetch(cluster.site.documents[0])
    assert json.loads(published.body) == cluster.api.get("/openid/v1/jwks")


def test_the_api_servers_discovery_document_agrees_with_the_published_one(endpoint: Endpoint, cluster: Cluster) -> None:
    published = json.loads(endpoint.fetch(cluster.site.documents[1]).body)
    own = cluster.api.get("/.well-known/openid-configuration")
    assert own == {name: published[name] for name in own}


def test_the_api_server_accepts_its_own_tokens(cluster: Cluster) -> None:
    """The public key file that the flags name verifies what the private one signs."""
    known = cluster.token(audience=cluster.site.issuer)
    assert cluster.api.ask("/api/v1/nodes", bearer=known)[0] == 403
    assert cluster.api.ask("/api/v1/nodes", bearer=forged(known))[0] == 401


def test_self_hosted_keys_prints_the_published_jwks(endpoint: Endpoint, cluster: Cluster) -> None:
    program = setting("SELF_HOSTED_KEYS", "the EKS pod identity webhook's self-hosted-keys")
    command = [program, "-key", str(cluster.folder / "sa-signer-pkcs8.pub")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if cluster.key_type == "RSA":
        assert json.loads(ended.stdout) == json.loads(endpoint.fetch(cluster.site.documents[0]).body)
    else:
        assert ended.returncode != 0 and "not RSA" in ended.stdout + ended.stderr


def test_a_relying_party_accepts_only_the_clusters_tokens(
    endpoint: Endpoint, cluster: Cluster, new_api_server: NewApiServer
) -> None:
    """Another API server reads the published documents, and judges tokens by them alone."""
    own_key = cluster.folder / "relying-party.key"
    Ansible(cluster.folder).module("selfhosted.irsa.irsa_keypair", path=str(own_key))
    flags = [
        "--service-account-issuer=https://relying-party.example.com",
        f"--service-account-key-file={own_key}",
        f"--service-account-signing-key-file={own_key}",
        f"--oidc-issuer-url={cluster.site.issuer}",
        f"--oidc-client-id={AUDIENCE}",
        "--oidc-username-prefix=irsa:",
        "--oidc-signing-algs=RS256,ES256,ES384,ES512",
        *([f"--oidc-ca-file={endpoint.ca_path}"] if endpoint.ca_path else []),
    ]
    with new_api_server(*flags) as judge:
        good = cluster.token()

        def verdict(token: str) -> int:
            return judge.ask("/api/v1/nodes", bearer=token)[0]

        def known() -> None:
            assert verdict(good) == 403

        # It fetches the documents in the background, and knows nobody until it has them. Known is not allowed: 403.
        eventually(known, AssertionError)
        bad = {
            "forged": forged(good),
            "other subject": with_other_claims(good, sub="system:serviceaccount:kube-system:admin"),
            "other audience": cluster.token(audience="other.example.com"),
        }
        assert {name: verdict(token) for name, token in bad.items()} == dict.fromkeys(bad, 401)


@pytest.mark.parametrize("file_format", ["traditional", "pkcs8"])
@pytest.mark.parametrize("key_type", KEYS)
def test_the_api_server_starts_with_both_forms_of_every_key(
    new_api_server: NewApiServer, ansible: Ansible, key_type: str, file_format: str
) -> None:
    """As a signing key both will do; as a key to verify with, an elliptic-curve one in PKCS#8 is not read."""
    key, public = ansible.folder / "sa.key", ansible.folder / "sa.pub"
    kind = {name.removeprefix("irsa_issuer_key_"): value for name, value in KEYS[key_type].items()}
    made = ansible.module(
        "selfhosted.irsa.irsa_keypair", path=str(key), public_key_path=str(public), format=file_format, **kind
    )

    def flags(verifying: Path) -> list[str]:
        return [
            "--service-account-issuer=https://issuer.example.com",
            f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={verifying}",
        ]

    with new_api_server(*flags(public)) as api:
        assert [entry["kid"] for entry in api.get("/openid/v1/jwks")["keys"]] == [made["kid"]]
        assert header_of(api.token(NAMESPACE, SERVICE_ACCOUNT, AUDIENCE))["kid"] == made["kid"]
    if file_format == "pkcs8" and key_type != "RSA":
        unusable = "data does not contain any valid RSA or ECDSA public keys"
        with pytest.raises(NotReady, match=unusable), new_api_server(*flags(key)):
            pass


def test_sts_accepts_only_the_clusters_tokens(endpoint: Endpoint, cluster: Cluster) -> None:
    """The endpoint's own STS is the judge, by the trust policy that the collection's filter makes."""
    algorithm = cluster.provisioned.result["algorithm"]
    if algorithm not in os.environ.get("IRSA_E2E_STS_ALGORITHMS", algorithm).split(","):
        pytest.skip(f"IRSA_E2E_STS_ALGORITHMS says that this STS does not know {algorithm}")
    role = f"irsa-e2e-{cluster.site.bucket}"[:64]
    policy = json.dumps(cluster.provisioned.trust_policy)
    arn = endpoint.iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    try:
        _check_sts(endpoint, cluster, arn)
    finally:
        endpoint.iam.delete_role(RoleName=role)


def _check_sts(endpoint: Endpoint, cluster: Cluster, arn: str) -> None:
    def assume(token: str) -> str:
        answer = endpoint.sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="e2e", WebIdentityToken=token)
        return str(answer["Credentials"]["AccessKeyId"])

    good = cluster.token()
    refused = endpoint.sts.exceptions.ClientError
    assert eventually(lambda: assume(good), refused)
    bad = {
        "forged": forged(good),
        "forged for another subject": forged(good, sub="system:serviceaccount:kube-system:admin"),
        "other subject": with_other_claims(good, sub="system:serviceaccount:kube-system:admin"),
        "other audience": cluster.token(audience="other.example.com"),
        "other service account": cluster.token(service_account="other"),
    }
    for name, token in bad.items():
        try:
            assume(token)
        except refused:
            continue
        pytest.fail(f"{name}: accepted")
