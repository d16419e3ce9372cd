# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One fault of the network, of whatever kind, is looked at twice."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed

Seen = t.TypeVar("Seen")

_PAUSE_SECONDS = 0.5


def look_twice(look: t.Callable[[], Seen], *, may_pass: t.Callable[[Seen], bool] = lambda seen: False) -> Seen:
    """Return what is seen at first, or a moment later if that may have been a fault that passes.

    ``may_pass`` judges what is seen. Raises FetchFailed of the second look, or of the first one if it would stay.
    """
    try:
        seen = look()
        if not may_pass(seen):
            return seen
    except FetchFailed as failure:
        if not failure.may_pass:
            raise
    time.sleep(_PAUSE_SECONDS)
    return look()
