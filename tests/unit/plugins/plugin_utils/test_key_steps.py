# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of the signing key from what was read on hosts: what is asked of them, the facts, and the steps as data."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import RETIRE_KEY
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, LegacyToken
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_plan, _key_reading, _key_steps
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import command_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import (
    FORMER,
    GOALS,
    MANAGER,
    MANIFEST,
    NEW,
    PRIVATE,
    PUBLIC,
    Fleet,
    goal,
)

FOLDER = "/etc/kubernetes/pki/irsa"
NODES = ["node1", "node2", "node3"]
KEYS_OF_CLUSTER = {
    "legacy_tokens": [{"namespace": "ci", "name": "robot", "account": "robot", "kid": FORMER.kid}],
    "stale_tokens": 4,
    "token_seconds": 7200,
    "has_kubeadm_certs": True,
    "has_openssl": True,
    "now": 1_000_000.0,
    "faults": [],
}


def described(content):
    return {"content": base64.b64encode(content).decode(), "sha256": digest(content)}


def keys_of(machine, asked):
    """What module irsa_node finds of the keys of a node."""
    staged = [
        {"kid": kid, "path": f"{FOLDER}/{name}.key", "sha256": "0", "public_key": "", "is_retired": is_retired}
        for kid, name, is_retired in (
            (NEW.kid, NEW.kid, False),
            # Two rotations ago this key was made on the node, and the last one replaced it.
            (FORMER.kid, FORMER.kid, True),
            (FORMER.kid, f"retired/{FORMER.kid}", True),
        )
    ]
    return {
        **KEYS_OF_CLUSTER,
        "files": {path: described(machine.disk[path]) for path in asked["paths"]},
        "digests": {
            path: {"sha256": digest(machine.disk[path]), "kid": machine.signing_on_disk()}
            for path in asked["private_paths"]
        },
        "staged": staged if machine.name == "node2" else [],
    }


def readings_of(fleet):
    """What tasks with operation read and keys rotate return on all hosts."""
    addresses = {name: f"192.0.2.{number}:6443" for number, name in enumerate(fleet.machines, start=1)}
    pods = [
        {
            "name": f"kube-apiserver-{machine.name}",
            "node": machine.name,
            "endpoint": addresses[machine.name],
            "addresses": [],
            "command": list(command_of(machine.started_from)),
            "started_at": "1970-01-12T13:46:40Z",
        }
        for machine in fleet.machines.values()
    ]
    return [_reading(machine, addresses, pods) for machine in fleet.machines.values()]


def _reading(machine, addresses, pods):
    reading = {
        "host": f"host-of-{machine.name}",
        "distribution": "kubeadm",
        "address": addresses[machine.name],
        "access": {},
        "inspected": {
            "hostname": machine.name,
            "now": 1_000_010.0,
            "files": {path: described(machine.disk[path]) for path in (MANIFEST, MANAGER)},
            "folders": {"/etc/kubernetes/manifests": ["kube-apiserver.yaml"], FOLDER: None},
            "patches": {},
            "public_keys": {},
            "services": {},
            "kubeadm_version": "v1.37.2",
        },
        "observed": {
            "server": f"https://{addresses[machine.name]}",
            "pods": pods,
            "endpoints": list(addresses.values()),
            "configuration": None,
            "legacy_tokens": 1,
            "issuer": "https://kubernetes.default.svc.cluster.local",
            "jwks": {"keys": [{"kid": kid} for kid in sorted(machine.kids)]},
            "token": {"kid": machine.signing, "reviews": {}},
            "count": None,
            "flags": None,
            "ready": "ok",
            "faults": [],
        },
    }
    keys = _key_reading.read(reading, ask=lambda asked: keys_of(machine, asked), audiences=["sts.amazonaws.com"])
    return {**reading, "keys": keys}


def read(fleet):
    reading = ClusterReading(readings_of(fleet))
    return reading, _key_steps.cluster_of(reading, ask=lambda asked: pytest.fail("every server is a host of the play"))


def planned(fleet, asked):
    return _key_steps.key_plan(*read(fleet), asked, options=Options())


def reached(upto):
    fleet = Fleet()
    fleet.reach(*GOALS[:upto])
    return fleet


def test_a_host_is_asked_for_the_files_that_its_flags_name():
    asked = []
    fleet = Fleet(1)

    def ask(arguments):
        asked.append(arguments)
        return keys_of(fleet.machines["node1"], arguments)

    found = _key_reading.read(readings_of(fleet)[0], ask=ask, audiences=["sts.amazonaws.com"])
    assert asked == [
        {
            "operation": "keys",
            "paths": [PUBLIC],
            "private_paths": [PRIVATE],
            "key_folder": FOLDER,
            "server": "https://192.0.2.1:6443",
            "audiences": ["sts.amazonaws.com"],
        }
    ]
    assert (found["key_folder"], found["like"]) == (FOLDER, PRIVATE)


def test_facts_are_what_the_servers_and_their_hosts_say():
    facts = Facts(controller=0.0, **_key_steps.facts_of(*read(reached(1))))
    assert [server.name for server in facts.servers] == NODES
    assert {(server.accepted, server.signing) for server in facts.servers} == {
        (frozenset({FORMER.kid, NEW.kid}), FORMER.kid)
    }
    assert {(server.started, server.stale_tokens, server.extends_tokens) for server in facts.servers} == {
        (1_000_000.0, 4, True)
    }
    assert facts.legacy_tokens == (LegacyToken(namespace="ci", name="robot", account="robot", kid=FORMER.kid),)
    assert (facts.token_seconds, facts.staged, facts.limits) == (7200, {NEW.kid: "host-of-node2"}, {})


def test_steps_say_what_they_write_and_which_of_them_need_the_key():
    accepting = planned(reached(0), GOALS[0])["steps"]
    assert [(step["host"], step["needs_key"]) for step in accepting] == [(f"host-of-{name}", False) for name in NODES]
    assert accepting[0]["actions"] == [
        f"node1:write {PUBLIC}",
        f"node1:write {MANIFEST}",
        "node1:restart kube-apiserver",
    ]
    signing = planned(reached(1), GOALS[1])["steps"][0]
    assert signing["needs_key"]
    assert signing["actions"] == [
        f"node1:write {FOLDER}/retired/{FORMER.kid}.key",
        f"node1:write {PRIVATE}",
        f"node1:write {PUBLIC}",
        f"node1:write {MANIFEST}",
        "node1:restart kube-apiserver",
        f"node1:write {MANAGER}",
        "node1:restart kube-controller-manager",
    ]
    node = signing["node"]
    assert node["private"] == {
        "path": PRIVATE,
        "expected": FORMER.digest,
        "archive": f"{FOLDER}/retired/{FORMER.kid}.key",
        "new": NEW.digest,
    }
    assert node["key"] is None
    assert node["annotations"]
    assert node["manager"]["annotations"] == {"irsa.selfhosted.example/keys": NEW.kid}
    assert node["signing_kid"] == NEW.kid
    retiring = planned(reached(2), GOALS[2])["steps"][0]
    assert retiring["node"]["retired_kids"] == [FORMER.kid]
    assert not retiring["needs_key"]


@pytest.mark.parametrize("upto", [0, 1, 2])
def test_no_private_key_is_in_a_plan(upto):
    text = str(planned(reached(upto), GOALS[upto]))
    for key in (FORMER, NEW):
        assert key.private.decode().split("\n")[1] not in text
        assert base64.b64encode(key.private).decode() not in text


def test_what_kubeadm_gives_to_a_server_that_joins_is_named_as_stale():
    [said] = planned(reached(0), GOALS[0])["next"]
    assert "kubeadm init phase upload-certs --upload-certs" in said
    assert planned(reached(1), GOALS[0])["next"] == []


def test_problems_are_told_all_at_once():
    with pytest.raises(IrsaError, match="The signing key cannot be changed; nothing was changed") as raised:
        planned(reached(1), goal(RETIRE_KEY))
    assert "signs with it" in str(raised.value)


def test_results_of_a_retirement_say_in_check_mode_which_keys_stay():
    found = planned(reached(2), GOALS[2])
    [first, *dummy] = found["steps"]
    after = _apiserver_plan.result_after(found["results"]["node1"], first, None)
    assert after["kids"] == {"before": sorted({FORMER.kid, NEW.kid}), "after": [NEW.kid]}
