# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others say of keys: openssl, ssh-keygen, PyJWT."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import time
from pathlib import Path

import jwt


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    """:return: what openssl prints; a failure fails the test"""
    return subprocess.run(["openssl", *arguments], check=True, input=stdin, stdout=subprocess.PIPE).stdout


def kid_of(key: Path) -> str:
    """:return: the key ID that kube-apiserver puts into the tokens that it signs with a private key file

    https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
    """
    public = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")
    return base64.urlsafe_b64encode(hashlib.sha256(public).digest()).rstrip(b"=").decode()


def token(
    key: Path, issuer: str, subject: str, *, algorithm: str = "RS256", audience: str = "sts.amazonaws.com"
) -> str:
    """:return: a service account token as the API server would sign it"""
    now = int(time.time())
    claims = {"iss": issuer, "sub": subject, "aud": [audience], "iat": now, "exp": now + 600}
    return jwt.encode(claims, key.read_text(), algorithm, headers={"kid": kid_of(key)})


def new_key(path: Path, *options: str, header: bytes = b"PRIVATE KEY") -> Path:
    """Makes a private key file with openssl.

    :param options: of ``openssl genpkey``, as ``-algorithm RSA``
    :param header: turned into the older format of this PEM label, as ``RSA PRIVATE KEY``
    """
    pem = openssl("genpkey", *options)
    if header != b"PRIVATE KEY":
        pem = openssl({b"RSA PRIVATE KEY": "rsa", b"EC PRIVATE KEY": "ec"}[header], *_traditional(header), stdin=pem)
    assert b"-----BEGIN " + header + b"-----" in pem
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return path


def _traditional(header: bytes) -> list[str]:
    # openssl rsa has written PKCS#8 since 3.0, openssl ec never has.
    return ["-traditional"] if header == b"RSA PRIVATE KEY" else []
