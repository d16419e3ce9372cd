# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server accepts the manifests in the guides, with every field that they have."""

from __future__ import annotations

from control_plane import NewApiServer
from guide_blocks import blocks, manifests
from runs import Ansible

_PATHS = {
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
}
# What an API server knows only where something else is installed.
_CUSTOM = ("CiliumClusterwideNetworkPolicy", "ClusterIssuer", "ClusterSecretStore")


def test_an_api_server_accepts_every_manifest(new_api_server: NewApiServer, ansible: Ansible) -> None:
    key = ansible.folder / "sa.key"
    ansible.module("selfhosted.irsa.irsa_keypair", path=str(key))
    flags = [
        "--service-account-issuer=https://issuer.example.com",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
    ]
    judged = 0
    with new_api_server(*flags) as api:
        for block in blocks():
            for manifest in manifests(block):
                if manifest["kind"] in _CUSTOM:
                    continue
                namespace = manifest["metadata"].get("namespace", "default")
                api.ask("/api/v1/namespaces", {"metadata": {"name": namespace}})
                account = {"metadata": {"name": manifest.get("spec", {}).get("serviceAccountName", "default")}}
                api.ask(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
                path = _PATHS[manifest["kind"]].format(namespace=namespace)
                status, answer = api.ask(f"{path}?dryRun=All&fieldValidation=Strict", manifest)
                assert status == 201, (block.name, answer)
                judged += 1
    assert judged
