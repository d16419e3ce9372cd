# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step goes on when what started it is gone. Also runs under Python 3.9."""

from __future__ import annotations

import json
import os
import pty
import signal

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import session
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_node import AFTER, BEFORE, Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def never_starts(rig):
    rig.starts = lambda flags: flags == BEFORE.split()


def on_terminal(work):
    """Start work on a terminal of its own, as ssh -tt does. Return the process, and the other end of the terminal."""
    process, terminal = pty.fork()
    if not process:
        try:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # pytest may run under nohup
            session.run(work)
        finally:
            os._exit(0)
    return process, terminal


@pytest.mark.parametrize(("prepare", "expected"), [(never_starts, BEFORE), (lambda rig: None, AFTER)])
def test_a_step_ends_either_way_when_its_terminal_is_gone(rig, prepare, expected):
    prepare(rig)
    told, telling = os.pipe()
    waiting, releasing = os.pipe()
    pauses = []

    def sleep(seconds):
        if not pauses:
            os.write(telling, b"the manifest is written")
            os.read(waiting, 1)
        pauses.append(seconds)
        rig.sleep(seconds)

    def work():
        try:
            return rig.take()
        finally:
            os.write(telling, b"ended")

    rig.pause = sleep
    process, terminal = on_terminal(work)
    os.close(telling)
    assert os.read(told, 100) == b"the manifest is written"
    assert rig.manifest.read_text(encoding="utf-8") == AFTER
    os.close(terminal)
    dummy, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGHUP
    os.write(releasing, b".")
    assert os.read(told, 100) == b"ended"
    assert rig.manifest.read_text(encoding="utf-8") == expected
    for descriptor in (told, waiting, releasing):
        os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_step_that_is_told_to_end_puts_the_manifest_back_at_once(rig, number):
    never_starts(rig)
    pauses = []

    def sleep(seconds):
        if not pauses:
            os.kill(os.getpid(), number)
        pauses.append(seconds)
        session.sleep(0)
        rig.sleep(seconds)

    rig.pause = sleep
    with pytest.raises(IrsaError) as caught:
        session.run(rig.take)
    assert str(caught.value) == (
        f"The API server {rig.server.url} was not waited for any longer, since {number.name} ended this step. "
        "Its files were put back, and it runs as before."
    )
    assert caught.value.details["put_back"] is True
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_a_result_comes_back_whole():
    assert session.run(lambda: {"text": "x" * (1 << 20)}) == {"text": "x" * (1 << 20)}


def test_nothing_is_printed_and_nothing_read_by_the_other_process(capfd):
    def work():
        os.write(1, b"printed")
        return {"read": os.read(0, 1).decode(), "session": os.getsid(0)}

    found = session.run(work)
    assert found["read"] == "" and found["session"] != os.getsid(0)
    assert capfd.readouterr() == ("", "")


def test_a_process_that_is_killed_is_told():
    with pytest.raises(IrsaError, match=r"was ended by SIGKILL before it could say .* /etc/kubernetes/irsa-backup"):
        session.run(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_a_bug_is_told_without_what_it_quotes():
    with pytest.raises(IrsaError, match=r"bug of the collection: JSONDecodeError at .*decoder\.py:\d+\. ") as caught:
        session.run(lambda: json.loads("a secret"))
    assert "secret" not in str(caught.value)


def test_the_process_that_waits_is_left_as_it_was():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    open_files = os.listdir("/proc/self/fd")
    session.run(dict)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked
    assert os.listdir("/proc/self/fd") == open_files
