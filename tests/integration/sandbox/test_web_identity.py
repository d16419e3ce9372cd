# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AssumeRoleWithWebIdentity: tokens made by PyJWT, judged by the documents the sandbox serves."""

from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox_helpers import Refused
from tests.sandbox import Sandbox

ISSUER = "https://issuer-bucket.s3.eu-west-1.amazonaws.com/cluster"
HOST_PATH = ISSUER.removeprefix("https://")
SUBJECT = "system:serviceaccount:team:app"
AUDIENCE = "sts.amazonaws.com"
NO_KEY = "Couldn't retrieve verification key"

KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}
KEYS["RS384"] = KEYS["RS512"] = KEYS["RS256"]


def public_jwk(algorithm: str, **members: Any) -> Any:
    document = jwt.get_algorithm_by_name(algorithm).to_jwk(KEYS[algorithm].public_key(), as_dict=True)
    document.pop("key_ops", None)
    return {**document, "kid": algorithm, "alg": algorithm, "use": "sig", **members}


class Cluster:
    """An issuer in the sandbox's S3 with a provider and a role, all of it right until a test breaks it."""

    def __init__(self, s3: Any, iam: Any, sts: Any) -> None:
        self.s3, self.iam, self.sts = s3, iam, sts
        self.provider_arn = ""
        self.role_arn = ""

    def publish(self, keys: Any, **discovery: Any) -> None:
        document = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys.json", **discovery}
        self.put(".well-known/openid-configuration", json.dumps(document))
        self.put("keys.json", json.dumps({"keys": keys}))

    def put(self, key: Any, text: str) -> None:
        self.s3.put_object(Bucket="issuer-bucket", Key=f"cluster/{key}", Body=text.encode())

    def trust(self, **changes: Any) -> None:
        conditions = {f"{HOST_PATH}:aud": AUDIENCE, f"{HOST_PATH}:sub": SUBJECT}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": conditions},
            **changes,
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        if self.role_arn:
            self.iam.update_assume_role_policy(RoleName="app", PolicyDocument=document)
        else:
            role = self.iam.create_role(RoleName="app", AssumeRolePolicyDocument=document)["Role"]
            self.role_arn = role["Arn"]

    def token(
        self, algorithm: str = "RS256", kid: str | None = None, signed_by: str | None = None, **claims: Any
    ) -> Any:
        now = int(time.time())
        payload = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "exp": now + 600, **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        headers = {"kid": algorithm if kid is None else kid}
        return jwt.encode(payload, KEYS[signed_by or algorithm], algorithm=algorithm, headers=headers)

    def assume(self, token: str) -> Any:
        return self.sts.assume_role_with_web_identity(
            RoleArn=self.role_arn, RoleSessionName="app", WebIdentityToken=token
        )


@pytest.fixture
def cluster(aws: Callable[..., Any], s3: Any, iam: Any, make_bucket: Callable[..., str]) -> Any:
    make_bucket(public=("cluster/*",))
    made = Cluster(s3, iam, aws("sts", config=Config(signature_version=UNSIGNED)))
    made.publish([public_jwk(algorithm) for algorithm in KEYS])
    created = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    made.provider_arn = created["OpenIDConnectProviderArn"]
    made.trust()
    return made


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_a_good_token_gets_credentials_that_work(aws: Callable[..., Any], cluster: Any, algorithm: str) -> None:
    answer = cluster.assume(cluster.token(algorithm))
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert (answer["Audience"], answer["Provider"]) == (AUDIENCE, cluster.provider_arn)
    credentials = answer["Credentials"]
    sts = aws(
        "sts",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/app/app")


def test_the_documents_are_fetched_anonymously(sandbox: Sandbox, cluster: Any) -> None:
    mark = sandbox.mark()
    cluster.assume(cluster.token())
    fetched = [entry for entry in sandbox.log(mark) if entry["origin"] == "sts"]
    assert [entry["path"] for entry in fetched] == ["/cluster/.well-known/openid-configuration", "/cluster/keys.json"]
    assert all(entry["anonymous"] and entry["status"] == 200 for entry in fetched)


def test_tokens_are_accepted_at_the_plain_endpoint(sandbox: Sandbox, aws: Callable[..., Any], cluster: Any) -> None:
    cluster.sts = aws("sts", endpoint_url=sandbox.http_endpoint, config=Config(signature_version=UNSIGNED))
    cluster.assume(cluster.token())


def refused(cluster: Any, token: str, code: str, message: Any, status: int = 400) -> None:
    with Refused(code, status) as raised:
        cluster.assume(token)
    assert message in raised.value.response["Error"]["Message"]


def test_text_that_is_not_a_token_is_refused(cluster: Any) -> None:
    refused(cluster, "not.a.token", "InvalidIdentityToken", "not a valid JWT")


@pytest.mark.parametrize("claim", ["sub", "aud", "iat", "exp"])
def test_a_missing_claim_is_refused(cluster: Any, claim: str) -> None:
    refused(cluster, cluster.token(**{claim: None}), "InvalidIdentityToken", claim)


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://other.test"])
def test_a_token_of_another_issuer_is_refused(cluster: Any, issuer: str) -> None:
    message = f"No OpenIDConnect provider found in your account for {issuer}"
    refused(cluster, cluster.token(iss=issuer), "InvalidIdentityToken", message)


def test_a_document_with_another_issuer_is_refused(cluster: Any) -> None:
    cluster.publish([public_jwk("RS256")], issuer=ISSUER + "/")
    refused(cluster, cluster.token(), "InvalidIdentityToken", NO_KEY)


@pytest.mark.parametrize("key", [".well-known/openid-configuration", "keys.json"])
def test_a_missing_or_invalid_document_is_refused(cluster: Any, key: Any) -> None:
    cluster.put(key, "not json")
    refused(cluster, cluster.token(), "InvalidIdentityToken", NO_KEY)
    cluster.s3.delete_object(Bucket="issuer-bucket", Key=f"cluster/{key}")
    refused(cluster, cluster.token(), "InvalidIdentityToken", NO_KEY)


def test_the_access_block_closes_the_documents_to_sts(cluster: Any) -> None:
    block = {"RestrictPublicBuckets": True}
    cluster.s3.put_public_access_block(Bucket="issuer-bucket", PublicAccessBlockConfiguration=block)
    refused(cluster, cluster.token(), "InvalidIdentityToken", NO_KEY)


def test_an_unreachable_issuer_is_refused(sandbox: Sandbox, cluster: Any) -> None:
    sandbox.set_reachable("issuer-bucket.s3.eu-west-1.amazonaws.com", False)
    refused(cluster, cluster.token(), "IDPCommunicationError", "identity provider")


@pytest.mark.parametrize("kid", ["unknown", ""])
def test_an_unknown_kid_is_refused(cluster: Any, kid: str) -> None:
    refused(cluster, cluster.token(kid=kid), "InvalidIdentityToken", NO_KEY)


@pytest.mark.parametrize("members", [{"key_ops": ["verify"]}, {"use": "enc"}, {"alg": "RS512"}])
def test_a_key_for_another_use_is_refused(cluster: Any, members: Any) -> None:
    cluster.publish([public_jwk("RS256", **members)])
    refused(cluster, cluster.token(), "InvalidIdentityToken", "could not be validated")


def test_an_rsa_key_under_2048_bits_is_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    monkeypatch.setitem(KEYS, "weak", weak)
    document = jwt.get_algorithm_by_name("RS256").to_jwk(weak.public_key(), as_dict=True)
    document.pop("key_ops", None)
    cluster.publish([{**document, "kid": "RS256", "alg": "RS256", "use": "sig"}])
    refused(cluster, cluster.token(signed_by="weak"), "InvalidIdentityToken", "could not be validated")


@pytest.mark.parametrize(("name", "agrees"), [("RS256", True), ("ES256", False)])
def test_a_certificate_must_be_the_keys(cluster: Any, name: str, agrees: Any) -> None:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, KEYS[name].public_key(), 1, now, now + datetime.timedelta(days=1))
        .sign(KEYS[name], hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    cluster.publish([public_jwk("RS256", x5c=[base64.b64encode(certificate).decode()])])
    if agrees:
        cluster.assume(cluster.token())
    else:
        refused(cluster, cluster.token(), "InvalidIdentityToken", "could not be validated")


@pytest.mark.parametrize("x5c", [[], ["AAAA"], "x", [5], None])
def test_an_invalid_certificate_is_refused(cluster: Any, x5c: Any) -> None:
    cluster.publish([public_jwk("RS256", x5c=x5c)])
    refused(cluster, cluster.token(), "InvalidIdentityToken", "could not be validated")


@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_an_invalid_time_is_refused(cluster: Any, claim: str) -> None:
    refused(cluster, cluster.token(**{claim: "tomorrow"}), "InvalidIdentityToken", "not a valid JWT")


def test_of_two_keys_with_one_kid_the_last_counts(cluster: Any) -> None:
    right, wrong = public_jwk("RS256"), {**public_jwk("ES256"), "kid": "RS256"}
    cluster.publish([wrong, right])
    cluster.assume(cluster.token())
    cluster.publish([right, wrong])
    refused(cluster, cluster.token(), "InvalidIdentityToken", "could not be validated")


def test_the_hundred_and_first_rsa_key_breaks_rsa_alone(cluster: Any) -> None:
    many = [public_jwk("RS256", kid=f"k{number}") for number in range(100)]
    cluster.publish([*many[:99], public_jwk("RS256"), public_jwk("ES256")])
    cluster.assume(cluster.token())
    cluster.publish([*many, public_jwk("RS256"), public_jwk("ES256")])
    refused(cluster, cluster.token(), "InvalidIdentityToken", NO_KEY)
    cluster.assume(cluster.token("ES256"))


def test_a_forged_signature_is_refused(cluster: Any) -> None:
    head, payload, signature = cluster.token().split(".")
    other = cluster.token(sub="system:serviceaccount:kube-system:admin").split(".")[1]
    assert other != payload
    refused(cluster, f"{head}.{other}.{signature}", "InvalidIdentityToken", "could not be validated")


def test_an_unsupported_algorithm_is_refused(cluster: Any) -> None:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 600}
    token = jwt.encode(claims, KEYS["RS256"], algorithm="PS256", headers={"kid": "RS256"})
    refused(cluster, token, "InvalidIdentityToken", "could not be validated")


def test_the_audience_must_be_a_client_id(cluster: Any) -> None:
    refused(cluster, cluster.token(aud=["other"]), "InvalidIdentityToken", "Incorrect token audience")
    refused(cluster, cluster.token(aud=[AUDIENCE, "other"]), "InvalidIdentityToken", "Incorrect token audience")
    cluster.assume(cluster.token(aud=[AUDIENCE, "other"], azp=AUDIENCE))
    cluster.assume(cluster.token(aud=AUDIENCE))


def test_five_minutes_after_its_time_a_token_is_expired(cluster: Any) -> None:
    now = int(time.time())
    cluster.assume(cluster.token(exp=now - 100))
    refused(cluster, cluster.token(exp=now - 400), "ExpiredTokenException", "Token expired")


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/other.test"}},
        {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        {"Action": "sts:AssumeRoleWithSAML"},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {f"{HOST_PATH}:sub": "system:serviceaccount:team:other"}}},
        {"Condition": {"StringEquals": {f"{HOST_PATH}:aud": "other"}}},
        {"Condition": {"StringEquals": {"other.test:sub": SUBJECT}}},
        {"Condition": {"StringEquals": {f"{HOST_PATH}:sub": "system:serviceaccount:team:*"}}},
    ],
)
def test_the_roles_trust_policy_decides(cluster: Any, change: Any) -> None:
    cluster.trust(**change)
    message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    refused(cluster, cluster.token(), "AccessDenied", message, status=403)


def test_the_trust_policy_may_have_a_pattern(cluster: Any) -> None:
    cluster.trust(Condition={"StringLike": {f"{HOST_PATH}:sub": "system:serviceaccount:team:*"}})
    cluster.assume(cluster.token())


def test_a_missing_role_is_refused(cluster: Any) -> None:
    cluster.role_arn = "arn:aws:iam::123456789012:role/absent"
    message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    refused(cluster, cluster.token(), "AccessDenied", message, status=403)


def test_an_issuer_outside_s3_is_supported(sandbox: Sandbox, iam: Any, cluster: Any) -> None:
    issuer = "https://issuer.test"
    document = {"issuer": issuer, "jwks_uri": f"{issuer}/keys.json"}
    sandbox.serve_page("issuer.test", "/.well-known/openid-configuration", json.dumps(document))
    sandbox.serve_page("issuer.test", "/keys.json", json.dumps({"keys": [public_jwk("ES256")]}))
    created = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])
    cluster.provider_arn = created["OpenIDConnectProviderArn"]
    cluster.trust(Condition={"StringEquals": {"issuer.test:sub": SUBJECT}})
    cluster.assume(cluster.token("ES256", iss=issuer))
