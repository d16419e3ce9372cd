# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags of the result as kubeadm renders them, in an API server that starts with them and keeps old tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import api_servers
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from control_plane import NewApiServer
from kubeadm_program import kubeadm
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible
from tokens import claims_of, header_of

# kubeadm before 1.34.4 sorts repeated flags; this one comes first in either order.
ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
FORMER = "https://kubernetes.default.svc.cluster.local"
PKI = "/etc/kubernetes/pki"


def values(**given: Any) -> dict[str, Any]:
    """What the role returns for API servers, for a key on the controller."""
    key = SigningKey(exists=True, path="/secure/sa-signer.key", public_key_path="/secure/sa-signer-pkcs8.pub")
    spec = IssuerSpec(**{"key": key, "bucket": "example-irsa", "apiserver_key_dir": PKI, **given})
    return api_servers.values(spec, issuer_url.parse(ISSUER))


@pytest.mark.parametrize("variable", ["IRSA_E2E_KUBEADM", "IRSA_E2E_SORTING_KUBEADM"])
@pytest.mark.parametrize(
    "given", [{}, {"former_issuers": [FORMER], "former_public_keys": [f"{PKI}/sa.pub"]}], ids=["new", "running"]
)
def test_kubeadm_renders_its_form_as_the_flags(tmp_path: Path, variable: str, given: dict[str, Any]) -> None:
    found = values(**given)
    configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.34.0",
        "apiServer": {"extraArgs": found["kubeadm_extra_args"]},
    }
    manifest = kubeadm(variable, "a kubeadm", tmp_path).render(json.dumps(configuration), {})
    command = Arguments.of(yaml.safe_load(manifest)["spec"]["containers"][0]["command"])
    assert {name: list(command.values(name)) for name in found["apiserver_args"]} == found["apiserver_args"]
    assert command.values("api-audiences") == ()


def test_tokens_of_the_former_issuer_and_key_stay_valid(new_api_server: NewApiServer, ansible: Ansible) -> None:
    folder = ansible.folder
    for name in ("sa", "sa-signer"):
        ansible.module(
            "selfhosted.irsa.irsa_keypair", path=f"{folder}/{name}.key", public_key_path=f"{folder}/{name}.pub"
        )
    before = [
        f"--service-account-issuer={FORMER}",
        f"--service-account-key-file={folder}/sa.pub",
        f"--service-account-signing-key-file={folder}/sa.key",
    ]
    with new_api_server(*before) as api:
        old = api.token(NAMESPACE, SERVICE_ACCOUNT, FORMER)
    key = SigningKey(exists=True, path="/secure/sa-signer.key", public_key_path="/secure/sa-signer.pub")
    given = {"former_issuers": [FORMER], "former_public_keys": [f"{folder}/sa.pub"]}
    after = values(key=key, apiserver_key_dir=str(folder), **given)["apiserver_flags"]
    with new_api_server(*after) as api:
        # Known is not allowed: 403.
        assert api.ask("/api/v1/nodes", bearer=old)[0] == 403
        new = api.token(NAMESPACE, SERVICE_ACCOUNT, ISSUER)
        assert claims_of(new)["iss"] == ISSUER
        assert header_of(new)["kid"] != header_of(old)["kid"]
        assert api.ask("/api/v1/nodes", bearer=new)[0] == 403
        assert api.get("/.well-known/openid-configuration")["jwks_uri"] == f"{ISSUER}/keys.json"
    with new_api_server(*values(key=key, apiserver_key_dir=str(folder))["apiserver_flags"]) as api:
        assert api.ask("/api/v1/nodes", bearer=old)[0] == 401
