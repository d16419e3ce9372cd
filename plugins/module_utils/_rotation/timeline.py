# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When each phase of a rotation may be done at the earliest, for the guide's drawing."""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import (
    EXTENDED_SECONDS,
    stale_seconds,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    ACCEPT,
    PREPARE,
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    SIGN,
    Settings,
)

OLD, NEW = "old", "new"
PUBLISHED, ACCEPTED, SIGNING = "published", "accepted", "signing"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """A phase, and when it may be done at the earliest: seconds after prepare. ``wait``: the variable that it waits for
    and how long that is; None for none.
    """

    phase: str
    at: int
    wait: tuple[str, int] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """For how long a key is published, accepted or signing, in seconds after prepare. None: longer than that."""

    key: str
    what: str
    start: int | None
    end: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeline:
    """A rotation from prepare to its end.

    :ivar moments: its phases in their order
    :ivar bars: what happens to both keys
    :ivar unmeasured: when the old key may leave the servers if stale tokens cannot be counted
    """

    moments: tuple[Moment, ...]
    bars: tuple[Bar, ...]
    unmeasured: int


def timeline(settings: Settings) -> Timeline:
    """Return a rotation whose phases are each done as early as they may be, with all servers in the same second."""
    sign = settings.cache_seconds
    withdraw = sign + settings.token_seconds
    # Counters are read from the moment on from which there is an old key, and count when its tokens are stale.
    quiet = stale_seconds(settings) + settings.stale_window
    drop = sign + max(settings.token_seconds, quiet)
    window = quiet > settings.token_seconds
    moments = (
        Moment(phase=PREPARE, at=0),
        Moment(phase=ACCEPT, at=0),
        Moment(phase=SIGN, at=sign, wait=("irsa_rotate_cache_seconds", settings.cache_seconds)),
        Moment(phase=RETIRE_PUBLISHED, at=withdraw, wait=("irsa_rotate_token_seconds", settings.token_seconds)),
        Moment(
            phase=RETIRE_ACCEPTED,
            at=drop,
            wait=("irsa_rotate_stale_window", settings.stale_window) if window else None,
        ),
    )
    bars = (
        Bar(key=OLD, what=PUBLISHED, start=None, end=withdraw),
        Bar(key=OLD, what=ACCEPTED, start=None, end=drop),
        Bar(key=OLD, what=SIGNING, start=None, end=sign),
        Bar(key=NEW, what=PUBLISHED, start=0, end=None),
        Bar(key=NEW, what=ACCEPTED, start=0, end=None),
        Bar(key=NEW, what=SIGNING, start=sign, end=None),
    )
    return Timeline(moments=moments, bars=bars, unmeasured=sign + max(settings.token_seconds, EXTENDED_SECONDS))
