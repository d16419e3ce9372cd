# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server has for systemctl, journalctl and snap: ``python -m stand_in.commands NAME ARGUMENT…``"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from stand_in import systemd

_SNAP_UNIT = "snap.microk8s.daemon-kubelite.service"


def _ask(**question: Any) -> Any:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(systemd.SOCKET)
        with connection.makefile("rw", encoding="utf-8") as stream:
            stream.write(json.dumps(question) + "\n")
            stream.flush()
            return json.loads(stream.read())


def _unit(name: str) -> str:
    return name if "." in name else f"{name}.service"


def systemctl(verb: str, *arguments: str) -> int:
    options = [each for each in arguments if each.startswith("-")]
    units = [_unit(each) for each in arguments if not each.startswith("-")]
    if verb == "show":
        return _show(units, options)
    if verb in ("restart", "start"):
        results = [_ask(do="restart", unit=unit, waits="--no-block" not in options) for unit in units]
    elif verb == "stop":
        results = [_ask(do="stop", unit=unit) for unit in units]
    elif verb == "daemon-reload":
        return 0
    else:
        print(f"Unknown command verb '{verb}'.", file=sys.stderr)
        return 1
    for unit, good in zip(units, results, strict=True):
        if not good:
            print(f"Job for {unit} failed, or there is no such unit.", file=sys.stderr)
    return 0 if all(results) else 1


def _show(units: list[str], options: list[str]) -> int:
    names = {name for option in options if option.startswith("--property=") for name in option[11:].split(",")}
    blocks = []
    for properties in _ask(do="show", units=units):
        lines = []
        for name, value in properties.items():
            if not names or name in names:
                lines += [f"{name}={each}" for each in (value if isinstance(value, list) else [value])]
        blocks.append("\n".join(lines))
    print("\n\n".join(blocks))
    return 0


def journalctl(*options: str) -> int:
    given = dict(option.split("=", 1) for option in options if "=" in option)
    print(_ask(do="log", unit=_unit(given["--unit"]), lines=int(given.get("--lines", "1000"))), end="")
    return 0


def snap(verb: str, *arguments: str) -> int:
    """Restart, run and list, for the snap microk8s."""
    names = [each for each in arguments if not each.startswith("-")]
    if not os.path.exists("/snap/microk8s"):
        print('error: snap "microk8s" not found', file=sys.stderr)
        return 1
    if verb == "list":
        print("Name      Version  Rev   Tracking     Publisher   Notes")
        print("microk8s  v1.37.2  7500  1.37/stable  canonical✓  classic")
        return 0
    if verb == "restart" and names in (["microk8s"], ["microk8s.daemon-kubelite"]):
        good = _ask(do="restart", unit=_SNAP_UNIT, waits=True)
        print("Restarted." if good else "error: the service did not start")
        return 0 if good else 1
    if verb == "run" and names == ["microk8s.daemon-kubelite"]:
        os.execv(sys.executable, [sys.executable, "-m", "stand_in.microk8s"])
    print(f"error: unknown command {verb!r} {arguments!r}", file=sys.stderr)
    return 64


if __name__ == "__main__":
    programs: dict[str, Callable[..., int]] = {"systemctl": systemctl, "journalctl": journalctl, "snap": snap}
    sys.exit(programs[sys.argv[1]](*sys.argv[2:]))
