# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of k0s whose API servers are started with the arguments in its configuration, and the steps of a change."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s import K0s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Server, Step
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import STARTED
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_k0s import CREATED
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, AnyFleet

CONFIG = "/etc/k0s/k0s.yaml"
PKI = "/var/lib/k0s/pki"
FOLDER = f"{PKI}/irsa"
UNIT = Unit(command=("/usr/local/bin/k0s", "controller"), started=STARTED)
VERSION = "v1.37.2+k0s.0"


def kid_of(path: str) -> str:
    """The ID of the key in a file: the cluster's, or one of ours."""
    return FORMER.kid if posixpath.dirname(path) == PKI else posixpath.splitext(posixpath.basename(path))[0]


class Machine:
    """A controller: its configuration, its folder of own keys, and the arguments that its programs run with."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self.name, self.fleet, self.restarts = name, fleet, 0
        self.config = CREATED.encode()
        self.own: set[str] = set()
        self.start()

    def on_disk(self) -> Programs:
        return K0s(VERSION).programs({CONFIG: self.config}, UNIT)

    def start(self) -> None:
        self.running = self.on_disk()
        for path in (*self.running.api_server.values(KEY_FILE), self.running.api_server.value(SIGNING_KEY_FILE) or ""):
            assert posixpath.dirname(path) == PKI or path in self.own
        self.restarts += 1

    @property
    def kids(self) -> frozenset[str]:
        return frozenset(map(kid_of, self.running.api_server.values(KEY_FILE)))

    @property
    def signing(self) -> str:
        return kid_of(self.running.api_server.value(SIGNING_KEY_FILE) or "")

    @property
    def manager_signing(self) -> str:
        return kid_of(self.running.controller_manager.value(PRIVATE_KEY_FILE) or "")

    def read(self, *, managed: bool = True) -> Server:
        """What a run reads of it."""
        return Server(
            name=self.name,
            managed=managed,
            unit=UNIT if managed else None,
            files={CONFIG: self.config} if managed else {},
            running=self.running.api_server.texts,
            ready=True,
            started=STARTED,
            kids=self.kids,
            signing_kid=self.signing,
            tool_version=VERSION,
        )

    def take(self, step: Step) -> t.Iterator[str]:
        """Take a step, and stop after each change, to say which one it was."""
        installed = {posixpath.splitext(path)[0] for path in key_files(step) if path.startswith(FOLDER)}
        self.own |= {f"{path}.{ending}" for path in installed for ending in ("key", "pub")}
        yield f"keys of {step.phase}"
        [file] = step.files
        assert (file.path, file.before) == (CONFIG, self.config)
        self.config = file.after or b""
        yield f"configuration of {step.phase}"
        self.start()
        # What the walker proves.
        assert step.kids <= self.kids
        assert not step.retired_kids & self.kids
        assert step.signing_kid == self.signing
        yield f"restart of {step.phase}"


def key_files(step: Step) -> list[str]:
    """The files of keys that a step's API server starts with."""
    flags = (f"--{KEY_FILE}=", f"--{SIGNING_KEY_FILE}=")
    return [text.partition("=")[2] for text in step.arguments if text.startswith(flags)]


class Fleet(AnyFleet):
    """The controllers of k0s."""

    distribution = K0s(VERSION)

    def __init__(self, count: int = 3) -> None:
        self.machines = {f"node{number}": Machine(f"node{number}", self) for number in range(1, count + 1)}

    def refused(self) -> list[str]:
        """Return the tokens that a server refuses, of those that servers make now or would after a crash."""
        made = {
            kid_of(programs.api_server.value(SIGNING_KEY_FILE) or "")
            for machine in self.machines.values()
            for programs in (machine.running, machine.on_disk())
        } | {machine.manager_signing for machine in self.machines.values()}
        return [
            f"{machine.name} refuses {kid}"
            for machine in self.machines.values()
            for programs in (machine.running, machine.on_disk())
            for kid in made.difference(map(kid_of, programs.api_server.values(KEY_FILE)))
        ]
