# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets up environments, two at a time: only the parts that are missing, outdated or were interrupted.

Usage: python set_up.py [NAME...]
without names, all that the tests need. The exit code is 1 if one could not be set up; the others are, all the same.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from environments import BUILD, Environment, Environments, find_environments

FOR_TESTS = ("old", "new", "lint", "importer", "node")
AT_A_TIME = 2


def set_up(environments: Environments, names: list[str]) -> dict[str, str]:
    """Set these environments up, except those missing on this machine; return why each one that failed did."""
    there = [name for name in names if name in environments.there]
    with _lock(), ThreadPoolExecutor(AT_A_TIME) as threads:
        reasons = threads.map(lambda name: _make(environments.there[name]), there)
        return {name: reason for name, reason in zip(there, reasons, strict=True) if reason}


def _make(environment: Environment) -> str | None:
    """Make what is not current; return why that failed, or None."""
    try:
        for part in environment.parts:
            if not part.is_current:
                part.make()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"set-up of {environment.venv.name}: {error}"
        print(f"== {reason}", flush=True)
        return reason
    return None


@contextmanager
def _lock() -> Iterator[None]:
    """Let one process at a time set things up: two targets can be started beside each other."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    environments = find_environments()
    names = sys.argv[1:] or list(FOR_TESTS)
    for reason in [environments.missing[name] for name in names if name in environments.missing]:
        print(f"== {reason}")
    return 1 if set_up(environments, names) else 0


if __name__ == "__main__":
    sys.exit(main())
