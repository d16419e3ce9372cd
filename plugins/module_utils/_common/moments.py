# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times and durations as people write them."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def moment(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 has it, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(value: t.Any) -> float:
    """Return a moment as seconds since 1970; numbers are such seconds already. Raises Fault for all else."""
    try:
        if isinstance(value, str):
            value = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z").timestamp()
        if not isinstance(value, bool):
            seconds = float(value)
            datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
            return seconds
    except (TypeError, ValueError, OverflowError, OSError):
        pass
    raise Fault(f"{quoted(value)} is not a time")


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as "1 hour 5 minutes", rounded up to a whole second."""
    rest = int(-(-max(seconds, 0) // 1))
    parts = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts[:2]) or "0 seconds"
