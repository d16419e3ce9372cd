# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server that a service of systemd starts, before and after that is restarted.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.snap_paths import of_current_revision
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import observation, pod_log, tools, units
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.component import Hopeless
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl

# Units of distributions start again 5 seconds after they failed (RestartSec of k3s and RKE2).
_MAX_STARTS = 4
_RESTART_SECONDS = 120

# Of these a server may have several; of the others the last one counts.
_ORDERED = "service-account-issuer"
_SETS = ("service-account-key-file", "api-audiences")


@dataclasses.dataclass(frozen=True)
class ServiceOptions:
    """The unit, the words of the command that restarts it, and the folder of the logs of static pods."""

    unit: str
    restart: t.Sequence[str]
    log_folder: str = pod_log.FOLDER


class Service:
    """The service that starts the API server of this node. What it was when ``look`` was called is ``before``.

    ``pod`` is the name that its mirror pod has, where it runs as a static pod. Every method raises Fault with a whole
    sentence's predicate.
    """

    def __init__(self, kubectl: Kubectl, server: str, *, pod: str, options: ServiceOptions) -> None:
        self.name = options.unit
        self.before: t.Mapping[str, t.Any] = {}
        self._kubectl, self._server, self._pod, self._options = kubectl, server, pod, options
        # What systemd called the start that was there when it was last told to restart.
        self._ended: str | None = None

    def look(self) -> None:
        """Remember what it is before it is changed. Raises Fault if that cannot be seen."""
        unit = self._unit()
        self.before = {**unit, "command": observation.running_flags(self._kubectl, self._server, self._pod)}

    def restart(self) -> None:
        """Have it started again, by the files as they are now. Raises Fault."""
        program, *words = self._options.restart
        command = " ".join(self._options.restart)
        self._ended = self._unit()["invocation"]
        try:
            ended = tools.run([tools.find(program) or program, *words], seconds=_RESTART_SECONDS)
        except Fault as fault:
            raise Fault(f"could not be restarted: {command} {fault}") from None
        if ended.return_code:
            raise Fault(f"cannot be restarted with {command}: {ended.reason}")

    def require_started(self, arguments: t.Sequence[str], *, is_new: bool) -> dict[str, t.Any]:
        """Return what it is. Raises Fault unless it runs with these arguments, ``is_new``: started since ``look``.

        Raises Hopeless if it ends again and again.
        """
        unit = self._unit()
        if is_new and unit["invocation"] and unit["invocation"] == self.before["invocation"]:
            raise Fault(self._as_before)
        # systemd counts from the last start by hand.
        counted_before = self.before.get("restarts", 0)
        starts = unit["restarts"] - (counted_before if unit["restarts"] >= counted_before else 0)
        if unit["state"] == "failed" or starts >= _MAX_STARTS:
            raise Hopeless(f"does not start: {self.name} was started {starts + 1} times and ended each time")
        return self._required(unit, arguments)

    def require_running(self, arguments: t.Sequence[str] | None) -> dict[str, t.Any]:
        """Return what it is. Raises Fault unless it runs with these arguments, since it was last restarted; None: they
        are not known.
        """
        unit = self._unit()
        if unit["invocation"] and unit["invocation"] == self._ended:
            raise Fault(self._as_before)
        return self._required(unit, arguments)

    def require_former(self) -> None:
        """Raise Fault unless it runs as it did at ``look``, since it was last restarted."""
        self.require_running(self.before["command"])

    @property
    def _as_before(self) -> str:
        return f"still runs as before: {self.name} has not been started again"

    def end_of_log(self) -> str:
        """Return the last lines that it logged."""
        component, folder = observation.API_SERVER, self._options.log_folder
        of_pod = pod_log.end_of_log(pod_log.logs_of(self._pod, component, folder))
        lines = [line for line in units.log(self.name) if line.strip()]
        return of_pod or pod_log.end_of(lines)

    def _unit(self) -> dict[str, t.Any]:
        found = units.show([self.name]).get(self.name)
        if found is None:
            raise Fault(f"cannot be seen: systemctl does not tell what {self.name} is")
        return found

    def _required(self, unit: t.Mapping[str, t.Any], arguments: t.Sequence[str] | None) -> dict[str, t.Any]:
        if unit["state"] != "active":
            raise Fault(f"has started, but is not ready: {self.name} is {unit['state'] or 'not active'}")
        running = observation.running_flags(self._kubectl, self._server, self._pod)
        if running is not None and arguments is not None:
            _require_same(arguments, running)
        seen = "runs with the arguments of its files" if running is not None else "was started after its files changed"
        return {"name": self.name, "seen": f"{self.name} {seen}"}


def _require_same(arguments: t.Sequence[str], running: t.Sequence[str]) -> None:
    """Raise Fault if the flags about service accounts differ."""
    expected, found = _flags(arguments), _flags(running)
    for name in observation.FLAGS:
        if name in expected and expected[name] != found.get(name):
            raise Fault(
                f"runs with --{name} {listed(found.get(name) or ['not set'])} instead of {listed(expected[name])}"
            )


def _flags(arguments: t.Sequence[str]) -> dict[str, list[str]]:
    """Return what counts of each flag about service accounts."""
    given: dict[str, list[str]] = {}
    for text in arguments:
        name, has_value, value = text[2:].partition("=")
        if text.startswith("--") and has_value and name in observation.FLAGS:
            given.setdefault(name, []).append(of_current_revision(value))
    return {name: _counted(name, values) for name, values in given.items()}


def _counted(name: str, values: list[str]) -> list[str]:
    if name == _ORDERED:
        return values
    if name in _SETS:
        return sorted({each for value in values for each in value.split(",")})
    return values[-1:]
