# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a change of keys in the cluster's datastore: in each phase, the first server that restarts puts the keys
there, and each server takes them.

What the datastore has cannot be read, but what servers have taken from it can. If none has the keys of a phase, they
are put there, also if a run that was cut off had done so already: the same keys twice are the same.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_datastore_node import KeyNode
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_walk import Walk
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    RETIRE_KEY,
    SIGN,
    DatastoreKeys,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed


@dataclasses.dataclass
class _State:
    """A server as the steps so far leave it: the keys of its file in order, and what its API server has loaded."""

    node: KeyNode
    file: tuple[str, ...]
    kids: frozenset[str]
    signing_kid: str | None

    @property
    def name(self) -> str:
        return self.node.server.name


class Planner:
    """Goes through a walk and keeps what each step leaves for the next one. Raises IrsaError if it cannot go on."""

    def __init__(self, nodes: t.Iterable[KeyNode], goal: KeyGoal) -> None:
        self._goal = goal
        self._states = {
            node.server.name: _State(node, node.kids or (), node.server.kids or frozenset(), node.server.signing_kid)
            for node in nodes
        }

    def plan(self, walk: Walk) -> list[Step]:
        """Return the steps that are still to be taken."""
        return [step for phase, names in walk for step in self._phase(phase, [self._states[name] for name in names])]

    def _phase(self, phase: str, states: list[_State]) -> list[Step]:
        left = [state for state in states if not self._has_loaded(phase, state)]
        if not left:
            return []
        expected = self._expected(phase)
        is_there = any(self._has_taken(phase, state) for state in self._states.values())
        if not is_there:
            first = self._able(left, expected)
            left = [first, *(state for state in left if state is not first)]
        return [self._step(phase, state, expected, replaces=not is_there and state is left[0]) for state in left]

    def _has_loaded(self, phase: str, state: _State) -> bool:
        """Whether a running API server needs no restart for a phase."""
        if phase == RETIRE_KEY:
            return not self._goal.retired_kids & state.kids
        return self._goal.kid in state.kids and (phase == ACCEPT or state.signing_kid == self._goal.kid)

    def _has_taken(self, phase: str, state: _State) -> bool:
        """Whether a server has the keys of a phase from the datastore."""
        if self._goal.kid not in state.file:
            return False
        if phase == RETIRE_KEY:
            return not self._goal.retired_kids.intersection(state.file)
        return phase == ACCEPT or state.file[0] == self._goal.kid

    def _expected(self, phase: str) -> tuple[str, ...]:
        """Return the keys that the datastore has to have: those of all servers."""
        kid = self._goal.kid
        present = sorted((state.file for state in self._states.values()), key=len, reverse=True)
        kids = list(dict.fromkeys([each for file in present for each in file] + [kid]))
        if phase == ACCEPT:
            return tuple(kids)
        kids = [kid, *(each for each in kids if each != kid)]
        return tuple(each for each in kids if phase == SIGN or each not in self._goal.retired_kids)

    def _able(self, states: t.Iterable[_State], expected: t.Iterable[str]) -> _State:
        """Return the first server whose file has the expected keys, but for the new one."""
        needed = set(expected) - {self._goal.kid}
        found = next((state for state in states if needed.issubset(state.file)), None)
        if found is None:
            raise IrsaError(
                f"No server that has to restart has all of the keys {listed(sorted(needed))} in its file. Restart each "
                "server, so that all have the same from the cluster's datastore, and run this again."
            )
        return found

    def _step(self, phase: str, state: _State, expected: tuple[str, ...], *, replaces: bool) -> Step:
        """Return a server's step in a phase, and move its state on."""
        before = state.file
        # Those in other files of its flags stay.
        state.kids = state.kids.difference(before, self._goal.retired_kids if phase == RETIRE_KEY else ()).union(
            expected
        )
        state.file, state.signing_kid = expected, expected[0]
        arguments = state.node.node.programs.api_server if state.node.node.programs else None
        if arguments is None:
            raise IrsaError(f"{state.name}: its files cannot be used, so it cannot be restarted.")
        return Step(
            phase=phase,
            server=state.name,
            restarts=True,
            arguments=arguments.texts,
            issuers=arguments.values(ISSUER),
            kids=state.kids,
            retired_kids=self._goal.retired_kids if phase == RETIRE_KEY else frozenset(),
            # Where servers are to sign with the new key next, one that is to verify it first may sign with it already.
            signing_kid=None if (phase, self._goal.phase) == (ACCEPT, SIGN) else expected[0],
            takes_keys=True,
            datastore=self._keys(phase, state.node, before=before, expected=expected) if replaces else None,
        )

    def _keys(self, phase: str, node: KeyNode, *, before: tuple[str, ...], expected: tuple[str, ...]) -> DatastoreKeys:
        retired = phases.key_files_in(f"{node.folder}/{phases.RETIRED}", before[0]).private
        return DatastoreKeys(
            command=node.command.words,
            path=node.command.key_file,
            folder=node.folder,
            kids=expected,
            retired=tuple(sorted(self._goal.retired_kids)) if phase == RETIRE_KEY else (),
            archive=retired if phase == SIGN and before[0] != expected[0] else None,
            needs_key=self._goal.kid not in before,
        )
