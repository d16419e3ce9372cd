# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server whose API server is started by a service: its files as arguments, and what must be right on it before
anything is written.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import (
    Distribution,
    Programs,
    Unit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ABSENT, Goal, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import Target
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.preflight import by_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import View
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.snap_paths import of_current_revision
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed


@dataclasses.dataclass(frozen=True)
class ServiceNode:
    """A server with the arguments of its programs; ``faults`` say what is wrong with its files.

    ``programs`` is None for a server outside the play, and for one whose files cannot be used.
    """

    view: View
    distribution: Distribution
    programs: Programs | None
    faults: tuple[str, ...]

    @property
    def server(self) -> Server:
        return self.view.server

    @property
    def unit(self) -> Unit:
        return self.view.server.unit or Unit()


def node_of(server: Server, goal: Goal, distribution: Distribution) -> ServiceNode:
    """Compute what a server's files come to, and compare that with what it tells."""
    told = Arguments.of(server.running) if server.running is not None else None
    if not server.managed:
        return ServiceNode(View(server, None, told, _target(goal), goal), distribution, None, ())
    distribution = distribution.of_version(server.tool_version)
    faults: list[str] = []
    unit, programs = server.unit or Unit(), None
    try:
        programs = distribution.programs(server.files, unit)
    except Fault as fault:
        faults.append(f"the configuration of {distribution.title} cannot be used: {fault}.")
    written = programs.api_server if programs else None
    stale = _stale(server, unit)
    is_pending = bool(stale) and (goal.force or all(path.endswith(f"/{distribution.own_file}") for path in stale))
    if stale and not is_pending:
        faults.append(_not_taken_up(stale, distribution))
    elif written and told and not stale:
        faults += _differences(written, told, distribution)
    target = _target(goal, distribution.own_key_folder(server.files, unit) if goal.own_kid else None)
    if written and not is_pending:
        target = dataclasses.replace(target, retires_clusters_key=_retires_clusters_key(server, written, target))
    # What its files come to is what runs: the service was started since, and nothing that it tells is against that.
    return ServiceNode(View(server, written, written, target, goal, is_pending), distribution, programs, tuple(faults))


def _target(goal: Goal, folder: str | None = None) -> Target:
    return Target(
        issuer=goal.issuer,
        key=phases.key_files_in(folder, goal.own_kid) if folder and goal.own_kid else None,
        accepted_issuers=goal.accepted_issuers,
        accepted_key_files=goal.accepted_key_files,
        retired_keys=tuple(phases.key_files_in(folder, kid) for kid in sorted(goal.retired_kids) if folder),
        # They are set by the distribution, and keep what tokens have today.
        keeps_audiences=True,
    )


def _retires_clusters_key(server: Server, written: Arguments, target: Target) -> bool:
    """Whether a key to be retired is verified, but not because of one of our files."""
    ours = written.values(KEY_FILE)
    return any(key.kid in (server.kids or ()) and key.public not in ours for key in target.retired_keys)


def _stale(server: Server, unit: Unit) -> list[str]:
    """Return the files that changed after the service was started: what runs may not be what they say."""
    return sorted(path for path, changed in server.changed.items() if unit.started and changed > unit.started)


def _not_taken_up(paths: t.Sequence[str], distribution: Distribution) -> str:
    is_or_are = "has" if len(paths) == 1 else "have"
    return (
        f"{listed(paths)} {is_or_are} changed since {distribution.unit} was started, so it is not known what runs. "
        "Restart it, and run this again, or set irsa_apiserver_force to have this run restart it with what is written "
        "there."
    )


def _differences(written: Arguments, told: Arguments, distribution: Distribution) -> t.Iterator[str]:
    """Yield flags about service accounts with which an API server runs, but which do not come of its files."""
    for name in (ISSUER, KEY_FILE, SIGNING_KEY_FILE, API_AUDIENCES):
        expected, found = _counted(written, name), _counted(told, name)
        # Audiences that no file sets are the distribution's own.
        if expected != found and (name != API_AUDIENCES or expected):
            yield (
                f"its API server runs with --{name} {listed(found)}, but the files of {distribution.title} come to "
                f"{listed(expected)}. If a file was removed since {distribution.unit} was started, restart that, and "
                "run this again. Otherwise something else changes its arguments: find that, and have it agree."
            )


def _counted(arguments: Arguments, name: str) -> list[str]:
    """Return what counts of a flag's values, in a form that can be compared."""
    if name == ISSUER:
        return list(arguments.values(name))
    if name == SIGNING_KEY_FILE:
        return [of_current_revision(arguments.value(name) or "")]
    return sorted(set(map(of_current_revision, arguments.separated(name) or ())))


def problems(nodes: t.Iterable[ServiceNode]) -> list[str]:
    """Return what must be repaired first."""
    return _found(nodes, (_faults, _state, _of_distribution, _accepted_keys))


def warnings(nodes: t.Iterable[ServiceNode]) -> list[str]:
    """Return what should be looked at."""
    return _found(nodes, (_warnings,))


def _found(nodes: t.Iterable[ServiceNode], rules: t.Sequence[t.Callable[[ServiceNode], t.Iterator[str]]]) -> list[str]:
    managed = [node for node in nodes if node.server.managed]
    return by_text((node.server.name, text) for node in managed for rule in rules for text in rule(node))


def _faults(node: ServiceNode) -> t.Iterator[str]:
    yield from node.faults


def _state(node: ServiceNode) -> t.Iterator[str]:
    yield from state_problems(node.unit, node.distribution)


def state_problems(unit: Unit, distribution: Distribution) -> t.Iterator[str]:
    """Yield what is wrong with a service that does not run."""
    if unit.state != "active":
        yield f"{distribution.unit} is {unit.state or 'not active'}. Repair it, and run this again."


def _of_distribution(node: ServiceNode) -> t.Iterator[str]:
    yield from node.distribution.problems(node.server.files, node.unit)


def _warnings(node: ServiceNode) -> t.Iterator[str]:
    yield from node.distribution.warnings(node.server.files, node.unit)


def _accepted_keys(node: ServiceNode) -> t.Iterator[str]:
    if node.view.goal.state == ABSENT:
        return
    for path in node.view.goal.accepted_key_files:
        fault = node.server.public_key_faults.get(path)
        if fault:
            yield f"irsa_apiserver_accepted_public_keys cannot be used, and no API server would start with it: {fault}"
