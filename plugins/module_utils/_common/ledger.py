# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a run so far: its changes with their actions and diff, and its warnings."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable, printable_lines


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change(abc.ABC):
    """One write: its ``target``, the ``part`` of it that changes, and that part before and after (JSON-like or text).

    If an ``optional`` write is not supported, the state is assumed to be the desired one, with a warning. ``item``
    distinguishes changes to the same part by the same action.
    """

    target: str
    part: str
    before: t.Any = None
    after: t.Any = None
    optional: bool = False
    item: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        """What a change of a later plan has in common with this one if it is the same, whatever its values."""
        return self.action, self.target, self.part, self.item

    @property
    @abc.abstractmethod
    def action(self) -> str:
        """The write as results name it, for example ``s3:PutBucketPolicy``."""


def diff_entry(change: Change) -> dict[str, str]:
    """Return one entry of a diff. Values are sorted and indented, so that a reviewer reads lines."""
    header = printable(f"{change.target} ({change.part})")
    before, after = as_text(change.before), as_text(change.after)
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def as_text(value: t.Any) -> str:
    """Return a value as text of a diff: nothing for None, text line by line, anything else as sorted and indented JSON.

    Ansible prints a diff as it is, and what is replaced may be anybody's.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return printable_lines(value if value.endswith("\n") else value + "\n")
    return printable_lines(json.dumps(value, indent=2, sort_keys=True) + "\n")


class Ledger:
    """The changes and warnings of a run, in order. In check mode the changes are planned, not made."""

    def __init__(self, check_mode: bool) -> None:
        self.check_mode = check_mode
        self.changes: list[t.Any] = []
        self.actions: list[str] = []
        self.diff: list[t.Any] = []
        self.warnings: list[str] = []

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def record(self, change: Change) -> None:
        """Add a change that was made, or in check mode planned."""
        self.changes.append(change)
        self.actions.append(change.action)
        self.diff.append(diff_entry(change))

    def record_result(self, result: t.Mapping[str, t.Any]) -> None:
        """Add what another module's logic did: its ``actions``, ``diff`` and ``warnings``."""
        self.actions += result["actions"]
        if result["changed"]:
            self.diff.append(result["diff"])
        self.warn(result["warnings"])

    @contextlib.contextmanager
    def recorded_if_failed(self) -> t.Iterator[None]:
        """Add what another module's logic did before it failed with an IrsaError."""
        try:
            yield
        except IrsaError as error:
            done = error.details
            if done.get("changed"):
                self.actions += done["actions"]
                self.diff.append(done["diff"])
            raise

    def warn(self, warnings: t.Iterable[str]) -> None:
        """Add warnings, each once."""
        self.warnings += [warning for warning in dict.fromkeys(warnings) if warning not in self.warnings]

    @contextlib.contextmanager
    def reported_on_failure(self) -> t.Iterator[None]:
        """Let an IrsaError report the writes that were made and the warnings that were given before it."""
        try:
            yield
        except IrsaError as error:
            error.warnings = list(dict.fromkeys([*self.warnings, *error.warnings]))
            if not self.check_mode:
                error.details.update(changed=self.changed, actions=self.actions, diff=self.diff)
            raise
