# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command in an environment, which is set up first.

Usage: python in_environment.py NAME COMMAND [ARGUMENT...]
NAME is one of those in environments.py, or "newest" for the newest ansible-core that is there. Programs of the
environment come first, and ANSIBLE_COLLECTIONS_PATH names its collections: those of the newest end if it has none.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from environments import Environment, find_environments
from set_up import set_up


def variables(environment: Environment, collections: Path | None = None) -> dict[str, str]:
    """The process environment, with the programs of this one first, and with these collections or its own, if any."""
    collections = collections or environment.collections
    found = {**os.environ, "PATH": f"{environment.venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    if collections:
        found["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    return found


def main() -> None:
    name, *command = sys.argv[1:]
    environments = find_environments()
    newest = environments.newest
    name = newest if name == "newest" else name
    if name in environments.missing:
        raise SystemExit(environments.missing[name])
    environment = environments.there[name]
    needed = [name] if environment.collections else [newest, name]
    if set_up(environments, needed):
        raise SystemExit(1)
    collections = environment.collections or environments.ends[newest].collections
    os.execvpe(command[0], command, variables(environment, collections))


if __name__ == "__main__":
    main()
