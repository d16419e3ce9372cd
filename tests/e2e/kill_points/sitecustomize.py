# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops a process right after a write that no run before was stopped after, so that its whole run can be killed.

It is in each Python process with this folder on its PYTHONPATH: Ansible's here, modules' on stand-in servers. Points
are the answers to requests that write, operations on files below the folders of a control plane, and commands that
restart services or write to a cluster. IRSA_E2E_KILL_POINTS names the folder that knows the points so far, each as a
line ``HOST|AFTER|WHAT``. AFTER tells operations of one name from each other: on a host it is what was done there last
that is still seen; of a request, what this run has done last.

A file that has no name yet (O_TMPFILE) goes with its process. So what is done to such files is a point once a folder,
on whichever host; and so is the removal of files under a temporary name, once a host.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

_FOLDER = os.environ.get("IRSA_E2E_KILL_POINTS", "")
_CONTROL_PLANE = ("/etc/", "/var/lib/", "/var/snap/")
_CREATING = os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)
# What the next key, the next copy and the next try are called.
_RANDOM = (
    (re.compile(r"#\d+ \(deleted\)$"), "UNNAMED"),
    (re.compile(r"\.selfhosted-irsa-.*\.tmp$"), "TEMPORARY"),
    (re.compile(r"[\w-]{43}(?=\.(?:key|pub)$)"), "KID"),
    (re.compile(r"\.[0-9a-f]{12}$"), ".DIGEST"),
)
# systemctl and snap by their verb, kubectl by that and by what follows --raw.
_COMMANDS = re.compile(
    r"(?:systemctl|snap|service) .*?\b(?:restart|start|stop)\b.*|kubectl .*?\b(?:replace|patch|delete) .*"
)
_OF_TWO_PATHS = ("rename", "replace", "link", "symlink")
_OF_ONE_PATH = (
    "unlink",
    "remove",
    "rmdir",
    "mkdir",
    "chmod",
    "chown",
    "fchmod",
    "fchown",
    "truncate",
    "ftruncate",
    "write",
)
_open_descriptor = os.open


def _point(what: str, *, host: str = "", after: str | None = None, is_seen: bool = False) -> None:
    """Note an operation that has just been done; stop for good if it is a new one.

    :param host: where it was done, if that makes a difference
    :param after: what is remembered of the operations before it, if that makes a difference: of its host, or its run
    :param is_seen: whether it is one of those to the next ones
    """
    with open(f"{_FOLDER}/points", "a+", encoding="utf-8") as points:
        fcntl.flock(points, fcntl.LOCK_EX)
        points.seek(0)
        known = points.read().splitlines()
        point = f"{host}|{_noted(after) if after else ''}|{what}"
        if is_seen:
            _note(socket.gethostname(), what)
            _note("run", what)
        if not os.path.exists(f"{_FOLDER}/reached"):
            if point in known:
                return
            points.write(point + "\n")
            points.flush()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{_FOLDER}/after-run")
            _note("reaching", point)
            # From here on, this process may be killed.
            os.rename(f"{_FOLDER}/after-reaching", f"{_FOLDER}/reached")
    while True:
        signal.pause()


def _noted(name: str) -> str:
    with contextlib.suppress(FileNotFoundError), open(f"{_FOLDER}/after-{name}", encoding="utf-8") as stream:
        return stream.read()
    return ""


def _note(name: str, what: str) -> None:
    with open(f"{_FOLDER}/after-{name}", "w", encoding="utf-8") as stream:
        stream.write(what)


# --- files


def _path_of(target: Any) -> str | None:
    """The path of a file of the control plane without what is random in it, None for any other file."""
    path = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.path.abspath(os.fsdecode(target))
    if not path.startswith(_CONTROL_PLANE):
        return None
    for pattern, name in _RANDOM:
        path = pattern.sub(name, path)
    return path


def _file_point(operation: str, path: str | None) -> None:
    if path is None:
        return
    host, what = socket.gethostname(), f"{operation} {path}"
    if path.endswith("UNNAMED"):
        _point(what)
    elif path.endswith("TEMPORARY") and operation == "unlink":
        _point(what, host=host)
    else:
        _point(what, host=host, after=host, is_seen=not path.endswith("TEMPORARY"))


def _wrapped(name: str) -> None:
    done = getattr(os, name)

    def operation(*arguments: Any, **options: Any) -> Any:
        path = _path_of(arguments[1 if name in _OF_TWO_PATHS else 0])
        answer = done(*arguments, **options)
        _file_point(name, path)
        return answer

    setattr(os, name, operation)


def _opening(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
    descriptor: int = _open_descriptor(path, flags, *arguments, **options)
    if flags & _CREATING:
        _file_point("open", _path_of(descriptor))
    return descriptor


# --- requests and commands


def _putting(put: Callable[..., None]) -> Callable[..., None]:
    def request(connection: Any, method: str, url: str, *arguments: Any, **options: Any) -> None:
        connection.irsa_request = (method, url.partition("?")[0])
        put(connection, method, url, *arguments, **options)

    return request


def _answering(answer: Callable[..., Any]) -> Callable[..., Any]:
    def answered(connection: Any) -> Any:
        response = answer(connection)
        method, target = connection.irsa_request
        host = connection._tunnel_host or connection.host
        # Questions to STS are POSTs, too.
        if method in ("PUT", "POST", "DELETE", "PATCH") and not host.startswith("sts."):
            _point(f"{method} https://{host}{target}", after="run", is_seen=True)
        return response

    return answered


def _command_point(what: str) -> None:
    _point(what, host=socket.gethostname(), after=socket.gethostname(), is_seen=True)


class _Process(subprocess.Popen):  # type: ignore[type-arg]
    def __init__(self, command: Any, *arguments: Any, **options: Any) -> None:
        words = [command] if isinstance(command, str) else [os.fsdecode(word) for word in command]
        text = " ".join([os.path.basename(words[0]), *(word for word in words[1:] if not word.startswith("--server="))])
        self.irsa_command = text if _COMMANDS.fullmatch(text) else None
        super().__init__(command, *arguments, **options)
        if self.irsa_command:
            _command_point(f"begin {self.irsa_command}")

    def communicate(self, *arguments: Any, **options: Any) -> Any:
        answer = super().communicate(*arguments, **options)
        if self.irsa_command:
            _command_point(f"end {self.irsa_command}")
        return answer


if _FOLDER:
    for _name in (*_OF_TWO_PATHS, *_OF_ONE_PATH):
        _wrapped(_name)
    os.open = _opening
    for _name, _hook in (("putrequest", _putting), ("getresponse", _answering)):
        setattr(http.client.HTTPConnection, _name, _hook(getattr(http.client.HTTPConnection, _name)))
    subprocess.Popen = _Process  # type: ignore[misc,assignment]
