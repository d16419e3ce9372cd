# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags that k3s and RKE2 make of our file, in API servers that start with them and accept each other's tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    Arguments,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_rancher import NEW, SAMPLES, Sample
from control_plane import ApiServer, NewApiServer
from runs import NAMESPACE, SERVICE_ACCOUNT
from tokens import claims_of, header_of

# What the programs of the rig have no files for is left out.
_FLAG = re.compile(r"--(service-account-(?:issuer|key-file|signing-key-file|jwks-uri)|api-audiences)=.*")
_PATH = re.compile(r"(?<==)/.*")
# The two halves of a key, in whatever form, and k3s's file of all keys with that of the first one.
_HALF = re.compile(r"\.current|-(?:private|public)-key|-pkcs8")


@pytest.fixture
def flags_of(tmp_path: Path) -> Callable[[Sequence[str]], list[str]]:
    """The flags about service accounts, with keys of this test in the place of a server's."""
    keys: dict[str, rsa.RSAPrivateKey] = {}

    def local(server_path: str) -> str:
        stem = _HALF.sub("", PurePosixPath(server_path).stem)
        key = keys.setdefault(stem, rsa.generate_private_key(public_exponent=65537, key_size=2048))
        file = tmp_path / server_path.replace("/", "_")
        file.touch(mode=0o600)
        # Public halves are enough for flags that verify, but a server of k3s verifies with private ones.
        if file.suffix == ".pub" or "public" in file.name:
            file.write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
        else:
            file.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.TraditionalOpenSSL,
                    serialization.NoEncryption(),
                )
            )
        return str(file)

    return lambda texts: [_PATH.sub(lambda path: local(path[0]), text) for text in texts if _FLAG.fullmatch(text)]


def minted(api: ApiServer) -> str:
    """A token for the API itself, as every pod has one."""
    api.token(NAMESPACE, SERVICE_ACCOUNT, "anybody")
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{SERVICE_ACCOUNT}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    status, body = api.ask(path, request)
    assert status == 201, body
    return str(json.loads(body)["status"]["token"])


def is_accepted(api: ApiServer, token: str) -> bool:
    # Known is not allowed: 403.
    return {403: True, 401: False}[api.ask("/api/v1/nodes", bearer=token)[0]]


# An own key adds the same lines to all of them.
WITH_OWN_KEY = ("k3s-default", "k3s-own-issuers", "rke2-several-files", "rke2-rancher-51195")


@pytest.mark.parametrize(
    ("sample", "mode"),
    [
        pytest.param(sample, mode, id=f"{sample.name}-{mode}")
        for sample in SAMPLES
        for mode in ("adopt", "own")
        if mode == "adopt" or sample.name in WITH_OWN_KEY
    ],
)
def test_servers_of_each_phase_accept_the_tokens_of_the_next(
    new_api_server: NewApiServer, flags_of: Callable[[Sequence[str]], list[str]], sample: Sample, mode: str
) -> None:
    golden = {"before": sample.golden["before"], **sample.golden[mode]}
    flags = {phase: flags_of(programs["api_server"]) for phase, programs in golden.items()}
    audiences = list(Arguments.of(flags["before"]).separated(API_AUDIENCES) or ())
    former = Arguments.of(flags["before"]).values(ISSUER)[0]

    with new_api_server(*flags["before"]) as api:
        old = minted(api)
    with new_api_server(*flags["sign"]) as api:
        new = minted(api)
        assert is_accepted(api, old)
        assert is_accepted(api, new)
        assert api.get("/.well-known/openid-configuration")["issuer"] == NEW
        kids = {key["kid"] for key in api.get("/openid/v1/jwks")["keys"]}
    assert flags["accept"] == flags["sign_back"]
    with new_api_server(*flags["accept"]) as api:
        assert is_accepted(api, old)
        assert is_accepted(api, new)
        assert claims_of(minted(api))["iss"] == former
    with new_api_server(*flags["before"]) as api:
        assert is_accepted(api, old)
        assert not is_accepted(api, new)

    assert (claims_of(old)["iss"], claims_of(new)["iss"]) == (former, NEW)
    assert claims_of(old)["aud"] == claims_of(new)["aud"] == audiences
    assert (header_of(old)["kid"] == header_of(new)["kid"]) == (mode == "adopt")
    assert {header_of(old)["kid"], header_of(new)["kid"]} <= kids
