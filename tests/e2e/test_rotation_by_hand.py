# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to change the signing key by hand and at once, on a real cluster: the figure in docs/rotation.md.

The order is that of https://github.com/clastix/kamaji/issues/1325: the pair is made again, and each API server comes
back with one key to sign and to verify with. What is published is replaced likewise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from endpoint import DOCUMENTS, Endpoint, eventually
from kubeadm_nodes import Nodes
from rotating_nodes import KEPT, PKI, RotatingNodes, edited, rotating_nodes, wait_for
from token_users import Checks, Life
from tokens import header_of

# The shortest life that Kubernetes gives a token.
LIFE = Life.as_the_kubelet(int(os.environ.get("IRSA_E2E_TOKEN_SECONDS", "600")))
_QUIET = 15


@pytest.fixture(scope="module")
def rotating(nodes: Nodes, endpoint: Endpoint, any_style: str) -> Iterator[RotatingNodes]:
    with rotating_nodes(nodes, endpoint, any_style) as found:
        yield found


def test_a_pair_made_again_refuses_valid_tokens_until_all_are_renewed(rotating: RotatingNodes, tmp_path: Path) -> None:
    with rotating.token_users(LIFE, rotating.exchange) as checks:
        _until(lambda: checks.answered.total() > 300)
        assert checks.refused == [], "before anything was changed"
        replaced = checks.now()
        kid = _replace(rotating, tmp_path)
        rolled = checks.now()
        last_old = rolled + LIFE.used
        _until(lambda: checks.now() > last_old + _QUIET)
    print(f"\nreplaced at {replaced:.0f} s, all servers by {rolled:.0f} s; tokens are used for {LIFE.used:.0f} s")
    print(checks.report())
    assert kid != rotating.kid and set(rotating.signing_kids().values()) == {kid}
    refused = checks.by_party()
    # STS refuses every token from before, and every server those of the other key.
    assert len(refused) == 1 + 2 * len(rotating.nodes.hosts)
    assert checks.seconds_of_refusals > rolled - replaced
    _require_both_keys_refused(checks, {kid, rotating.kid})


def _require_both_keys_refused(checks: Checks, kids: set[str]) -> None:
    """Old tokens at servers with the new key, and new tokens at those that still had the old one."""
    assert {refusal.kid for refusal in checks.refused} == kids


def _replace(rotating: RotatingNodes, folder: Path) -> str:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    kid = _kid(key)
    for name, content in (("sa.key", private), ("sa.pub", public)):
        (folder / name).write_bytes(content)
        rotating.nodes.ansible.modules(
            "ansible.builtin.copy", "control_plane", src=str(folder / name), dest=f"{KEPT}/new-{name}", mode="0600"
        )
    rotating.endpoint.s3.put_object(
        Bucket=rotating.site.bucket, Key=DOCUMENTS[0], Body=_jwks(key, kid), ContentType="application/json"
    )
    # A label restarts a static pod.
    restart = "\n".join(
        edited(pod, "s|^  labels:|&\\n    irsa-e2e: by-hand|") for pod in ("kube-apiserver", "kube-controller-manager")
    )
    for host, server in rotating.servers.items():
        rotating.nodes.shell(host, f"set -eu\nfor n in sa.key sa.pub; do mv {KEPT}/new-$n {PKI}/$n; done\n{restart}")
        wait_for(server, lambda token: header_of(token)["kid"] == kid)
    return kid


def _jwks(key: rsa.RSAPrivateKey, kid: str) -> bytes:
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    # AWS cannot use a key with key_ops.
    jwk = {name: jwk[name] for name in ("kty", "n", "e")}
    return json.dumps({"keys": [{**jwk, "use": "sig", "alg": "RS256", "kid": kid}]}).encode()


def _kid(key: rsa.RSAPrivateKey) -> str:
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")


def _until(is_so: Callable[[], bool]) -> None:
    def attempt() -> None:
        assert is_so()

    eventually(attempt, AssertionError, seconds=3600)
