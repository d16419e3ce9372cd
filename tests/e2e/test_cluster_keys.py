# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer that publishes what the API servers of a cluster serve: three on one etcd, each with a key of its own."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from control_plane import ApiServer, NewApiServer, signing_flags
from endpoint import Endpoint, Site
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible
from tokens import claims_of, header_of

JWKS, ENDPOINTS = "/openid/v1/jwks", "/api/v1/namespaces/default/endpoints"


def own_address() -> str:
    """An address of this machine that others could use. Kubernetes refuses loopback addresses in Endpoints."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback, which API servers cannot be found at")
        return str(probe.getsockname()[0])


@dataclass
class Servers:
    """Three API servers, and a kubeconfig for the first that trusts all of their certificates."""

    running: list[ApiServer]
    address: str
    kubeconfig: Path
    stop_last: contextlib.ExitStack

    def kids(self) -> list[str]:
        """The kids that those serve that are running, as each of them says itself."""
        return sorted(key["kid"] for server in self.running for key in server.get(JWKS)["keys"])

    def keys(self) -> dict[str, Any]:
        return {key["kid"]: key for server in self.running for key in server.get(JWKS)["keys"]}

    def port(self, server: ApiServer) -> int:
        return int(urlsplit(server.url).port or 0)


@pytest.fixture(scope="module")
def servers(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder, address, administrator = tmp_path_factory.mktemp("cluster"), own_address(), secrets.token_hex(24)
    with contextlib.ExitStack() as stack:
        stop_last = contextlib.ExitStack()
        running = []
        for number in range(3):
            (folder / str(number)).mkdir()
            flags = [*signing_flags(folder / str(number)), "--bind-address=0.0.0.0"]
            server = new_api_server(*flags, administrator=administrator)
            running.append((stop_last if number == 2 else stack).enter_context(server))
        stack.push(stop_last)
        kubeconfig = folder / "kubeconfig"
        running[0].write_kubeconfig(kubeconfig)
        bundle = folder / "ca.pem"
        bundle.write_text("".join(server.certificate.read_text(encoding="utf-8") for server in running))
        config = json.loads(kubeconfig.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["certificate-authority"] = str(bundle)
        kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        found = Servers(running, address, kubeconfig, stop_last)
        # Three servers at one address, so none of them could write this itself.
        subsets = [
            {"addresses": [{"ip": address}], "ports": [{"name": "https", "port": found.port(server)}]}
            for server in running
        ]
        endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "kubernetes"}, "subsets": subsets}
        status, answer = running[0].ask(ENDPOINTS, endpoints)
        assert status == 201, answer
        yield found


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"))


@pytest.fixture(scope="module")
def adopting(endpoint: Endpoint, any_style: str, servers: Servers) -> Iterator[tuple[Site, dict[str, Any]]]:
    """Where the issuer is, and the variables of an issuer without a key file."""
    with endpoint.site(any_style) as site:
        own = {name: value for name, value in site.variables.items() if name != "irsa_issuer_key_path"}
        yield site, {**own, "irsa_issuer_from_cluster": True, "irsa_kubeconfig": str(servers.kubeconfig)}


def test_the_keys_of_all_api_servers_are_published(
    endpoint: Endpoint, servers: Servers, ansible: Ansible, adopting: tuple[Site, dict[str, Any]]
) -> None:
    site, variables = adopting
    planned = ansible.provision(variables, "--check")
    made = ansible.provision(variables)
    assert planned.result["actions"] == made.result["actions"] and not planned.writes
    published = json.loads(endpoint.fetch(site.documents[0]).body)["keys"]
    assert len(published) == 3 and {key["kid"]: key for key in published} == servers.keys()
    again = ansible.provision(variables)
    assert again.changed == 0 and again.writes == []
    assert servers.running[0].administrator not in planned.output + made.output + again.output


def test_a_token_of_each_api_server_verifies_with_what_is_published(
    servers: Servers, ansible: Ansible, adopting: tuple[Site, dict[str, Any]]
) -> None:
    site, dummy = adopting
    kids = set()
    for server in servers.running:
        token = server.token(NAMESPACE, SERVICE_ACCOUNT, "sts.amazonaws.com")
        kids.add(header_of(token)["kid"])
        result = verified(ansible, site, token=token)
        # The servers do not sign for the issuer yet, which everything else does not depend on.
        assert claims_of(token)["iss"] == "https://issuer.example.com"
        assert {name: result[name] for name in ("token-kid", "token-signature", "token-issuer")} == {
            "token-kid": "ok",
            "token-signature": "ok",
            "token-issuer": "error",
        }
    assert len(kids) == 3


def test_irsa_verify_has_a_token_made_at_the_kubeconfigs_server(
    servers: Servers, ansible: Ansible, adopting: tuple[Site, dict[str, Any]]
) -> None:
    account = f"{NAMESPACE}/{SERVICE_ACCOUNT}"
    result = verified(ansible, adopting[0], kubeconfig=str(servers.kubeconfig), service_account=account)
    assert (result["token-format"], result["token-signature"], result["token-audience"]) == ("ok", "ok", "ok")


def verified(ansible: Ansible, site: Site, **options: Any) -> dict[str, str]:
    """The status of each check of irsa_verify."""
    given = {"issuer": site.issuer, "provider": "skip", "fail_on": "never", **options}
    if ca_path := site.variables.get("irsa_issuer_ca_path"):
        given["ca_path"] = ca_path
    checks = ansible.module("selfhosted.irsa.irsa_verify", **given)["checks"]
    return {check["id"]: check["status"] for check in checks}


def test_an_api_server_that_is_down_is_named_and_its_key_stays_published(
    endpoint: Endpoint, servers: Servers, ansible: Ansible, adopting: tuple[Site, dict[str, Any]]
) -> None:
    """Last, since it does not come back."""
    site, variables = adopting
    before = servers.kids()
    servers.stop_last.close()
    down = servers.running.pop()
    run = ansible.provision(variables)
    words = " ".join(run.output.split())
    assert f"1 API server of the cluster did not answer ({servers.address}:{servers.port(down)}:" in words
    published = json.loads(endpoint.fetch(site.documents[0]).body)["keys"]
    assert sorted(key["kid"] for key in published) == before
    assert run.changed == 0 and len(servers.kids()) == 2
    ansible.teardown({**variables, "irsa_issuer_delete_bucket": True})
