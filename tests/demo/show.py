# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what the demo has made, read as anybody would read it, and tries it with a token.

Usage: python -m tests.demo.show PRIVATE_KEY
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from jwcrypto import jwk, jwt

SUBJECT = "system:serviceaccount:default:demo"
AUDIENCE = "sts.amazonaws.com"


def fetch(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def token(key: jwk.JWK, kid: str, issuer: str) -> str:
    """A token as kube-apiserver would sign it."""
    now = int(time.time())
    claims = {"iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 600}
    signed = jwt.JWT(header={"alg": "RS256", "kid": kid}, claims=claims)
    signed.make_signed_token(key)
    return signed.serialize()


def make_role(arn: str, issuer: str) -> str:
    """A role that one service account may assume."""
    host = issuer.removeprefix("https://")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:aud": AUDIENCE, f"{host}:sub": SUBJECT}},
            }
        ],
    }
    iam = boto3.client("iam")
    return iam.create_role(RoleName="irsa-demo", AssumeRolePolicyDocument=json.dumps(policy))["Role"]["Arn"]


def outcome(role: str, web_identity_token: str) -> str:
    """What AWS STS says to a token."""
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED))
    try:
        answer = sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="demo", WebIdentityToken=web_identity_token
        )
    except ClientError as error:
        return f"refused: {error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return f"accepted: {answer['AssumedRoleUser']['Arn']}"


def main() -> None:
    iam = boto3.client("iam")
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    issuer = f"https://{provider['Url']}"
    discovery = fetch(f"{issuer}/.well-known/openid-configuration")
    keys = fetch(discovery["jwks_uri"])["keys"]
    print(f"issuer     {discovery['issuer']}")
    print(f"discovery  {issuer}/.well-known/openid-configuration")
    print(f"JWKS       {discovery['jwks_uri']}")
    for key in keys:
        print(f"  key      kid {key['kid']}, {key['alg']}, use {key['use']}")
    print(f"provider   {arn}")
    print(f"  audience {', '.join(provider['ClientIDList'])}")
    print(f"  tags     {', '.join(tag['Key'] + '=' + tag['Value'] for tag in provider.get('Tags', []))}")
    role = make_role(arn, issuer)
    signer = jwk.JWK.from_pem(Path(sys.argv[1]).read_bytes())
    forger = jwk.JWK.generate(kty="RSA", size=2048)
    print(f"token      signed with the key: {outcome(role, token(signer, keys[0]['kid'], issuer))}")
    print(f"           forged:              {outcome(role, token(forger, keys[0]['kid'], issuer))}")


if __name__ == "__main__":
    main()
