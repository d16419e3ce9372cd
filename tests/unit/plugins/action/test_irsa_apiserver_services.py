# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of k3s, whose API servers are started by a service, are planned together and changed one after the other."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher import K3s
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import hidden_values, observation
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest
from ansible_collections.selfhosted.irsa.tests.unit.plugins.action.test_irsa_apiserver import Play, actions
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import NEW, OLD

CONFIG = "/etc/rancher/k3s/config.yaml"
DROP_IN = "/etc/rancher/k3s/config.yaml.d/zz-irsa.yaml"
SECRET = "join-token-of-the-cluster"
USERS = f"token: {SECRET}\nkube-apiserver-arg:\n- audit-log-maxage=7\n".encode()
COMMAND = ("/usr/local/bin/k3s", "server")


class ServicePlay(Play):
    """Hosts with k3s. ``started`` is when their services started, ``changed`` when files changed, by path, and
    ``addresses`` are those that are set for hosts.
    """

    def __init__(self, count=3):
        super().__init__(count)
        self.cluster.configuration = None
        self.cluster.has_pods, self.cluster.tells_flags = False, True
        self.started, self.changed, self.command, self.restarted = 1000.0, {}, list(COMMAND), []
        self.addresses = {}
        for server in self.cluster.servers:
            self.files[server.node] = {CONFIG: USERS}
            self.folders[server.node] = {}
            self.services[server.node] = {"k3s.service": self.unit()}
            self.start(server)

    def unit(self, state="active"):
        return {"command": self.command, "environment": {}, "state": state, "started": self.started}

    def start(self, server):
        server.run_with(K3s().passed(self.files[server.node], Unit(command=tuple(self.command))).api_server.texts)

    def run(self, host, **options):
        address = self.addresses.get(host) if options["operation"] == "read" else None
        return super().run(host, **options, **({"address": address} if address else {}))

    def node(self, host, arguments):
        if arguments["operation"] != "configuration":
            return super().node(host, arguments)
        names = [path for path in self.files[host] if path in arguments["paths"] or path.startswith(DROP_IN[:-12])]
        return {"found": {"files": {path: self.described(host, path) for path in names}, "version": None}}

    def described(self, host, path):
        content = hidden_values.hidden(self.files[host][path].decode()).encode()
        changed = self.changed.get(path, 10.0)
        return {"content": base64.b64encode(content).decode(), "sha256": digest(content), "changed": changed}

    def inspect(self, host, arguments):
        arguments = {"paths": [], "patches": None, "public_keys": [], **arguments}
        return super().inspect(host, arguments)

    def observe(self, host, arguments):
        own = next(each.url for each in self.cluster.servers if each.node == host)
        return observation.observe(self.kubectl(), arguments.get("server", own), lambda seconds: None)

    def step(self, host, arguments):
        step = arguments["step"]
        assert arguments["kubectl"][0] == ["k3s", "kubectl"]
        for file in step["files"]:
            assert digest(self.files[host].get(file["path"])) == file["expected"]
            self.files[host].pop(file["path"], None)
            if file["content"] is not None:
                self.files[host][file["path"]] = base64.b64decode(file["content"])
        server = next(each for each in self.cluster.servers if each.url == step["server"])
        assert step["service"] == {
            "unit": "k3s.service",
            "restart": ["systemctl", "restart", "--no-block", "k3s.service"],
        }
        if step["restarts"]:
            self.restarted.append(host)
            self.start(server)
        faults = []
        found = observation.identity(self.kubectl(), server.url, reviewers=step["servers"], faults=faults)
        assert found["issuer"] == step["issuer"] and not faults
        assert set(found["token"]["reviews"].values()) == {"accepted"}
        return {"proof": {**found, "kids": [server.kid], "pod": {"seen": "k3s.service runs"}}, "seconds": 1.0}


def test_all_servers_accept_before_one_signs_and_nothing_of_others_changes():
    play = ServicePlay()
    titles, results = play.role()
    assert titles == [f"node{number}: {phase}" for phase in ("accept", "sign") for number in (1, 2, 3)]
    assert play.issuers() == {f"node{number}": [NEW, OLD] for number in (1, 2, 3)}
    for files in play.files.values():
        assert files[CONFIG] == USERS
        assert f'service-account-issuer-={NEW}"' in files[DROP_IN].decode()
    assert results["node1"]["distribution"] == "k3s"
    assert results["node1"]["actions"] == 2 * [f"node1:write {DROP_IN}", "node1:restart k3s.service"]


def test_the_result_says_what_a_server_that_joins_needs():
    results = ServicePlay(1).role()[1]
    assert results["node1"]["new_node_needs"] == [DROP_IN]
    assert results["node1"]["next"][-1] == (
        f"Give a server that joins this cluster the files '{DROP_IN}' with their modes, or run this again as soon as "
        "it has joined. Until then, it refuses the tokens of the others."
    )


@pytest.mark.parametrize(
    ("key", "operations"),
    [("adopt", ["inspect", "configuration", "observe"]), ("own", ["inspect", "configuration", "observe", "inspect"])],
)
def test_a_server_is_asked_for_no_more_than_is_needed(key, operations):
    play = ServicePlay(1)
    asked, node = [], play.node

    def noted(host, arguments):
        asked.append(arguments["operation"])
        return node(host, arguments)

    play.node = noted
    play.read(key=key)
    assert asked == operations


def test_a_second_run_restarts_nothing():
    play = ServicePlay()
    play.role()
    play.restarted.clear()
    titles, results = play.role()
    assert (titles, actions(results), play.restarted) == ([], [], [])


def test_one_server_restarts_once():
    play = ServicePlay(1)
    assert play.role()[0] == ["node1: sign"]


def test_the_way_back_ends_without_a_file_of_ours():
    play = ServicePlay(1)
    before = dict(play.files["node1"])
    play.role()
    play.role(state="absent")
    assert play.issuers() == {"node1": [OLD, NEW]}
    play.role(state="absent", forget_after=0)
    assert play.issuers() == {"node1": [OLD]}
    assert play.files["node1"] == before


def test_no_secret_of_the_configuration_leaves_the_node():
    play = ServicePlay(1)
    play.read()
    assert SECRET not in str(play.hostvars)
    assert base64.b64encode(SECRET.encode()).decode()[:12] not in str(play.hostvars)


def test_a_file_of_ours_that_a_killed_run_left_is_taken_up():
    play = ServicePlay(1)
    play.role()
    play.cluster.servers[0].run_with([f"--service-account-issuer={OLD}"])
    play.changed[DROP_IN] = play.started + 1
    play.restarted.clear()
    titles, dummy = play.role()
    assert titles == ["node1: sign"] and play.restarted == ["node1"]
    assert play.issuers() == {"node1": [NEW, OLD]}


def test_a_file_of_ours_that_signs_is_taken_up_after_all_others_accept():
    play = ServicePlay(2)
    play.role()
    play.files["node2"].pop(DROP_IN)
    play.start(play.cluster.servers[1])
    play.cluster.servers[0].run_with([f"--service-account-issuer={OLD}"])
    play.changed[DROP_IN] = play.started + 1
    assert play.role()[0] == ["node2: accept", "node1: accept", "node2: sign"]


def test_a_file_of_ours_that_a_killed_run_removed_needs_a_restart():
    play = ServicePlay(1)
    play.role()
    play.role(state="absent")
    del play.files["node1"][DROP_IN]
    message = play.message(state="absent", forget_after=0)
    assert "If a file was removed since k3s.service was started, restart that, and run this again." in message


def test_what_others_changed_since_the_start_is_not_put_into_force():
    play = ServicePlay(1)
    play.changed[CONFIG] = play.started + 1
    message = play.message()
    assert f"'{CONFIG}' has changed since k3s.service was started, so it is not known what runs." in message
    assert "set irsa_apiserver_force" in message
    assert play.role(force=True)[0] == ["node1: sign"]


def test_arguments_that_do_not_come_of_the_files_stop_the_run():
    play = ServicePlay(1)
    play.cluster.servers[0].run_with(["--service-account-issuer=https://other.example.com"])
    assert "its API server runs with --service-account-issuer 'https://other.example.com'" in play.message()


def test_a_service_that_does_not_run_stops_the_run():
    play = ServicePlay(1)
    play.services["node1"]["k3s.service"] = play.unit("failed")
    assert "k3s.service is failed. Repair it" in play.message()


def test_hosts_of_different_distributions_are_no_cluster():
    play = ServicePlay(2)
    mixed = Play(2)
    play.read()
    mixed.read()
    play.hostvars["node2"] = mixed.hostvars["node2"]
    message = play.plan()["msg"]
    assert "different distributions: node1 is a server of k3s, node2 is a server of kubeadm" in message


def test_a_server_outside_the_play_keeps_the_others_from_signing():
    play = ServicePlay(2)
    play.hosts = ["node1"]
    titles = [step["title"] for step in [*play_steps(play)]]
    assert titles == [] and play.issuers() == {"node1": [OLD], "node2": [OLD]}


def play_steps(play):
    play.read()
    plan = play.plan()
    assert plan["failed"] is True and "192.0.2.12:6443" in plan["msg"]
    return plan.get("steps", [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_own_key_is_planned_with_the_owner_of_the_cluster_s(check_mode):
    play = ServicePlay(1)
    play.check_mode = check_mode
    kid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
    play.read(key="own")
    plan = play.plan(key="own", key_path="/does/not/exist/here", kid=kid, public_key="PEM", published_kids=[kid])
    key = plan["steps"][0]["node"]["key"]
    assert key["private_path"] == f"/etc/rancher/k3s/irsa/{kid}.key"
    assert key["like"] == "/var/lib/rancher/k3s/server/tls/service.current.key"
    assert plan["steps"][0]["actions"] == [
        f"node1:write /etc/rancher/k3s/irsa/{kid}.key",
        f"node1:write /etc/rancher/k3s/irsa/{kid}.pub",
        f"node1:write {DROP_IN}",
        "node1:restart k3s.service",
    ]
    assert plan["results"]["node1"]["new_node_needs"] == [
        "/etc/rancher/k3s/config.yaml.d/zz-irsa.yaml",
        f"/etc/rancher/k3s/irsa/{kid}.key",
        f"/etc/rancher/k3s/irsa/{kid}.pub",
    ]


class TestOneAddressForAllServers:
    """The cluster lists a load balancer in the place of its API servers, so each host is given its own address."""

    BALANCER = "https://192.0.2.100:6443"

    def play(self, count=3):
        play = ServicePlay(count)
        answer, listed = play.cluster.__class__.__call__, [{"addresses": ["192.0.2.100"]}]
        ports = [{"name": "https", "port": 6443}]
        play.cluster._slices = lambda: {"items": [{"addressType": "IPv4", "endpoints": listed, "ports": ports}]}

        def balanced(command, **more):
            servers = play.cluster.servers
            words = [word.replace(self.BALANCER, servers[0].url) for word in command]
            return answer(play.cluster, words, **more)

        play.kubectl = lambda: Kubectl("admin.conf", run=balanced)
        play.addresses = {each.node: each.address for each in play.cluster.servers}
        return play

    def test_they_are_one_cluster_and_sign_one_after_the_other(self):
        play = self.play()
        titles, results = play.role()
        assert titles == [f"node{number}: {phase}" for phase in ("accept", "sign") for number in (1, 2, 3)]
        assert play.issuers() == {f"node{number}": [NEW, OLD] for number in (1, 2, 3)}
        assert list(results) == ["node1", "node2", "node3"]

    def test_the_address_of_the_balancer_is_not_that_of_a_host(self):
        play = self.play(2)
        play.addresses = dict.fromkeys(play.addresses, "192.0.2.100:6443")
        assert play.message() == (
            "The hosts node1 and node2 have the same API server 192.0.2.100:6443. List a host once, and set "
            "irsa_apiserver_address to an address that only its own API server has."
        )

    def test_servers_outside_the_play_are_noticed_by_their_leases(self):
        play = self.play()
        play.hosts = ["node1"]
        message = play.message()
        assert "3 API servers behind '192.0.2.100:6443'" in message and "no --limit" in message

    def test_a_cluster_without_leases_is_warned_of(self):
        play = self.play()
        play.cluster.has_leases = False
        play.read()
        (warning,) = [each for each in play.plan()["warnings"] if "192.0.2.100" in each]
        assert "others than node1, node2, node3" in warning

    def test_hosts_behind_another_address_are_another_cluster(self):
        play = self.play(2)
        play.read()
        reading = play.hostvars["node2"]["__irsa_apiserver_reading"]["reading"]
        reading["observed"]["endpoints"] = ["192.0.2.200:6443"]
        assert "node1 and node2 are API servers of different clusters" in play.plan()["msg"]

    @pytest.mark.parametrize("address", ["https://192.0.2.11:6443", "192.0.2.11", "2001:db8::11", "a b:1"])
    def test_an_address_of_another_form_is_refused(self, address):
        play = self.play(1)
        play.addresses["node1"] = address
        message = play.run("node1", operation="read")["msg"]
        assert "irsa_apiserver_address of the host node1" in message and "192.0.2.11:6443 or [2001" in message


class TestHostsWhoseServerCannotBeAsked:
    """Why that is so is said before what came of asking it."""

    def message(self, *, config=b"", command=COMMAND, state="active"):
        play = ServicePlay(1)
        play.command = list(command)
        play.files["node1"][CONFIG] = config
        play.services["node1"] = {"k3s.service": play.unit(state)}

        def refuse(host, arguments):
            raise IrsaError("The API server of this host does not answer: connection refused.")

        play.observe = refuse
        node = play.node

        def failing(host, arguments):
            try:
                return node(host, arguments)
            except IrsaError as error:
                return {"failed": True, "msg": str(error)}

        play.node = failing
        return play.run("node1", operation="read")["msg"]

    def test_a_server_of_etcd_alone(self):
        message = self.message(config=b"disable-apiserver: true\n")
        assert message.startswith("The host node1 cannot be changed: it runs no API server (disable-apiserver).")

    def test_an_agent_under_the_name_of_a_server(self):
        assert "it is an agent of k3s" in self.message(command=["/usr/local/bin/k3s", "agent"])

    def test_a_service_that_is_stopped(self):
        message = self.message(state="inactive")
        assert "node1" in message and "k3s.service is inactive. Repair it, and run this again." in message
        assert message.endswith("connection refused.")

    def test_another_reason_is_passed_on(self):
        assert self.message() == "The API server of this host does not answer: connection refused."
