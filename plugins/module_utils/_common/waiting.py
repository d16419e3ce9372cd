# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the user what a run waits for, and for how long at most.

A module can say nothing until it ends. If it runs in the controller's process, its action prints what is announced.
"""

from __future__ import annotations

import contextlib
import typing as t

Announcer = t.Callable[[str], None]

_announcers: list[Announcer] = []
_announced: set[str] = set()


def announce(what: str, text: str) -> None:
    """Tell the user of a wait, once for each ``what`` in a task. The text is a sentence."""
    if _announcers and what not in _announced:
        _announced.add(what)
        _announcers[-1](text)


@contextlib.contextmanager
def announced_by(announcer: Announcer) -> t.Iterator[None]:
    """Within it, ``announcer`` gets what is announced."""
    _announcers.append(announcer)
    _announced.clear()
    try:
        yield
    finally:
        _announcers.pop()
