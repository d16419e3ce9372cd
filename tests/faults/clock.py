# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock on which sleeping takes no time, so that a run makes all of its tries at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

# Long enough for the other threads to get their turn.
_MOMENT = 0.001


@contextmanager
def skipping_sleep() -> Iterator[None]:
    """Within it, `time.sleep` returns at once, and `time.monotonic` has gone on by as much in that thread.

    It reaches everything that waits by these two: botocore, amazon.aws and the collection. Sockets have true timeouts.
    """
    skipped = threading.local()
    true_sleep, true_monotonic = time.sleep, time.monotonic

    def sleep(seconds: float) -> None:
        skipped.seconds = getattr(skipped, "seconds", 0.0) + seconds
        true_sleep(_MOMENT)

    def monotonic() -> float:
        return true_monotonic() + float(getattr(skipped, "seconds", 0.0))

    with mock.patch.object(time, "sleep", sleep), mock.patch.object(time, "monotonic", monotonic):
        yield
