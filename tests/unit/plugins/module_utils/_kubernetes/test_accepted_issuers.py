# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which issuers API servers accept: by the flags that the cluster shows, or else by what they serve."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import accepted_issuers
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster as fake
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_cluster import ISSUER, OLD, sound, together

OLDER = "https://older.example"
NAMES = [f"10.0.0.{number}:6443" for number in (1, 2, 3)]
ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"


def old(address, **changes):
    """A server that signs for another issuer and does not show its flags."""
    return sound(address, **{"flagz": 404, "discovery": {"issuer": OLD}, **changes})


def silent(address):
    return old(address, flagz="no answer", discovery="no answer", jwks="no answer")


def pod(node, host, *issuers):
    return fake.mirror_pod(node, host, *(f"--service-account-issuer={issuer}" for issuer in issuers))


def found(api):
    servers = accepted_issuers.of_cluster(api)
    assert not [server for server in servers if server.is_front]
    return [(each.name, each.issuers, each.is_complete) for each in servers]


def behind_balancer(*servers, **changes):
    balancer = sound("lb.example:6443", **changes)
    balancer.others = {server.address: server for server in servers}
    balancer.answers[fake.ENDPOINTS] = fake.endpoints(*balancer.others) if servers else 404
    return balancer


def test_issuers_are_those_of_the_flags_in_their_order():
    servers = [sound(NAMES[0], flagz=fake.flagz(OLD)), sound(NAMES[1], flagz=fake.flagz(ISSUER, OLD))]
    assert found(together(*servers)) == [(NAMES[0], (OLD,), True), (NAMES[1], (ISSUER, OLD), True)]
    pods = [pod("node2", "10.0.0.2", ISSUER, OLD), pod("node1", "10.0.0.1", OLD)]
    servers = [old(NAMES[0], mirror_pods=pods), silent(NAMES[1])]
    assert found(together(*servers)) == [("node1", (OLD,), True), ("node2", (ISSUER, OLD), True)]


def test_of_servers_whose_flags_are_not_shown_only_what_they_sign_for_is_known():
    servers = [sound(NAMES[2], flagz=fake.flagz(ISSUER, OLD)), old(NAMES[0]), old(NAMES[1], flagz=403)]
    assert found(together(*servers)) == [
        (NAMES[2], (ISSUER, OLD), True),
        (NAMES[0], (OLD,), False),
        (NAMES[1], (OLD,), False),
    ]


def test_servers_that_do_not_answer_are_listed():
    servers = [sound(NAMES[0], flagz=fake.flagz(OLD)), silent(NAMES[1]), silent(NAMES[2])]
    assert found(together(*servers)) == [(NAMES[0], (OLD,), True), (NAMES[1], (), False), (NAMES[2], (), False)]


@pytest.mark.parametrize("changes", [{"flagz": fake.flagz(OLD, OLDER)}, {"flagz": 404, "discovery": {"issuer": OLD}}])
def test_servers_behind_a_load_balancer_are_listed_beside_it(changes):
    front, *others = accepted_issuers.of_cluster(behind_balancer(*map(silent, NAMES), **changes))
    assert (front.name, front.issuers[0], front.is_complete, front.is_front) == ("lb.example:6443", OLD, False, True)
    assert [(each.name, each.issuers, each.is_front) for each in others] == [(name, (), False) for name in NAMES]


def test_a_load_balancer_before_unknown_servers_is_known_to_be_one():
    (front,) = accepted_issuers.of_cluster(behind_balancer(flagz=fake.flagz(OLD)))
    assert (front.name, front.issuers, front.is_complete, front.is_front) == ("lb.example:6443", (OLD,), False, True)


def test_a_load_balancer_is_not_listed_beside_the_mirror_pods_of_its_servers():
    pods = [pod("node1", "10.0.0.1", OLD), pod("node2", "10.0.0.2", OLD)]
    expected = [("node1", (OLD,), True), ("node2", (OLD,), True)]
    assert found(behind_balancer(*map(silent, NAMES[:2]), mirror_pods=pods)) == expected
    assert found(behind_balancer(mirror_pods=pods)) == expected


class TestAddresses:
    """A server announces an address that need not be the one that its kubelet reports."""

    def test_by_the_annotation_of_kubeadm(self):
        mirror = pod("node1", "192.0.2.1", OLD)
        mirror["metadata"]["annotations"][ENDPOINT] = NAMES[0]
        assert found(sound(mirror_pods=[mirror])) == [("node1", (ISSUER, OLD), True)]

    def test_by_the_flag(self):
        mirror = pod("node1", "10.0.0.1", OLD)
        mirror["status"]["hostIP"] = "192.0.2.1"
        assert found(sound(mirror_pods=[mirror])) == [("node1", (ISSUER, OLD), True)]

    def test_by_the_port_too(self):
        other = pod("node2", "10.0.0.1", OLD)
        other["spec"]["containers"][0]["command"][-1] = "7443"
        assert found(sound(mirror_pods=[other])) == [(NAMES[0], (ISSUER, OLD), True), ("node2", (OLD,), True)]

    @pytest.mark.parametrize("status", [{"hostIP": "10.0.0.1"}, {"hostIP": "fd00::1", "hostIPs": [{"ip": "10.0.0.1"}]}])
    def test_by_those_of_the_node_if_nothing_else_tells(self, status):
        mirror = pod("node1", "10.0.0.1", OLD)
        mirror["spec"]["containers"][0]["command"].remove("--advertise-address=10.0.0.1")
        mirror["status"] = status
        assert found(sound(mirror_pods=[mirror])) == [("node1", (ISSUER, OLD), True)]

    def test_all_that_share_one(self):
        """Such as a virtual IP, behind which another one answers each time."""
        pods = [pod("node1", "10.0.0.1", OLD), pod("node2", "10.0.0.1", ISSUER, OLD)]
        assert found(sound(mirror_pods=pods)) == [("node1", (OLD,), True), ("node2", (ISSUER, OLD), True)]
