# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End a process by SIGKILL at each of its file operations in turn. Also runs under Python 3.9."""

from __future__ import annotations

import os
import signal

_OPERATIONS = ("open", "write", "mkdir", "link", "replace", "fchown", "fchmod", "fsync", "unlink", "rmdir")


def ended_at(number, work):
    """Do work in a process of its own that is killed before its file operation with this number. Return whether it was:
    it has no so many operations if not.
    """
    child = os.fork()
    if not child:
        try:
            _arm(number)
            work()
        finally:
            os._exit(0)
    dummy, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _arm(number):
    left = [number]

    def counted(operation):
        def run(*given, **named):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return operation(*given, **named)

        return run

    for name in _OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))
