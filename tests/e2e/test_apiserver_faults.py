# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One API server of a real cluster fails, or is left out: the others, and what a run says of it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from endpoint import eventually
from kubeadm_nodes import ISSUER, MANIFEST, Nodes, actions_of

_PROGRAM = "/root/irsa-e2e-take-port.py"
_PID = "/root/irsa-e2e-take-port.pid"

# Keeps the port of an API server from the next one, from a change of the manifest until it is again what it was.
TAKE_PORT = f"""
import contextlib, hashlib, os, socket, time
def digest():
    with open("{MANIFEST}", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
with open("{_PID}", "w") as file:
    file.write(str(os.getpid()))
before, listener = digest(), None
while True:
    changed = digest() != before
    if changed and listener is None:
        with contextlib.suppress(OSError):
            listener = socket.create_server(("::", 6443), family=socket.AF_INET6, dualstack_ipv6=True)
    if listener and not changed:
        break
    time.sleep(0.02)
"""


@contextlib.contextmanager
def port_taken(nodes: Nodes, host: str) -> Iterator[None]:
    """Run TAKE_PORT on a host. It is gone afterwards, whatever happened."""
    nodes.ansible.module("ansible.builtin.copy", host, content=TAKE_PORT, dest=_PROGRAM, mode="0600")
    nodes.shell(host, f"setsid nohup python3 {_PROGRAM} > /dev/null 2>&1 < /dev/null &")
    try:
        yield
    finally:
        nodes.shell(host, f"pkill -F {_PID}; rm -f {_PID} {_PROGRAM}")


@pytest.fixture(scope="module")
def several(nodes: Nodes) -> Nodes:
    if len(nodes.hosts) < 2:
        pytest.skip("IRSA_E2E_NODES_INVENTORY has one control-plane node, and this needs two")
    return nodes


def test_a_part_of_a_cluster_does_not_sign(several: Nodes) -> None:
    before = several.manifests()
    refused = several.run("--limit", several.hosts[0], phase="sign", fails=True)
    assert several.hosts[1] in refused.output
    assert several.manifests() == before


def test_a_server_that_fails_is_put_back_and_the_next_run_goes_on(several: Nodes) -> None:
    first, second, *later = several.hosts
    with several.left_as_found():
        several.run(phase="accept")
        accepting, accepted = several.issuers(), several.manifests()
        with port_taken(several, second):
            failed = several.run(phase="sign", fails=True)
        now, signed = several.issuers(), several.manifests()
        assert "address already in use" in failed.output
        assert "Its files were put back, and it runs as before." in failed.output
        [former] = {issuers[0] for issuers in accepting.values()}
        assert now[first] == [ISSUER, *(issuer for issuer in accepting[first] if issuer != ISSUER)]
        assert {host: now[host] for host in (second, *later)} == {host: accepting[host] for host in (second, *later)}
        assert signed == {**accepted, first: signed[first]}
        went_on = several.run()
        assert {issuers[0] for issuers in several.issuers().values()} == {ISSUER}
        assert all(not action.startswith(f"{first}:") for action in actions_of(went_on))
        several.run(state="absent")
        assert {issuers[0] for issuers in several.issuers().values()} == {former}
        too_early = several.run(state="absent", fails=True)
        assert "irsa_apiserver_forget_after" in too_early.output


def test_a_server_that_fails_is_put_back_though_the_connection_was_lost(nodes: Nodes) -> None:
    host = nodes.hosts[0]
    with nodes.left_as_found(), ThreadPoolExecutor() as pool:
        before = nodes.manifests()[host]

        def wait_until(changed: bool) -> None:
            def look() -> None:
                assert (nodes.shell(host, f"cat {MANIFEST}") != before) == changed

            eventually(look, AssertionError, 300)

        with port_taken(nodes, host):
            run = pool.submit(nodes.run, phase="accept", fails=True)
            wait_until(changed=True)
            # The client alone: sshd then hangs up the terminal of what it runs.
            subprocess.run(["pkill", "-KILL", "-f", "^ssh .*AnsiballZ_irsa_node"], check=True)
            run.result()
            wait_until(changed=False)
        eventually(
            lambda: nodes.shell(host, "kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz"),
            AssertionError,
            180,
        )
