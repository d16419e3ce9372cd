# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A static pod of the control plane before and after the kubelet starts it again.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import observation, pod_log
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.component import Hopeless
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl

# The kubelet waits 10, 20 and 40 seconds before it starts a container again that has ended:
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts
_MAX_STARTS = 4


@dataclasses.dataclass(frozen=True)
class PodOptions:
    """Which pod it is, the ``annotations`` that it must have once it runs by its new manifest, and where it logs."""

    name: str
    component: str
    log_folder: str
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


class MirrorPod:
    """A component of the control plane on this node, as its API server mirrors it.

    What it was when ``look`` was called is ``before``. Every method raises Fault with a whole sentence's predicate.
    """

    def __init__(self, kubectl: Kubectl, server: str, options: PodOptions) -> None:
        self.name = options.name
        self._kubectl, self._server, self._options = kubectl, server, options
        self._restarts = pod_log.restarts(self._logs())
        self.before: t.Mapping[str, t.Any] = {}

    def look(self) -> None:
        """Remember what it is before it is changed. Raises Fault if that cannot be seen."""
        self._restarts = pod_log.restarts(self._logs())
        self.before = self._present()

    def restart(self) -> None:
        """Leave that to the kubelet, which sees that the manifest changed."""

    def require_started(self, arguments: t.Sequence[str], *, is_new: bool) -> dict[str, t.Any]:
        """Return what it is. Raises Fault unless it runs with these arguments, ``is_new``: as another pod than before.

        Raises Hopeless if it ends again and again.
        """
        try:
            pod = self._present()
            if is_new and pod["hash"] == self.before["hash"]:
                raise Fault("still runs as before: the kubelet has not taken up the new manifest")
            return self._required(pod, arguments)
        except Fault:
            starts = pod_log.starts_since(self._restarts, self._logs())
            if starts >= _MAX_STARTS:
                raise Hopeless(f"was started {starts} times and ended each time") from None
            raise

    def require_running(self, arguments: t.Sequence[str]) -> dict[str, t.Any]:
        """Return what it is. Raises Fault unless its container runs with these arguments."""
        return self._required(self._present(), arguments)

    def require_former(self) -> None:
        """Raise Fault unless it runs as it did at ``look``."""
        pod = _ready(self._present(), self.before["command"])
        if pod["annotations"] != self.before["annotations"]:
            raise Fault("still runs by the new manifest")

    def end_of_log(self) -> str:
        """Return the last lines that it logged."""
        return pod_log.end_of_log(self._logs())

    def _present(self) -> dict[str, t.Any]:
        pods = observation.pods(self._kubectl, self._server, self._options.component)
        found = [pod for pod in pods if pod["name"] == self.name]
        if not found:
            raise Fault(f"does not list its own pod {self.name}")
        return found[0]

    def _logs(self) -> list[str]:
        return pod_log.logs_of(self.name, self._options.component, self._options.log_folder)

    def _required(self, pod: dict[str, t.Any], arguments: t.Sequence[str]) -> dict[str, t.Any]:
        _ready(pod, arguments)
        for name, text in self._options.annotations.items():
            if pod["annotations"].get(name) != text:
                raise Fault(f"runs without the annotation {name} that its manifest has: it has not started again")
        return {**pod, "seen": f"pod {pod['name']} runs with the arguments of its manifest"}


def _ready(pod: dict[str, t.Any], arguments: t.Sequence[str]) -> dict[str, t.Any]:
    if list(pod["command"]) != list(arguments):
        raise Fault("runs with arguments other than those in its manifest")
    if not pod["ready"]:
        raise Fault("has started, but is not ready")
    return pod
