# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of all API servers of a cluster, which are asked at their own addresses."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import key_sets
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HttpsServer, certify
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import (
    BEARER,
    DISCOVERY,
    ENDPOINTS,
    JWKS,
    NAMES,
    endpoints_of,
    serve_json,
    status_object,
)

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
ONE = {"kty": "RSA", "kid": "one", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB"}
TWO = {**ONE, "kid": "two", "n": "AQAC"}


@pytest.fixture
def cluster(api_servers):
    """Returns what asks a load balancer, which says where the members are."""

    def make(*members, balancer=(OLD_ISSUER, [ONE])):
        front = api_servers.start(*balancer)
        serve_json(front, ENDPOINTS, endpoints_of(*(member.address for member in members)))
        return ApiServer(api_servers.kubeconfig(front), 5)

    return make


class TestServersOf:
    def test_each_server_is_asked_at_its_address_with_the_same_credentials(self, api_servers, cluster):
        members = [api_servers.start(ISSUER, [ONE], names=["kubernetes.default.svc"]) for _number in range(3)]
        found = servers_of(cluster(*members))
        assert [server.address for server in found] == sorted(member.address for member in members)
        assert [server.get(DISCOVERY) for server in found] == [{"issuer": ISSUER}] * 3
        assert all(member.requests[0][1]["authorization"] == f"Bearer {BEARER}" for member in members)

    def test_the_kubeconfigs_server_name_is_kept_for_the_others(self, api_servers):
        front, other = api_servers.start(), api_servers.start(ISSUER, names=["api.example.test"])
        serve_json(front, ENDPOINTS, endpoints_of(other.address))
        path = api_servers.kubeconfig(front, **{"tls-server-name": "kubernetes"})
        [server] = servers_of(ApiServer(path, 5))
        with pytest.raises(RequestFailed, match="its certificate is not accepted: Hostname mismatch"):
            server.get(DISCOVERY)
        assert not other.requests

    def test_a_certificate_of_another_ca_is_refused(self, api_servers, cluster, tmp_path):
        other = HttpsServer(tmp_path, [certify("kube-apiserver", None, NAMES)])
        [server] = servers_of(cluster(other))
        with pytest.raises(RequestFailed, match="its certificate is not accepted: self-signed certificate"):
            server.get(DISCOVERY)
        other.stop()

    @pytest.mark.parametrize(
        "document", [{}, {"subsets": None}, {"subsets": [{"addresses": None, "ports": [{"port": 1}]}]}]
    )
    def test_without_addresses_the_kubeconfigs_server_is_the_only_one(self, api_servers, cluster, document):
        front = api_servers.start()
        api = ApiServer(api_servers.kubeconfig(front), 5)
        serve_json(front, ENDPOINTS, document)
        assert servers_of(api) == [api]
        front.replies.clear()
        assert servers_of(api) == [api]

    def test_the_kubeconfigs_server_takes_its_own_place(self, api_servers):
        front = api_servers.start()
        api = ApiServer(
            api_servers.kubeconfig(front, server=f"https://{front.address}", **{"tls-server-name": "kubernetes"}), 5
        )
        serve_json(front, ENDPOINTS, endpoints_of("10.0.0.1:6443", front.address))
        first, second = servers_of(api)
        assert first.address == "10.0.0.1:6443" and second is api

    def test_an_ipv6_address_is_in_brackets(self, api_servers):
        front = api_servers.start()
        subset = {
            "addresses": [{"ip": "fd00::1"}],
            "ports": [{"name": "x", "port": 1}, {"name": "https", "port": 6443}],
        }
        serve_json(front, ENDPOINTS, {"subsets": [subset]})
        [server] = servers_of(ApiServer(api_servers.kubeconfig(front), 5))
        assert server.address == "[fd00::1]:6443"

    @pytest.mark.parametrize("subsets", [5, [5], [{}], [{"ports": []}], [{"ports": [{"port": "x"}]}], [{"ports": [5]}]])
    def test_endpoints_that_cannot_be_read_are_refused(self, api_servers, subsets):
        front = api_servers.start()
        serve_json(front, ENDPOINTS, {"subsets": subsets})
        with pytest.raises(IrsaError, match="do not tell the addresses"):
            servers_of(ApiServer(api_servers.kubeconfig(front), 5))

    def test_the_right_to_read_the_addresses_is_named(self, api_servers):
        front = api_servers.start()
        serve_json(front, ENDPOINTS, status_object(403, "Forbidden", "User cannot get resource"), status=403)
        with pytest.raises(RequestFailed, match="needs the verb get on endpoints in namespace default"):
            servers_of(ApiServer(api_servers.kubeconfig(front), 5))


class TestUnion:
    def test_the_keys_of_all_servers_are_together_each_once(self, api_servers, cluster):
        members = [api_servers.start(ISSUER, [TWO, ONE]), api_servers.start(OLD_ISSUER, [ONE])]
        found = key_sets.of_cluster(cluster(*members))
        assert found.jwks == {"keys": [ONE, TWO]}
        assert found.issuers == [ISSUER, OLD_ISSUER]
        assert {server.address: server.kids for server in found.servers} == {
            members[0].address: ["two", "one"],
            members[1].address: ["one"],
        }
        assert not found.unreachable and found.warning is None

    def test_a_server_that_does_not_answer_is_named_and_the_load_balancer_asked(self, api_servers, cluster):
        up, down = api_servers.start(ISSUER, [TWO]), api_servers.start()
        api = cluster(up, down, balancer=(OLD_ISSUER, [ONE]))
        down.stop()
        found = key_sets.of_cluster(api)
        assert found.jwks == {"keys": [ONE, TWO]}
        assert found.unreachable == {down.address: "Connection refused"}
        assert f"({down.address}: Connection refused)" in found.warning

    def test_a_starting_server_answers_without_an_issuer(self, api_servers, cluster):
        up, starting = api_servers.start(ISSUER, [ONE]), api_servers.start(ISSUER, [ONE])
        serve_json(starting, DISCOVERY, status_object(200, "", "starting"))
        found = key_sets.of_cluster(cluster(up, starting))
        assert found.unreachable == {starting.address: f"its {DISCOVERY} cannot be used: it does not name an issuer"}

    def test_one_kid_for_two_keys_stops(self, api_servers, cluster):
        members = [api_servers.start(ISSUER, [ONE]), api_servers.start(ISSUER, [{**TWO, "kid": "one"}])]
        with pytest.raises(IrsaError, match="different keys under the kid 'one'") as stopped:
            key_sets.of_cluster(cluster(*members))
        assert all(member.address in str(stopped.value) for member in members)

    def test_one_of_the_servers_must_answer(self, api_servers, cluster):
        member = api_servers.start()
        api = cluster(member)
        serve_json(member, DISCOVERY, status_object(403, "Forbidden", "User cannot get path"), status=403)
        with pytest.raises(IrsaError, match="No API server of the cluster says what its keys are") as stopped:
            key_sets.union(servers_of(api))
        assert "it answers with 403: 'User cannot get path'" in str(stopped.value)

    @pytest.mark.parametrize("document", [[], {}, {"keys": 5}, {"keys": [5]}, "text"])
    def test_a_jwks_that_is_none_counts_as_no_answer(self, api_servers, cluster, document):
        member = api_servers.start(ISSUER)
        api = cluster(member)
        serve_json(member, JWKS, document)
        found = key_sets.of_cluster(api)
        assert found.jwks == {"keys": [ONE]} and f"{JWKS} cannot be used" in found.unreachable[member.address]
