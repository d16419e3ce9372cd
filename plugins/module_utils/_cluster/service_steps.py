# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a walk over servers whose API servers are started by a service, with the bytes that each one writes."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Files, Programs
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import kids_after, signing_kid_after
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import RETIRE_KEY, FileWrite, Goal, Step
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import Target
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.service_node import ServiceNode
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.steps import Walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed


@dataclasses.dataclass
class _State:
    """A server as the steps so far leave it, and its programs before all steps.

    ``is_pending``: it must be restarted, whatever is written.
    """

    node: ServiceNode
    first: Programs
    files: dict[str, bytes]
    programs: Programs
    is_pending: bool


class ServicePlanner:
    """Goes through a walk and keeps what each step leaves for the next one. Raises IrsaError if it cannot go on."""

    def __init__(self, nodes: t.Iterable[ServiceNode], goal: Goal) -> None:
        self._goal = goal
        self._states = {
            node.server.name: _State(node, node.programs, dict(node.server.files), node.programs, node.view.is_pending)
            for node in nodes
            if node.programs
        }

    def plan(self, walk: Walk) -> list[Step]:
        """Return all steps."""
        made = [self._step(phase, self._states[view.name]) for phase, views in walk for view in views]
        return [step for step in made if step.restarts]

    def advice(self) -> t.Iterator[str]:
        """Yield what a server that joins must have: the distribution brings it neither arguments nor keys of ours."""
        state = next(iter(self._states.values()), None)
        if state is None or self._goal.issuer not in state.programs.api_server.values(ISSUER):
            return
        files = self.new_node_needs()
        needed = [f"the files {listed(files)} with their modes"] if files else []
        if not state.node.distribution.own_file:
            path = next(iter(state.node.distribution.sources(state.node.unit).files), "")
            needed.append(f"the same arguments of its API server in {path}")
        yield (
            f"Give a server that joins this cluster {' and '.join(needed)}, or run this again as soon as it has "
            "joined. Until then, it refuses the tokens of the others."
        )

    def new_node_needs(self) -> list[str]:
        """Return what the distribution does not bring to a server that joins: key files, and the file of ours."""
        keys: set[str] = set()
        named: set[str] = set()
        for state in self._states.values():
            api_server, own_file = state.programs.api_server, state.node.distribution.own_file
            own = [path for name in (KEY_FILE, SIGNING_KEY_FILE) for path in api_server.values(name)]
            keys.update(filter(phases.is_own_key, own))
            named.update(path for path in state.files if own_file and path.endswith(f"/{own_file}"))
        return sorted(keys | named)

    def _step(self, phase: str, state: _State) -> Step:
        """Return a server's step in a phase, and move its state on."""
        node, before = state.node, state.programs
        try:
            programs = programs_after(phase, before, node.view.target)
            files = {} if programs == before else node.distribution.files_after(state.files, node.unit, programs)
        except Fault as fault:
            raise IrsaError(f"{node.server.name}: its API server cannot be changed: {fault}.") from None
        step = Step(
            phase=phase,
            server=node.server.name,
            restarts=bool(files) or state.is_pending,
            arguments=programs.api_server.texts,
            issuers=programs.api_server.values(ISSUER),
            kids=kids_after(phase, node.server, self._goal),
            retired_kids=self._goal.retired_kids if phase == RETIRE_KEY else frozenset(),
            signing_kid=signing_kid_after(
                phase, node.server, self._goal, before=state.first.api_server, after=programs.api_server
            ),
            files=tuple(_write(path, state.files, after) for path, after in files.items()),
        )
        state.files = {path: content for path, content in {**state.files, **files}.items() if content is not None}
        # Read again: the arguments know their places in a file.
        state.programs = node.distribution.programs(state.files, node.unit) if files else before
        state.is_pending = False
        return step


def programs_after(phase: str, before: Programs, target: Target) -> Programs:
    """Return the arguments of both programs after a phase. Raises Fault if they cannot be had."""
    api_server = phases.after(phase, before.api_server, target)
    return Programs(
        api_server=api_server,
        controller_manager=phases.controller_manager_after(
            phase, before.controller_manager, target, api_server=api_server
        ),
    )


def _write(path: str, files: Files, after: bytes | None) -> FileWrite:
    return FileWrite(path=path, before=files.get(path), after=after)
