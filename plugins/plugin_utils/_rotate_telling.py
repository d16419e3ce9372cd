# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which relying parties are told of which keys, and when.

What was not told, since a command failed or a run was cut off, is told by the next run, whatever its phase.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record, settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import Stage, published
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.work import Work, came_by_rotation
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work

Json = dict[str, t.Any]
Kids = t.Sequence[str | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Telling:
    """The parties of a run, and what they were told.

    :ivar parties: irsa_rotate_relying_parties
    :ivar untold: the names of those that this run could not tell
    :ivar may_fail: whether a party that cannot be told does not stop the run
    """

    parties: t.Sequence[t.Mapping[str, t.Any]]
    record: record.Record
    untold: t.Collection[str] = ()
    may_fail: bool = False

    def of_work(self, found: Work, facts: Facts) -> tuple[list[Json], list[Json]]:
        """Return what is told before the work of a phase, and after it.

        Servers forget a key only when the parties were told to. A revocation does not wait for that.
        """
        left = self._withdrawn(facts)
        if found.phase == settings.RETIRE_PUBLISHED:
            return [], self.removed((*found.withdraw, *left))
        new = self.added((None,) if found.makes_key else found.publish)
        if found.phase == settings.RETIRE_ACCEPTED and not self.may_fail:
            return self.removed(left), new
        return [], [*new, *self.removed(left)]

    def late(self, facts: Facts, stage: Stage) -> list[Json]:
        """Return what parties are told that they could not be told when it happened."""
        kid = stage.next
        if kid is None and (stage.old or came_by_rotation(self.record, stage)):
            kid = stage.current
        return [*self.added([kid] if kid in published(facts) else []), *self.removed(self._withdrawn(facts))]

    def added(self, kids: Kids) -> list[Json]:
        """Return how parties that do not know it yet are told that keys come. None: the key that was just made."""
        return self._told(settings.PREPARE, record.TOLD, kids)

    def removed(self, kids: Kids) -> list[Json]:
        """Return how parties that do not know it yet are told that keys have left."""
        return self._told(settings.RETIRE_PUBLISHED, record.TOLD_REMOVAL, kids)

    def _withdrawn(self, facts: Facts) -> list[str]:
        return [kid for kid in self.record.withdrawn() if kid not in published(facts)]

    def _told(self, phase: str, kind: str, kids: Kids) -> list[Json]:
        items = []
        for party in self.parties:
            name = party["name"]
            new = [kid for kid in kids if kid is None or not self.record.is_told(kid, name, kind=kind)]
            if new and party.get("confirm") is None and name not in self.untold:
                events = [{"kind": kind, "kid": kid, "party": name} for kid in new]
                items.append(work.tell(party, phase, events, may_fail=self.may_fail))
        return items
