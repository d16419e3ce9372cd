# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a whole run of a rotation would do, in check mode: round after round, each decided on what the ones before it
would have left.

The tasks of the first round look at the real hosts and the real store. What comes after it is only listed, since hosts
and store are not yet as those rounds would find them.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import PLANNED
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_keys
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._foreseen_world import World
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask, Reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_plan import Round

Json = dict[str, t.Any]

# What a plan says of where the rotation stands after it.
_OF_THE_END = ("failure", "status", "table", "refusals", "next_phase", "next_at", "reasons")


class Preview:
    """A run that is foreseen, given the role's variables and what the run has done, which is nothing."""

    def __init__(
        self,
        readings: t.Sequence[Reading],
        state: t.Mapping[str, t.Any],
        *,
        given: t.Mapping[str, t.Any],
        done: t.Mapping[str, t.Any],
        ask: Ask,
    ) -> None:
        self._given, self._begun, self._ask = given, done, _once(ask)
        self._world = World(readings, state, patches_dir=given["patches_dir"])
        self._key: _rotate_keys.GivenKey | None = None
        # The IDs of keys that were made to plan with.
        self._made: list[str] = []

    def plan(self) -> Json:
        """Return the plan of the first round, with what the others would do behind its work. Raises IrsaError."""
        first = plan = self._round(self._begun)
        self._taken(plan)
        listed: list[Json] = []
        while plan["again"]:
            try:
                plan = self._round(plan["done"])
                listed += self._taken(plan)
            except IrsaError as error:
                plan = _cut_off(plan, error)
        end = {name: plan[name] for name in _OF_THE_END}
        done = {**plan["done"], "actions": self._begun["actions"]}
        # A policy that ends sessions has a time that is not known yet: what is true now says so.
        return {
            **first,
            **self._without_made({**end, "done": done}),
            "work": first["work"] + self._without_made(listed),
        }

    def _round(self, done: Json | t.Mapping[str, t.Any]) -> Json:
        found = Round(self._world.read(self._ask), self._given, done, ask=self._ask, key=self._key)
        self._key, self._known = found.key, found.read.known
        plan = found.plan()
        return {**plan, "work": [self._with_key(item) for item in plan["work"]]}

    def _with_key(self, item: Json) -> Json:
        """Return an item that makes a key with what may be shown of a key to plan with. Nothing else of it is kept."""
        if item["kind"] != work.MAKE_KEY:
            return item
        if self._key and self._key.kid:
            key = self._key
        else:
            key = _rotate_keys.shown(_rotate_keys.made(item["key"]))
            self._made.append(key.kid or "")
        return {**item, "foreseen": {"kid": key.kid, "public_key": key.public_key}}

    def _taken(self, plan: Json) -> list[Json]:
        """Return what a round's items would list, after which hosts and store are as these would leave them."""
        listed = []
        for item in plan["work"]:
            actions, diff = self._world.take(item, known=self._known, by=plan["by"])
            listed.append(work.foreseen(item, actions=actions, diff=diff))
        plan["done"]["actions"] = [*plan["done"]["actions"], *(each for item in listed for each in item["actions"])]
        return listed

    def _without_made(self, found: t.Any) -> t.Any:
        """Return data in which the ID of a key that does not exist yet is no ID, but says so."""
        text = json.dumps(found)
        for kid in self._made:
            text = text.replace(kid, PLANNED)
        return json.loads(text)


def _cut_off(plan: Json, error: IrsaError) -> Json:
    """Return the plan of the last round that could be foreseen, with why the next one cannot."""
    text = f"What the run does after that cannot be foreseen. {error}"
    done = {**plan["done"], "warnings": [*plan["done"]["warnings"], text]}
    return {**plan, "done": done, "again": False}


def _once(ask: Ask) -> Ask:
    """Return the same questions to hosts, each asked once: nothing changes meanwhile."""
    answers: dict[str, Json] = {}

    def answer(arguments: Json) -> Json:
        name = json.dumps(arguments, sort_keys=True)
        if name not in answers:
            answers[name] = ask(arguments)
        return answers[name]

    return answer
