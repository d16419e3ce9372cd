# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kubelet of a node is and runs with.

Runs on nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files, tools, units
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl

UNIT = "kubelet"
CONFIGURATION = "/var/lib/kubelet/config.yaml"
KUBECONFIG = "/etc/kubernetes/kubelet.conf"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"

# A run that was killed between its writes and the proof leaves it, and the next run restarts the kubelet.
PENDING = f"{node_files.BACKUP_FOLDER}/kubelet-restart-pending"

FLAGS = ("--image-credential-provider-config", "--image-credential-provider-bin-dir")

_SECONDS = 20
# The variable for flags of the administrator. With a value, where the unit itself sets it.
_SETS_FLAGS = re.compile(rb"^[ \t]*KUBELET_EXTRA_ARGS[ \t]*=", re.MULTILINE)
_UNIT_SETS_FLAGS = re.compile(r"""^Environment=(?:.*[\s"'])?KUBELET_EXTRA_ARGS=[^\s"']""", re.MULTILINE)
_NAME_FLAG = "--hostname-override"


def described(provider_path: str, config: str | None) -> dict[str, t.Any]:
    """Return what is planned on (JSON-like). ``config`` is the file or folder of a configuration to read, too.

    Raises IrsaError if there is no kubelet of systemd's, or if it does not run and no killed
    run is to be finished.
    """
    is_pending = os.path.exists(PENDING)
    command: list[str] = []
    try:
        dummy, command = running()
    except Fault as fault:
        if not is_pending:  # else what the killed run wrote may be the reason
            raise IrsaError(f"The kubelet of this node {fault}. Set it up before this role.") from None
    unit = _unit()
    return {
        "version": _version(),
        "flags": {name: flag_of(command, name) for name in FLAGS},
        "kubeadm_flags": _file(KUBEADM_FLAGS, hides=True),
        "environment": _file(_environment_file(unit), hides=True),
        "unit_sets_flags": bool(_UNIT_SETS_FLAGS.search(unit)),
        "configs": [_file(path) for path in _config_files(config)],
        "is_folder": bool(config and os.path.isdir(config)),
        "provider": _fault_of_program(provider_path),
        "pending": is_pending,
    }


def _file(path: str, *, hides: bool = False) -> dict[str, t.Any]:
    return {**node_files.described(path, hides=hides), "is_link": os.path.islink(path)}


def _fault_of_program(path: str) -> str | None:
    if not os.path.isfile(path):
        return "does not exist"
    return None if os.access(path, os.X_OK) else "is not executable"


def _config_files(config: str | None) -> list[str]:
    """Return the files that the kubelet reads at this path, in its order."""
    if not config or not os.path.isdir(config):
        return [config] if config else []
    names = sorted(name for name in os.listdir(config) if name.endswith((".json", ".yaml", ".yml")))
    return [os.path.join(config, name) for name in names if not os.path.isdir(os.path.join(config, name))]


def _version() -> str:
    program = tools.find(UNIT)
    try:
        ended = tools.run([program or UNIT, "--version"], seconds=_SECONDS)
    except Fault as fault:
        raise IrsaError(f"kubelet --version {fault}.") from None
    return ended.stdout.decode("utf-8", "replace").strip().rpartition(" ")[2]


def _unit() -> str:
    """Return what systemd says of the variables of the kubelet's unit. Raises IrsaError."""
    program = tools.find("systemctl")
    command = [program or "systemctl", "show", "--property=Environment,EnvironmentFiles", UNIT]
    try:
        ended = tools.run(command, seconds=_SECONDS)
    except Fault as fault:
        raise IrsaError(f"systemctl, which is asked for the files of the unit {UNIT}, {fault}.") from None
    return ended.stdout.decode("utf-8", "replace")


def _environment_file(unit: str) -> str:
    """Return the file with the administrator's flags, except for kubeadm's: the last one that has some, since what the
    others set does not count then, or the last one that the unit reads.

    Raises IrsaError if the unit reads none.
    """
    values = (line.partition("EnvironmentFiles=")[2] for line in unit.splitlines())
    found = [units.environment_file(value) for value in values if value]
    own = [path for path in found if path != KUBEADM_FLAGS]
    if not own:
        raise IrsaError(
            f"The unit {UNIT} reads no file of environment variables for flags of yours, as the unit of the kubeadm "
            "packages does with /etc/default/kubelet or /etc/sysconfig/kubelet. This role changes only such nodes; "
            "docs/image-pulls.md says what to set elsewhere."
        )
    having = [path for path in own if _SETS_FLAGS.search(files.read(path) or b"")]
    return (having or own)[-1]


def running() -> tuple[int, list[str]]:
    """Return process ID and command of the kubelet that runs. Raises Fault if there is not just one."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            command = _command(name)
            if command and os.path.basename(command[0]) == UNIT:
                found.append((int(name), command))
    if len(found) != 1:
        raise Fault("does not run" if not found else f"runs {len(found)} times")
    return found[0]


def _command(process: str) -> list[str]:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as stream:
            return stream.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:  # it has ended
        return []


def flag_of(command: t.Sequence[str], name: str) -> str:
    """Return the value of a flag that counts, empty if it is not set."""
    value = ""
    for position, word in enumerate(command):
        if word.startswith(f"{name}="):
            value = word[len(name) + 1 :]
        elif word == name and position + 1 < len(command):
            value = command[position + 1]
    return value


def require_healthy(command: t.Sequence[str]) -> None:
    """Raise Fault unless the kubelet answers that it is healthy and, if this node has kubectl, its node is ready.

    It answers only after it has read the configuration of credential providers.
    """
    text = (files.read(CONFIGURATION) or b"").decode("utf-8", "replace")
    host, port = _setting(text, "healthzBindAddress", "127.0.0.1"), int(_setting(text, "healthzPort", "10248"))
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Fault(f"does not answer at {host}:{port}/healthz: {files.reason(error)}") from None
    finally:
        connection.close()
    if status != http.client.OK:
        raise Fault(f"is not healthy: {host}:{port}/healthz answers {status}")
    _require_ready(flag_of(command, _NAME_FLAG) or socket.gethostname().lower())


def _require_ready(node: str) -> None:
    if tools.find("kubectl") is None:
        return
    found = Kubectl.found([["kubectl"]], [KUBECONFIG]).get(f"/api/v1/nodes/{node}")
    ready = [each["status"] for each in found["status"]["conditions"] if each["type"] == "Ready"]
    if ready != ["True"]:
        raise Fault(f"is healthy, but node {node} is not ready")


def _setting(text: str, name: str, default: str) -> str:
    found = re.search(rf"^{name}: *[\"']?([^\s\"']+)", text, re.MULTILINE)
    return found[1] if found else default
