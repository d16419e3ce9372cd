# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a walk over kubeadm's nodes, with the bytes that each one writes."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm_advice, kubeadm_patches, phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import kids_after, signing_kid_after
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_configuration import ClusterConfiguration
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_node import Node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_patches import API_SERVER_FILE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_persistence import (
    PATCH_FILES,
    Desired,
    Persistence,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    ACCEPT,
    FORGET,
    RETIRE_KEY,
    FileWrite,
    Goal,
    ManagerChange,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    StaticPod,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.steps import Walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError


@dataclasses.dataclass
class _State:
    """A node as the steps so far leave it."""

    node: Node
    pod: StaticPod
    manager: StaticPod | None
    patches: dict[str, bytes]

    def desired(self, phase: str, arguments: Arguments, *, manager: Arguments | None) -> Desired:
        """Return what must survive an upgrade after a phase."""
        patch = self.node.server.patches.get(API_SERVER_FILE, b"")
        return Desired(
            phase=phase,
            arguments=arguments,
            controller_manager=manager,
            target=self.node.view.target,
            patched_key_files=kubeadm_patches.values(patch, KEY_FILE),
        )


class Planner:
    """Goes through a walk and keeps what each step leaves for the next one. Raises IrsaError if it cannot go on."""

    def __init__(self, nodes: t.Iterable[Node], goal: Goal, persistence: Persistence) -> None:
        self._goal = goal
        self._persistence = persistence
        self._states = {
            node.server.name: _State(node, node.pod, node.controller_manager, dict(node.server.patches))
            for node in nodes
            if node.pod and node.server.managed
        }

    def plan(self, walk: Walk) -> list[Step]:
        """Return all steps, and after them those that only write what survives an upgrade."""
        steps: list[Step] = []
        for phase, views in walk:
            made = [self._step(phase, self._states[view.name]) for view in views]
            steps += self._with_configuration(phase, made)
        phase = self._last_phase(walk)
        left = [step for state in self._states.values() for step in [self._step(phase, state)] if step.writes]
        return steps + self._with_configuration(phase, left, needed=True)

    def advice(self) -> t.Iterable[str]:
        """Return how kubeadm upgrade must be called so that it keeps the change."""
        return kubeadm_advice.upgrades(self._patch_files(), self._persistence.method)

    def new_node_needs(self) -> list[str]:
        """Return the files that a control-plane node must have before it joins."""
        return kubeadm_advice.new_node_needs(self._patch_files(), self._key_files())

    def _patch_files(self) -> list[str]:
        """Return the paths of our patch files that the steps leave on the nodes."""
        folder = self._persistence.patches_dir
        names = {name for state in self._states.values() for name in state.patches if name in PATCH_FILES}
        return [posixpath.join(folder, name) for name in sorted(names)]

    def _key_files(self) -> list[str]:
        """Return the key files that a server needs which kubeadm does not bring: those of own keys, and what the steps
        leave in patches and in ClusterConfiguration.
        """
        flags, states = (KEY_FILE, SIGNING_KEY_FILE, PRIVATE_KEY_FILE), self._states.values()
        running = {file for state in states for flag in flags[:2] for file in state.pod.arguments.values(flag)}
        needed = set(filter(phases.is_own_key, running))
        for patch in (content for state in states for name, content in state.patches.items() if name in PATCH_FILES):
            needed.update(file for flag in flags for file in kubeadm_patches.values(patch, flag))
        return sorted(needed | self._persistence.further_key_files(flags))

    def _last_phase(self, walk: Walk) -> str:
        if walk:
            return walk[-1][0]
        return FORGET if self._goal.state == ABSENT else ACCEPT

    def _step(self, phase: str, state: _State) -> Step:
        """Return a server's step in a phase, and move its state on."""
        server, target = state.node.server, state.node.view.target
        with _blaming(f"{server.name}: its API server cannot be changed"):
            arguments = phases.after(phase, state.pod.arguments, target)
            manager = None
            if state.manager:
                manager = phases.controller_manager_after(phase, state.manager.arguments, target, api_server=arguments)
        before = dataclasses.replace(server, patches=dict(state.patches))
        desired = state.desired(phase, arguments, manager=manager)
        with _blaming(f"{server.name}: what must survive kubeadm upgrade cannot be written"):
            patches = self._persistence.files_after(before, desired)
        with _blaming(f"{server.name}: its manifest cannot be edited"):
            manifest, manager_change = _api_server_edit(state, arguments), _manager_edit(state, manager)
        for write in patches:
            name = posixpath.basename(write.path)
            state.patches.pop(name, None)
            if write.after is not None:
                state.patches[name] = write.after
        return Step(
            phase=phase,
            server=server.name,
            restarts=manifest is not None,
            arguments=arguments.texts,
            issuers=arguments.values(ISSUER),
            kids=kids_after(phase, server, self._goal),
            retired_kids=self._goal.retired_kids if phase == RETIRE_KEY else frozenset(),
            signing_kid=signing_kid_after(
                phase, server, self._goal, before=Arguments.of(server.running or ()), after=arguments
            ),
            files=(*patches, *([manifest] if manifest else [])),
            manager=manager_change,
        )

    def _with_configuration(self, phase: str, made: list[Step], *, needed: bool = False) -> list[Step]:
        """Return the steps of a phase, the last of which writes ClusterConfiguration if it changes in this phase.

        ``needed``: if there is no step, there is one for that alone.
        """
        state = next(iter(self._states.values()), None)
        if state is None or not (made or needed):
            return made
        manager = state.manager.arguments if state.manager else None
        desired = state.desired(phase, state.pod.arguments, manager=manager)
        before = self._persistence.configuration
        with _blaming("ClusterConfiguration in ConfigMap kube-system/kubeadm-config cannot be changed"):
            after = self._persistence.configuration_after(desired)
        if before is None or after is None:
            return made
        self._persistence = dataclasses.replace(self._persistence, configuration=ClusterConfiguration(after))
        *others, last = made or [self._step(phase, state)]
        return [*others, dataclasses.replace(last, configuration=(before.text, after))]


def _api_server_edit(state: _State, arguments: Arguments) -> FileWrite | None:
    """Return the API server's manifest if it changes, and keep that as the state."""
    before = state.pod
    if arguments.texts == before.arguments.texts:
        return None
    state.pod = before.with_arguments(arguments)
    return FileWrite(path=state.node.server.manifest_path, before=before.content, after=state.pod.content)


def _manager_edit(state: _State, arguments: Arguments | None) -> ManagerChange | None:
    """Return what changes of kube-controller-manager, and keep that as the state."""
    before = state.manager
    if before is None or arguments is None or arguments.texts == before.arguments.texts:
        return None
    state.manager = after = before.with_arguments(arguments)
    path = state.node.server.controller_manager_path
    return ManagerChange(
        file=FileWrite(path=path, before=before.content, after=after.content), arguments=arguments.texts
    )


@contextlib.contextmanager
def _blaming(subject: str) -> t.Iterator[None]:
    """Raise a Fault as a whole message."""
    try:
        yield
    except Fault as fault:
        raise IrsaError(f"{subject}: {fault}.") from None
