# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do something to its end, whatever becomes of the connection that it was started by.

Without pipelining, a module runs on a terminal. When its connection is lost, the kernel sends SIGHUP to the processes
on that terminal, and sudo may end its command. Neither reaches a process in a session of its own, see setsid(2).

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import json
import os
import signal
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError, bug
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import BACKUP_FOLDER

Result = dict[str, t.Any]

# What an administrator sends, and a node that shuts down.
_ENDING = (signal.SIGTERM, signal.SIGINT)


def run(work: t.Callable[[], Result]) -> Result:
    """Return the result of work (JSON-like) that a process in its own session does. Raises IrsaError as the work does.

    If this process is ended, the other one goes on.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        os.close(reader)
        _do(work, writer)
    os.close(writer)
    with open(reader, "rb") as stream:
        text = stream.read()
    dummy, status = os.waitpid(process, 0)
    if not text:
        raise IrsaError(
            f"The process that was to do this on the node {_ended(status)} before it could say what it did. Look at "
            f"what runs there before you run again: the former files are kept in {BACKUP_FOLDER}."
        )
    answer = json.loads(text)
    if "message" in answer:
        raise IrsaError(answer["message"], **answer["details"])
    result: Result = answer["result"]
    return result


def _ended(status: int) -> str:
    return f"was ended by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "ended"


def _do(work: t.Callable[[], Result], writer: int) -> t.NoReturn:
    """Do the work, and write its result or its error into a pipe, if the process at its other end is still there."""
    try:
        answer = _answer(work)
        with open(writer, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        # Without what the other process has registered for its own end.
        os._exit(0)


def _answer(work: t.Callable[[], Result]) -> Result:
    try:
        _leave()
        return {"result": work()}
    except IrsaError as error:
        return {"message": str(error), "details": error.details}
    except BaseException as error:  # noqa: BLE001 # whatever it is, the other process must hear of it
        return {"message": f"This is a bug of the collection: {bug(error)}. Report it.", "details": {}}


def _leave() -> None:
    """Leave the session of the process that started this one, and its terminal or the pipes in place of that."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # They wait until sleep() looks: nothing may end between a write and the note of it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)


def sleep(seconds: float) -> None:
    """Wait within ``run``. Raises Fault instead, once, if its process was told to end."""
    ending = signal.sigtimedwait(_ENDING, seconds)
    if ending:
        raise Fault(f"was not waited for any longer, since {signal.Signals(ending.si_signo).name} ended this step")
