# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refusal to do a phase now: what would break, what was read, when it may be done, how to do it all the same."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

NOT_ACCEPTED = "not-accepted"
CACHE_TIME = "cache-time"
TOKEN_TIME = "token-time"
LEGACY_TOKENS = "legacy-tokens"
STALE_TOKENS = "stale-tokens"
EXTENDED_TOKENS = "extended-tokens"
SERVERS_DISAGREE = "servers-disagree"
PLATFORM = "platform"
OTHER_ROTATION = "other-rotation"
CLOCK = "clock"
RELYING_PARTIES = "relying-parties"
NAMES = (
    *(NOT_ACCEPTED, CACHE_TIME, TOKEN_TIME, LEGACY_TOKENS, STALE_TOKENS, EXTENDED_TOKENS),
    *(SERVERS_DISAGREE, PLATFORM, OTHER_ROTATION, CLOCK, RELYING_PARTIES),
)
# Who forces one of these goes on without the servers that cannot be changed.
OF_SERVERS = frozenset({NOT_ACCEPTED, SERVERS_DISAGREE, PLATFORM})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a phase may not be done now.

    :ivar name: its name in irsa_rotate_force; None if nothing can force it, since there is nothing that could be done
    :ivar breaks: a sentence that says what the phase would break
    :ivar read: sentences that say what was read
    :ivar at: when it may be done, if that is known; at the latest if there is ``until``, too
    :ivar until: what must be so before, to follow "It may be done when"
    :ivar provided: what must still be so at that time, to follow "It may be done ... if"
    """

    name: str | None
    breaks: str
    read: str = ""
    at: float | None = None
    until: str = ""
    provided: str = ""

    @property
    def earliest(self) -> float | None:
        """The time before which it may not be done; None if that is not known."""
        return None if self.until else self.at

    def message(self, now: float) -> str:
        """Return all of it as one line."""
        parts = [self.breaks, self.read]
        if self.at is not None:
            sooner = f", or as soon as {self.until}" if self.until else ""
            provided = f", if {self.provided}" if self.provided else ""
            when = f"from {moment(self.at)} on, in {duration(self.at - now)}"
            parts.append(f"It may be done {when}{sooner}{provided}.")
        elif self.until:
            parts.append(f"It may be done when {self.until}.")
        if self.name:
            parts.append(f"To do it all the same, add {self.name} to irsa_rotate_force.")
        return " ".join(filter(None, parts))

    def warning(self) -> str:
        """Return what is said of it when it is forced."""
        return " ".join(filter(None, [f"irsa_rotate_force has {self.name}.", self.breaks, self.read]))

    def as_dict(self, now: float) -> dict[str, t.Any]:
        """Return it for a result."""
        at = None if self.at is None else moment(self.at)
        return {"name": self.name, "message": self.message(now), "at": at}


def earliest(refused: t.Iterable[Refusal]) -> float | None:
    """Return the time before which none of it may be done; None if that is not known, or if nothing is refused."""
    times = [refusal.earliest for refusal in refused]
    known = [at for at in times if at is not None]
    return max(known, default=None) if len(known) == len(times) else None


def named(names: t.Iterable[str]) -> str:
    """Return the names of all servers, Secrets or parties: nobody can act on those that are left out."""
    items = [quoted(name) for name in names]
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def is_or_are(items: t.Sized) -> str:
    """Return the verb for so many things."""
    return "is" if len(items) == 1 else "are"
