# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a signing key (P-256), and its names in the account, by the library cryptography alone."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from .account_state import State


def load(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def kid_of(key: ec.EllipticCurvePrivateKey) -> str:
    """:return: the key ID that kube-apiserver gives it

    https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/jwt.go
    """
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _base64url(hashlib.sha256(public).digest())


def read_files(folder: Path) -> State:
    """:return: every file with its mode; of a file that is no private key also the content"""
    state: State = {}
    for path in sorted(folder.iterdir()):
        state[f"file {path.name} mode"] = oct(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
        state[f"file {path.name}"] = "a private key" if "PRIVATE KEY-----" in text else text
    return state


def named(state: State, path: Path) -> State:
    """:return: the state with the key's own numbers replaced, so that states with different keys can be compared"""
    text = json.dumps(
        {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in state.items()}
    )
    if path.exists():
        for number, own in enumerate(_own_texts(path)):
            # As in a document within the text, whose line ends are escaped.
            text = text.replace(json.dumps(own)[1:-1], f"OWN-{number}")
    named_state: State = json.loads(text)
    return named_state


def secrets(path: Path) -> list[str]:
    """:return: the private number in each form that a text could hold, and the line of the file that has most of it"""
    if not path.exists():
        return []
    number = load(path).private_numbers().private_value
    # Later lines have the public key, too, and the last one may be a few letters.
    line = path.read_text(encoding="utf-8").splitlines()[1]
    return [_base64url(number.to_bytes(32, "big")), f"{number:x}", str(number), line]


def _own_texts(path: Path) -> list[str]:
    return _texts_of(path.read_bytes(), path)


@functools.cache
def _texts_of(_content: bytes, path: Path) -> list[str]:
    key = load(path)
    public, numbers = key.public_key(), key.public_key().public_numbers()
    return [
        kid_of(key),
        _base64url(numbers.x.to_bytes(32, "big")),
        _base64url(numbers.y.to_bytes(32, "big")),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    ]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk_of(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """:return: the public key as it may be published"""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": kid_of(key),
        "x": _base64url(numbers.x.to_bytes(32, "big")),
        "y": _base64url(numbers.y.to_bytes(32, "big")),
    }
