# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two sound issuers, created without the collection, in which tests break one thing: one in the sandbox's S3 with its
provider and role, and one on a web server on a loopback port.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from accounts import REGION, Account
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    LEAF,
    ROOT,
    Certified,
    HttpsServer,
)
from oracles import kid_of

AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:shop:cart"
DISCOVERY, JWKS = ".well-known/openid-configuration", "keys.json"


class SigningKey:
    """A key of an API server, in the forms that tests need.

    :param folder: where its PEM file is created
    """

    def __init__(self, folder: Path, name: str, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self.private = private
        self.algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"
        self.path = folder / f"{name}.pem"
        self.path.touch(mode=0o600)
        self.path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @classmethod
    def rsa(cls, folder: Path, name: str, bits: int = 2048) -> SigningKey:
        return cls(folder, name, rsa.generate_private_key(65537, bits))

    @classmethod
    def ec(cls, folder: Path, name: str) -> SigningKey:
        return cls(folder, name, ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def kid(self) -> str:
        return kid_of(self.path)

    def jwk(self, **members: Any) -> dict[str, Any]:
        """:param members: in addition to the usual ones, or instead of them; None removes one"""
        return self._with(self._encoded(self.private.public_key()), members)

    def private_jwk(self) -> dict[str, Any]:
        return self._with(self._encoded(self.private), {})

    def _encoded(self, key: Any) -> dict[str, Any]:
        document = jwt.get_algorithm_by_name(self.algorithm).to_jwk(key, as_dict=True)
        return {name: value for name, value in document.items() if name != "key_ops"}

    def _with(self, document: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
        usual = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        return {name: value for name, value in {**document, **usual, **members}.items() if value is not None}

    def token(self, issuer: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """:param claims: in addition to the usual ones, or instead of them; None removes one"""
        now = int(time.time())
        usual = {"iss": issuer, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + 600}
        payload = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        headers = {"kid": self.kid, **(header or {})}
        return jwt.encode(payload, self.private, self.algorithm, headers=headers)


class Keys:
    """Keys of one test session, since RSA keys take long to generate."""

    def __init__(self, folder: Path) -> None:
        self.signer = SigningKey.rsa(folder, "signer")
        self.other = SigningKey.rsa(folder, "other")
        self.ec = SigningKey.ec(folder, "ec")
        self.weak = SigningKey.rsa(folder, "weak", 1024)


def discovery_of(issuer: str, /, **fields: Any) -> dict[str, Any]:
    """:return: a discovery document, without fields that are None"""
    document = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/{JWKS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss"],
        **fields,
    }
    return {name: value for name, value in document.items() if value is not None}


class Cluster:
    """An issuer in S3 with bucket, policy, documents, provider, a role for one service account and a token for it.

    :ivar options: options for irsa_verify
    """

    def __init__(self, account: Account, keys: Keys, *, bucket: str = "irsa-verified", role: str = "cart") -> None:
        self.account = account
        self.sandbox = account.sandbox
        self.keys = keys
        self.bucket = bucket
        self.role = role
        self.host = f"{bucket}.s3.{REGION}.amazonaws.com"
        self.issuer = f"https://{self.host}"
        self.arn = f"arn:aws:iam::{account.id}:oidc-provider/{self.host}"
        self.role_arn = f"arn:aws:iam::{account.id}:role/{role}"
        account.make_bucket(bucket)
        self.block(BlockPublicPolicy=False, RestrictPublicBuckets=False)
        self.open()
        self.publish()
        account.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=[AUDIENCE])
        self._trust(account.iam.create_role, "AssumeRolePolicyDocument")
        self.options: dict[str, Any] = {
            "issuer": self.issuer,
            "expected_kids": [keys.signer.kid],
            "token": self.token(),
            "role_arn": self.role_arn,
            "assume_role": True,
        }

    def block(self, **settings: bool) -> None:
        """Sets the bucket's access block, with every setting on unless given."""
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self.account.s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration={**dict.fromkeys(names, True), **settings}
        )

    def open(self, keys: Sequence[str] = (DISCOVERY, JWKS), *more: dict[str, Any], **elements: Any) -> None:
        """Sets a policy that lets everyone read these keys; `elements` replace those of its statement."""
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": [f"arn:aws:s3:::{self.bucket}/{key}" for key in keys],
            **elements,
        }
        document = {"Version": "2012-10-17", "Statement": [statement, *more]}
        self.account.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(document))

    def publish(self, *jwks: dict[str, Any], **fields: Any) -> None:
        """Publishes both documents: these keys (unless given, the signer's), these fields of the discovery document."""
        self.put(DISCOVERY, json.dumps(discovery_of(self.issuer, **fields)))
        self.put(JWKS, json.dumps({"keys": jwks or [self.keys.signer.jwk()]}))

    def put(self, key: str, body: str | bytes, **more: Any) -> None:
        settings = {"ContentType": "application/json", "CacheControl": "no-cache", **more}
        self.account.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **settings)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.account.s3.delete_object(Bucket=self.bucket, Key=key)

    def remove_bucket(self) -> None:
        self.remove(DISCOVERY, JWKS)
        self.account.s3.delete_bucket(Bucket=self.bucket)

    def remove_provider(self) -> None:
        self.account.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.arn)

    def trust(self, *more: dict[str, Any], **changes: Any) -> None:
        """Sets the role's trust policy; `changes` replace elements of its statement."""
        self._trust(self.account.iam.update_assume_role_policy, "PolicyDocument", *more, **changes)

    def _trust(self, call: Callable[..., Any], parameter: str, *more: dict[str, Any], **changes: Any) -> None:
        conditions = {f"{self.host}:aud": AUDIENCE, f"{self.host}:sub": SUBJECT}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": conditions},
            **changes,
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]})
        call(RoleName=self.role, **{parameter: document})

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        return self.keys.signer.token(self.issuer, header, **claims)

    def without_credentials(self, monkeypatch: Any) -> None:
        """Removes the credentials from the environment, and the options that need them."""
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        for option in ("token", "role_arn", "assume_role"):
            del self.options[option]


def api_server_of(cluster: Cluster) -> fake_cluster.FakeServer:
    """A sound API server that signs for the issuer, with a service account that has the role and a pod that has it."""
    role = cluster.role_arn
    return fake_cluster.sound(
        discovery={"issuer": cluster.issuer},
        jwks={"keys": [cluster.keys.signer.jwk()]},
        flagz=fake_cluster.flagz(cluster.issuer),
        accounts=[fake_cluster.account("cart", role, **{fake_cluster.LABEL: "true"})],
        pods=lambda body: (
            [fake_cluster.pod("cart-1", fake_cluster.INJECTED)] if body is None else fake_cluster.injected(body, role)
        ),
        token={"status": {"token": fake_cluster.token(cluster.keys.signer.kid)}},
    )


def _same(reply: Any) -> Any:
    """The reply of a server to each request."""
    return reply


class WebHost:
    """An issuer on a web server on this machine. `start` starts it after a test has broken something.

    :ivar options: options for irsa_verify; `start` adds the route to the server, unless a test did
    :ivar chain: certificates that the server presents
    :ivar oldest: oldest TLS version that it offers; `newest` likewise
    """

    issuer = f"https://{HOST}"

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.keys = keys
        self.options: dict[str, Any] = {"issuer": self.issuer, "expected_kids": [keys.signer.kid], "provider": "skip"}
        self.chain: Sequence[Certified] = (LEAF, INTERMEDIATE)
        self.trusted = ROOT
        self.oldest: ssl.TLSVersion | None = None
        self.newest: ssl.TLSVersion | None = None
        self.server: HttpsServer | None = None
        self._folder = folder
        self._replies: dict[str, tuple[int, dict[str, str], Iterable[bytes]]] = {}
        self.publish()

    def publish(self, *jwks: dict[str, Any], **fields: Any) -> None:
        self.put(DISCOVERY, json.dumps(discovery_of(self.issuer, **fields)).encode())
        self.put(JWKS, json.dumps({"keys": jwks or [self.keys.signer.jwk()]}).encode())

    def put(self, path: str, *body: bytes, status: int = 200, **headers: str) -> None:
        self.stream(path, body, status, **headers)

    def stream(self, path: str, body: Iterable[bytes], status: int = 200, **headers: str) -> None:
        """Serves a body in pieces, possibly without an end."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        usual = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        self._replies[f"/{path}"] = (status, {**usual, **named}, body)

    def start(self) -> None:
        self.server = HttpsServer(self._folder, self.chain, oldest=self.oldest, newest=self.newest)
        self.server.replies = {path: partial(_same, reply) for path, reply in self._replies.items()}
        bundle = self._folder / "trusted.pem"
        bundle.write_bytes(self.trusted.pem)
        self.options = {"connect_to": self.server.address, "ca_path": str(bundle), **self.options}

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
