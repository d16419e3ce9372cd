# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of kubeadm that signs for an issuer at the endpoint while the tests change its keys; then it goes back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from endpoint import Endpoint, Site, eventually
from kubeadm_nodes import MANIFESTS, Nodes
from polling import Server
from running_cluster import RunningCluster
from runs import NAMESPACE, SERVICE_ACCOUNT, Run
from token_users import Checks, Exchange, Life, exchange_at_sts, token_users
from tokens import claims_of, header_of

ACCOUNT = (NAMESPACE, SERVICE_ACCOUNT)
PKI = "/etc/kubernetes/pki"
OWN_KEYS = f"{PKI}/irsa"
# What the tests keep on each node until the cluster is as before.
KEPT = "/root/irsa-e2e-rotation"
_PODS = ("kube-apiserver", "kube-controller-manager")
_PATIENCE = 240


@dataclass(frozen=True)
class RotatingNodes:
    """The nodes, and the issuer that they sign for. Its JWKS has the cluster's own key."""

    nodes: Nodes
    endpoint: Endpoint
    site: Site
    variables: dict[str, Any]
    exchange: Exchange
    kid: str

    @property
    def servers(self) -> dict[str, Server]:
        return {host: server_of(self.nodes, host) for host in self.nodes.hosts}

    def signing_kids(self) -> dict[str, str]:
        return {host: header_of(server.mint())["kid"] for host, server in self.servers.items()}

    def published_kids(self) -> list[str]:
        return [key["kid"] for key in json.loads(self.endpoint.fetch(self.site.documents[0]).body)["keys"]]

    @contextlib.contextmanager
    def token_users(self, life: Life, exchange: Exchange) -> Iterator[Checks]:
        """Have clients use tokens at all servers and at a relying party until the block is over."""
        addresses = [server.url.removeprefix("https://") for server in self.servers.values()]
        with token_users(
            addresses,
            self.nodes.cluster.kubeconfig,
            account=ACCOUNT,
            life=life,
            exchange=exchange,
        ) as checks:
            yield checks

    def pods(self) -> dict[str, tuple[str, int]]:
        """Which pods there are but static ones, and how often their containers were restarted."""
        return {
            f"{pod.metadata.namespace}/{pod.metadata.name}": (
                pod.metadata.uid,
                sum(status.restart_count for status in pod.status.container_statuses or []),
            )
            for pod in self.nodes.cluster.core.list_pod_for_all_namespaces().items
            if "kubernetes.io/config.mirror" not in (pod.metadata.annotations or {})
        }


def server_of(nodes: Nodes, host: str) -> Server:
    addresses = nodes.cluster.core.read_node(host).status.addresses
    [address] = [found.address for found in addresses if found.type == "InternalIP"]
    return Server(f"{address}:6443", nodes.cluster.kubeconfig)


@contextlib.contextmanager
def rotating_nodes(nodes: Nodes, endpoint: Endpoint, style: str) -> Iterator[RotatingNodes]:
    """Publish the cluster's key, have all servers sign for the issuer, and put everything back in the end."""
    cluster, servers = nodes.cluster, {host: server_of(nodes, host) for host in nodes.hosts}
    [former] = {(claims_of(token)["iss"], header_of(token)["kid"]) for token in map(Server.mint, servers.values())}
    with endpoint.site(style) as site, endpoint.role_removed(f"irsa-e2e-{site.bucket}"[:64]):
        own = {name: value for name, value in site.variables.items() if name != "irsa_issuer_key_path"}
        variables = {**own, "irsa_issuer_from_cluster": True, "irsa_kubeconfig": cluster.kubeconfig}
        provisioned = nodes.ansible.provision(variables)
        cluster.ensure_account(*ACCOUNT)
        exchange = exchange_at_sts(endpoint, _role(endpoint, site, provisioned))
        _all(nodes, _keep())
        try:
            _all(nodes, _sign_for(site.issuer))
            _wait(servers, (site.issuer, former[1]))
            yield RotatingNodes(nodes, endpoint, site, variables, exchange, former[1])
        finally:
            _all(nodes, _put_back())
            _wait(servers, former)
            _renew_proxies(cluster)
            cluster.delete_namespace(NAMESPACE)


def _renew_proxies(cluster: RunningCluster) -> None:
    """Have kube-proxy's pods made again: their tokens may be by a key or for an issuer that is refused now. What counts
    pods afterwards finds the new ones alone.
    """

    def uids() -> set[str]:
        return {pod.metadata.uid for pod in cluster.core.list_namespaced_pod("kube-system", **chosen).items}

    def are_renewed() -> None:
        assert not former & uids()

    chosen = {"label_selector": "k8s-app=kube-proxy"}
    former = uids()
    cluster.core.delete_collection_namespaced_pod("kube-system", **chosen)
    eventually(are_renewed, Exception)


def _role(endpoint: Endpoint, site: Site, provisioned: Run) -> str:
    made = endpoint.iam.create_role(
        RoleName=f"irsa-e2e-{site.bucket}"[:64], AssumeRolePolicyDocument=json.dumps(provisioned.trust_policy)
    )
    return str(made["Role"]["Arn"])


def _all(nodes: Nodes, command: str) -> None:
    nodes.ansible.modules("ansible.builtin.shell", "control_plane", cmd=f"set -eu\n{command}")


def _keep() -> str:
    manifests = " ".join(f"{MANIFESTS}/{pod}.yaml" for pod in _PODS)
    return (
        f"test ! -e {OWN_KEYS} || {{ echo an earlier run was not undone; exit 1; }}\n"
        f"mkdir -m 0700 {KEPT}\ncp -p {PKI}/sa.key {PKI}/sa.pub {manifests} {KEPT}"
    )


def edited(pod: str, script: str) -> str:
    """Commands that edit a manifest with sed. kubelet reads every file in the folder, so another one has the copy."""
    path = f"{MANIFESTS}/{pod}.yaml"
    return f"sed '{script}' {path} > {KEPT}/edited && chmod 0600 {KEPT}/edited && mv {KEPT}/edited {path}"


def _sign_for(issuer: str) -> str:
    flag = "- --service-account-issuer="
    return edited("kube-apiserver", f"0,/{flag}/s|^\\( *\\){flag}.*|\\1{flag}{issuer}\\n&|")


def _put_back() -> str:
    keys = "\n".join(
        f"cp -p {KEPT}/{name} {PKI}/.{name} && mv {PKI}/.{name} {PKI}/{name}" for name in ("sa.key", "sa.pub")
    )
    manifests = "\n".join(
        f"cmp -s {KEPT}/{pod}.yaml {MANIFESTS}/{pod}.yaml || mv {KEPT}/{pod}.yaml {MANIFESTS}/{pod}.yaml"
        for pod in _PODS
    )
    return f"{keys}\n{manifests}\nrm -rf {KEPT} {OWN_KEYS}"


def _wait(servers: dict[str, Server], expected: tuple[str, str]) -> None:
    """Wait until every server makes tokens with this issuer and key."""
    for server in servers.values():
        wait_for(server, lambda token: (claims_of(token)["iss"], header_of(token)["kid"]) == expected)


def wait_for(server: Server, is_right: Any) -> None:
    """Wait until a server makes such tokens, and accepts them."""

    def attempt() -> None:
        token = server.mint()
        assert is_right(token) and server.status(token) == 200

    eventually(attempt, Exception, _PATIENCE)
