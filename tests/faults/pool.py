# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process for each task, forked from this one, so that each begins with this one's memory, and can be ended."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_FORK = multiprocessing.get_context("fork")


class _Child(Generic[Task]):
    def __init__(self, task: Task, process: ForkProcess, answer: Connection, *, ends: float) -> None:
        self.task = task
        self.process = process
        self.answer = answer
        self.ends = ends


def _work(function: Callable[[Task], Result], task: Task, answer: Connection) -> None:
    try:
        answer.send((function(task), None))
    except BaseException:  # noqa: BLE001 # whatever it is, the other process must hear of it
        answer.send((None, traceback.format_exc()))
    finally:
        # Without waiting for threads that still wait for an answer.
        os._exit(0)


def forked(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    at_once: int,
    seconds: float,
    too_long: Callable[[Task], Result],
) -> Iterator[Result]:
    """Gives each task a process of its own.

    :param at_once: how many
    :param seconds: after which a process is ended
    :param too_long: makes the result of such a task
    :raises RuntimeError: if a process failed
    """
    left = list(reversed(tasks))
    children: list[_Child[Task]] = []
    while left or children:
        while left and len(children) < at_once:
            children.append(_start(function, left.pop(), seconds))
        next_end = min(child.ends for child in children)
        wait([child.answer for child in children], timeout=max(0, next_end - time.monotonic()))
        for child in list(children):
            if child.answer.poll():
                children.remove(child)
                yield _result(child)
            elif time.monotonic() >= child.ends:
                children.remove(child)
                child.process.kill()
                child.process.join()
                yield too_long(child.task)


def _start(function: Callable[[Task], Result], task: Task, seconds: float) -> _Child[Task]:
    answer, to_answer = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(function, task, to_answer))
    process.start()
    to_answer.close()
    return _Child(task, process, answer, ends=time.monotonic() + seconds)


def _result(child: _Child[Task]) -> Result:  # type: ignore[type-var]
    try:
        result, failure = child.answer.recv()
    except EOFError:
        result, failure = None, "the process died"
    child.process.join()
    if failure is not None:
        raise RuntimeError(f"{child.task}: {failure}")
    made: Result = result
    return made
