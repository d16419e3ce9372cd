# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a change of keys by the files of kubeadm's nodes, with the bytes that each one writes.

In each step the private key is replaced first, then the file of public keys, then the manifest. Wherever that is cut
off, the API server starts with what is there: the file of public keys always holds the key that the private file has.
"""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_files_node import AGAIN, KeyNode, has_read
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_walk import Walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    KEYS_ANNOTATION,
    RETIRE_KEY,
    SIGN,
    FileWrite,
    ManagerChange,
    PrivateKeyWrite,
    Server,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.public_keys import PublicKeyFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import StaticPod
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError


@dataclasses.dataclass
class _State:
    """A node as the steps so far leave it: its files, and what its API server has loaded."""

    node: KeyNode
    pod: StaticPod
    manager: StaticPod
    files: dict[str, PublicKeyFile]
    private_kid: str | None
    kids: frozenset[str]
    signing_kid: str | None

    @property
    def server(self) -> Server:
        return self.node.server

    def has_loaded(self, phase: str, goal: KeyGoal) -> bool:
        """Whether the running API server needs no restart for a phase."""
        if phase == RETIRE_KEY:
            return not goal.retired_kids & self.kids
        return goal.kid in self.kids and (phase == ACCEPT or self.signing_kid == goal.kid)


class Planner:
    """Goes through a walk and keeps what each step leaves for the next one. Raises IrsaError if it cannot go on."""

    def __init__(self, nodes: t.Iterable[KeyNode], goal: KeyGoal) -> None:
        self._goal = goal
        self._states = {
            node.server.name: _State(
                node,
                node.node.pod,
                node.manager,
                dict(node.files),
                node.private_kid(goal) or node.server.signing_kid,
                node.server.kids or frozenset(),
                node.server.signing_kid,
            )
            for node in nodes
            if node.server.managed and node.node.pod and node.manager
        }

    def plan(self, walk: Walk) -> list[Step]:
        """Return the steps that are still to be taken."""
        made = [self._step(phase, self._states[name]) for phase, names in walk for name in names]
        return [step for step in made if step.restarts or step.private or step.writes]

    def _step(self, phase: str, state: _State) -> Step:
        """Return a server's step in a phase, and move its state on."""
        restarts = not state.has_loaded(phase, self._goal)
        private = self._private_write(state) if phase == SIGN else None
        files = [write for path in state.files for write in self._public_write(phase, state, path)]
        annotations: dict[str, str] = {}
        manager = None
        try:
            if restarts:
                state.pod, write, annotations = _annotated(
                    state.pod, state.server.manifest_path, _digest(state.files.values())
                )
                files.append(write)
                self._load(phase, state)
            if phase == SIGN:
                manager = self._manager_change(state, is_new=private is not None)
        except Fault as fault:
            raise IrsaError(f"{state.server.name}: its manifest cannot be edited: {fault}.") from None
        arguments = state.pod.arguments
        return Step(
            phase=phase,
            server=state.server.name,
            restarts=restarts,
            arguments=arguments.texts,
            issuers=arguments.values(ISSUER),
            kids=state.kids,
            retired_kids=self._goal.retired_kids if phase == RETIRE_KEY else frozenset(),
            signing_kid=state.signing_kid,
            private=private,
            files=tuple(files),
            annotations=annotations,
            manager=manager,
        )

    def _load(self, phase: str, state: _State) -> None:
        """Have the state's API server start with its files."""
        state.kids = frozenset(kid for file in state.files.values() for kid in file.kids)
        if phase == SIGN:
            state.signing_kid = self._goal.kid

    def _private_write(self, state: _State) -> PrivateKeyWrite | None:
        """Return what replaces the private key, None if the new one is in its place."""
        path, present = state.node.private_path, state.node.private
        if path is None or present is None or state.private_kid == self._goal.kid:
            return None
        former = state.private_kid or state.server.signing_kid or ""
        state.private_kid = self._goal.kid
        return PrivateKeyWrite(
            path=path,
            expected=present.sha256,
            archive=phases.retired_key_file(posixpath.dirname(path), former),
            new=self._goal.digest,
        )

    def _public_write(self, phase: str, state: _State, path: str) -> t.Iterator[FileWrite]:
        """Yield what changes of a file of public keys."""
        goal, before = self._goal, state.files[path]
        after: PublicKeyFile | None = before
        if phase == RETIRE_KEY:
            after = before.without(goal.retired_kids)
        elif path == state.node.main_file(goal):
            if not any(goal.kid in file.kids for file in state.files.values()):
                after = before.with_key(goal.kid, goal.public_key)
            first = goal.kid if phase == SIGN else state.private_kid or state.signing_kid
            if after and first and first in after.kids:
                after = after.with_first(first)
        if after is None or after.content == before.content:
            return
        state.files[path] = after
        yield FileWrite(path=path, before=before.content, after=after.content, mode=0o644)

    def _manager_change(self, state: _State, *, is_new: bool) -> ManagerChange | None:
        """Return what has kube-controller-manager read the private key, None if it has read the new one."""
        kid = self._goal.kid
        if not is_new and has_read(state.manager, kid):
            return None
        state.manager, write, annotations = _annotated(state.manager, state.server.controller_manager_path, kid)
        return ManagerChange(file=write, arguments=state.manager.arguments.texts, annotations=annotations)


def _annotated(pod: StaticPod, path: str, value: str) -> tuple[StaticPod, FileWrite, dict[str, str]]:
    """Return a manifest with which the kubelet starts its pod again, and what is written. Raises Fault."""
    if pod.annotation(KEYS_ANNOTATION) == value:
        value += AGAIN
    after = pod.with_annotation(KEYS_ANNOTATION, value)
    return after, FileWrite(path=path, before=pod.content, after=after.content), {KEYS_ANNOTATION: value}


def _digest(files: t.Iterable[PublicKeyFile]) -> str:
    """Return a value that is another one for other keys, or for another order of them."""
    return PublicKeyFile(b"".join(file.content + b"\n" for file in files)).digest
