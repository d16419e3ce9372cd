# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to break a sound issuer, each with the id of the check that must find it first.

The name of a function says what is broken. The function takes a sound issuer and breaks one thing for real.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster, fake_webhook
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_cluster import FakeServer
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    DAY,
    HOST,
    INTERMEDIATE,
    LEAF,
    NOW,
    certify,
)
from issuers_to_break import DISCOVERY, JWKS, SUBJECT, Cluster, WebHost, api_server_of, discovery_of

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Broken:
    """:ivar kind: the sound issuer that is broken, `Cluster` or `WebHost`"""

    id: str
    kind: type
    breaks: Callable[..., None]
    status: str = ERROR

    def __str__(self) -> str:
        return f"{self.id}: {self.breaks.__name__.replace('_', ' ')}"


SETUPS: list[Broken] = []


def broken(kind: type, check: str, status: str = ERROR) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def take(breaks: Callable[..., None]) -> Callable[..., None]:
        SETUPS.append(Broken(check, kind, breaks, status))
        return breaks

    return take


# The issuer itself


@broken(WebHost, "issuer-url")
def http_issuer(host: WebHost) -> None:
    host.options["issuer"] = f"http://{HOST}"


@broken(WebHost, "issuer-url")
def issuer_with_a_port(host: WebHost) -> None:
    host.options["issuer"] = f"{host.issuer}:8443"


@broken(WebHost, "discovery-issuer")
def issuer_with_a_trailing_slash(host: WebHost) -> None:
    host.options["issuer"] = f"{host.issuer}/"


# The connection to the host


@broken(WebHost, "dns-resolve")
def unknown_host_name(host: WebHost, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without connect_to and without a proxy, so that the name is resolved here. https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("https_proxy")
    host.options.update(issuer="https://irsa.invalid", connect_to=None)


@broken(WebHost, "tcp-connect")
def port_without_a_listener(host: WebHost, closed_port: int) -> None:
    host.options["connect_to"] = f"127.0.0.1:{closed_port}"


@broken(WebHost, "tls-expiry")
def certificate_expired(host: WebHost) -> None:
    host.chain = (certify("old", INTERMEDIATE, [HOST], valid=(NOW - 9 * DAY, NOW - DAY)), INTERMEDIATE)


@broken(WebHost, "tls-expiry")
def certificate_not_valid_yet(host: WebHost) -> None:
    host.chain = (certify("young", INTERMEDIATE, [HOST], valid=(NOW + DAY, NOW + 9 * DAY)), INTERMEDIATE)


@broken(WebHost, "tls-host")
def certificate_for_another_host(host: WebHost) -> None:
    host.chain = (certify("other", INTERMEDIATE, ["other.example.test"]), INTERMEDIATE)


@broken(Cluster, "tls-host")
def bucket_with_dots(cluster: Cluster) -> None:
    cluster.account.make_bucket("irsa.dotted")
    cluster.options.update(issuer="https://irsa.dotted.s3.eu-west-1.amazonaws.com", token=None, assume_role=False)


@broken(WebHost, "tls-trust")
def self_signed_certificate(host: WebHost) -> None:
    host.chain = (certify("self-signed", None, [HOST]),)


@broken(WebHost, "tls-trust")
def incomplete_chain(host: WebHost) -> None:
    host.chain = (LEAF,)


@broken(WebHost, "tls-trust")
def unknown_authority(host: WebHost) -> None:
    host.trusted = certify("Another root CA")


@broken(WebHost, "tls-version")
def only_tls_1_1(host: WebHost) -> None:
    host.oldest = host.newest = ssl.TLSVersion.TLSv1_1


# What the host answers


@broken(WebHost, "http-response")
def server_error(host: WebHost) -> None:
    host.put(DISCOVERY, b"oops", status=503)


@broken(WebHost, "http-response")
def discovery_document_not_found(host: WebHost) -> None:
    host.put(DISCOVERY, b"nothing", status=404)


@broken(WebHost, "http-response")
def keys_not_found(host: WebHost) -> None:
    host.put(JWKS, b"nothing", status=404)


@broken(WebHost, "http-response")
def endless_document(host: WebHost) -> None:
    host.stream(DISCOVERY, itertools.repeat(b" " * 65536))


@broken(WebHost, "http-response")
def ten_megabytes_of_json(host: WebHost) -> None:
    host.put(DISCOVERY, json.dumps(discovery_of(host.issuer, filling="x" * 10_000_000)).encode())


@broken(WebHost, "http-response")
def compressed_document(host: WebHost) -> None:
    body = gzip.compress(json.dumps(discovery_of(host.issuer)).encode())
    host.put(DISCOVERY, body, Content_Encoding="gzip")


@broken(WebHost, "http-response")
def answer_that_is_not_http(host: WebHost) -> None:
    host.put(DISCOVERY, b"", status=0)


@broken(WebHost, "http-redirect")
def redirect_to_http(host: WebHost) -> None:
    host.put(DISCOVERY, status=302, Location=f"http://{HOST}/elsewhere")


@broken(WebHost, "http-redirect")
def redirect_in_a_circle(host: WebHost) -> None:
    host.put(DISCOVERY, status=302, Location=f"{host.issuer}/{DISCOVERY}")


@broken(WebHost, "http-redirect")
def redirect_to_this_machine(host: WebHost) -> None:
    host.put(DISCOVERY, status=307, Location="https://127.0.0.1/latest")


@broken(WebHost, "http-redirect")
def redirect_to_link_local_metadata(host: WebHost) -> None:
    host.put(DISCOVERY, status=301, Location="https://169.254.169.254/latest/meta-data/")


@broken(WebHost, "http-redirect")
def keys_redirected_to_a_private_network(host: WebHost) -> None:
    host.put(JWKS, status=302, Location="https://[fd00::1]/keys.json")


# The bucket, whose faults are distinguished with credentials


@broken(Cluster, "bucket-exists")
def bucket_deleted_but_not_its_provider(cluster: Cluster) -> None:
    cluster.remove_bucket()


@broken(Cluster, "bucket-exists")
def bucket_deleted_and_no_credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.remove_bucket()
    cluster.without_credentials(monkeypatch)


@broken(Cluster, "bucket-region")
def global_host_of_a_bucket_in_another_region(cluster: Cluster) -> None:
    cluster.options.update(
        issuer=f"https://{cluster.bucket}.s3.amazonaws.com", token=None, assume_role=False, provider="skip"
    )


@broken(Cluster, "bucket-region")
def bucket_in_another_region(cluster: Cluster) -> None:
    # Everything else belongs to the region that the issuer names. IAM cannot fetch a thumbprint there.
    cluster.remove_provider()
    for name in ("host", "issuer", "arn"):
        setattr(cluster, name, getattr(cluster, name).replace("eu-west-1", "eu-central-1"))
    cluster.account.iam.create_open_id_connect_provider(
        Url=cluster.issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[cluster.sandbox.thumbprint]
    )
    cluster.trust()
    cluster.options.update(issuer=cluster.issuer, token=cluster.token())


@broken(Cluster, "bucket-access-block")
def access_block_of_the_bucket(cluster: Cluster) -> None:
    cluster.block()


@broken(Cluster, "bucket-access-block")
def access_block_of_the_account(cluster: Cluster) -> None:
    cluster.account.client("s3control").put_public_access_block(
        AccountId=cluster.account.id, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )


@broken(Cluster, "bucket-policy")
def no_policy(cluster: Cluster) -> None:
    cluster.account.s3.delete_bucket_policy(Bucket=cluster.bucket)


@broken(Cluster, "bucket-policy")
def policy_for_only_one_document(cluster: Cluster) -> None:
    cluster.open([DISCOVERY])


@broken(Cluster, "bucket-policy")
def policy_for_another_prefix(cluster: Cluster) -> None:
    cluster.open([f"prod/{DISCOVERY}", f"prod/{JWKS}"])


@broken(Cluster, "bucket-policy")
def policy_for_only_another_account(cluster: Cluster) -> None:
    cluster.open(Principal={"AWS": "arn:aws:iam::111122223333:root"})


@broken(Cluster, "bucket-policy")
def policy_that_denies(cluster: Cluster) -> None:
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}
    cluster.open((DISCOVERY, JWKS), {**denial, "Resource": f"arn:aws:s3:::{cluster.bucket}/*"})


@broken(Cluster, "object-exists")
def no_discovery_document(cluster: Cluster) -> None:
    cluster.remove(DISCOVERY)


@broken(Cluster, "object-exists")
def no_keys(cluster: Cluster) -> None:
    cluster.remove(JWKS)


@broken(Cluster, "object-exists")
def no_keys_and_old_tls_denied(cluster: Cluster) -> None:
    everything = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*"}
    denials = [
        {**everything, "Sid": "EnforceTLSv12orHigher", "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}},
        {**everything, "Sid": "AllowSSLRequestsOnly", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]
    cluster.remove(JWKS)
    cluster.open((DISCOVERY, JWKS), *({**each, "Resource": f"arn:aws:s3:::{cluster.bucket}/*"} for each in denials))


@broken(Cluster, "object-encryption")
def discovery_document_encrypted_with_kms(cluster: Cluster) -> None:
    cluster.put(DISCOVERY, json.dumps(discovery_of(cluster.issuer)), ServerSideEncryption="aws:kms")


@broken(Cluster, "object-encryption")
def keys_encrypted_with_kms_and_no_credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.put(JWKS, json.dumps({"keys": [cluster.keys.signer.jwk()]}), ServerSideEncryption="aws:kms")
    cluster.without_credentials(monkeypatch)


@broken(Cluster, "http-response")
def access_denied_and_no_credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.block()
    cluster.without_credentials(monkeypatch)


# The discovery document


@broken(WebHost, "discovery-json")
def a_login_page(host: WebHost) -> None:
    host.put(DISCOVERY, b"<!doctype html><title>Log in</title>", Content_Type="text/html")


@broken(WebHost, "discovery-json")
def random_bytes(host: WebHost) -> None:
    host.put(DISCOVERY, bytes(range(256)))


@broken(WebHost, "discovery-json")
def nested_too_deeply(host: WebHost) -> None:
    host.put(DISCOVERY, b"[" * 100_000)


@broken(WebHost, "discovery-json")
def another_charset(host: WebHost) -> None:
    host.put(DISCOVERY, json.dumps(discovery_of(host.issuer, name="Gerät"), ensure_ascii=False).encode("latin-1"))


@broken(WebHost, "discovery-json")
def list_instead_of_an_object(host: WebHost) -> None:
    host.put(DISCOVERY, b"[]")


@broken(WebHost, "discovery-fields")
def no_jwks_uri(host: WebHost) -> None:
    host.publish(jwks_uri=None)


@broken(WebHost, "discovery-fields", WARNING)
def empty_list_of_algorithms(host: WebHost) -> None:
    host.publish(id_token_signing_alg_values_supported=[])


@broken(WebHost, "discovery-fields")
def no_response_types(host: WebHost) -> None:
    host.publish(response_types_supported=None)


@broken(Cluster, "discovery-issuer")
def issuer_with_a_slash_in_the_discovery_document(cluster: Cluster) -> None:
    cluster.publish(issuer=f"{cluster.issuer}/")


@broken(Cluster, "discovery-issuer")
def issuer_in_other_case_in_the_discovery_document(cluster: Cluster) -> None:
    cluster.publish(issuer=cluster.issuer.replace("irsa", "IRSA"))


@broken(Cluster, "discovery-issuer")
def global_instead_of_the_regional_host(cluster: Cluster) -> None:
    cluster.publish(issuer=f"https://{cluster.bucket}.s3.amazonaws.com")


@broken(Cluster, "discovery-issuer")
def another_partition(cluster: Cluster) -> None:
    cluster.publish(issuer=f"https://{cluster.bucket}.s3.cn-north-1.amazonaws.com.cn")


@broken(WebHost, "jwks-uri")
def keys_over_http(host: WebHost) -> None:
    host.publish(jwks_uri=f"http://{HOST}/{JWKS}")


@broken(WebHost, "jwks-uri")
def keys_on_this_machine(host: WebHost) -> None:
    host.publish(jwks_uri="https://127.0.0.1/keys.json")


@broken(WebHost, "jwks-uri")
def keys_at_link_local_metadata(host: WebHost) -> None:
    host.publish(jwks_uri="https://169.254.169.254/latest/meta-data/")


@broken(WebHost, "jwks-uri")
def jwks_uri_that_is_a_number(host: WebHost) -> None:
    host.publish(jwks_uri=5)


@broken(Cluster, "jwks-uri", WARNING)
def keys_on_another_host(cluster: Cluster) -> None:
    cluster.sandbox.serve_page("keys.example.com", "/jwks", json.dumps({"keys": [cluster.keys.signer.jwk()]}))
    cluster.publish(jwks_uri="https://keys.example.com/jwks")


# The keys


@broken(WebHost, "jwks-json")
def keys_that_are_not_json(host: WebHost) -> None:
    host.put(JWKS, b"{'keys': []}")


@broken(WebHost, "jwks-json")
def keys_that_are_not_a_list(host: WebHost) -> None:
    host.put(JWKS, json.dumps({"keys": host.keys.signer.jwk()}).encode())


@broken(WebHost, "jwks-json")
def key_that_is_not_an_object(host: WebHost) -> None:
    host.put(JWKS, json.dumps({"keys": [host.keys.signer.jwk(), "key"]}).encode())


@broken(Cluster, "jwk-kid")
def key_without_a_kid(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(kid=None))


@broken(Cluster, "jwk-kid")
def two_keys_with_one_kid(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.other.jwk(kid=cluster.keys.signer.kid))


@broken(Cluster, "jwk-kid", WARNING)
def empty_kid_of_old_clusters(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.signer.jwk(kid=""))


@broken(Cluster, "jwk-key-ops")
def key_with_key_ops(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(key_ops=["verify"]))


@broken(Cluster, "jwk-use")
def key_for_encryption(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(use="enc"))


@broken(Cluster, "jwk-use", WARNING)
def key_for_encryption_beside_the_signing_key(cluster: Cluster) -> None:
    # What Keycloak publishes: STS takes the tokens.
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.other.jwk(use="enc", alg="RSA-OAEP"))


@broken(Cluster, "jwk-use")
def token_of_the_key_for_encryption(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.other.jwk(use="enc"))
    cluster.options.update(expected_kids=[], token=cluster.keys.other.token(cluster.issuer))


@broken(Cluster, "jwk-kid")
def one_key_for_two_algorithms(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.signer.jwk(alg="RS512"))
    cluster.options["expected_kids"] = []


@broken(Cluster, "jwk-numbers")
def modulus_with_a_sign_octet(cluster: Cluster) -> None:
    modulus = base64.urlsafe_b64decode(cluster.keys.signer.jwk()["n"] + "==")
    cluster.publish(cluster.keys.signer.jwk(n=base64.urlsafe_b64encode(b"\0" + modulus).decode().rstrip("=")))


@broken(Cluster, "jwk-strength")
def weak_key(cluster: Cluster) -> None:
    weak = cluster.keys.weak
    cluster.publish(weak.jwk())
    cluster.options.update(expected_kids=[weak.kid], token=weak.token(cluster.issuer))


@broken(Cluster, "jwk-public-only")
def private_key_published(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.private_jwk())


@broken(Cluster, "jwk-certificate")
def certificate_of_the_previous_key(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(x5c=[base64.b64encode(LEAF.der).decode()]))


@broken(Cluster, "jwk-count")
def a_hundred_and_one_keys(cluster: Cluster) -> None:
    signer = cluster.keys.signer
    cluster.publish(*(signer.jwk(kid=f"old-{number}") for number in range(100)), signer.jwk())


@broken(Cluster, "algorithms")
def algorithm_that_sts_does_not_support(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(alg="PS256"))


@broken(Cluster, "algorithms", WARNING)
def algorithm_not_listed(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.signer.jwk(), cluster.keys.ec.jwk())


@broken(Cluster, "kid-expected")
def another_key_published(cluster: Cluster) -> None:
    cluster.publish(cluster.keys.other.jwk())


@broken(WebHost, "kid-expected")
def expected_key_given_as_a_jwk(host: WebHost) -> None:
    host.options.update(expected_kids=[], expected_jwks=[{"keys": [host.keys.ec.jwk()]}])


@broken(WebHost, "kid-expected")
def expected_key_given_in_pem(host: WebHost) -> None:
    public = host.keys.other.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    host.options.update(expected_kids=[], expected_public_keys=[public.decode()])


@broken(Cluster, "http-caching", WARNING)
def cached_for_a_day(cluster: Cluster) -> None:
    cluster.put(JWKS, json.dumps({"keys": [cluster.keys.signer.jwk()]}), CacheControl="public, max-age=86400")


@broken(WebHost, "content-type", WARNING)
def keys_served_as_html(host: WebHost) -> None:
    body = json.dumps({"keys": [host.keys.signer.jwk()]}).encode()
    host.put(JWKS, body, Content_Type="text/html")


# The API server


@broken(Cluster, "cluster-keys")
def cluster_signs_with_another_key(cluster: Cluster) -> None:
    cluster.options["cluster_jwks"] = {"keys": [cluster.keys.other.jwk(use="sig")]}


@broken(Cluster, "apiserver-issuer")
def api_server_that_only_accepts_the_issuer(cluster: Cluster, api_server: FakeServer) -> None:
    api_server.answers[fake_cluster.FLAGZ] = fake_cluster.flagz(fake_cluster.OLD, cluster.issuer)
    api_server.answers[fake_cluster.DISCOVERY] = {"issuer": fake_cluster.OLD}


@broken(Cluster, "apiserver-issuer")
def second_api_server_without_the_issuer(cluster: Cluster, api_server: FakeServer) -> None:
    second = api_server_of(cluster)
    second.address = "10.0.0.2:6443"
    second.answers[fake_cluster.FLAGZ] = fake_cluster.flagz(fake_cluster.OLD)
    second.answers[fake_cluster.DISCOVERY] = {"issuer": fake_cluster.OLD}
    fake_cluster.together(api_server, second)


@broken(Cluster, "apiservers-agree")
def second_api_server_with_a_key_of_its_own(cluster: Cluster, api_server: FakeServer) -> None:
    second = api_server_of(cluster)
    second.address = "10.0.0.2:6443"
    second.answers[fake_cluster.JWKS] = {"keys": [cluster.keys.other.jwk()]}
    fake_cluster.together(api_server, second)


@broken(Cluster, "signer-external")
def external_signer_with_a_new_key(cluster: Cluster, api_server: FakeServer) -> None:
    api_server.answers[fake_cluster.FLAGZ] = fake_cluster.flagz(cluster.issuer, signing_endpoint="/run/signer.sock")
    api_server.answers[fake_cluster.JWKS] = {"keys": [cluster.keys.signer.jwk(), cluster.keys.other.jwk()]}


@broken(Cluster, "apiserver-audience", WARNING)
def audience_of_aws_among_those_of_the_api_server(cluster: Cluster, api_server: FakeServer) -> None:
    audiences = f"{cluster.issuer},sts.amazonaws.com"
    api_server.answers[fake_cluster.FLAGZ] = fake_cluster.flagz(cluster.issuer, audiences=audiences)


@broken(Cluster, "legacy-tokens", WARNING)
def legacy_token_of_a_key_that_is_gone(cluster: Cluster, api_server: FakeServer) -> None:
    api_server.answers[fake_cluster.SECRETS] = [fake_cluster.secret("ci", cluster.keys.other.kid)]


@broken(Cluster, "cluster-issuer")
def cluster_has_another_issuer(cluster: Cluster) -> None:
    cluster.options.update(
        cluster_jwks={"keys": [cluster.keys.signer.jwk()]}, cluster_issuer="https://kubernetes.default.svc"
    )


# The provider


@broken(Cluster, "provider-exists")
def no_provider(cluster: Cluster) -> None:
    cluster.remove_provider()


@broken(Cluster, "provider-exists")
def provider_for_another_path(cluster: Cluster) -> None:
    cluster.remove_provider()
    cluster.account.iam.create_open_id_connect_provider(
        Url=f"{cluster.issuer}/cluster", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )


@broken(Cluster, "provider-audience")
def provider_for_another_audience(cluster: Cluster) -> None:
    arn = cluster.arn
    cluster.account.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="kubernetes")
    cluster.account.iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com"
    )


@broken(Cluster, "token-audience")
def token_for_two_audiences_of_which_the_provider_takes_one(cluster: Cluster) -> None:
    provider_for_another_audience(cluster)
    cluster.options["token"] = cluster.token(aud=["kubernetes", "https://kubernetes.default.svc"])


@broken(Cluster, "provider-thumbprints", WARNING)
def malformed_thumbprint(cluster: Cluster) -> None:
    cluster.account.iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=cluster.arn, ThumbprintList=["x" * 40]
    )


# The token


@broken(Cluster, "account-annotation", WARNING)
def annotation_with_a_placeholder(cluster: Cluster, api_server: FakeServer) -> None:
    bad = fake_cluster.account("mail", "arn:aws:iam::ACCOUNT:role/mail", **{fake_cluster.LABEL: "true"})
    api_server.answers[fake_cluster.ACCOUNTS] += [bad]


def with_webhook_alone(api_server: FakeServer, **changes: Any) -> None:
    """Let a webhook inject instead of the policies, with some of its answers changed, and pods get nothing from it."""
    ours = fake_webhook.with_webhook(**changes).answers
    for policy in ("irsa-inject", "irsa-label"):
        del api_server.answers[f"{fake_cluster.POLICIES}/{policy}"]
    api_server.answers.update(
        {path: ours[path] for path in (*fake_webhook.PATHS, fake_cluster.BINDINGS, fake_cluster.WEBHOOKS)}
    )
    api_server.answers[fake_cluster.PODS] = lambda body: [] if body is None else body


@broken(Cluster, "injection-answers")
def webhook_whose_image_cannot_be_pulled(cluster: Cluster, api_server: FakeServer) -> None:
    with_webhook_alone(api_server, slices=[], deployments=[fake_webhook.deployment(ready=0)])


@broken(Cluster, "injection-certificate")
def webhook_whose_certificate_was_renewed_without_its_bundle(cluster: Cluster, api_server: FakeServer) -> None:
    with_webhook_alone(api_server, webhooks=[fake_webhook.configuration(**fake_webhook.bundle(INTERMEDIATE))])


@broken(Cluster, "injection-review-versions")
def release_of_the_webhook_that_gets_reviews_of_v1(cluster: Cluster, api_server: FakeServer) -> None:
    with_webhook_alone(api_server, webhooks=[fake_webhook.configuration(admissionReviewVersions=["v1", "v1beta1"])])


@broken(Cluster, "injection-present")
def policy_without_a_binding(cluster: Cluster, api_server: FakeServer) -> None:
    api_server.answers[fake_cluster.BINDINGS] = []
    api_server.answers[fake_cluster.PODS] = lambda body: [] if body is None else body


@broken(Cluster, "pods-without-credentials", WARNING)
def pod_that_is_older_than_injection(cluster: Cluster, api_server: FakeServer) -> None:
    admit = api_server.answers[fake_cluster.PODS]
    api_server.answers[fake_cluster.PODS] = lambda body: [fake_cluster.pod("old")] if body is None else admit(body)


@broken(Cluster, "token-format")
def malformed_token(cluster: Cluster) -> None:
    cluster.options["token"] = "not.a-token"


@broken(Cluster, "token-format")
def token_with_a_log_line(cluster: Cluster) -> None:
    cluster.options["token"] = f"{cluster.token()} 11:11:49.782386   40364 v3.go:79] EOF"


@broken(Cluster, "token-format")
def token_without_a_signature(cluster: Cluster) -> None:
    claims = {"iss": cluster.issuer, "sub": SUBJECT, "aud": ["sts.amazonaws.com"]}
    cluster.options["token"] = jwt.encode(claims, "", "none", headers={"kid": cluster.keys.signer.kid})


@broken(Cluster, "token-format")
def token_signed_with_a_password(cluster: Cluster) -> None:
    claims = {"iss": cluster.issuer, "sub": SUBJECT, "aud": ["sts.amazonaws.com"]}
    headers = {"kid": cluster.keys.signer.kid}
    cluster.options["token"] = jwt.encode(claims, "a password of thirty-two letters", "HS256", headers=headers)


@broken(Cluster, "token-issuer")
def token_of_another_issuer(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.token(iss="https://kubernetes.default.svc.cluster.local")


@broken(Cluster, "token-audience")
def token_for_another_audience(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.token(aud=["kubernetes"])


@broken(Cluster, "token-audience")
def token_for_two_audiences(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.token(aud=["sts.amazonaws.com", "vault"])


@broken(Cluster, "token-lifetime")
def token_expired(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.token(exp=int(time.time()) - 3600)


@broken(Cluster, "token-lifetime")
def token_not_valid_yet(cluster: Cluster) -> None:
    tomorrow = int(time.time()) + 86400
    # The embedded STS takes it, and what STS has decided is no error.
    cluster.options.update(token=cluster.token(nbf=tomorrow, iat=tomorrow, exp=tomorrow + 600), assume_role=False)


@broken(Cluster, "token-kid")
def token_with_an_unknown_kid(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.token({"kid": "rotated-away"})


@broken(Cluster, "token-signature")
def token_forged(cluster: Cluster) -> None:
    head, _payload, signature = cluster.token().split(".")
    payload = cluster.token(sub="system:serviceaccount:kube-system:admin").split(".")[1]
    cluster.options["token"] = f"{head}.{payload}.{signature}"


@broken(Cluster, "token-signature")
def token_signed_with_another_key(cluster: Cluster) -> None:
    cluster.options["token"] = cluster.keys.other.token(cluster.issuer, {"kid": cluster.keys.signer.kid})


# The role


@broken(Cluster, "role-exists")
def missing_role(cluster: Cluster) -> None:
    cluster.options["role_arn"] = f"{cluster.role_arn}-of-old"


@broken(Cluster, "trust-provider")
def role_that_trusts_another_provider(cluster: Cluster) -> None:
    cluster.trust(Principal={"Federated": cluster.arn.replace("eu-west-1", "us-east-1")})


@broken(Cluster, "trust-subject")
def role_for_another_service_account(cluster: Cluster) -> None:
    subject = {f"{cluster.host}:sub": "system:serviceaccount:shop:till"}
    cluster.trust(Condition={"StringEquals": subject})


@broken(Cluster, "trust-subject")
def wildcard_with_string_equals(cluster: Cluster) -> None:
    subject = {f"{cluster.host}:sub": "system:serviceaccount:shop:*"}
    cluster.trust(Condition={"StringEquals": subject})


@broken(Cluster, "trust-subject")
def condition_keys_with_a_scheme(cluster: Cluster) -> None:
    conditions = {f"https://{key}": value for key, value in of_the_service_account(cluster).items()}
    cluster.trust(Condition={"StringEquals": conditions})


@broken(Cluster, "trust-audience")
def role_for_another_audience(cluster: Cluster) -> None:
    condition: dict[str, Any] = {f"{cluster.host}:aud": "sts.amazonaws.com.cn", f"{cluster.host}:sub": SUBJECT}
    cluster.trust(Condition={"StringEquals": condition})


def of_the_service_account(cluster: Cluster) -> dict[str, str]:
    return {f"{cluster.host}:aud": "sts.amazonaws.com", f"{cluster.host}:sub": SUBJECT}


@broken(Cluster, "trust-condition")
def role_with_a_condition_on_an_unsupported_claim(cluster: Cluster) -> None:
    conditions = {**of_the_service_account(cluster), f"{cluster.host}:kubernetes.io": "shop"}
    cluster.trust(Condition={"StringEquals": conditions})


@broken(Cluster, "trust-condition", WARNING)
def role_for_another_network_without_asking_sts(cluster: Cluster) -> None:
    address = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    cluster.trust(Condition={"StringEquals": of_the_service_account(cluster), **address})
    cluster.options["assume_role"] = False


@broken(Cluster, "sts-assume")
def role_for_another_network(cluster: Cluster) -> None:
    # The address of this machine as AWS sees it is unknown here. STS refuses, and the diagnosis names the condition.
    address = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    cluster.trust(Condition={"StringEquals": of_the_service_account(cluster), **address})


# What only STS knows


@broken(Cluster, "sts-assume")
def refused_without_a_visible_reason(cluster: Cluster) -> None:
    # For example a role that was created a moment ago: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
    cluster.sandbox.fail(
        "sts:AssumeRoleWithWebIdentity",
        message="Not authorized to perform sts:AssumeRoleWithWebIdentity",
        times=100,
    )
