# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a role for one service account, and two tokens: one as kube-apiserver would sign it, and one forged.

Usage: python -m tests.demo.tokens ISSUER PRIVATE_KEY FOLDER, which prints the role's ARN and writes the files
signed-token and forged-token into the folder.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import boto3
from jwcrypto import jwk, jwt

from .show import fetch

SUBJECT = "system:serviceaccount:default:demo"
AUDIENCE = "sts.amazonaws.com"


def make_role(issuer: str) -> str:
    """A role that one service account may assume."""
    host = issuer.removeprefix("https://")
    account = boto3.client("sts").get_caller_identity()["Account"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": AUDIENCE, f"{host}:sub": SUBJECT}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = boto3.client("iam").create_role(RoleName="demo", AssumeRolePolicyDocument=policy)
    return str(made["Role"]["Arn"])


def token(key: jwk.JWK, kid: str, issuer: str) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "exp": now + 600}
    signed = jwt.JWT(header={"alg": "RS256", "kid": kid}, claims=claims)
    signed.make_signed_token(key)
    return str(signed.serialize())


def main() -> None:
    issuer, key_path, folder = sys.argv[1:]
    signer = jwk.JWK.from_pem(Path(key_path).read_bytes())
    kid = fetch(f"{issuer}/keys.json")["keys"][0]["kid"]
    forger = jwk.JWK.generate(kty="RSA", size=2048)
    for name, key in (("signed-token", signer), ("forged-token", forger)):
        path = Path(folder, name)
        path.touch(mode=0o600)
        path.write_text(token(key, kid, issuer), encoding="utf-8")
    print(make_role(issuer))


if __name__ == "__main__":
    main()
