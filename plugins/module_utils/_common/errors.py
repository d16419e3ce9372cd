# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two errors that module_utils raise: a whole message for the user, and a fragment of one."""

from __future__ import annotations

import os
import traceback
import typing as t

_FRAMES = 3


class IrsaError(Exception):
    """A whole message that a user can act on: what was tried, on what, what came back, what to do.

    ``str()`` of it is the message. ``details`` (JSON-like) go into the failed result in addition to the message, and
    never contain a secret. ``warnings`` were given before the failure and may name its cause.
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details
        self.warnings: t.Sequence[str] = ()

    def add(self, sentence: str) -> None:
        """Add a sentence to the message."""
        self.args = (f"{self} {sentence}",)


class WriteFailed(IrsaError):
    """A write that failed, with what the reconcile loop must know about the failure.

    ``in_doubt``: it may have taken effect all the same, since a try of it got no answer.
    """

    in_doubt = False

    @property
    def conflict(self) -> bool:
        """Another process wrote at the same time: read again and plan again."""
        return False

    @property
    def unsupported(self) -> bool:
        """The endpoint does not implement this write at all."""
        return False


class Fault(Exception):
    """What is wrong with one thing, as a fragment without its subject: "it is not JSON".

    The caller that knows the subject puts it in front and raises IrsaError. A Fault must never reach a user by itself.
    """


def bug(error: BaseException) -> str:
    """Return the class of an exception that should not happen, and the lines that it came through, the innermost last.

    Not its text: that may quote anything, a secret, too.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    lines = " > ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {lines or 'an unknown line'}"
