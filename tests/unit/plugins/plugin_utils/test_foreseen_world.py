# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is foreseen of hosts after a phase is planned on as what is read of hosts that have taken its steps."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import SIGN
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _key_reading, _key_steps, _rotate_work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._foreseen_world import World
from ansible_collections.selfhosted.irsa.tests.unit.plugins import (
    sample_datastore_fleet,
    sample_datastore_readings,
    sample_key_fleet,
    sample_key_readings,
    sample_microk8s,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import CONFIGURATION, STARTED
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import (
    FORMER,
    GOALS,
    KEYS,
    MANAGER,
    MANIFEST,
    NEW,
    goal,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import FOLDER, KEYS_OF_CLUSTER, jwk_of

FLAGS = (ISSUER, KEY_FILE, SIGNING_KEY_FILE, API_AUDIENCES)
STATE = {
    "published": [{"kid": kid, "algorithm": "RS256"} for kid in KEYS],
    "jwks_json": json.dumps({"keys": [jwk_of(kid) for kid in KEYS]}),
    "algorithms": ["ES256", "RS256"],
    "record": None,
    "modified": STARTED,
    "max_age": None,
    "now": STARTED,
}
SERVERS = {
    "k0s": (("/usr/local/bin/k0s", "controller"), {}, "v1.37.2+k0s.0"),
    "microk8s": (
        ("kubelite",),
        sample_microk8s.FILES,
        None,
    ),
    # Before its command took keys from the datastore.
    "k3s": (("/usr/local/bin/k3s", "server"), {}, "k3s version v1.29.1+k3s1 (0f0f0f0f)"),
    "rke2": (("/usr/local/bin/rke2", "server"), {}, "rke2 version v1.29.1+rke2r1 (0f0f0f0f)"),
}


def world_of(readings):
    return World(readings, STATE, patches_dir="/etc/kubernetes/patches")


def planned(read, asked):
    return _key_steps.key_plan(read.reading, read.cluster, asked, options=Options())["steps"]


def shown(steps):
    """What can be compared of steps: all but the digests of private keys, of which there is no content to foresee."""
    for step in steps:
        if step["node"]["private"]:
            step["node"]["private"] = {**step["node"]["private"], "expected": "", "new": ""}
    return steps


def foreseen(world, asked):
    """Have the world take the steps of a phase, and return them."""
    read = world.read(ask=lambda arguments: pytest.fail("every server is a host of the play"))
    steps = planned(read, asked)
    for step in steps:
        world.take(_rotate_work.server(step, None), known=read.known, by="")
    return steps


@pytest.mark.parametrize(
    ("fleet", "read"),
    [
        (sample_key_fleet.Fleet, sample_key_readings.readings_of),
        (sample_datastore_fleet.Fleet, sample_datastore_readings.read),
    ],
    ids=["files", "datastore"],
)
@pytest.mark.parametrize("goals", [GOALS, [goal(SIGN), GOALS[2]]], ids=["one after the other", "at once"])
def test_the_steps_of_each_phase_are_those_of_hosts_that_have_taken_the_ones_before(fleet, read, goals):
    fleet = fleet()
    world = world_of(read(fleet))
    for asked in goals:
        expected = planned(world_of(read(fleet)).read(ask=None), asked)
        assert expected
        assert shown(foreseen(world, asked)) == shown(expected)
        fleet.reach(asked)
        assert foreseen(world, asked) == []


def service_reading(name, number, count=2):
    command, files, version = SERVERS[name]
    distribution, unit = WITH_SERVICE[name], Unit(command=command)
    reading = sample_key_readings.reading_of_service(
        f"node{number}",
        [f"node{each}" for each in range(1, count + 1)],
        distribution=distribution,
        version=version,
        unit=unit,
        kids=[FORMER.kid],
        running=distribution.programs(files, unit).api_server.texts,
        configuration=files,
    )
    keys = _key_reading.read(
        reading, ask=lambda asked: {**KEYS_OF_CLUSTER, "files": {}, "digests": {}, "staged": [], "left": []}
    )
    return {**reading, "keys": keys}


@pytest.mark.parametrize("name", SERVERS)
def test_by_flags_each_phase_is_done_once_and_the_new_key_is_left(name):
    world = world_of([service_reading(name, number) for number in (1, 2)])
    folder = service_reading(name, 1)["keys"]["key_folder"]
    work = {
        "kind": "make_key",
        "host": "host-of-node1",
        "folder": folder,
        "foreseen": {"kid": NEW.kid, "public_key": NEW.public.decode()},
    }
    world.take(work, known=None, by="")
    needs = []
    for asked in GOALS:
        steps = foreseen(world, asked)
        assert [step["server"] for step in steps] == ["node1", "node2"]
        needs.append([step["needs_key"] for step in steps])
        assert foreseen(world, asked) == []
    # The key lies on the first host, where it was made.
    assert needs == [[False, True], [False, False], [False, False]]
    cluster = world.read(ask=None).cluster
    for server in cluster.servers:
        arguments = WITH_SERVICE[name].programs(server.files, server.unit).api_server
        own = f"{folder}/{NEW.kid}"
        assert (arguments.values(KEY_FILE), arguments.value(SIGNING_KEY_FILE)) == ((f"{own}.pub",), f"{own}.key")
        assert (server.kids, server.signing_kid) == ({NEW.kid}, NEW.kid)


def with_own_key(machine):
    """A node of kubeadm on which a key of our own signs, which is the former one."""
    own = f"{FOLDER}/{FORMER.kid}"
    machine.disk |= {f"{own}.key": FORMER.private, f"{own}.pub": FORMER.public}
    for path, flag, ending in (
        (MANIFEST, KEY_FILE, "pub"),
        (MANIFEST, SIGNING_KEY_FILE, "key"),
        (MANAGER, PRIVATE_KEY_FILE, "key"),
    ):
        line = f"    - --{flag}=/etc/kubernetes/pki/sa.{ending}\n"
        assert line in machine.disk[path].decode()
        machine.disk[path] = machine.disk[path].replace(
            line.encode(), f"{line}    - --{flag}={own}.{ending}\n".encode()
        )
    machine.start_api_server()


@pytest.mark.parametrize("configuration", [CONFIGURATION, None], ids=["in ClusterConfiguration", "in patches"])
def test_by_flags_on_kubeadm_what_survives_an_upgrade_is_foreseen_too(configuration):
    fleet = sample_key_fleet.Fleet()
    for machine in fleet.machines.values():
        with_own_key(machine)
    readings = sample_key_readings.readings_of(fleet)
    for reading in readings:
        reading["observed"]["configuration"] = configuration and {"data": {"ClusterConfiguration": configuration}}
    world = world_of(readings)
    for asked in GOALS:
        assert len({step["server"] for step in foreseen(world, asked)}) == 3
        assert foreseen(world, asked) == []
    cluster = world.read(ask=None).cluster
    kept = cluster.configuration or "".join(map(str, cluster.servers[0].patches.values()))
    assert NEW.kid in kept and FORMER.kid not in kept
