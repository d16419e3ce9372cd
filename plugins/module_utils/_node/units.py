# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd knows of the services that start API servers.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import hidden_values, tools

_SECONDS = 20
_LOG_LINES = 200

# https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "ExecStart",
    "Environment",
    "EnvironmentFiles",
    "InvocationID",
    "ExecMainStartTimestampMonotonic",
    "NRestarts",
)
_WORDS = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_FILE = re.compile(r"(?P<path>.*) \(ignore_errors=\w+\)")

# The others that a service has may be anything, also secrets under names that are not known here.
_OPTIONS = ("K3S_", "RKE2_")


def show(names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
    """Return what systemd knows of those of these units that are installed, by name. Without systemd there are none."""
    program = tools.find("systemctl")
    if program is None or not names:
        return {}
    blocks = _blocks(program, names)
    if len(blocks) != len(names):
        # Not systemd itself, but what stands in for it and knows one unit at a time.
        blocks = [block for name in names for block in _blocks(program, [name])[:1] or [""]]
    units = (_unit(name, block) for name, block in zip(names, blocks))
    return {unit["name"]: unit for unit in units if unit}


def _blocks(program: str, names: t.Sequence[str]) -> list[str]:
    """Return what is said of each unit, in the order in which they are asked for."""
    try:
        # It also ends with an error if only one of them is not known.
        ended = tools.run([program, "show", f"--property={','.join(_PROPERTIES)}", *names], seconds=_SECONDS)
    except Fault:
        return []
    return [block for block in ended.stdout.decode("utf-8", "replace").split("\n\n") if block.strip()]


def _unit(name: str, block: str) -> dict[str, t.Any] | None:
    properties: dict[str, list[str]] = {}
    for line in block.splitlines():
        key, dummy, value = line.partition("=")
        properties.setdefault(key, []).append(value)
    one = {key: values[-1] for key, values in properties.items()}
    if one.get("LoadState") != "loaded":
        return None
    words = _WORDS.search(one.get("ExecStart", ""))
    return {
        "name": name,
        "state": one.get("ActiveState", ""),
        "command": _without_secrets(words[1]).split() if words else [],
        "environment": _environment(one.get("Environment", ""), properties.get("EnvironmentFiles", [])),
        "invocation": one.get("InvocationID") or one.get("ExecMainStartTimestampMonotonic", ""),
        "started": _epoch(one.get("ExecMainStartTimestampMonotonic", "")),
        "restarts": int(one["NRestarts"]) if one.get("NRestarts", "").isdigit() else 0,
    }


def _without_secrets(text: str) -> str:
    try:
        return hidden_values.hidden(text)
    except Fault:
        return ""


def _environment(own: str, paths: t.Sequence[str]) -> dict[str, str]:
    """Return the variables of a unit that stand for options of its distribution, except for those with secrets."""
    found: dict[str, str] = {}
    texts = [own]
    for each in paths:
        with contextlib.suppress(IrsaError):  # systemd, too, goes on without a file that may be missing
            texts.append((files.read(environment_file(each)) or b"").decode("utf-8", "replace"))
    for word in (word for text in texts for word in _words(text)):
        name, has_value, value = word.partition("=")
        if has_value and name.startswith(_OPTIONS) and not _is_secret(name):
            found[name] = _without_secrets(value)
    return found


def environment_file(value: str) -> str:
    """Return the path in a value of the property EnvironmentFiles."""
    found = _FILE.fullmatch(value)
    return (found["path"] if found else value).lstrip("-")


def _words(text: str) -> list[str]:
    """Return the words of a text of variables. In a line that does not end its quotes, they stand for themselves."""
    found: list[str] = []
    for line in text.splitlines():
        try:
            found += shlex.split(line, comments=True)
        except ValueError:
            found.append(line.strip())
    return found


def _is_secret(name: str) -> bool:
    """Whether the variable is one for a secret option: K3S_TOKEN stands for --token."""
    flag = f"--{name.lower().replace('_', '-')}=x"
    return _without_secrets(flag) != flag


def _epoch(monotonic: str) -> float | None:
    """Return a time of systemd's, in microseconds since the machine started, in seconds since 1970."""
    if not monotonic.isdigit() or monotonic == "0":
        return None
    return time.time() - (time.monotonic() - int(monotonic) / 1e6)


def log(name: str) -> list[str]:
    """Return the last lines that a service logged, without secrets; none if they cannot be read."""
    program = tools.find("journalctl")
    if program is None:
        return []
    command = [program, f"--unit={name}", "--no-pager", "--output=cat", f"--lines={_LOG_LINES}"]
    try:
        ended = tools.run(command, seconds=_SECONDS)
    except Fault:
        return []
    return [_without_secrets(line) for line in ended.stdout.decode("utf-8", "replace").splitlines()]
