# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control-plane node of kubeadm as its files are, and what must be right on it before anything is written."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    kubeadm_patches,
    kubeadm_versions,
    phases,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_patches import (
    API_SERVER_FILE,
    CONTROLLER_MANAGER_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ABSENT, Goal, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import KeyFiles
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.preflight import by_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    StaticPod,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import (
    View,
    cluster_key_folder,
    target_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

_MANIFEST_ENDINGS = (".yaml", ".yml", ".json")


@dataclasses.dataclass(frozen=True)
class Node:
    """A server with its parsed files; ``faults`` say what could not be parsed."""

    view: View
    pod: StaticPod | None
    controller_manager: StaticPod | None
    faults: tuple[str, ...]

    @property
    def server(self) -> Server:
        return self.view.server


def node_of(server: Server, goal: Goal) -> Node:
    """Parse what was read of a server."""
    faults: list[str] = []
    pod = _parsed(server.manifest, server.manifest_path, program=KUBE_APISERVER, faults=faults)
    # It matters only for an own key, or one to be removed.
    content = server.controller_manager or b""
    manager = None
    if goal.own_kid or b"/irsa/" in content:
        manager = _parsed(
            server.controller_manager, server.controller_manager_path, program=KUBE_CONTROLLER_MANAGER, faults=faults
        )
    if server.managed and server.manifest is None and not server.unknown:
        faults.append(
            f"it has no {server.manifest_path}, so it is not a control-plane node that kubeadm made. Take it out of "
            "the hosts of this play."
        )
    written = pod.arguments if pod else None
    running = Arguments.of(server.running) if server.running else None
    view = View(server, written, running, target_of(written or running, goal), goal)
    return Node(view, pod, manager, tuple(faults))


def _parsed(content: bytes | None, path: str, *, program: str, faults: list[str]) -> StaticPod | None:
    try:
        return StaticPod(content, program) if content is not None else None
    except Fault as fault:
        faults.append(f"{path} cannot be used: {fault}.")
        return None


def problems(nodes: t.Iterable[Node], *, persists: bool) -> list[str]:
    """Return what must be repaired first. Patches of the user matter if the change is to survive upgrades."""
    patches = (_other_patches,) if persists else ()
    return _found(nodes, (_faults, _other_manifests, _version, *patches, _own_key, _accepted_keys))


def warnings(nodes: t.Iterable[Node], *, persists: bool) -> list[str]:
    """Return what should be looked at."""
    return _found(nodes, (_odd_files, _user_patches) if persists else (_odd_files,))


def _found(nodes: t.Iterable[Node], rules: t.Sequence[t.Callable[[Node], t.Iterator[str]]]) -> list[str]:
    return by_text((node.server.name, text) for node in nodes for rule in rules for text in rule(node))


def _faults(node: Node) -> t.Iterator[str]:
    yield from node.faults


def _other_manifests(node: Node) -> t.Iterator[str]:
    """Yield copies of the manifest: the kubelet starts what is in any file whose name does not begin with a dot.

    https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
    """
    folder, own = posixpath.split(node.server.manifest_path)
    copies = [name for name in node.server.folder if _is_read(name) and KUBE_APISERVER in name and name != own]
    if copies:
        yield (
            f"{folder} also holds {listed(copies)}. The kubelet reads every file there, so it may run that instead of "
            f"{own}. Move it to another folder."
        )


def _odd_files(node: Node) -> t.Iterator[str]:
    odd = [
        name
        for name in node.server.folder
        if _is_read(name) and KUBE_APISERVER not in name and not name.endswith(_MANIFEST_ENDINGS)
    ]
    if odd:
        folder = posixpath.dirname(node.server.manifest_path)
        yield f"{folder} holds {listed(odd)}, and the kubelet reads every file there. Backups belong in another folder."


def _is_read(name: str) -> bool:
    return not name.startswith(".")


def _version(node: Node) -> t.Iterator[str]:
    if node.server.managed and node.server.tool_version is not None:
        try:
            kubeadm_versions.keeps_order(node.server.tool_version)
        except Fault as fault:
            yield f"what kubeadm says of its version cannot be used: {fault}."


def _other_patches(node: Node) -> t.Iterator[str]:
    """Yield patches of the user that name what we would write for upgrades, too: together it would be there twice."""
    for name in _user_files(node):
        for issuer in _repeated(node, name):
            yield (
                f"the kubeadm patch {quoted(name)} names {quoted(issuer)}. This role would name it again, and a "
                "repeated issuer stops the API server. Remove it from that file. What an API server accepts today "
                "stays accepted."
            )


def _user_patches(node: Node) -> t.Iterator[str]:
    for name in _user_files(node):
        if ISSUER.encode() in node.server.patches[name] and not _repeated(node, name):
            yield f"the kubeadm patch {quoted(name)} changes --{ISSUER}, too. Check what both give together."


def _repeated(node: Node, name: str) -> list[str]:
    """Return the issuers in a patch that are also among those of the goal or of the server."""
    target, written = node.view.target, node.view.written
    ours = [target.issuer, *target.accepted_issuers, *(written.values(ISSUER) if written else ())]
    named = kubeadm_patches.values(node.server.patches[name], ISSUER)
    return [issuer for issuer in dict.fromkeys(ours) if issuer in named]


def _user_files(node: Node) -> list[str]:
    return [name for name in sorted(node.server.patches) if name not in (API_SERVER_FILE, CONTROLLER_MANAGER_FILE)]


def _own_key(node: Node) -> t.Iterator[str]:
    goal, pod = node.view.goal, node.pod
    if not goal.own_kid or goal.state == ABSENT or pod is None:
        return
    for each in (pod, node.controller_manager):
        folder = cluster_key_folder(pod.arguments)
        if each is None:
            yield f"{node.server.controller_manager_path} is not there, and kube-controller-manager signs tokens, too."
        elif each.user_id not in (None, "0"):
            yield (
                f"its {each.program} runs as user {each.user_id}, who cannot read a key file of root with mode 0600. "
                "Leave irsa_apiserver_key at adopt."
            )
        elif folder and not each.sees(folder):
            yield (
                f"its {each.program} does not see {quoted(folder)}: the pod does not mount that folder. Leave "
                "irsa_apiserver_key at adopt."
            )


def _accepted_keys(node: Node) -> t.Iterator[str]:
    """Yield files of further public keys with which the API server would not start."""
    if node.view.goal.state == ABSENT or node.pod is None:
        return
    for path in node.view.goal.accepted_key_files:
        fault = node.server.public_key_faults.get(path)
        if fault:
            yield f"irsa_apiserver_accepted_public_keys cannot be used, and no API server would start with it: {fault}"
        elif not node.pod.sees(path):
            yield (
                f"its API server does not see {quoted(path)} of irsa_apiserver_accepted_public_keys: the pod does not "
                f"mount that folder. Put the file beside the cluster's key, in "
                f"{quoted(cluster_key_folder(node.pod.arguments))}."
            )


def own_key_paths(manifest: bytes, kid: str) -> KeyFiles:
    """Return the paths of an own key's files on a server, beside the cluster's key.

    Raises Fault if the manifest does not name the cluster's key.
    """
    folder = cluster_key_folder(StaticPod(manifest).arguments)
    if folder is None:
        raise Fault("it does not name the cluster's key (--service-account-key-file)")
    return phases.own_key_files(folder, kid)
