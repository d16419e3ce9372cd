# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the kubelet of a node other flags or another configuration, and prove that it starts, or put everything back.

Runs on nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError, bug
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import (
    kubelet,
    node_files,
    pod_log,
    session,
    tools,
    units,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replaced, Replacement

_PAUSE_SECONDS = 1.0
# It must not only start: a kubelet that ends at once is started again and again.
_STEADY_SECONDS = 3.0
_RESTART_SECONDS = 60


class KubeletStep:
    """Writes files and restarts the kubelet. ``flags`` are what it must run with then, by their names."""

    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        self._files = [Replacement.of(each) for each in options["files"]]
        self._flags: t.Mapping[str, str] = options["flags"]
        self._timeout = float(options["timeout"])
        self._written: list[Replaced] = []
        self._before: tuple[int, list[str]] = (0, [])
        # Until the first write or restart, nothing has to be told to the next run.
        self._is_untouched = True

    def take(self) -> dict[str, t.Any]:
        """Take the step, and return how long it took. Raises IrsaError; what was written is then put back."""
        start = time.monotonic()
        try:
            self._look()
            for file in self._files:
                self._written.append(node_files.replace(file, node_files.BACKUP_FOLDER))
            self._restart()
            self._wait_for_start(self._flags)
        except BaseException as error:  # noqa: BLE001 # whatever it is, nothing may stay that was not proved
            raise self._failure(error) from None
        _forget()
        return {
            "seconds": round(time.monotonic() - start, 1),
            "backups": [each.backup for each in self._written if each.backup],
        }

    def _look(self) -> None:
        """Remember how the kubelet runs, and note that it is about to change. Raises Fault if it is not healthy, unless
        a killed run has left it so.
        """
        if os.path.exists(kubelet.PENDING):
            self._is_untouched = False
            with contextlib.suppress(Fault):
                self._before = kubelet.running()
            return
        self._before = kubelet.running()
        kubelet.require_healthy(self._before[1])
        node_files.replace(Replacement(kubelet.PENDING, b"", None, folder_mode=0o700), None)

    def _restart(self) -> None:
        self._is_untouched = False
        program = tools.find("systemctl") or "systemctl"
        try:
            ended = tools.run([program, "restart", kubelet.UNIT], seconds=_RESTART_SECONDS)
        except Fault as fault:
            raise Fault(f"could not be restarted: systemctl {fault}") from None
        if ended.return_code:
            raise Fault(f"could not be restarted: {ended.reason}")

    def _wait_for_start(self, flags: t.Mapping[str, str]) -> None:
        """Wait until the kubelet is another process than before, with these flags, healthy, and stays so. Raises Fault,
        also if this process was told to end.
        """
        end = time.monotonic() + self._timeout
        healthy: int | None = None
        while True:
            pause = _PAUSE_SECONDS
            try:
                process = self._require_started(flags)
                if process == healthy:
                    return
                if healthy is not None:
                    raise Fault("was healthy and ended again")
                healthy, pause = process, _STEADY_SECONDS
            except Fault as fault:
                if time.monotonic() >= end:
                    raise Fault(f"{fault} (after {self._timeout:g} seconds)") from None
                healthy = None
            session.sleep(pause)

    def _require_started(self, flags: t.Mapping[str, str]) -> int:
        """Return the process ID of the kubelet. Raises Fault unless it is another one than before, with these flags and
        healthy.
        """
        process, command = kubelet.running()
        if process == self._before[0]:
            raise Fault("still runs as before: it has not been started again")
        for name, value in flags.items():
            found = kubelet.flag_of(command, name)
            if found != value:
                raise Fault(f"runs with {name} {quoted(found)} instead of {quoted(value)}")
        kubelet.require_healthy(command)
        return process

    def _failure(self, error: BaseException) -> IrsaError:
        if not isinstance(error, (Fault, IrsaError)):
            error = Fault(f"could not be changed, since this collection has a bug: {bug(error)}")
        log = pod_log.end_of([line for line in units.log(kubelet.UNIT) if line.strip()])
        said = [f"The kubelet {error}." if isinstance(error, Fault) else str(error)]
        said.append(self._put_back() if self._written else self._leave())
        if log:
            said.append(f"The end of its log: {shown(log)}")
        return IrsaError(" ".join(said), put_back=bool(self._written))

    def _leave(self) -> str:
        if self._is_untouched:
            _forget()
        return "No file was changed."

    def _put_back(self) -> str:
        try:
            for each in reversed(self._written):
                each.undo()
        except IrsaError as error:
            return f"Its files could not all be put back: {error} The former ones are in {node_files.BACKUP_FOLDER}."
        former = {name: kubelet.flag_of(self._before[1], name) for name in kubelet.FLAGS}
        try:
            self._restart()
            self._wait_for_start(former)
        except Fault as fault:
            return f"Its files were put back, but it {fault}. Look at it before you run again."
        _forget()
        return "Its files were put back, and it runs as before."


def _forget() -> None:
    """Have the next run restart nothing."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(kubelet.PENDING)
