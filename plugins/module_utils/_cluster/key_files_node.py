# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control-plane node of kubeadm whose cluster key signs: the files of keys that its flags name, and what must be
right with them before one of them changes.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm_node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.key_goal import KeyGoal
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_node import Node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    KEYS_ANNOTATION,
    RETIRE_KEY,
    Goal,
    PrivateKey,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.preflight import by_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.public_keys import PublicKeyFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    KUBE_CONTROLLER_MANAGER,
    StaticPod,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

# The annotation's value changes even if a restart is due although it is there.
AGAIN = "-again"


@dataclasses.dataclass(frozen=True)
class KeyNode:
    """A server with its parsed files; ``faults`` say what could not be parsed.

    :ivar files: its files of public keys in the order of its flags, by path
    :ivar private_path: the file of the private key that signs
    """

    node: Node
    manager: StaticPod | None
    files: t.Mapping[str, PublicKeyFile]
    private_path: str | None
    faults: tuple[str, ...]

    @property
    def server(self) -> Server:
        return self.node.server

    @property
    def private(self) -> PrivateKey | None:
        """What is known of the file of the private key."""
        return self.server.private_keys.get(self.private_path or "")

    def private_kid(self, goal: KeyGoal) -> str | None:
        """Return the ID of the key in that file, None if it is not known."""
        if self.private is None:
            return None
        return goal.kid if goal.digest and self.private.sha256 == goal.digest else self.private.kid

    @property
    def is_behind(self) -> bool:
        """Whether its kube-controller-manager may still sign with another key than its API server."""
        kid = self.server.signing_kid
        return self.manager is not None and kid is not None and not has_read(self.manager, kid)

    def main_file(self, goal: KeyGoal) -> str:
        """Return the file that the new key joins: the one with the key that signs, else the first one."""
        signing = (self.private_kid(goal), self.server.signing_kid)
        return next(
            (path for path, file in self.files.items() if set(signing) & set(file.kids)), next(iter(self.files))
        )


def has_read(manager: StaticPod, kid: str) -> bool:
    """Whether a kube-controller-manager has read a private key. Nothing but this annotation says which one it has."""
    return manager.annotation(KEYS_ANNOTATION) in (kid, kid + AGAIN)


def node_of(server: Server, issuer: str) -> KeyNode:
    """Parse what was read of a server."""
    node = kubeadm_node.node_of(server, Goal(issuer=issuer))
    faults: list[str] = []
    files: dict[str, PublicKeyFile] = {}
    arguments = node.pod.arguments if node.pod else None
    for path in dict.fromkeys(arguments.values(KEY_FILE) if arguments else ()):
        content = server.key_files.get(path)
        try:
            if content is None:
                raise Fault("it is not there, or it could not be read")
            files[path] = PublicKeyFile(content)
        except Fault as fault:
            faults.append(f"{quoted(path)} of its --{KEY_FILE} cannot be used: {fault}.")
    manager = None
    try:
        manager = StaticPod(server.controller_manager, KUBE_CONTROLLER_MANAGER) if server.controller_manager else None
    except Fault as fault:
        faults.append(f"{server.controller_manager_path} cannot be used: {fault}.")
    return KeyNode(node, manager, files, arguments.value(SIGNING_KEY_FILE) if arguments else None, tuple(faults))


def limits(nodes: t.Iterable[KeyNode]) -> list[str]:
    """Return what stands in the way of every change of the keys, and is no passing state."""
    managed = [node for node in nodes if node.server.managed and node.node.pod]
    return by_text((node.server.name, text) for node in managed for text in (*node.faults, *_flags(node)))


def problems(nodes: t.Iterable[KeyNode], goal: KeyGoal) -> list[str]:
    """Return what must be repaired first."""
    rules = (_private, _unsigned, _lost, _swapped)
    found = []
    for node in nodes:
        if node.server.managed and node.node.pod and not (node.faults or [*_flags(node)]):
            found += [(node.server.name, text) for rule in rules for text in rule(node, goal)]
    return by_text(found)


def _flags(node: KeyNode) -> t.Iterator[str]:
    """Yield flags with which the files cannot be changed, or the same file does not sign everywhere."""
    if not node.files and not node.faults:
        yield f"its API server has no --{KEY_FILE}. Name the cluster's public key there first."
    if node.private_path is None:
        yield f"its API server has no --{SIGNING_KEY_FILE}, so no file of this node signs its tokens."
    if node.manager is None:
        if not node.faults:
            yield f"{node.server.controller_manager_path} is not there, and kube-controller-manager signs tokens, too."
        return
    path = node.manager.arguments.value(PRIVATE_KEY_FILE)
    if path != node.private_path:
        yield (
            f"its kube-controller-manager signs with {quoted(path)} (--{PRIVATE_KEY_FILE}), its API server with "
            f"{quoted(node.private_path)} (--{SIGNING_KEY_FILE}). Give both the same file."
        )


def _private(node: KeyNode, _goal: KeyGoal) -> t.Iterator[str]:
    if node.private is None:
        yield f"{quoted(node.private_path)} of its --{SIGNING_KEY_FILE} is not there, or it could not be read."
    elif node.server.signing_kid is None:
        yield "it is not known with which key its API server signs."


def _unsigned(node: KeyNode, goal: KeyGoal) -> t.Iterator[str]:
    """Yield a server that has to sign with the new key first, if that key is not at hand."""
    kid = node.private_kid(goal) or node.server.signing_kid
    if goal.phase == RETIRE_KEY and goal.digest is None and kid not in (None, goal.kid):
        yield (
            f"{quoted(node.private_path)} holds the key {quoted(kid)}, not {quoted(goal.kid)}. Have its API server "
            "sign with that key first (phase sign)."
        )


def _lost(node: KeyNode, goal: KeyGoal) -> t.Iterator[str]:
    """Yield keys that the API server verifies only until it starts again, since its files have them no longer."""
    if not all(file.is_known for file in node.files.values()):
        return
    kids = {kid for file in node.files.values() for kid in file.kids} | goal.retired_kids | {goal.kid}
    lost = sorted((node.server.kids or frozenset()) - kids)
    if lost:
        yield (
            f"its API server verifies the key {listed(lost)}, which is not in {listed(node.files)} any more. With a "
            "restart, tokens of that key would be refused. Put it back there, or restart the API server if that is "
            "what you want, and run this again."
        )


def _swapped(node: KeyNode, goal: KeyGoal) -> t.Iterator[str]:
    """Yield a private key with which a restart would have the API server sign, although this phase does not ask for it.

    A run that was cut off while it had a server sign with the new key leaves that key's file there.
    """
    kid, signing = node.private_kid(goal), node.server.signing_kid
    if kid is None or signing is None or kid == signing:
        return
    if kid != goal.kid:
        yield (
            f"{quoted(node.private_path)} holds the key {quoted(kid)}, but its API server signs with "
            f"{quoted(signing)}. Put the key that signs back there, or restart the API server, and run this again."
        )
    elif goal.phase == ACCEPT and goal.kid not in (node.server.kids or ()):
        yield (
            f"{quoted(node.private_path)} holds the new key {quoted(kid)} already, so with a restart its API server "
            f"would sign with it. Put the key {quoted(signing)} back there, or have the servers sign with the new one "
            "(phase sign)."
        )


def retired_file(node: KeyNode, goal: KeyGoal) -> str | None:
    """Return a file that would hold no key without the retired ones, None if there is none."""
    if goal.phase != RETIRE_KEY:
        return None
    return next((path for path, file in node.files.items() if file.without(goal.retired_kids) is None), None)
