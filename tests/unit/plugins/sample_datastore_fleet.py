# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of k3s or RKE2 on one datastore, which each takes its keys from at every start, and the steps of a change."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import DatastoreKeys, Server, Step
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import STARTED
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, KEYS, NEW, AnyFleet

VERSIONS = {"k3s": "k3s version v1.37.2+k3s1 (0f0f0f0f)", "rke2": "rke2 version v1.37.2+rke2r1 (0f0f0f0f)"}


def key_file_of(name: str) -> str:
    return f"/var/lib/rancher/{name}/server/tls/service.key"


class Machine:
    """A server: the keys on its disk, and those that its API server has loaded, the one that signs first."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self.name, self.fleet, self.restarts = name, fleet, 0
        # The keys in its folder of own keys: ID, and the folder below that one.
        self.own: list[tuple[str, str]] = []
        self.disk: tuple[str, ...] = ()
        self.start()

    def start(self) -> None:
        self.disk = self.loaded = self.fleet.datastore
        self.restarts += 1

    def read(self, *, managed: bool = True) -> Server:
        """What a run reads of it."""
        fleet, distribution = self.fleet, self.fleet.distribution
        unit = Unit(command=(f"/usr/local/bin/{distribution.name}", "server"), started=STARTED)
        return Server(
            name=self.name,
            managed=managed,
            unit=unit if managed else None,
            running=distribution.programs({}, unit).api_server.texts,
            ready=True,
            started=STARTED,
            kids=frozenset(self.loaded),
            signing_kid=self.loaded[0],
            key_files={key_file_of(distribution.name): b"".join(KEYS[kid].public for kid in self.disk)}
            if managed and fleet.has_openssl
            else {},
            tool_version=fleet.version,
        )

    def replace(self, keys: DatastoreKeys) -> None:
        """Do as the command does, on the running server."""
        present = [*self.disk, *([NEW.kid] if keys.needs_key else [])]
        assert set(keys.kids) <= set(present)
        assert set(self.disk) - set(keys.kids) == set(keys.retired) & set(self.disk)
        # What k3s refuses: validateServiceKey in pkg/server/handlers/cert.go
        assert self.disk[0] in keys.kids
        self.fleet.datastore = tuple(keys.kids)

    def take(self, step: Step) -> t.Iterator[str]:
        """Take a step, and stop after each change, to say which one it was."""
        if step.datastore:
            self.replace(step.datastore)
            yield f"datastore of {step.phase}"
        self.start()
        # What the walker proves.
        assert step.kids <= set(self.loaded)
        assert not step.retired_kids.intersection(self.loaded)
        assert step.signing_kid in (None, self.loaded[0])
        yield f"restart of {step.phase}"


class Fleet(AnyFleet):
    """The servers of k3s or RKE2."""

    def __init__(self, count: int = 3, *, distribution: str = "k3s", outside: t.Collection[str] = ()) -> None:
        self.distribution, self.outside, self.version = WITH_SERVICE[distribution], outside, VERSIONS[distribution]
        self.has_openssl = True
        self.datastore: tuple[str, ...] = (FORMER.kid,)
        self.machines = {f"node{number}": Machine(f"node{number}", self) for number in range(1, count + 1)}

    def join(self, name: str) -> Machine:
        return self.machines.setdefault(name, Machine(name, self))

    def refused(self) -> list[str]:
        """Return the tokens that a server refuses, of those that servers make now or would after a crash."""
        made = {machine.loaded[0] for machine in self.machines.values()} | {self.datastore[0]}
        return [
            f"{machine.name} refuses {kid}"
            for machine in self.machines.values()
            for verified in (set(machine.loaded), set(self.datastore))
            for kid in made - verified
        ]

    def state(self) -> list[tuple[str, ...]]:
        return [self.datastore, *(machine.loaded for machine in self.machines.values())]
