# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change one API server and prove that it works, or put everything back.

All of a step is done by one process on the node, which goes on if the connection to the controller is lost (session).

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError, bug
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import (
    key_datastore,
    key_install,
    kubeadm_config,
    node_files,
    observation,
    pod_log,
    private_file,
    session,
    tokens,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.component import Component, Hopeless
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.mirror_pod import MirrorPod, PodOptions
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replaced, Replacement
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.service import Service
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Manager, Step

# The kubelet gives the old API server 30 seconds to end, and starts the new one within as many.
_RESTART_SECONDS = 180
# As long as the API server is given to be ready before a run plans: a slow disk of etcd interrupts that.
_LOOK_SECONDS = 30
_PAUSE_SECONDS = 1.0
_MANAGER = "kube-controller-manager"

Proof = t.TypeVar("Proof")


@dataclasses.dataclass
class Node:
    """What a step works with: replaced by tests."""

    kubectl: Kubectl
    clock: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = session.sleep
    log_folder: str = pod_log.FOLDER
    backup_folder: str = node_files.BACKUP_FOLDER


class Walker:
    """Takes one step on one node."""

    def __init__(self, step: Step, node: Node) -> None:
        self._step = step
        self._node = node
        self._start = node.clock()
        self._api_server = self._component()
        # In the order in which they are changed; the last one is at work.
        self._changed = [self._api_server]
        self._restarted: list[Component] = []
        self._written: list[Replaced] = []

    def _component(self) -> Component:
        step, node = self._step, self._node
        if step.service is None:
            return self._mirror_pod(observation.API_SERVER, step.pod, step.annotations)
        return Service(node.kubectl, step.server, pod=step.pod, options=step.service)

    def _mirror_pod(self, component: str, name: str, annotations: t.Mapping[str, str]) -> MirrorPod:
        options = PodOptions(name, component, self._node.log_folder, annotations)
        return MirrorPod(self._node.kubectl, self._step.server, options)

    def take(self) -> dict[str, t.Any]:
        """Take the step, and return what was done and proved. Raises IrsaError; what was written is then put back."""
        try:
            files = self._files()
            is_new = self._step.restarts and (bool(files) or self._step.service is not None)
            self._look(is_new=is_new)
            self._write(files)
            if self._step.datastore:
                key_datastore.replace(self._step.datastore)
            if is_new:
                self._restart(self._api_server)
            proof = self._proved(is_new=is_new)
            if self._step.manager:
                proof["manager"] = self._replaced(self._step.manager)
        except BaseException as error:  # noqa: BLE001 # whatever it is, nothing may stay that was not proved
            raise self._failure(error) from None
        if self._step.configuration:
            kubeadm_config.write(self._node.kubectl, self._step.server, self._step.configuration)
        return {
            "proof": proof,
            "seconds": round(self._node.clock() - self._start, 1),
            "files": [each.new.path for each in self._written],
            "backups": [each.backup for each in self._written if each.backup],
        }

    def _files(self) -> list[Replacement]:
        """Return what is written: keys before the manifest by which the API server restarts. Raises IrsaError."""
        step = self._step
        own = key_install.missing_files(step.key) if step.key else []
        private = private_file.missing_files(step.private) if step.private else []
        return [*own, *private, *step.files]

    def _look(self, *, is_new: bool) -> None:
        """Remember what is about to restart. Raises Fault if that cannot be seen: nobody could say if it came back."""
        if is_new:
            self._wait(self._api_server.look, _LOOK_SECONDS)
        if self._step.manager:
            self._wait(self._manager(self._step.manager).look, _LOOK_SECONDS)

    def _write(self, files: t.Iterable[Replacement]) -> None:
        for file in files:
            self._written.append(node_files.replace(file, self._node.backup_folder))

    def _restart(self, component: Component) -> None:
        self._restarted.append(component)
        component.restart()

    def _proved(self, *, is_new: bool) -> dict[str, t.Any]:
        """Wait for the API server, and return what was proved of it. Raises Fault."""
        step = self._step
        self._wait(
            lambda: self._api_server.require_started(step.arguments, is_new=is_new), min(_RESTART_SECONDS, step.timeout)
        )
        left = self._start + step.timeout - self._node.clock()
        return self._wait(self._proof, max(left, _PAUSE_SECONDS))

    def _replaced(self, manager: Manager) -> dict[str, t.Any]:
        """Change kube-controller-manager, wait for it, and return its pod. Raises Fault and IrsaError.

        It comes after the API server, which must verify what it signs.
        """
        pod = self._manager(manager)
        # Not before: while its API server restarted, it may have, too.
        self._wait(pod.look, _LOOK_SECONDS)
        self._changed.append(pod)
        self._write([manager.file])
        return self._wait(
            lambda: pod.require_started(manager.arguments, is_new=True), min(_RESTART_SECONDS, self._step.timeout)
        )

    def _manager(self, manager: Manager) -> MirrorPod:
        return self._mirror_pod(_MANAGER, manager.pod, manager.annotations)

    def _wait(self, condition: t.Callable[[], Proof], seconds: float) -> Proof:
        """Return what a condition returns once it raises no Fault any more. Raises the last Fault after that time."""
        end = self._node.clock() + seconds
        while True:
            try:
                return condition()
            except Hopeless:
                raise
            except Fault as fault:
                if self._node.clock() >= end:
                    raise Fault(f"{fault} (after {seconds:g} seconds)") from None
            self._node.sleep(_PAUSE_SECONDS)

    def _proof(self) -> dict[str, t.Any]:
        """Return what was proved of the API server. Raises Fault with what is not as it must be yet."""
        step, kubectl = self._step, self._node.kubectl
        pod = self._api_server.require_running(step.arguments)
        kubectl.get_text(observation.READY, step.server)
        faults: list[str] = []
        found = observation.identity(kubectl, step.server, reviewers=step.servers, faults=faults)
        if faults:
            raise Fault("; ".join(faults))
        if found["issuer"] != step.issuer:
            raise Fault(f"announces the issuer {quoted(found['issuer'])} instead of {quoted(step.issuer)}")
        kids = [key.get("kid") for key in found["jwks"].get("keys", [])]
        missing = [kid for kid in step.kids if kid not in kids]
        if missing:
            raise Fault(f"does not serve the public key {listed(missing)}, only {listed(kids)}")
        left = [kid for kid in step.retired_kids if kid in kids]
        if left:
            raise Fault(f"still serves the public key {listed(left)}")
        self._require_accepted(found["token"])
        return {"pod": pod, "issuer": found["issuer"], "kids": kids, "jwks": found["jwks"], "token": found["token"]}

    def _require_accepted(self, token: t.Mapping[str, t.Any]) -> None:
        """Raise Fault unless a token is signed as it must be, and every API server accepts it."""
        expected = {"iss": self._step.issuer}
        if self._step.signing_kid is not None:
            expected["kid"] = self._step.signing_kid
        wrong = [
            f"{name} {quoted(token[name])} instead of {quoted(value)}"
            for name, value in expected.items()
            if token[name] != value
        ]
        if wrong:
            raise Fault(f"mints tokens with {' and '.join(wrong)}")
        refusing = [f"{server} {said}" for server, said in token["reviews"].items() if said != tokens.ACCEPTED]
        if refusing:
            raise Fault(f"mints tokens that not every API server accepts: {'; '.join(refusing)}")

    def _failure(self, error: BaseException) -> IrsaError:
        """Put everything back, and return what is to be said of it."""
        if not isinstance(error, (Fault, IrsaError)):
            error = Fault(f"could not be proved, since this collection has a bug: {bug(error)}")
        at_work = self._changed[-1]
        has_begun = bool(self._written or self._restarted)
        log = at_work.end_of_log() if has_begun and self._is_restarted(at_work) else ""
        is_own = isinstance(error, Fault) and at_work is self._api_server
        said = [f"{self._subject(at_work)} {error}." if isinstance(error, Fault) else str(error)]
        if self._written:
            said.append(
                self._put_back(*(("Its files", "it runs") if is_own else ("The files of this step", "everything runs")))
                if self._step.rollback
                else "What was written was left in place, since irsa_apiserver_rollback is false."
            )
        elif self._restarted:
            said.append(self._kept)
        elif isinstance(error, Fault):
            said.append("Nothing was written.")
        if log:
            said.append(f"The end of its log: {shown(log)}")
        return IrsaError(" ".join(said), log=log, put_back=bool(self._written) and self._step.rollback)

    @property
    def _kept(self) -> str:
        """What is to be said of a server that was restarted without a file that could be put back."""
        if self._step.takes_keys:
            return (
                "It was restarted to take the keys of the cluster's datastore. They stay there: whichever server "
                "starts next works together with all others."
            )
        return (
            "It was restarted with the files that an earlier run had left, and this run wrote none. Its former files "
            f"are in {self._node.backup_folder}."
        )

    def _subject(self, pod: Component) -> str:
        return f"The API server {self._step.server}" if pod is self._api_server else f"The static pod {pod.name}"

    def _is_restarted(self, pod: Component) -> bool:
        return pod is not self._api_server or self._step.restarts

    def _put_back(self, files: str, runs: str) -> str:
        """Put the files back and wait for what ran before; return what came of it."""
        backups = [each.backup for each in self._written if each.backup]
        faults = self._undo()
        if faults:
            kept = f" The former ones are in {listed(backups)}." if backups else ""
            return f"{files} could not all be put back: {' '.join(faults)}{kept}"
        for pod in reversed(self._changed):
            try:
                self._wait_for_former(pod)
            except Fault as fault:
                who = "it" if pod is self._changed[-1] else f"the API server {self._step.server}"
                kept = f"; they are also in {listed(backups)}" if backups else ""
                return f"{files} were put back, but {who} {fault}. Look at it before you run again{kept}."
        return f"{files} were put back, and {runs} as before."

    def _undo(self) -> list[str]:
        """Put the files back, and return what stood in the way.

        What was replaced comes first, and in the order in which it was written: the kubelet starts the former server as
        soon as its manifest is back, and the keys that it reads then must be the former ones. New files are removed
        last, since a manifest that is still there may name them.
        """
        faults: list[str] = []
        replaced = [each for each in self._written if each.former is not None]
        added = [each for each in reversed(self._written) if each.former is None]
        for each in [*replaced, *added]:
            if faults and each.former is None:
                continue  # a manifest that stays may name it
            try:
                each.undo()
            except IrsaError as error:
                faults.append(str(error))
        return faults

    def _wait_for_former(self, pod: Component) -> None:
        """Wait until a component runs as it did before. Raises Fault."""
        if not pod.before or not self._is_restarted(pod):
            return  # this step did not restart it
        if pod in self._restarted:
            pod.restart()

        def require_former() -> None:
            pod.require_former()
            # The kubelet may report the pod as ready from before.
            self._node.kubectl.get_text(observation.READY, self._step.server)

        self._wait(require_former, _RESTART_SECONDS)
