# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server of a distribution that keeps its signing keys in the cluster's datastore: its file of keys, and what must be
right with it before that changes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, service_node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import (
    DatastoreCommand,
    Distribution,
    Unit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Goal, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.preflight import by_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.public_keys import PublicKeyFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.service_node import ServiceNode
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted


@dataclasses.dataclass(frozen=True)
class KeyNode:
    """A server of the play with its command, and the IDs of the keys that its file has, the one that signs first; None:
    it could not be read.
    """

    node: ServiceNode
    command: DatastoreCommand
    kids: tuple[str, ...] | None

    @property
    def server(self) -> Server:
        return self.node.server

    @property
    def folder(self) -> str:
        """The folder of own keys."""
        return self.node.distribution.own_key_folder(self.server.files, self.node.unit)


def node_of(server: Server, goal: Goal, distribution: Distribution) -> KeyNode | None:
    """Return a server, None if its key does not come from the datastore or cannot be replaced there."""
    command = _command(server, distribution) if server.managed else None
    if command is None:
        return None
    kids, content = None, server.key_files.get(command.key_file)
    with contextlib.suppress(Fault):  # problems() says so
        kids = PublicKeyFile(content).kids if content else None
    return KeyNode(service_node.node_of(server, goal, distribution), command, kids)


def _command(server: Server, distribution: Distribution) -> DatastoreCommand | None:
    unit = server.unit or Unit()
    try:
        command = distribution.datastore_command(server.files, unit, server.tool_version)
        arguments = distribution.programs(server.files, unit).api_server
    except Fault:
        return None
    if command is None or command.key_file not in arguments.values(KEY_FILE):
        return None
    return command if arguments.value(SIGNING_KEY_FILE) in (command.key_file, command.signing_file) else None


def has_own_key(server: Server, distribution: Distribution) -> bool:
    """Whether flags of ours name a key of a server: then its keys are changed by flags, to the end."""
    known = [Arguments.of(server.running or ())]
    with contextlib.suppress(Fault):
        known += [distribution.programs(server.files, server.unit or Unit()).api_server] if server.managed else []
    names = (KEY_FILE, SIGNING_KEY_FILE)
    return any(phases.is_own_key(path) for arguments in known for name in names for path in arguments.values(name))


def problems(nodes: t.Iterable[KeyNode], goal: KeyGoal) -> list[str]:
    """Return what must be repaired first."""
    nodes, rules = list(nodes), (_unread, _changed, _lost)
    found = [(node.server.name, text) for node in nodes for rule in rules for text in rule(node, goal)]
    return by_text([*found, *_fast_clocks(nodes)])


def _unread(node: KeyNode, _goal: KeyGoal) -> t.Iterator[str]:
    if node.kids is None:
        yield (
            f"the keys in {quoted(node.command.key_file)} could not be read. Install openssl on this host, and see "
            "that it reads each key in that file."
        )
    if node.server.signing_kid is None:
        yield "it is not known with which key its API server signs."


def _changed(node: KeyNode, _goal: KeyGoal) -> t.Iterator[str]:
    """Yield a file that is not what the server has written there and loaded: with that it may not start."""
    kids, server = node.kids, node.server
    if not kids or server.kids is None or server.signing_kid is None:
        return
    if kids[0] != server.signing_kid or not server.kids.issuperset(kids):
        yield (
            f"{quoted(node.command.key_file)} has the keys {listed(kids)} (the first one signs), but its API server "
            f"signs with {quoted(server.signing_kid)} and verifies {listed(sorted(server.kids))}. That file comes "
            f"from the cluster's datastore. Restart {node.node.distribution.unit}, and run this again."
        )


def _fast_clocks(nodes: t.Sequence[KeyNode]) -> t.Iterator[tuple[str, str]]:
    """Yield servers that may not start with other keys: their file would be younger than what the datastore has."""
    clocks = [(node.server.now, node.server.name) for node in nodes if node.server.now is not None]
    for node in nodes:
        time = node.server.key_times.get(node.command.key_file)
        if time is not None and clocks and time > min(clocks)[0]:
            said = (
                f"{quoted(node.command.key_file)} was written at {moment(time)} by its clock, and on {min(clocks)[1]} "
                f"that time is yet to come. {node.node.distribution.title} does not start with a file that is younger "
                "than its datastore. Set the clocks of all servers right, and run this again."
            )
            yield node.server.name, said


def _lost(node: KeyNode, goal: KeyGoal) -> t.Iterator[str]:
    """Yield keys that the API server verifies only until it starts again."""
    programs = node.node.programs
    if not node.kids or programs is None or len(programs.api_server.values(KEY_FILE)) > 1:
        return  # they may be in another file
    lost = sorted((node.server.kids or frozenset()) - {*node.kids, *goal.retired_kids, goal.kid})
    if lost:
        yield (
            f"its API server verifies the key {listed(lost)}, which is not in {quoted(node.command.key_file)} any "
            f"more. With a restart, tokens of that key would be refused. Restart {node.node.distribution.unit} if that "
            "is what you want, and run this again."
        )
