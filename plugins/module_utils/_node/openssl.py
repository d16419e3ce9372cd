# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make keys and derive public keys with the node's own openssl. Private keys pass through pipes, never through files or
command lines, and no message quotes what openssl says of them.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import hashlib
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import tools

# A machine without much to do makes an RSA key of 4096 bits within a second.
_SECONDS = 120

# What openssl calls the curves: https://docs.openssl.org/3.0/man1/openssl-ecparam/
_CURVES = {"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}

_PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----\s(.*?)-----END PUBLIC KEY-----", re.DOTALL)


def is_there() -> bool:
    """Whether this node has openssl."""
    return tools.find("openssl") is not None


def made(key_type: str, *, size: int, curve: str) -> bytes:
    """Return a new private key in PEM: RSA of this size as PKCS#1 or PKCS#8, ECDSA on this curve as SEC1. Raises Fault.

    API servers read each of them: https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/client-go/util/keyutil/key.go
    """
    words = ["genrsa", str(size)] if key_type == "RSA" else ["ecparam", "-name", _CURVES[curve], "-genkey", "-noout"]
    ended = _run(words)
    if ended.return_code or not ended.stdout:
        raise Fault(f"cannot be made: openssl {words[0]} ended with {ended.return_code}")
    return ended.stdout


def public_key_of(private: bytes) -> str:
    """Return the public key (SubjectPublicKeyInfo in PEM) of the first private key in a text. Raises Fault."""
    # With a passphrase for encrypted ones, which openssl would ask for otherwise.
    ended = _run(["pkey", "-pubout", "-passin", "pass:"], stdin=private)
    if ended.return_code or not ended.stdout:
        raise Fault("holds no private key that openssl of this host can read")
    return ended.stdout.decode("ascii", "replace")


def sec1_of(private: bytes) -> bytes:
    """Return an elliptic-curve key in SEC1, and any other key in some form of its own. Raises Fault."""
    ended = _run(["ec", "-passin", "pass:"], stdin=private)
    return private if ended.return_code else ended.stdout


def kid_of(public_key: str) -> str:
    """Return the key ID that Kubernetes gives a public key (SubjectPublicKeyInfo in PEM). Raises Fault.

    https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/serviceaccount/jwt.go (keyIDFromPublicKey)
    """
    found = _PUBLIC.search(public_key)
    try:
        content = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except ValueError:
        content = b""
    if not content:
        raise Fault("holds no public key in PEM (PUBLIC KEY)")
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _run(arguments: list[str], *, stdin: bytes = b"") -> tools.Ended:
    program = tools.find("openssl")
    if program is None:
        raise Fault("needs openssl, which this host does not have")
    return tools.run([program, *arguments], stdin=stdin, seconds=_SECONDS)
