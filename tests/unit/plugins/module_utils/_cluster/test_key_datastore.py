# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another signing key in the datastore of k3s and RKE2: which key when, and what a server does that starts then."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import rancher_datastore
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_change import limits, way
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, RETIRE_KEY, SIGN
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import STARTED
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_datastore_fleet import Fleet, key_file_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, GOALS, NEW, THIRD, goal

# What the datastore has after each phase. The first one signs.
CONTENTS = [(FORMER.kid, NEW.kid), (NEW.kid, FORMER.kid), (NEW.kid,)]
EVENTS = 4


def way_of(fleet):
    return way(fleet.read(), fleet.distribution)


@pytest.mark.parametrize("distribution", ["k3s", "rke2"])
@pytest.mark.parametrize("count", [1, 3])
def test_each_phase_puts_its_keys_there_once_and_restarts_every_server_once(distribution, count):
    fleet = Fleet(count, distribution=distribution)
    assert (way_of(fleet), limits(fleet.read(), WITH_SERVICE[distribution])) == ("datastore", {})
    for asked, content in zip(GOALS, CONTENTS, strict=True):
        steps = fleet.plan(asked).steps
        assert [step.datastore is not None for step in steps] == [True] + [False] * (count - 1)
        fleet.reach(asked)
        assert fleet.state() == [content] * (count + 1)
        assert fleet.plan(asked).steps == ()
    assert {machine.restarts for machine in fleet.machines.values()} == {4}


def test_no_file_of_flags_is_written():
    fleet = Fleet()
    for asked in GOALS:
        assert all(step.files == () and step.private is None for step in fleet.plan(asked).steps)
        fleet.reach(asked)


@pytest.mark.parametrize("crashes", [(), ("node1",), ("node3",), ("node1", "node2", "node3")])
@pytest.mark.parametrize("events", range(EVENTS + 1))
@pytest.mark.parametrize("phase", range(3))
def test_no_token_is_refused_wherever_a_run_is_cut_off_and_whichever_server_starts_then(phase, events, crashes):
    fleet = Fleet()
    fleet.reach(*GOALS[:phase])
    for _number, _event in zip(range(events), fleet.take(GOALS[phase]), strict=False):
        assert fleet.refused() == []
    for name in crashes:
        fleet.machines[name].start()
        assert fleet.refused() == []
    for asked in GOALS[phase:]:
        for dummy in fleet.take(asked):
            assert fleet.refused() == []
    assert fleet.state() == [(NEW.kid,)] * 4


@pytest.mark.parametrize("phase", range(4))
def test_a_server_that_joins_has_the_keys_of_the_others(phase):
    fleet = Fleet()
    fleet.reach(*GOALS[:phase])
    fleet.join("node4")
    assert fleet.refused() == []
    assert fleet.plan(GOALS[phase - 1]).steps == () if phase else True


def test_a_server_that_was_down_while_others_were_to_verify_the_key_does_so_before_any_signs():
    fleet = Fleet()
    former = fleet.machines["node3"]
    fleet.reach(GOALS[0])
    # It did not restart.
    former.disk = former.loaded = (FORMER.kid,)
    steps = fleet.plan(GOALS[1]).steps
    assert [(step.phase, step.server, step.datastore is not None) for step in steps] == [
        (ACCEPT, "node3", False),
        *((SIGN, f"node{number}", number == 1) for number in (1, 2, 3)),
    ]
    for dummy in fleet.take(GOALS[1]):
        assert fleet.refused() == []


def test_keys_that_are_put_there_at_once_are_known_of_all_servers_first():
    """A leaked key is replaced in one run."""
    fleet = Fleet()
    steps = fleet.plan(GOALS[1]).steps
    assert [step.datastore.kids for step in steps if step.datastore] == CONTENTS[:2]
    for dummy in fleet.take(GOALS[1]):
        assert fleet.refused() == []


def test_the_new_key_comes_along_once_and_the_former_one_is_kept_when_it_signs_no_longer():
    fleet, found = Fleet(), []
    for asked in GOALS:
        found.append(fleet.plan(asked).steps[0].datastore)
        fleet.reach(asked)
    assert [keys.needs_key for keys in found] == [True, False, False]
    archive = f"/etc/rancher/k3s/irsa/retired/{FORMER.kid}.key"
    assert [keys.archive for keys in found] == [None, archive, None]
    assert [keys.retired for keys in found] == [(), (), (FORMER.kid,)]
    assert {(keys.path, keys.folder) for keys in found} == {(key_file_of("k3s"), "/etc/rancher/k3s/irsa")}


def test_a_key_that_another_party_put_there_stays():
    fleet = Fleet()
    fleet.datastore = (FORMER.kid, THIRD.kid)
    for machine in fleet.machines.values():
        machine.start()
    fleet.reach(*GOALS)
    assert fleet.datastore == (NEW.kid, THIRD.kid)


def test_a_joining_server_still_needs_the_file_of_the_issuer_alone():
    fleet = Fleet()
    cluster = fleet.read()
    assert fleet.plan(GOALS[0]).new_node_needs == ()
    drop_in = "/etc/rancher/k3s/config.yaml.d/zz-irsa.yaml"
    issuer = "https://example-irsa.s3.eu-west-1.amazonaws.com"
    content = f'kube-apiserver-arg+:\n  - "service-account-issuer-={issuer}"\n'.encode()
    distribution = WITH_SERVICE["k3s"]
    servers = [
        dataclasses.replace(
            server,
            files={drop_in: content},
            running=distribution.programs({drop_in: content}, server.unit).api_server.texts,
        )
        for server in cluster.servers
    ]
    fleet.read = lambda: dataclasses.replace(cluster, servers=tuple(servers))
    found = fleet.plan(GOALS[0])
    assert found.findings.problems == ()
    assert found.new_node_needs == (drop_in,)
    assert found.next[0].startswith(f"Give a server that joins this cluster '{drop_in}' with its mode, or run role")
    assert found.steps[0].issuers[0] == issuer


class TestWay:
    def test_a_server_that_is_too_old_changes_by_flags(self):
        fleet = Fleet()
        fleet.version = "k3s version v1.32.2+k3s1 (0f0f0f0f)"
        assert way_of(fleet) == "flags"

    def test_servers_without_openssl_change_by_flags(self):
        fleet = Fleet()
        fleet.has_openssl = False
        assert way_of(fleet) == "flags"

    def test_a_key_that_is_by_flags_already_goes_on_so(self):
        fleet = Fleet()
        cluster = fleet.read()
        drop_in = "/etc/rancher/k3s/config.yaml.d/zz-irsa.yaml"
        own = f'kube-apiserver-arg+:\n  - "service-account-key-file+=/etc/rancher/k3s/irsa/{NEW.kid}.pub"\n'
        servers = [dataclasses.replace(each, files={drop_in: own.encode()}) for each in cluster.servers]
        assert way(dataclasses.replace(cluster, servers=tuple(servers)), WITH_SERVICE["k3s"]) == "flags"

    def test_a_key_that_does_not_come_from_the_datastore_changes_by_flags(self):
        fleet = Fleet()
        cluster = fleet.read()
        config = b"kube-apiserver-arg:\n  - service-account-signing-key-file=/root/sa.key\n"
        servers = [
            dataclasses.replace(each, files={"/etc/rancher/k3s/config.yaml": config}) for each in cluster.servers
        ]
        assert way(dataclasses.replace(cluster, servers=tuple(servers)), WITH_SERVICE["k3s"]) == "flags"

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            ("k3s version v1.37.2+k3s1 (0f)", True),
            ("rke2 version v1.33.0+rke2r1 (0f)", True),
            ("k3s version v1.32.3+k3s1 (0f)", True),
            ("k3s version v1.32.2+k3s1 (0f)", False),
            ("k3s version v1.31.7+k3s1 (0f)", True),
            ("k3s version v1.31.6+k3s1 (0f)", False),
            ("k3s version v1.29.15+k3s1 (0f)", True),
            ("k3s version v1.28.15+k3s1 (0f)", False),
            ("k3s version dev (HEAD)", False),
            (None, False),
        ],
    )
    def test_versions_in_which_each_server_starts_with_what_the_datastore_has(self, version, expected):
        assert rancher_datastore.has_command(version) == expected


class TestCommand:
    @pytest.mark.parametrize(
        ("distribution", "program", "config", "expected"),
        [
            (
                "k3s",
                "/usr/local/bin/k3s",
                "",
                "/usr/local/bin/k3s --server=https://127.0.0.1:6443 --data-dir=/var/lib/rancher/k3s",
            ),
            (
                "k3s",
                "/opt/start-k3s",
                "https-listen-port: 7443\nbind-address: fd00::1\ndata-dir: /data/k3s\n",
                "k3s --server=https://[fd00::1]:7443 --data-dir=/data/k3s",
            ),
            (
                "rke2",
                "/opt/rke2/bin/rke2",
                "bind-address: 0.0.0.0\n",
                "/opt/rke2/bin/rke2 --server=https://127.0.0.1:9345 --data-dir=/var/lib/rancher/rke2",
            ),
        ],
    )
    def test_it_asks_this_server_and_no_other_one(self, distribution, program, config, expected):
        files = {f"/etc/rancher/{distribution}/config.yaml": config.encode()} if config else {}
        unit = Unit(command=(program, "server"))
        found = WITH_SERVICE[distribution].datastore_command(files, unit, "v1.37.2")
        first, *options = expected.split()
        assert found.words == (first, "certificate", "rotate-ca", *options)
        data = expected.rpartition("=")[2]
        assert (found.key_file, found.signing_file) == (
            f"{data}/server/tls/service.key",
            f"{data}/server/tls/service.current.key",
        )


class TestProblems:
    def problems(self, fleet, asked=GOALS[0]):
        found = fleet.plan(asked)
        assert found.steps == ()
        return " ".join(found.findings.problems)

    def test_a_file_that_cannot_be_read_on_one_server(self):
        fleet = Fleet()
        cluster = fleet.read()
        servers = (*cluster.servers[:2], dataclasses.replace(cluster.servers[2], key_files={}))
        fleet.read = lambda: dataclasses.replace(cluster, servers=servers)
        assert f"node3: the keys in '{key_file_of('k3s')}' could not be read. Install openssl" in self.problems(fleet)

    def test_a_file_that_is_not_what_the_server_has_loaded(self):
        fleet = Fleet()
        fleet.machines["node2"].disk = (NEW.kid, FORMER.kid)
        said = self.problems(fleet)
        assert f"node2: '{key_file_of('k3s')}' has the keys" in said
        assert "Restart k3s.service, and run this again." in said

    def test_a_file_that_is_younger_than_the_clock_of_another_server(self):
        """With such a file, k3s does not start: it is younger than what the datastore gets now."""
        fleet = Fleet(2)
        cluster = fleet.read()
        times = {"node1": (STARTED, STARTED + 5), "node2": (STARTED + 60, STARTED + 70)}
        servers = [
            dataclasses.replace(each, key_times={key_file_of("k3s"): times[each.name][0]}, now=times[each.name][1])
            for each in cluster.servers
        ]
        fleet.read = lambda: dataclasses.replace(cluster, servers=tuple(servers))
        said = self.problems(fleet)
        assert "node2: '" in said and "node1: '" not in said
        assert "by its clock, and on node1 that time is yet to come. k3s does not start" in said

    def test_a_key_that_would_be_lost_with_a_restart(self):
        fleet = Fleet()
        machine = fleet.machines["node2"]
        machine.loaded = (FORMER.kid, THIRD.kid)
        assert f"node2: its API server verifies the key '{THIRD.kid}', which is not in" in self.problems(fleet)

    def test_a_key_that_signs_is_not_retired(self):
        fleet = Fleet()
        fleet.reach(GOALS[0])
        assert "node1, node2, node3 signs with it" in self.problems(fleet, goal(RETIRE_KEY))

    def test_a_server_outside_the_play_must_verify_the_new_key_first(self):
        fleet = Fleet(outside={"node3"})
        fleet.reach(GOALS[0])
        assert "Add node3 to the hosts of this play" in self.problems(fleet, GOALS[1])
