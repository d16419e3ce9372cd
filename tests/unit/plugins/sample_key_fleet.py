# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of kubeadm as disks and processes, on which the steps of a change of keys are taken write by write."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import typing as t

import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_change import plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    KEYS_ANNOTATION,
    RETIRE_KEY,
    SIGN,
    Cluster,
    Plan,
    PrivateKey,
    Server,
    Step,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import STARTED, command_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_keys import openssl, public_pem
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import CONTROLLER_MANAGER, KUBEADM, OLD

PUBLIC, PRIVATE = "/etc/kubernetes/pki/sa.pub", "/etc/kubernetes/pki/sa.key"
MANIFEST = Server(name="").manifest_path
MANAGER = Server(name="").controller_manager_path


class Key:
    """A key of openssl's, with the ID that its own DER has."""

    def __init__(self, algorithm: str) -> None:
        self.private = openssl(f"genpkey -algorithm {algorithm}")
        self.public = public_pem(self.private)
        digest = hashlib.sha256(openssl("pkey -pubin -outform DER", self.public)).digest()
        self.kid = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.digest = hashlib.sha256(self.private).hexdigest()


FORMER, NEW = Key("RSA -pkeyopt rsa_keygen_bits:2048"), Key("EC -pkeyopt ec_paramgen_curve:P-256")
THIRD = Key("EC -pkeyopt ec_paramgen_curve:P-256")
KEYS = {key.kid: key for key in (FORMER, NEW, THIRD)}
BY_DIGEST = {key.digest: key for key in KEYS.values()}


def goal(phase: str, **changes: t.Any) -> KeyGoal:
    """What each phase of a change from FORMER to NEW asks for."""
    values: dict[str, t.Any] = {"kid": NEW.kid, "public_key": NEW.public.decode()}
    if phase == SIGN:
        values["digest"] = NEW.digest
    if phase == RETIRE_KEY:
        values["retired_kids"] = frozenset({FORMER.kid})
    return KeyGoal(phase=phase, **{**values, **changes})


GOALS = [goal(phase) for phase in (ACCEPT, SIGN, RETIRE_KEY)]


class Machine:
    """A node: its disk, and what its processes have loaded from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.disk = {
            PUBLIC: FORMER.public,
            PRIVATE: FORMER.private,
            MANIFEST: KUBEADM.encode(),
            MANAGER: CONTROLLER_MANAGER.encode(),
        }
        self.has_openssl = True
        self.restarts = 0
        self.start_api_server()
        self.start_manager()

    def kids_on_disk(self) -> set[str]:
        return {key.kid for key in KEYS.values() if key.public.strip() in self.disk[PUBLIC]}

    def signing_on_disk(self) -> str:
        return next(key.kid for key in KEYS.values() if key.private == self.disk[PRIVATE])

    def start_api_server(self) -> None:
        self.kids, self.signing = self.kids_on_disk(), self.signing_on_disk()
        self.started_from = self.disk[MANIFEST]
        self.restarts += 1

    def start_manager(self) -> None:
        self.manager_signing = self.signing_on_disk()
        self.manager_from = self.disk[MANAGER]

    def kubelet(self) -> None:
        """Start what runs with another manifest than the one that is there."""
        if self.started_from != self.disk[MANIFEST]:
            self.start_api_server()
        if self.manager_from != self.disk[MANAGER]:
            self.start_manager()

    def read(self, *, managed: bool = True) -> Server:
        """What a run reads of it."""
        digest = hashlib.sha256(self.disk[PRIVATE]).hexdigest()
        known = Server(
            name=self.name,
            managed=managed,
            running=command_of(self.started_from),
            ready=True,
            started=STARTED,
            issuer=OLD,
            kids=frozenset(self.kids),
            signing_kid=self.signing,
        )
        if not managed:
            return known
        return dataclasses.replace(
            known,
            manifest=self.disk[MANIFEST],
            controller_manager=self.disk[MANAGER],
            key_files={PUBLIC: self.disk[PUBLIC]},
            private_keys={PRIVATE: PrivateKey(sha256=digest, kid=self.signing_on_disk() if self.has_openssl else None)},
            folder=("kube-apiserver.yaml", "kube-controller-manager.yaml"),
            tool_version="v1.37.2",
        )

    def take(self, step: Step) -> t.Iterator[str]:
        """Take a step, and stop after each change of the node, to say which one it was."""
        if step.private:
            assert hashlib.sha256(self.disk[PRIVATE]).hexdigest() == step.private.expected
            self.disk[step.private.archive] = self.disk[PRIVATE]
            yield f"archive of {step.phase}"
            self.disk[step.private.path] = BY_DIGEST[step.private.new or ""].private
            yield f"private key of {step.phase}"
        for file in step.files:
            assert self.disk[file.path] == file.before
            self.disk[file.path] = file.after or b""
            yield f"{file.path} of {step.phase}"
        if step.restarts:
            yield from self._restarted(step)
        if step.manager:
            assert self.disk[MANAGER] == step.manager.file.before
            self.disk[MANAGER] = step.manager.file.after or b""
            yield f"manager's manifest of {step.phase}"
            self.kubelet()
            assert step.manager.annotations == annotations_of(self.manager_from)
            yield f"manager's restart of {step.phase}"

    def _restarted(self, step: Step) -> t.Iterator[str]:
        before = self.started_from
        self.kubelet()
        assert self.started_from != before
        # What the walker proves.
        assert step.arguments == command_of(self.started_from)
        assert step.annotations.items() <= annotations_of(self.started_from).items()
        assert step.kids <= self.kids
        assert not step.retired_kids & self.kids
        assert step.signing_kid == self.signing
        yield f"restart of {step.phase}"


def annotations_of(manifest: bytes) -> dict[str, str]:
    found = yaml.safe_load(manifest)["metadata"].get("annotations") or {}
    return {name: value for name, value in found.items() if name == KEYS_ANNOTATION}


class AnyFleet:
    """The machines of a cluster; ``outside`` names those that no host of the play is."""

    machines: dict[str, t.Any]
    outside: t.Collection[str] = ()
    distribution: Distribution | None = None

    def read(self) -> Cluster:
        servers = tuple(machine.read(managed=name not in self.outside) for name, machine in self.machines.items())
        return Cluster(servers=servers, now=STARTED + 10)

    def plan(self, asked: KeyGoal) -> Plan:
        return plan(self.read(), asked, distribution=self.distribution, options=Options())

    def steps(self, asked: KeyGoal) -> tuple[Step, ...]:
        found = self.plan(asked)
        assert found.findings.problems == ()
        return found.steps

    def take(self, asked: KeyGoal) -> t.Iterator[str]:
        """Go through a phase, and stop after each change."""
        for step in self.steps(asked):
            for event in self.machines[step.server].take(step):
                yield f"{step.server}: {event}"

    def reach(self, *asked: KeyGoal) -> t.Self:
        """Take the steps of phases, and return the fleet."""
        for each in asked:
            for dummy in self.take(each):
                pass
        return self


class Fleet(AnyFleet):
    """The machines of kubeadm."""

    def __init__(self, count: int = 3, *, outside: t.Collection[str] = ()) -> None:
        self.machines = {f"node{number}": Machine(f"node{number}") for number in range(1, count + 1)}
        self.outside = outside

    def refused(self) -> list[str]:
        """Return the tokens that a server refuses, of those that servers make now or would after a crash."""
        made = {key for machine in self.machines.values() for key in (machine.signing, machine.signing_on_disk())}
        made |= {machine.manager_signing for machine in self.machines.values()}
        return [
            f"{machine.name} refuses {kid}"
            for machine in self.machines.values()
            for verified in (machine.kids, machine.kids_on_disk())
            for kid in made - verified
        ]

    def state(self) -> list[tuple[bytes, bytes, set[str], str, str]]:
        return [
            (each.disk[PUBLIC], each.disk[PRIVATE], each.kids, each.signing, each.manager_signing)
            for each in self.machines.values()
        ]
