# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading, planning and changing the API servers of clusters in memory, task by task as the role does."""

from __future__ import annotations

import base64
import json
from unittest import mock

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.action import irsa_apiserver as action
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import model
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files, observation
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_apiserver as module
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _sealed
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import (
    NEW,
    OLD,
    SIGNATURE,
    FakeCluster,
)

MANIFESTS = "/etc/kubernetes/manifests"
MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
CONTROLLER_MANAGER = f"{MANIFESTS}/kube-controller-manager.yaml"
SIGNING_KEY = "/etc/kubernetes/pki/sa.key"
CONFIGURATION = "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"


def manifest(name, command):
    flags = "".join(f"    - {flag}\n" for flag in command)
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: kube-system\n"
        f"spec:\n  containers:\n  - command:\n{flags}    name: {name}\n"
        "    volumeMounts:\n    - mountPath: /etc/kubernetes/pki\n      name: k8s-certs\n      readOnly: true\n"
        "  volumes:\n  - hostPath:\n      path: /etc/kubernetes/pki\n    name: k8s-certs\n"
    ).encode()


def signing_kid(private):
    return key_facts.kid(signing_key.load_private(private).public_key)


class Play:
    """Runs the action's operations on the hosts of a cluster in memory. ``hosts`` may leave servers out."""

    def __init__(self, count=3):
        self.cluster = FakeCluster(count)
        self.cluster.configuration = CONFIGURATION
        self.files, self.folders, self.asked, self.public_keys = {}, {}, [], {}
        self.services = {}
        self.has_kubectl, self.version, self.check_mode = True, "v1.37.2", False
        for server in self.cluster.servers:
            address, port = server.address.split(":")
            flags = [f"--advertise-address={address}", f"--secure-port={port}", *server.command[1:]]
            flags += [
                "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
                f"--service-account-signing-key-file={SIGNING_KEY}",
            ]
            server.run_with(flags)
            manager = ["kube-controller-manager", f"--service-account-private-key-file={SIGNING_KEY}"]
            self.files[server.node] = {
                MANIFEST: manifest("kube-apiserver", server.command),
                CONTROLLER_MANAGER: manifest("kube-controller-manager", manager),
            }
            self.folders[server.node] = {MANIFESTS: ["kube-apiserver.yaml"]}
        self.hosts = [server.node for server in self.cluster.servers]
        self.failed = []
        self.hostvars = {}

    def run(self, host, **options):
        task = mock.Mock(args=options, async_val=0, check_mode=self.check_mode)
        connection = mock.Mock(**{"_shell.tmpdir": None})
        plugin = action.ActionModule(
            task, connection, play_context=mock.Mock(), loader=mock.Mock(), templar=mock.Mock(), shared_loader_obj=None
        )
        plugin._execute_module = lambda **call: self.node(host, call["module_args"])
        variables = {
            "inventory_hostname": host,
            "hostvars": self.hostvars,
            "ansible_play_hosts": self.hosts,
            "ansible_play_hosts_all": [*self.hosts, *self.failed],
        }
        return plugin.run(task_vars=variables)

    def node(self, host, arguments):
        """What module irsa_node returns on a host."""
        self.asked.append((host, arguments["operation"]))
        operation = {"inspect": self.inspect, "observe": self.observe, "step": self.step}[arguments["operation"]]
        return {"found": operation(host, arguments)}

    def inspect(self, host, arguments):
        def described(path):
            content = self.files[host].get(path)
            encoded = None if content is None else base64.b64encode(content).decode()
            return {"path": path, "content": encoded, "sha256": digest(content)}

        return {
            "hostname": host,
            "now": 1800000000.0,
            "files": {path: described(path) for path in arguments["paths"]},
            "folders": {folder: self.folders[host].get(folder) for folder in arguments["folders"]},
            "patches": {},
            "public_keys": {path: self.public_keys.get(host) for path in arguments["public_keys"]},
            "services": self.services.get(host, {}),
            "kubeadm_version": self.version,
            "has_kubectl": self.has_kubectl,
        }

    def kubectl(self):
        return Kubectl("admin.conf", run=self.cluster, program=["kubectl"])

    def observe(self, host, arguments):
        return observation.observe(self.kubectl(), arguments["server"], lambda seconds: None)

    def step(self, host, arguments):
        step = arguments["step"]
        for file in step["files"]:
            assert digest(self.files[host].get(file["path"])) == file["expected"]
            self.files[host][file["path"]] = base64.b64decode(file["content"])
        server = next(each for each in self.cluster.servers if each.url == step["server"])
        if step["restarts"]:
            server.run_with(step["arguments"][1:])
            assert yaml.safe_load(self.files[host][MANIFEST])["spec"]["containers"][0]["command"] == server.command
        if step["manager"]:
            file = step["manager"]["file"]
            self.files[host][file["path"]] = base64.b64decode(file["content"])
            server.run_manager_with(step["manager"]["arguments"][1:])
        if step["configuration"]:
            assert self.cluster.configuration == step["configuration"]["before"]
            self.cluster.configuration = step["configuration"]["after"]
        kubectl, faults = self.kubectl(), []
        found = observation.identity(kubectl, server.url, reviewers=step["servers"], faults=faults)
        assert found["issuer"] == step["issuer"]
        assert set(found["token"]["reviews"].values()) == {"accepted"}
        pod = next(pod for pod in observation.pods(kubectl, server.url) if pod["name"] == step["pod"])
        proof = {**found, "kids": [server.kid], "pod": {**pod, "seen": f"pod {pod['name']} runs"}}
        if step["manager"]:
            managers = observation.pods(kubectl, server.url, "kube-controller-manager")
            manager = next(each for each in managers if each["name"] == step["manager"]["pod"])
            proof["manager"] = {**manager, "seen": f"pod {manager['name']} runs"}
        return {"proof": proof, "seconds": 1.0}

    # --- the role's tasks

    def read(self, key="adopt", accepted_public_keys=()):
        options = {"operation": "read", "key": key, "accepted_public_keys": list(accepted_public_keys)}
        for host in self.hosts:
            self.hostvars[host] = {"__irsa_apiserver_reading": self.run(host, **options)}

    def plan(self, **options):
        return self.run(self.hosts[0], operation="plan", **{"issuer": NEW, **options})

    def role(self, **options):
        """All tasks; returns the titles of the steps, and irsa_apiserver_result."""
        self.read(**{name: options[name] for name in ("key", "accepted_public_keys") if name in options})
        plan = self.plan(**options)
        assert not plan.get("failed"), plan
        results = plan["results"]
        for step in plan["steps"]:
            taken = self.run(step["host"], operation="step", step=step, results=results)
            assert not taken.get("failed"), taken
            results = taken["results"]
        return [step["title"] for step in plan["steps"]], results

    def message(self, **options):
        self.read(accepted_public_keys=options.get("accepted_public_keys", ()))
        plan = self.plan(**options)
        assert plan["failed"] is True
        assert plan["changed"] is False
        return plan["msg"]

    def issuers(self):
        return {server.node: server.issuers for server in self.cluster.servers}


def actions(results):
    return [action for result in results.values() for action in result["actions"]]


def test_all_servers_accept_before_one_signs():
    play = Play(3)
    titles, results = play.role()
    phases = [f"node{number}: {phase}" for phase in ("accept", "sign") for number in (1, 2, 3)]
    assert titles == phases
    assert play.issuers() == {f"node{number}": [NEW, OLD] for number in (1, 2, 3)}
    assert results["node2"]["issuers"] == {"before": [OLD], "after": [NEW, OLD]}
    assert results["node2"]["signing_kid"] == "kid-of-the-cluster"
    assert [check["id"] for check in results["node2"]["checks"]][-1] == "reviews"
    assert yaml.safe_load(play.cluster.configuration)["apiServer"]["extraArgs"] == [
        {"name": "service-account-issuer", "value": NEW},
        {"name": "service-account-issuer", "value": OLD},
    ]


@pytest.mark.parametrize("persist", ["none", "patches", "auto"])
def test_a_cluster_without_kubeadm_s_configuration_can_be_changed(persist):
    play = Play(1)
    play.cluster.configuration = None
    titles, dummy = play.role(persist=persist)
    assert titles == ["node1: sign"] and play.issuers() == {"node1": [NEW, OLD]}
    assert [path for path in play.files["node1"] if "patches" in path] == (
        [] if persist == "none" else ["/etc/kubernetes/patches/kube-apiserver-irsa+json.yaml"]
    )


def test_a_public_key_with_which_a_server_would_not_start_is_refused_before_any_write():
    play, path = Play(2), "/etc/kubernetes/pki/former.pub"
    play.public_keys["node2"] = f"{path} does not exist."
    assert (
        f"node2: irsa_apiserver_accepted_public_keys cannot be used, and no API server would start with it: {path} does"
        in (play.message(accepted_public_keys=[path]))
    )
    play.public_keys.clear()
    play.role(accepted_public_keys=[path])
    assert all(f"--service-account-key-file={path}" in server.command for server in play.cluster.servers)


def test_messages_name_the_folder_that_nodes_keep_manifests_in():
    assert model.BACKUP_FOLDER == node_files.BACKUP_FOLDER


def test_a_second_run_has_no_steps():
    play = Play(3)
    play.role()
    titles, results = play.role()
    assert titles == []
    assert actions(results) == []
    assert not any(result["changed"] for result in results.values())


def test_one_server_restarts_once():
    titles, results = Play(1).role()
    assert titles == ["node1: sign"]
    assert actions(results) == [
        f"node1:write {MANIFEST}",
        "node1:restart kube-apiserver",
        "k8s:replace ConfigMap/kubeadm-config",
    ]


def test_check_mode_reports_what_a_run_does_and_asks_nodes_only_to_read():
    planned = Play(3)
    planned.check_mode = True
    planned_titles, planned_results = planned.role()
    assert {operation for _host, operation in planned.asked} == {"inspect", "observe"}
    titles, results = Play(3).role()
    assert planned_titles == titles
    assert actions(planned_results) == actions(results)
    for name, result in planned_results.items():
        assert {**result, "checks": [], "kids": {}} == {**results[name], "checks": [], "kids": {}}


def test_the_diff_shows_files_whole():
    play = Play(1)
    play.read()
    plan = play.plan()
    play.check_mode = True
    taken = play.run("node1", operation="step", step=plan["steps"][0], results=plan["results"])
    [file, configuration] = taken["diff"]
    assert file["before_header"] == f"node1:{MANIFEST}"
    assert file["before"].encode() == play.files["node1"][MANIFEST]
    assert file["after"].replace(f"    - --service-account-issuer={NEW}\n", "") == file["before"]
    assert configuration["before"] == CONFIGURATION


def test_reading_alone_returns_the_public_keys_and_needs_no_issuer():
    play = Play(2)
    play.read()
    plan = play.plan(phase="read", issuer="")
    assert plan["steps"] == []
    assert [result["jwks"]["keys"][0]["kid"] for result in plan["results"].values()] == ["kid-of-the-cluster"] * 2


def test_former_issuers_of_role_irsa_issuer_are_accepted_as_well():
    play = Play(2)
    former = "https://former.example.com"
    play.role(former_issuers=f"{former},{OLD},{NEW}", accepted_issuers=[former])
    assert {node: sorted(issuers) for node, issuers in play.issuers().items()} == {
        node: sorted([NEW, OLD, former]) for node in ("node1", "node2")
    }
    assert {issuers[0] for issuers in play.issuers().values()} == {NEW}


def test_going_back_takes_two_runs():
    play = Play(2)
    before = {host: files[MANIFEST] for host, files in play.files.items()}
    play.role()
    titles, _results = play.role(state="absent")
    assert titles == ["node1: sign back", "node2: sign back"]
    assert play.issuers() == {"node1": [OLD, NEW], "node2": [OLD, NEW]}
    titles, _results = play.role(state="absent", forget_after=0)
    assert titles == ["node1: forget", "node2: forget"]
    assert {host: files[MANIFEST] for host, files in play.files.items()} == before


def test_no_token_is_in_any_result():
    play = Play(3)
    play.read()
    plan = play.plan()
    taken = play.run("node1", operation="step", step=plan["steps"][0], results=plan["results"])
    assert SIGNATURE not in json.dumps([play.hostvars, plan, taken])


class TestOwnKey:
    """The issuer's own key is installed beside the cluster's, and is in no result."""

    KID = signing_kid(samples.RSA.pkcs8)

    def options(self, path):
        return {
            "key": "own",
            "key_path": str(path),
            "kid": self.KID,
            "public_key": "public",
            "published_kids": [self.KID],
        }

    def test_the_key_of_the_controller_goes_to_the_node_and_nowhere_else(self, tmp_path):
        path, play = tmp_path / "signer.key", Play(1)
        path.write_bytes(samples.RSA.pkcs8)
        play.read()
        plan = play.plan(**self.options(path))
        assert not plan.get("failed"), plan
        [step] = plan["steps"]
        folder = "/etc/kubernetes/pki/irsa"
        assert step["node"]["key"] == {
            "private_path": f"{folder}/{self.KID}.key",
            "public_path": f"{folder}/{self.KID}.pub",
            "public_key": "public",
            "source": str(path),
            "like": None,
        }
        assert plan["results"]["node1"]["new_node_needs"] != []
        sent = []
        play.node = lambda host, arguments: sent.append(arguments) or {"failed": True, "msg": "stopped here"}
        taken = play.run("node1", operation="step", step=step, results=plan["results"])
        assert yaml.safe_load(base64.b64decode(step["node"]["files"][-1]["content"]))["kind"] == "Pod"
        assert sent[0]["private_key"].encode() == samples.RSA.pkcs8
        assert "PRIVATE" not in json.dumps([plan, taken])

    def test_the_controller_manager_comes_after_its_server(self, tmp_path):
        path, play = tmp_path / "signer.key", Play(1)
        path.write_bytes(samples.RSA.pkcs8)
        play.cluster.servers[0].kid = self.KID
        titles, results = play.role(**self.options(path))
        assert titles == ["node1: sign"]
        files = [f"/etc/kubernetes/pki/irsa/{self.KID}.{ending}" for ending in ("key", "pub")]
        assert results["node1"]["actions"] == [
            *(f"node1:write {file}" for file in files),
            f"node1:write {MANIFEST}",
            "node1:restart kube-apiserver",
            f"node1:write {CONTROLLER_MANAGER}",
            "node1:restart kube-controller-manager",
            "k8s:replace ConfigMap/kubeadm-config",
        ]
        assert [file["path"] for file in results["node1"]["files"]] == [*files, MANIFEST, CONTROLLER_MANAGER]
        assert results["node1"]["checks"][-1]["id"] == "controller-manager"
        assert "pod kube-controller-manager-node1 runs" in results["node1"]["checks"][-1]["seen"]

    def test_files_of_the_key_are_listed_once_and_only_if_they_are_missing(self, tmp_path):
        path, play = tmp_path / "signer.key", Play(3)
        path.write_bytes(samples.RSA.pkcs8)
        for server in play.cluster.servers:
            server.kid = self.KID
        play.folders["node2"]["/etc/kubernetes/pki/irsa"] = [f"{self.KID}.key", f"{self.KID}.pub"]
        dummy, results = play.role(**self.options(path))
        listed = {name: sum("/pki/irsa/" in action for action in result["actions"]) for name, result in results.items()}
        assert listed == {"node1": 2, "node2": 0, "node3": 2}

    def test_a_key_that_would_be_created_is_planned_for(self, tmp_path):
        play = Play(2)
        play.check_mode = True
        new = {"key": "own", "key_path": str(tmp_path / "none.key"), "key_is_new": True, "published_kids": ["another"]}
        titles, results = play.role(**new)
        assert len(titles) == 4
        [planned] = {action.rpartition("/")[2] for action in actions(results) if action.endswith(".key")}
        path = tmp_path / "signer.key"
        path.write_bytes(samples.RSA.pkcs8)
        titles_then, results_then = play.role(**self.options(path))
        assert titles_then == titles
        assert [action.replace(f"{self.KID}.key", planned) for action in actions(results_then) if ".key" in action] == [
            action for action in actions(results) if ".key" in action
        ]
        play.check_mode = False
        assert "run role irsa_issuer with that key before" in play.message(**new)

    def test_another_key_is_refused_before_any_write(self, tmp_path):
        path = tmp_path / "signer.key"
        path.write_bytes(samples.P256.pkcs8)
        message = Play(1).message(**self.options(path))
        assert f"is not the issuer's: its ID is {signing_kid(samples.P256.pkcs8)}" in message


class TestServersWithoutAHost:
    """Which servers there are comes from the cluster, not from the inventory."""

    def test_signing_is_refused_while_they_do_not_accept(self):
        play = Play(3)
        play.hosts = ["node1"]
        message = play.message(phase="sign")
        assert "node2" in message and "node3" in message
        assert play.issuers()["node1"] == [OLD]

    def test_signing_goes_on_once_they_accept(self):
        play = Play(3)
        play.role(phase="accept")
        play.hosts = ["node1"]
        titles, results = play.role(phase="sign")
        assert titles == ["node1: sign"]
        assert [result["managed"] for result in results.values()] == [True, False, False]

    def test_they_are_asked_by_way_of_a_host(self):
        play = Play(2)
        play.hosts = ["node2"]
        _titles, results = play.role(phase="read")
        assert results["node1"]["managed"] is False
        assert results["node1"]["issuers"]["before"] == [OLD]
        assert results["node1"]["jwks"]["keys"]


class TestBadInput:
    """One clear message, before any write."""

    def read_message(self, play, host="node1"):
        result = play.run(host, operation="read")
        assert result["failed"] is True
        return result["msg"]

    def test_a_host_that_is_no_control_plane_node(self):
        play = Play(1)
        play.files["node1"] = {}
        message = self.read_message(play)
        assert message.startswith(
            "The host node1 is not a control-plane node that this role can change: it has none of "
            f"{MANIFEST} (kubeadm), k3s.service (k3s), "
        )
        assert "joins the cluster first" in message

    def test_an_agent_and_a_server_by_hand_are_named(self):
        play = Play(1)
        play.files["node1"] = {}
        play.services["node1"] = {"k3s-agent.service": {}}
        assert "k3s-agent.service makes it an agent of k3s, which has no API server." in self.read_message(play)
        play.services["node1"] = {"kube-apiserver.service": {}}
        assert "set irsa_apiserver_distribution to generic for it" in self.read_message(play)

    def test_a_host_with_two_distributions_needs_a_choice(self):
        play = Play(1)
        play.services["node1"] = {"k3s.service": {}}
        assert self.read_message(play) == (
            f"The host node1 may be a server of kubeadm or k3s: it has '{MANIFEST}', 'k3s.service'. Set "
            "irsa_apiserver_distribution to the one that runs its API server (kubeadm, k3s)."
        )

    def test_a_host_without_kubectl(self):
        play = Play(1)
        play.has_kubectl = False
        assert self.read_message(play).startswith("The host node1 has no kubectl")

    @pytest.mark.parametrize("content", [b"a: [", b"kind: Deployment\n", b"", b"\xff\xfe", b"kind: Pod\nspec: {}\n"])
    def test_a_manifest_that_is_none(self, content):
        play = Play(1)
        play.files["node1"][MANIFEST] = content
        assert self.read_message(play).startswith(f"The file {MANIFEST} on the host node1 cannot be used: ")

    def test_a_host_of_the_play_that_failed(self):
        play = Play(2)
        play.failed = ["node3"]
        message = play.message()
        assert "nothing was changed" in message
        assert "'node3'" in message

    @pytest.mark.parametrize("registered", [None, {"changed": False, "skipped": True}])
    def test_a_host_of_the_play_that_was_not_read(self, registered):
        play = Play(2)
        play.read()
        play.hosts.append("worker1")
        play.hostvars["worker1"] = {"__irsa_apiserver_reading": registered} if registered else {}
        message = play.plan()["msg"]
        assert "nothing was changed" in message
        assert "were not read: 'worker1'" in message

    @pytest.mark.parametrize(
        "issuer", ["irsa.example.com", "http://irsa.example.com", "https://", f"{NEW}/?x=1", f"{NEW}#y", f"{NEW}/"]
    )
    def test_an_issuer_that_no_server_publishes(self, issuer):
        play = Play(1)
        assert play.message(issuer=issuer).startswith(f"The issuer '{issuer}' ")
        play.read()
        assert not play.plan(issuer=issuer, state="absent").get("failed")

    @pytest.mark.parametrize(
        "options",
        [{name: [f"{NEW}/openid/v1/jwks"]} for name in ("accepted_issuers", "former_issuers")]
        + [{"issuer": f"{NEW}/openid/v1/jwks"}],
    )
    def test_an_issuer_that_is_the_address_of_a_document(self, options):
        assert f"the issuer is '{NEW}'" in Play(1).message(**options)

    def test_an_issuer_that_aws_cannot_reach_is_warned_of(self):
        play = Play(1)
        play.read()
        issuer = "https://oidc.lan"
        (warning,) = [each for each in play.plan(issuer=issuer)["warnings"] if "AWS can never reach it" in each]
        assert issuer in warning
        assert not [each for each in play.plan()["warnings"] if "AWS can never" in each]

    def test_two_names_of_one_server(self):
        play = Play(1)
        play.hosts = ["node1", "again"]
        play.files["again"], play.folders["again"] = play.files["node1"], play.folders["node1"]
        assert play.message() == "The hosts node1 and again are the same API server. List it once."

    def test_servers_of_two_clusters(self):
        play, other = Play(1), Play(2)
        other.hosts = ["node2"]
        other.cluster.servers = other.cluster.servers[1:]
        other.read()
        play.read()
        play.hostvars.update(other.hostvars)
        play.hosts = ["node1", "node2"]
        message = play.plan()["msg"]
        assert message.startswith("The hosts node1 and node2 are API servers of different clusters")

    def test_a_server_that_is_missing_among_the_endpoints_for_a_moment_is_no_other_cluster(self):
        play = Play(2)
        play.read()
        play.hostvars["node1"]["__irsa_apiserver_reading"]["reading"]["observed"]["endpoints"] = ["192.0.2.11:6443"]
        assert len(play.plan()["steps"]) == 4

    def test_no_issuer(self):
        assert Play(1).message(issuer="").startswith("Set irsa_apiserver_issuer to the issuer URL")

    def test_an_own_key_without_its_path(self):
        assert "set irsa_apiserver_key_path" in Play(1).message(key="own")

    def test_servers_that_sign_with_different_keys(self):
        play = Play(2)
        play.cluster.servers[1].kid = "another"
        message = play.message()
        assert "another" in message and "kid-of-the-cluster" in message

    def test_a_server_that_refuses_the_tokens_of_another_one(self):
        play = Play(2)
        play.cluster.servers[1].review = lambda token: {"error": "no"}
        assert "does not accept" in play.message()

    def test_a_server_that_is_down(self):
        play = Play(2)
        play.cluster.servers[1].up = False
        first, *problems = play.message().split("\n- ")
        assert first == "The API servers cannot be changed; nothing was changed."
        assert "/readyz" in problems[0]


def test_a_step_gets_the_key_that_another_host_had_and_says_nothing_of_it():
    play, given = Play(1), []
    play.node = lambda host, arguments: given.append(arguments) or {"found": {}}
    kids = {"before": ["old"], "after": ["old"]}
    before = {"issuers": {"before": [OLD]}, "kids": kids, "signing_kid": "old", "jwks": None, "files": []}
    step = {
        "server": "node1",
        "phase": "sign",
        "issuers": [OLD],
        "actions": ["node1:write sa.key"],
        "paths": ["sa.key"],
        "diff": [],
        "access": {},
        "node": {"key": None, "kids": ["new"], "signing_kid": "new", "restarts": True},
    }
    result = play.run(
        play.hosts[0],
        operation="step",
        step=step,
        results={"node1": {**before, "restarted": False, "checks": [], "actions": []}},
        sealed_key=_sealed.seal("the private key"),
    )
    assert [(each["operation"], each["private_key"]) for each in given] == [("step", "the private key")]
    assert result["results"]["node1"]["signing_kid"] == "new"
    assert "the private key" not in json.dumps(result)


def test_options_are_those_of_the_documentation():
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert set(documented) == set(action.ARGUMENT_SPEC)
    for name, option in documented.items():
        spec = action.ARGUMENT_SPEC[name]
        for part in ("type", "choices", "default", "elements"):
            assert option.get(part) == spec.get(part), name
