# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a host whose API server is started by a service: its configuration, and what its API server says."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import service_node
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution, Files, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import (
    Ask,
    Reading,
    content,
    faults_of_keys,
    keys_of,
)

# An address of IPv6 is in brackets.
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}")


def read(
    host: str,
    inspected: dict[str, t.Any],
    distribution: Distribution,
    *,
    address: str | None,
    has_own_key: bool,
    ask: Ask,
) -> dict[str, t.Any]:
    """Return the reading of a host. ``address`` is that of its API server if the user says so. Raises IrsaError."""
    if address and not _ADDRESS.fullmatch(address):
        raise IrsaError(
            f"irsa_apiserver_address of the host {host} is {quoted(address)}, expected address and port of its API "
            "server, such as 192.0.2.11:6443 or [2001:db8::11]:6443."
        )
    unit = unit_of(inspected, distribution)
    inspected = {**inspected, **_configuration(distribution, unit, ask)}
    files = files_of(inspected)
    access = _access(host, distribution, files=files, unit=unit)
    server = {"server": f"https://{address}"} if address else {}
    try:
        observed = ask({"operation": "observe", **access, **server})
    except IrsaError as error:
        raise _explained(error, host, distribution, files=files, unit=unit) from None
    if has_own_key:
        keys = ask({"operation": "inspect", "folders": [distribution.own_key_folder(files, unit)]})
        inspected["folders"] = {**inspected["folders"], **keys["folders"]}
    return {
        "host": host,
        "distribution": distribution.name,
        "address": observed["server"].removeprefix("https://"),
        "is_address_set": bool(address),
        "inspected": inspected,
        "observed": observed,
        "access": access,
    }


def _configuration(distribution: Distribution, unit: Unit, ask: Ask) -> dict[str, t.Any]:
    """Return the files of a distribution on a host, and its version. Raises IrsaError."""
    sources = distribution.sources(unit)
    found = ask(
        {
            "operation": "configuration",
            "paths": sources.files,
            "folders": sources.folders,
            "endings": sources.endings,
            "version_command": list(distribution.version_words(unit)),
        }
    )
    return {"configuration": found["files"], "version": found["version"]}


def _explained(error: IrsaError, host: str, distribution: Distribution, *, files: Files, unit: Unit) -> IrsaError:
    """Return why a host's API server cannot be asked, if that can be seen: it may not run, or there may be none."""
    reasons = [*distribution.problems(files, unit), *service_node.state_problems(unit, distribution)]
    if not reasons:
        return error
    return IrsaError(f"The host {host} cannot be changed: {' '.join(reasons)} {error}", **error.details)


def _access(host: str, distribution: Distribution, *, files: Files, unit: Unit) -> dict[str, t.Any]:
    try:
        access = distribution.access(files, unit)
    except Fault as fault:
        raise IrsaError(
            f"The configuration of {distribution.title} on the host {host} cannot be used: {fault}."
        ) from None
    return {"kubectl": [list(words) for words in access.kubectl], "kubeconfigs": list(access.kubeconfigs)}


def unit_of(inspected: t.Mapping[str, t.Any], distribution: Distribution) -> Unit:
    """Return the service of a distribution."""
    found = inspected["services"][distribution.unit]
    return Unit(
        command=tuple(found["command"]),
        environment=found["environment"],
        state=found["state"],
        started=found["started"],
    )


def files_of(inspected: t.Mapping[str, t.Any]) -> dict[str, bytes]:
    """Return the configuration of a host, without its secrets."""
    contents = {path: content(described) for path, described in inspected["configuration"].items()}
    return {path: text for path, text in contents.items() if text is not None}


def server(name: str, reading: Reading, observed: t.Mapping[str, t.Any]) -> Server:
    """Return a server of the play. ``observed`` are the values that its API server told."""
    inspected = reading["inspected"]
    unit = unit_of(inspected, WITH_SERVICE[reading["distribution"]])
    return Server(
        name=name,
        addresses=(reading["address"],),
        unit=unit,
        files=files_of(inspected),
        changed={path: each["changed"] for path, each in inspected["configuration"].items() if each["changed"]},
        public_key_faults=faults_of_keys(inspected),
        tool_version=inspected["version"],
        **keys_of(reading),
        **{**observed, "started": observed["started"] or unit.started},
    )
