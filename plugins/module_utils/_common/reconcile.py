# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, apply: the one way in which modules change anything outside.

The loop knows nothing about AWS. A resource reads and plans, a writer makes the planned changes, and the ledger records
the changes and warnings.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError, WriteFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change, Ledger, diff_entry

# How often a plan is made when other processes write at the same time, and the longest pause before it. Of 20
# processes that change one object, the last needs about ten attempts.
_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 2.0

AnyChange = t.TypeVar("AnyChange", bound=Change)
_Change_contra = t.TypeVar("_Change_contra", bound=Change, contravariant=True)


@dataclasses.dataclass(kw_only=True)
class Outcome(t.Generic[AnyChange]):
    """What a module returns: the changes in order, the resource's own values, warnings, and the IAM actions needed."""

    changes: list[AnyChange] = dataclasses.field(default_factory=list)
    values: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    permissions: list[str] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    @property
    def actions(self) -> list[str]:
        return [change.action for change in self.changes]

    @property
    def diff(self) -> list[dict[str, str]]:
        """One entry for each change, as Ansible shows diffs."""
        return [diff_entry(change) for change in self.changes]

    @property
    def result(self) -> dict[str, t.Any]:
        """What the module exits with."""
        return {
            **self.values,
            "changed": self.changed,
            "actions": self.actions,
            "diff": self.diff,
            "permissions": self.permissions,
            "warnings": self.warnings,
        }


class Writer(t.Protocol[_Change_contra]):
    """Makes changes of one kind, such as API calls."""

    def preview(self, change: _Change_contra) -> None:
        """Note what a change would need. Check mode does only this."""

    def before_writes(self) -> None:
        """Drop what was read before: once something is written it is out of date."""

    def write(self, change: _Change_contra) -> t.Mapping[str, t.Any] | None:
        """Make a change and return the answer, None if another process has made it already. Raises WriteFailed."""


class Resource(t.Protocol[AnyChange]):
    """Something outside that has a desired state; ``warnings`` are for the user."""

    warnings: list[str]

    def plan(self) -> list[AnyChange]:
        """Read the current state and list the changes that lead to the desired one. Raises IrsaError."""

    def before_write(self, change: AnyChange) -> AnyChange | None:
        """Right before a write without a condition, read again and return what is to be written now.

        None if another process has written it. Raises IrsaError.
        """

    def after_write(self, change: AnyChange, answer: t.Mapping[str, t.Any]) -> None:
        """Take the answer of a write into the resource's values. Raises IrsaError if it reports a failure."""

    def recheck(self, made: t.Sequence[AnyChange]) -> list[AnyChange]:
        """Right after these writes, look what came of them, and list what is still to do. Raises IrsaError."""

    def overwritten(self) -> list[AnyChange]:
        """Wait until no one can overwrite these writes unknowingly, and list those that were overwritten.

        Raises IrsaError if that happens again and again.
        """

    def outcome(self, changes: list[AnyChange]) -> Outcome[AnyChange]:
        """Return the outcome of the module after these changes (in check mode: with these changes planned)."""


def ensure(resource: Resource[AnyChange], writer: Writer[AnyChange], check_mode: bool) -> Outcome[AnyChange]:
    """Bring one resource to its desired state, or in check mode plan to. Raises IrsaError."""
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        changes = reconcile(resource, writer, ledger)
        return resource.outcome([*changes, *settle(resource, writer, ledger)])


def planned(resource: Resource[AnyChange]) -> list[AnyChange]:
    """Return the resource's plan. Raises IrsaError, with the resource's warnings."""
    with _warnings_of(resource):
        return resource.plan()


def reconcile(
    resource: Resource[AnyChange],
    writer: Writer[AnyChange],
    ledger: Ledger,
    *,
    plan: list[AnyChange] | None = None,
) -> list[AnyChange]:
    """Make the plan, unless it is given, and apply it outside check mode.

    Returns the changes, made or (in check mode) planned. The ledger has them, too, and the resource's warnings. If a
    write conflicts with another process, a new plan is made from the new state. Raises IrsaError, with the
    resource's warnings.
    """
    with _warnings_of(resource):
        changes = resource.plan() if plan is None else plan
        if not ledger.check_mode:
            changes = _Application(resource=resource, writer=writer, ledger=ledger).apply(changes)
        else:
            for change in changes:
                writer.preview(change)
                ledger.record(change)
    ledger.warn(resource.warnings)
    return changes


def settle(resource: Resource[AnyChange], writer: Writer[AnyChange], ledger: Ledger) -> list[AnyChange]:
    """At the end of a run, write again what other processes have overwritten, until it stays; returns those changes.

    The work between ``reconcile`` and this takes up some of the time that must pass. Raises IrsaError.
    """
    made: list[AnyChange] = []
    with _warnings_of(resource):
        while not ledger.check_mode and (changes := resource.overwritten()):
            made += _Application(resource=resource, writer=writer, ledger=ledger).apply(changes)
    ledger.warn(resource.warnings)
    return made


@contextlib.contextmanager
def _warnings_of(resource: Resource[t.Any]) -> t.Iterator[None]:
    try:
        yield
    except IrsaError as error:
        error.warnings = resource.warnings
        raise


@dataclasses.dataclass(kw_only=True)
class _Application(t.Generic[AnyChange]):
    """Applies the plans of one resource. ``made`` are the changes that were made, in order.

    ``in_doubt`` are changes whose answer was lost. A later plan shows whether they took effect.
    """

    resource: Resource[AnyChange]
    writer: Writer[AnyChange]
    ledger: Ledger
    made: list[AnyChange] = dataclasses.field(default_factory=list)
    in_doubt: list[AnyChange] = dataclasses.field(default_factory=list)

    def apply(self, changes: list[AnyChange]) -> list[AnyChange]:
        """Make these changes, and those that later plans add; returns all that were made."""
        for attempt in range(_MAX_ATTEMPTS):
            if attempt:
                # Two runs that collide would collide again in step.
                time.sleep(random.uniform(0, min(0.2 * 2**attempt, _MAX_PAUSE_SECONDS)))
            changes = self._attempt(changes)
            if not changes:
                return self.made
        raise IrsaError(
            f"Another process keeps changing the same resource; gave up after {_MAX_ATTEMPTS} attempts. Run again "
            "when the other run has ended."
        )

    def _attempt(self, changes: list[AnyChange]) -> list[AnyChange]:
        """Make these changes; returns those to make next."""
        if changes:
            self.writer.before_writes()
        made: list[AnyChange] = []
        for planned_change in changes:
            change = self.resource.before_write(planned_change)
            if change is None:
                continue
            try:
                answer = self._write(change)
            except WriteFailed as failure:
                if not (failure.conflict or failure.in_doubt):
                    raise
                return self._next_after(failure, change)
            if answer is not None:
                made.append(change)
                self._record(change)
                self.resource.after_write(change, answer)
        return self.resource.recheck(made)

    def _next_after(self, failure: WriteFailed, change: AnyChange) -> list[AnyChange]:
        """Return the changes to make after a write that conflicted with another process, or whose answer was lost."""
        was_in_doubt = change.identity in (each.identity for each in self.in_doubt)
        if failure.in_doubt and not was_in_doubt:
            self.in_doubt.append(change)
        try:
            plan = self.resource.plan()
        except IrsaError:
            if failure.conflict:
                raise
            failure.add("Whether it took effect is not known, since what is there could not be read. Run again.")
            raise failure from None
        ahead = [each.identity for each in plan]
        for each in [each for each in self.in_doubt if each.identity not in ahead]:
            self._record(each)
        if change.identity in ahead and was_in_doubt and not failure.conflict:
            raise failure
        return plan

    def _record(self, change: AnyChange) -> None:
        self.in_doubt = [each for each in self.in_doubt if each.identity != change.identity]
        self.made.append(change)
        self.ledger.record(change)

    def _write(self, change: AnyChange) -> t.Mapping[str, t.Any] | None:
        try:
            return self.writer.write(change)
        except WriteFailed as failure:
            if not (change.optional and failure.unsupported):
                raise
        self.resource.warnings.append(
            f"This endpoint does not support {change.action}, so its {change.part} is assumed to be right."
        )
        return None
