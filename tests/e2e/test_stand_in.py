# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in servers by themselves: they sign by the distribution's files, and show how they fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from endpoint import eventually
from polling import Server as Client
from stand_in import rancher
from stand_in.cluster import Cluster, Server
from stand_in_servers import stand_in_cluster
from tokens import claims_of

ISSUER = "https://stand-in.example.com"
_DROP_IN = f'kube-apiserver-arg+:\n  - "service-account-issuer-={ISSUER}"\n'
_K0S = f"    extraArgs:\n      service-account-issuer: {ISSUER}\n"
_MICROK8S = "--service-account-issuer='https://kubernetes.default.svc'\n"

# Which file of a distribution says it, and how.
CHANGES = {
    "k3s": ("/etc/rancher/k3s/config.yaml.d/zz.yaml", "", _DROP_IN),
    "rke2": ("/etc/rancher/rke2/config.yaml.d/zz.yaml", "", _DROP_IN),
    "k0s": (
        "/etc/k0s/k0s.yaml",
        "    extraArgs:\n",
        f"    rawArgs: ['--service-account-issuer=https://kubernetes.default.svc']\n{_K0S}",
    ),
    "microk8s": (
        "/var/snap/microk8s/7500/args/kube-apiserver",
        _MICROK8S,
        f"--service-account-issuer={ISSUER}\n{_MICROK8S}",
    ),
}
# Whose services end with their API server; the others start it again themselves.
ENDS_WITH_IT = ("k3s", "microk8s")


@pytest.fixture(scope="module", params=list(CHANGES))
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with stand_in_cluster(request.param, 1, tmp_path_factory.mktemp("stand-in")) as cluster:
        yield cluster


def minted(server: Server, client: Client, issuer: str) -> str:
    """A token of a server, once it is ready and mints one for the issuer."""

    def mint() -> str:
        assert server.is_ready()
        token = client.mint()
        assert claims_of(token)["iss"] == issuer
        return token

    return eventually(mint, Exception)


def test_a_server_signs_by_its_files_and_shows_if_it_fails(cluster: Cluster) -> None:
    [server] = cluster.servers
    client = Client(server.address, cluster.kubeconfig)
    old = client.mint()
    before, was = server.show(), claims_of(old)["iss"]
    assert (before["ActiveState"], before["NRestarts"]) == ("active", "0")

    path, text, new_text = CHANGES[cluster.distribution]
    file = server.path(path)
    former = file.read_text(encoding="utf-8") if file.exists() else ""
    file.parent.mkdir(exist_ok=True)
    file.write_text(former.replace(text, new_text, 1), encoding="utf-8")
    server.refuse(ISSUER)
    server.restart()
    eventually(lambda: require_failure(cluster.distribution, server), AssertionError)

    # Whatever tried again does so until it succeeds.
    server.refuse(None)
    if server.show()["ActiveState"] == "failed":
        server.restart()
    new = minted(server, client, ISSUER)
    assert (client.status(old), client.status(new)) == (200, 200)
    after = server.show()
    assert after["InvocationID"] != before["InvocationID"]
    assert int(after["ExecMainStartTimestampMonotonic"]) > int(before["ExecMainStartTimestampMonotonic"])

    file.write_text(former, encoding="utf-8")
    server.restart()
    minted(server, client, was)
    assert client.status(new) == 401


def require_failure(distribution: str, server: Server) -> None:
    """Raises AssertionError unless it is seen where the distribution shows it that its API server does not start."""
    shown = server.show()
    if distribution in ENDS_WITH_IT:
        assert int(shown["NRestarts"]) >= 1
        assert ISSUER in server.log()
    elif distribution == "k0s":
        assert (shown["ActiveState"], shown["NRestarts"]) == ("active", "0")
        assert "respawning" in server.log()
    else:
        assert (shown["ActiveState"], shown["NRestarts"]) == ("activating", "0")
        logs = server.path("/var/log/pods").glob(f"kube-system_kube-apiserver-{server.name}_*/kube-apiserver/0.log")
        assert any(f"refuses the issuer {ISSUER}" in log.read_text(encoding="utf-8") for log in logs)


def test_every_server_has_its_own_files_and_the_tools_of_its_distribution(cluster: Cluster) -> None:
    [server] = cluster.servers
    assert server.run("hostname").stdout.strip() == server.name
    kubectl = {
        "k3s": ["k3s", "kubectl"],
        "rke2": ["/var/lib/rancher/rke2/bin/kubectl", "--kubeconfig=/etc/rancher/rke2/rke2.yaml"],
        "k0s": ["k0s", "kubectl"],
        "microk8s": ["microk8s", "kubectl"],
    }[cluster.distribution]
    assert server.run(*kubectl, "get", "--raw=/readyz").stdout == "ok"
    endpoints = "jsonpath={.items[0].endpoints[*].addresses[0]}"
    assert server.run(*kubectl, "get", "endpointslices", f"--output={endpoints}").stdout == server.host.address
    shown = server.run("systemctl", "show", "--property=LoadState,Id", "sshd", server.unit).stdout
    assert shown == f"Id=sshd.service\nLoadState=not-found\n\nId={server.unit}\nLoadState=loaded\n"
    assert server.run("systemctl", "frob", check=False).returncode


# https://github.com/k3s-io/k3s/blob/main/pkg/util/args_test.go, re-typed as data
@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (["ccc=C", "bbb-=DD"], ["--aaa=A", "--bbb=DD", "--bbb=B", "--ccc=C"]),
        (["bbb+=DD"], ["--aaa=A", "--bbb=B", "--bbb=DD"]),
        (["bbb=DD", "bbb=AA"], ["--aaa=A", "--bbb=DD", "--bbb=AA"]),
        (["bbb=X", "bbb-=N"], ["--aaa=A", "--bbb=N", "--bbb=X"]),
        (["bbb-=A", "bbb-=B"], ["--aaa=A", "--bbb=B", "--bbb=A", "--bbb=B"]),
        (["--ccc"], ["--aaa=A", "--bbb=B", "--ccc=true"]),
    ],
)
def test_the_arguments_of_k3s_are_merged_as_its_own_tests_say(extra: list[str], expected: list[str]) -> None:
    assert rancher.arguments({"aaa": "A", "bbb": "B"}, extra) == expected
