# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, apply: the one way in which modules change something at AWS."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# How often a plan is made anew when somebody else writes at the same time.
_MOST_ROUNDS = 6


@dataclasses.dataclass(frozen=True)
class Change:
    """One write: its API call with parameters, on what, and what it changes there, before and after (JSON-like or
    text).

    ``optional``: an endpoint that does not know the call has what is wanted anyway, so that is a warning and no
    failure. ``gone``: error codes that say somebody else has done it already. ``repeat``: error codes that pass in a
    moment.
    """

    service: str
    operation: str
    params: t.Mapping[str, t.Any]
    on: str
    facet: str
    before: t.Any = None
    after: t.Any = None
    needs: t.Optional[tuple[str, ...]] = None
    optional: bool = False
    gone: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """The call as results name it, ``s3:PutBucketPolicy``."""
        return f"{self.service}:{self.operation}"

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM actions that the write needs."""
        return permissions.needed(self.service, self.operation) if self.needs is None else self.needs


@dataclasses.dataclass
class Outcome:
    """What a module returns: the writes in order, their diff, the room's own values, warnings."""

    changes: list[Change] = dataclasses.field(default_factory=list)
    values: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    permissions: list[str] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    @property
    def result(self) -> dict[str, t.Any]:
        """What a module ends with."""
        return {
            **self.values,
            "changed": self.changed,
            "actions": self.actions,
            "diff": self.diff,
            "permissions": self.permissions,
            "warnings": self.warnings,
        }

    @property
    def actions(self) -> list[str]:
        return [change.action for change in self.changes]

    @property
    def diff(self) -> list[dict[str, str]]:
        """The plan drawn, one entry a facet, as Ansible shows diffs."""
        return [draw(change.on, change.facet, change.before, change.after) for change in self.changes]


def draw(on: str, facet: str, before: t.Any, after: t.Any) -> dict[str, str]:
    """One diff entry: JSON-like values as sorted, indented text, so that a reviewer reads lines and not one long
    string.
    """
    header = f"{on} ({facet})"
    return {"before_header": header, "after_header": header, "before": as_text(before), "after": as_text(after)}


def as_text(value: t.Any) -> str:
    """A value as diff text: nothing for None, text as it is, everything else as sorted, indented JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if value.endswith("\n") else value + "\n"
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


class Room(t.Protocol):
    """What a room gives to be carried out; ``warnings`` are for the user."""

    warnings: list[str]

    def plan(self) -> list[Change]:
        """Read the present state and list the writes that lead to the wanted one; raises IrsaError."""

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        """Take what a write answered into the room's values."""

    def recheck(self, made: t.Sequence[Change]) -> list[Change]:
        """After these writes, read again what AWS writes without a condition, and list what is still to do."""

    def outcome(self, changes: list[Change]) -> Outcome:
        """What the module returns when these writes were made (in check mode: are to be made)."""


def planned(room: Room) -> list[Change]:
    """The room's plan. Raises IrsaError, with the room's warnings."""
    with _warnings_of(room):
        return room.plan()


def carry_out(aws: Aws, room: Room, check_mode: bool, plan: t.Optional[list[Change]] = None) -> list[Change]:
    """Make the plan, unless it is given, and outside check mode apply it; returns the writes, made or (in check mode)
    to be made.

    A write that meets somebody else's is followed by a new plan from what is there by then. Raises IrsaError, with the
    room's warnings, and with the writes that were made before that as ``actions`` in its details.
    """
    made: list[Change] = []
    with _warnings_of(room):
        try:
            return _carry_out(aws, room, check_mode, room.plan() if plan is None else plan, made)
        except IrsaError as error:
            if made:
                error.details["actions"] = [change.action for change in made]
            raise


@contextlib.contextmanager
def _warnings_of(room: Room) -> t.Iterator[None]:
    try:
        yield
    except IrsaError as error:
        error.warnings = room.warnings
        raise


def _carry_out(aws: Aws, room: Room, check_mode: bool, changes: list[Change], made: list[Change]) -> list[Change]:
    if check_mode:
        for change in changes:
            aws.permissions.update(change.permissions)
        return changes
    for number in range(_MOST_ROUNDS):
        if number:
            # Two runs that collide would collide again in step.
            time.sleep(random.uniform(0, 0.2 * 2**number))
        if changes:
            aws.forget_begun()
        round_made: list[Change] = []
        try:
            for change in changes:
                answer = _make(aws, change, room.warnings)
                if answer is not None:
                    round_made.append(change)
                    room.done(change, answer)
        except CallFailed as failure:
            if not failure.conflict:
                raise
            changes = room.plan()
            continue
        finally:
            made += round_made
        changes = room.recheck(round_made)
        if not changes:
            return made
    raise IrsaError(
        f"Somebody else keeps changing the same thing: after {_MOST_ROUNDS} rounds of reading and writing there was "
        "still a difference. "
        "Run again when the other run has ended."
    )


def _make(aws: Aws, change: Change, warnings: list[str]) -> t.Optional[dict[str, t.Any]]:
    try:
        return aws.call(
            change.service,
            change.operation,
            change.on,
            absent=change.gone,
            needs=change.needs,
            repeat=change.repeat,
            **change.params,
        )
    except CallFailed as failure:
        if not (change.optional and failure.unsupported):
            raise
    warnings.append(f"This endpoint does not know {change.action}, so its {change.facet} is taken to be as wanted.")
    return None
