# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the tools of a Kubernetes distribution on a node, in bounded time and with bounded output.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown

# Where they are if the PATH of a task lacks them: sudo's secure_path has no /usr/local/bin on RHEL, and Flatcar has
# /opt/bin.
_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/bin")

# The metrics of an API server have some megabytes, of a large cluster's tens of them.
_MAX_BYTES = 64 << 20

_MAX_REASON = 500


@dataclasses.dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    return_code: int
    stdout: bytes
    stderr: str

    @property
    def reason(self) -> str:
        """Why it failed, in its own words."""
        said = [line for line in self.stderr.splitlines() if line.strip() and not line.startswith("Warning:")]
        return shown(" ".join(said[-3:]) or f"it ended with {self.return_code}", _MAX_REASON)


def find(name: str) -> str | None:
    """Return the path of a tool, None if the node has none."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_FOLDERS]))


def run(command: t.Sequence[str], *, stdin: bytes = b"", seconds: float) -> Ended:
    """Run a program and return how it ended. Raises Fault if it cannot start, takes too long or prints too much."""
    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # run_command needs an AnsibleModule
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise Fault(f"cannot be started: {error.strerror or type(error).__name__}") from None
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Fault(f"did not end within {seconds:g} seconds") from None
        finally:
            # Whatever it was started for, nothing of it may go on.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if len(stdout) > _MAX_BYTES:
        raise Fault(f"printed more than {_MAX_BYTES >> 20} MiB")
    return Ended(process.returncode, stdout, stderr.decode("utf-8", "replace"))


def _environment() -> dict[str, str]:
    """Return the environment without proxies: control planes reach each other directly."""
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    own.pop("KUBECONFIG", None)
    return {**own, "LC_ALL": "C"}
