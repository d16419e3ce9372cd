# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of its own for a cluster: the thread that enters it, its threads and its processes are in there.

API servers that would announce a loopback address are refused by Kubernetes, so each server has an address on a bridge.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

BRIDGE_ADDRESS = "192.0.2.1"
_CLONE_NEWNET = 0x40000000
_OWN = Path("/proc/thread-self/ns/net")

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int) -> None:
    # os.setns is there from Python 3.12 on.
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def entered() -> Iterator[None]:
    """Have the calling thread in a new network with a bridge. The network goes when its last process ends."""
    before = os.open(_OWN, os.O_RDONLY)
    script = 'ip link set lo up && ip link add br0 type bridge && ip addr add "$0"/24 dev br0 && ip link set br0 up'
    # cat ends with this process, whatever ends that.
    command = ["unshare", "--net", "sh", "-c", f"{script} && echo ready && exec cat", BRIDGE_ADDRESS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == b"ready\n", "no network with a bridge can be made here"
        network = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(network)
            yield
        finally:
            _enter(before)
            os.close(network)
            os.close(before)
            holder.stdin.close()


def connect(process: int, address: str, number: int) -> None:
    """Give the network of a process an interface with an address on the bridge of the calling thread's network."""
    port = f"port{number}"
    _ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(process))
    _ip("link", "set", port, "master", "br0", "up")
    inside = ("nsenter", f"--target={process}", "--net")
    for command in (
        ("link", "set", "lo", "up"),
        ("addr", "add", f"{address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
    ):
        _ip(*command, prefix=inside)


def _ip(*arguments: str, prefix: tuple[str, ...] = ()) -> None:
    subprocess.run([*prefix, "ip", *arguments], check=True)
