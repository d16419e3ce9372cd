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
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, LegacyToken
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_plan, _key_reading, _key_steps
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
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
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import FOLDER, keys_of, readings_of

NODES = ["node1", "node2", "node3"]


def read(fleet):
    reading = ClusterReading(readings_of(fleet))
    return reading, _key_steps.cluster_of(reading, ask=lambda asked: pytest.fail("every server is a host of the play"))


def planned(fleet, asked):
    return _key_steps.key_plan(*read(fleet), asked, options=Options())


def reached(upto):
    return Fleet().reach(*GOALS[:upto])


def test_a_host_is_asked_for_the_files_that_its_flags_name():
    asked = []
    fleet = Fleet(1)

    def ask(arguments):
        asked.append(arguments)
        return keys_of(fleet.machines["node1"], arguments)

    found = _key_reading.read(readings_of(fleet)[0], ask=ask)
    assert asked == [
        {
            "operation": "keys",
            "paths": [PUBLIC],
            "private_paths": [PRIVATE],
            "key_folder": FOLDER,
            "server": "https://192.0.2.1:6443",
        }
    ]
    assert (found["key_folder"], found["like"]) == (FOLDER, PRIVATE)


def test_facts_are_what_the_servers_and_their_hosts_say():
    facts = Facts(controller=0.0, **_key_steps.facts_of(*read(reached(1))))
    assert [server.name for server in facts.servers] == NODES
    assert {(server.accepted, server.signing) for server in facts.servers} == {
        (frozenset({FORMER.kid, NEW.kid}), FORMER.kid)
    }
    assert {(server.started, server.now, server.stale_tokens) for server in facts.servers} == {
        (1_000_000.0, 1_000_000.0, 4)
    }
    assert all(server.extends_tokens for server in facts.servers)
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
