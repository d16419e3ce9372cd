# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An external signer of service account tokens: the other end of kube-apiserver's --service-account-signing-endpoint.

https://github.com/kubernetes/externaljwt/blob/v0.37.0/apis/v1/api.proto. Its messages have few fields, so they are
written here by the rules of https://protobuf.dev/programming-guides/encoding/ instead of by generated code.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SERVICE = "v1.ExternalJWTSigner"
_DAY = 86400


def _varint(number: int) -> bytes:
    *lower, highest = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(part | 0x80 for part in lower), highest])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _only_text(message: bytes) -> str:
    """The text of a message whose one field is a text."""
    length, position = 0, 1
    while True:
        length |= (message[position] & 0x7F) << 7 * (position - 1)
        position += 1
        if not message[position - 1] & 0x80:
            return message[position : position + length].decode()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class ExternalSigner:
    """A key that no file holds, and the socket that it signs at."""

    key: rsa.RSAPrivateKey
    kid: str
    socket: Path

    @property
    def flag(self) -> str:
        return f"--service-account-signing-endpoint={self.socket}"

    def sign(self, request: bytes) -> bytes:
        header = _base64url(json.dumps({"alg": "RS256", "kid": self.kid, "typ": "JWT"}).encode())
        signed = f"{header}.{_only_text(request)}".encode()
        signature = _base64url(self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))
        return _bytes(1, header.encode()) + _bytes(2, signature.encode())

    def fetch_keys(self, dummy: bytes) -> bytes:
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = _bytes(1, self.kid.encode()) + _bytes(2, public)
        return _bytes(1, key) + _bytes(2, _number(1, int(time.time()))) + _number(3, 60)

    def metadata(self, dummy: bytes) -> bytes:
        return _number(1, _DAY)


@contextlib.contextmanager
def external_signer(folder: Path) -> Iterator[ExternalSigner]:
    """A running signer with a key of its own."""
    grpc = pytest.importorskip("grpc", reason="install grpcio: the protocol of external signers")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = ExternalSigner(key, "a-key-of-the-external-signer", folder / "signer.sock")
    methods: dict[str, Callable[[bytes], bytes]] = {
        "Sign": signer.sign,
        "FetchKeys": signer.fetch_keys,
        "Metadata": signer.metadata,
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(lambda request, dummy, method=method: method(request))
        for name, method in methods.items()
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    server.add_insecure_port(f"unix:{signer.socket}")
    server.start()
    try:
        yield signer
    finally:
        server.stop(grace=None).wait()
