# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers that other tools made are taken over without a change to what works: docs/from-other-tools.md.

What each tool leaves behind follows its own source:

- https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/SELF_HOSTED_SETUP.md
- https://github.com/kubernetes/kops/blob/master/pkg/model/issuerdiscovery.go
- https://github.com/openshift/cloud-credential-operator/blob/master/pkg/cmd/provisioning/aws/create_identity_provider.go
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from accounts import REGION, Account
from oracles import kid_of, new_key, openssl
from playbooks import Operator

pytestmark = pytest.mark.any_core

DISCOVERY = ".well-known/openid-configuration"
ENDPOINT = "urn:kubernetes:programmatic_authorization"


def put(account: Account, bucket: str, key: str, document: Any, **more: str) -> None:
    account.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document, indent=4).encode(), **more)


def discovery(issuer: str, jwks_uri: str, **more: Any) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        **more,
    }


def jwk(key: Path, kid: str) -> dict[str, str]:
    """The public half of an RSA key as go-jose, which all three tools use, writes it."""
    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, RSAPrivateKey)
    members = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    return {"use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256", "n": members["n"], "e": members["e"]}


class Cluster:
    """A cluster that another tool has given an issuer, with the variables for taking it over."""

    def __init__(self, operator: Operator, account: Account, bucket: str, issuer: str) -> None:
        self.account = account
        self.bucket = bucket
        self.issuer = issuer
        self.key = new_key(operator.keys / f"{bucket}.key", "-algorithm", "RSA")
        self.variables: dict[str, Any] = {"irsa_issuer_bucket": bucket, "irsa_issuer_key_path": str(self.key)}
        account.make_bucket(bucket)

    def register(self, *client_ids: str, **tags: str) -> None:
        self.account.iam.create_open_id_connect_provider(
            Url=self.issuer,
            ClientIDList=client_ids,
            ThumbprintList=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )


def from_the_shell_procedure(operator: Operator, account: Account) -> Cluster:
    cluster = Cluster(operator, account, "oidc-test-shell", f"https://s3-{REGION}.amazonaws.com/oidc-test-shell")
    openssh = Path(f"{cluster.key}.pub")
    openssh.write_bytes(
        subprocess.run(["ssh-keygen", "-y", "-f", str(cluster.key)], check=True, stdout=subprocess.PIPE).stdout
    )
    pkcs8 = cluster.key.with_name(f"{cluster.key.stem}-pkcs8.pub")
    pkcs8.write_bytes(openssl("pkey", "-in", str(cluster.key), "-pubout"))
    kid = hashlib.sha1(openssh.read_bytes(), usedforsecurity=False).hexdigest()
    put(account, cluster.bucket, "keys.json", {"keys": [jwk(cluster.key, kid), jwk(cluster.key, "")]})
    document = discovery(
        f"{cluster.issuer}/",
        f"{cluster.issuer}/keys.json",
        claims_supported=["sub", "iss"],
        authorization_endpoint=ENDPOINT,
    )
    put(account, cluster.bucket, DISCOVERY, document)
    cluster.register("sts.amazonaws.com")
    cluster.variables["irsa_issuer_url"] = cluster.issuer
    return cluster


def from_kops(operator: Operator, account: Account) -> Cluster:
    cluster = Cluster(
        operator, account, "kops-oidc", f"https://kops-oidc.s3.{REGION}.amazonaws.com/cluster.example.com"
    )
    previous = new_key(operator.keys / "previous.key", "-algorithm", "RSA")
    keys = sorted((jwk(key, kid_of(key)) for key in (cluster.key, previous)), key=lambda key: key["kid"])
    put(account, cluster.bucket, "cluster.example.com/openid/v1/jwks", {"keys": keys})
    document = discovery(
        cluster.issuer,
        f"{cluster.issuer}/openid/v1/jwks",
        claims_supported=["sub", "iss"],
        authorization_endpoint=ENDPOINT,
    )
    put(account, cluster.bucket, f"cluster.example.com/{DISCOVERY}", document)
    cluster.register("amazonaws.com", KubernetesCluster="cluster.example.com")
    cluster.variables["irsa_issuer_prefix"] = "cluster.example.com"
    return cluster


def from_ccoctl(operator: Operator, account: Account) -> Cluster:
    cluster = Cluster(operator, account, "prod-oidc", f"https://prod-oidc.s3.{REGION}.amazonaws.com")
    put(account, cluster.bucket, "keys.json", {"keys": [jwk(cluster.key, kid_of(cluster.key))]})
    claims = ["aud", "exp", "sub", "iat", "iss", "sub"]
    put(
        account,
        cluster.bucket,
        DISCOVERY,
        discovery(cluster.issuer, f"{cluster.issuer}/keys.json", claims_supported=claims),
    )
    cluster.register(
        "openshift", "sts.amazonaws.com", **{"openshift.io/cloud-credential-operator/prod": "owned", "Name": "prod"}
    )
    return cluster


def published(cluster: Cluster) -> dict[str, dict[str, str]]:
    """The keys that relying parties find from the discovery document on, by their kid."""
    base = f"{cluster.variables['irsa_issuer_prefix']}/" if "irsa_issuer_prefix" in cluster.variables else ""
    document = cluster.account.document(cluster.bucket, f"{base}{DISCOVERY}")
    key = base + document["jwks_uri"].removeprefix(f"{cluster.issuer}/")
    return {each["kid"]: each for each in cluster.account.document(cluster.bucket, key)["keys"]}


def test_issuers_are_taken_over_with_all_that_works(operator: Operator, account: Account) -> None:
    makers = {"shell": from_the_shell_procedure, "kops": from_kops, "ccoctl": from_ccoctl}
    clusters = {name: make(operator, account) for name, make in makers.items()}
    arns = {name: f"arn:aws:iam::{account.id}:oidc-provider/{each.issuer[8:]}" for name, each in clusters.items()}
    before = {name: (published(each), account.provider(arns[name])) for name, each in clusters.items()}
    hosts = {name: each.variables for name, each in clusters.items()}

    # The guide's document names the issuer with a slash at its end, its flag without.
    refused = operator.provision("--check", hosts=hosts)
    assert refused.failures.keys() == {"shell"} and refused.writes == []
    assert f"'{clusters['shell'].issuer}/'" in refused.failures["shell"]
    assert "irsa_issuer_overwrite" in refused.failures["shell"]
    hosts["shell"]["irsa_issuer_overwrite"] = True

    run = operator.provision(hosts=hosts).ok()
    again = operator.provision(hosts=hosts).ok()

    assert again.writes == [] and set(again.changed.values()) == {0}
    assert "iam:CreateOpenIDConnectProvider" not in run.writes
    for name, cluster in clusters.items():
        keys, provider = before[name]
        now = account.provider(arns[name])
        # The copy with an empty kid is for Kubernetes before 1.16.
        keys.pop("", None)
        assert published(cluster) == keys | {kid_of(cluster.key): jwk(cluster.key, kid_of(cluster.key))}
        assert set(provider["ClientIDList"]) | {"sts.amazonaws.com"} == set(now["ClientIDList"])
        assert (now["ThumbprintList"], now["Tags"]) == (provider["ThumbprintList"], provider["Tags"])
        assert run.results[name]["issuer"] == cluster.issuer
    # What kOps published stays where it was.
    assert len(account.document("kops-oidc", "cluster.example.com/openid/v1/jwks")["keys"]) == 2
