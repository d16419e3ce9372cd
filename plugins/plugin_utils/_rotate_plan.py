# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round of a rotation: what may be done now, by what was read, and the work."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import (
    forgetting,
    key_refusals,
    record,
    refusals,
    revocation,
    status,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import Decision, decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    AUTO,
    RETIRE_ACCEPTED,
    REVOKE,
    STATUS,
    Settings,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import (
    _key_steps,
    _rotate_keys,
    _rotate_phases,
    _rotate_pods,
    _rotate_put_away,
    _rotate_runs,
    _rotate_telling,
    _rotate_work,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_reading import Read

Json = dict[str, t.Any]

# A phase may be due twice in a run if a server has joined meanwhile; more often, something undoes it.
_MOST_TIMES = 2


class Round:
    """What is decided on what was read. ``given`` are the role's variables, ``done`` is what the run has done."""

    def __init__(
        self,
        read: Read,
        given: t.Mapping[str, t.Any],
        done: t.Mapping[str, t.Any],
        *,
        ask: Ask,
        key: _rotate_keys.GivenKey | None = None,
    ) -> None:
        """``key`` is what irsa_rotate_key_path holds, if that is known."""
        self.read, self.given, self.done, self.ask = read, given, done, ask
        self.record = read.record.after(_confirmed(given["relying_parties"], read.facts.now))
        self.key = key or _rotate_keys.given(given["key_path"], self._ask_for_key)
        self.settings = self._settings()
        # The last round shows what is true when all is done.
        is_over = given["phase"] not in (AUTO, REVOKE) and given["phase"] in done["phases"]
        self.asked: str = STATUS if is_over else given["phase"]
        self.decision: Decision = decide(self.asked, read.facts, self.record, settings=self.settings)

    def plan(self) -> Json:
        """Return what role irsa_rotate does in this round, and what it tells. Raises IrsaError."""
        decision = self.decision
        may_change = self.asked != STATUS and not self._is_stuck()
        prepares = self._preparations() if may_change else []
        steps = self._steps() if may_change and decision.may_go_on else {}
        items = prepares or (self._items(steps) if may_change and decision.may_go_on else [])
        is_done = bool(items) and not prepares
        ended = [*_rotate_phases.events_of(decision.work, steps.get("steps", [])), self._ended()] if is_done else []
        # A phase that is done already leaves the record as it is; one that has to wait may wait for what is read now.
        remembers = may_change and not decision.is_done
        observed = [event.as_dict() for event in decision.events] if remembers else []
        tidied = self._tidied() if may_change and not items else []
        work = tidied or _rotate_phases.bracketed(items, first=observed, last=ended)
        phases = [*self.done["phases"], decision.phase] if is_done else self.done["phases"]
        return {
            "work": work,
            "again": bool(items or tidied),
            "failure": self._failure() if may_change and not (items or tidied) else None,
            "by": self.settings.by,
            "known_runs": [run.by for run, _last in self.record.open_runs()],
            "forget": forgetting.unused(self.read.facts, self.record),
            "servers": steps.get("results", {}),
            "done": {**self.done, "phases": phases, "servers": {}, "made": {}, **self._said(steps)},
            **self._told(),
        }

    # --- what is decided on

    def _ask_for_key(self, path: str, pad: str) -> t.Mapping[str, t.Any]:
        return self.ask({"operation": "private_key", "path": path, "pad": pad})

    def _settings(self) -> Settings:
        given, own = self.given, _rotate_runs.who(_rotate_runs.own_process())
        return Settings(
            cache_seconds=given["cache_seconds"],
            token_seconds=given["token_seconds"],
            stale_window=given["stale_window"],
            force=frozenset(given["force"]),
            parties=tuple(party["name"] for party in given["relying_parties"]),
            by=own,
            dead_runs=_rotate_runs.dead(str(run.by) for run, _last in self.record.open_runs()),
            key_type=given["key_type"],
            key_kid=self.key.kid,
            revoke_kid=given["revoke_kid"] or None,
        )

    def _is_stuck(self) -> bool:
        return list(self.done["phases"]).count(self.decision.phase) >= _MOST_TIMES

    # --- the work

    def _preparations(self) -> list[Json]:
        """Return what takes refusals out of the way. The phase itself is not done by that."""
        refused = {refusal.name for refusal in self.decision.refusals}
        if refused & {refusals.CLOCK, refusals.OTHER_ROTATION}:
            return []
        found = self._remakes() if refusals.LEGACY_TOKENS in refused else []
        if self.decision.may_go_on:
            return found
        return [*found, *self._telling.late(self.read.facts, self.decision.stage), *self._left_over()]

    @property
    def _telling(self) -> _rotate_telling.Telling:
        return _rotate_telling.Telling(
            parties=self.given["relying_parties"],
            record=self.record,
            untold=self.done["untold"],
            may_fail=self.asked == REVOKE or refusals.RELYING_PARTIES in self.settings.force,
        )

    def _remakes(self) -> list[Json]:
        """Return how legacy tokens of the old key are made again, if the user wants that.

        Each once in a run: each time, the token before it is refused.
        """
        if not self.given["remake_tokens"]:
            return []
        left = [
            token
            for token in key_refusals.legacy_tokens_of(self.read.facts, kids=self.decision.work.drop)
            if _rotate_phases.remake_action(token.namespace, token.name) not in self.done["actions"]
        ]
        names = [{"namespace": token.namespace, "name": token.name} for token in left]
        return [_rotate_phases.remade(self.read.first, names)] if names else []

    def _steps(self) -> Json:
        """Return the steps of the servers, and what they mean. Raises IrsaError if one of them cannot be changed."""
        forced = {refusal.name for refusal in self.decision.forced}
        force = self.asked == REVOKE or bool(forced & refusals.OF_SERVERS)
        goal = _rotate_phases.goal_of(self.decision.work, self.read.known, force=force)
        if goal is None:
            return {}
        options = kubeadm.Options(persist=self.given["persist"], patches_dir=self.given["patches_dir"])
        return _key_steps.key_plan(self.read.reading, self.read.cluster, goal, options=options)

    def _items(self, steps: Json) -> list[Json]:
        decision, known, facts = self.decision, self.read.known, self.read.facts
        found, taken = decision.work, steps.get("steps", [])
        before, after = self._telling.of_work(found, facts)
        files = _rotate_put_away.of_dropped(known.staged, found.drop, changed={step["host"] for step in taken})
        return [
            *_rotate_phases.tidied(known.left),
            *before,
            *self._given_up(),
            *_rotate_phases.publishing(found, known, self._makes),
            *_rotate_phases.servers(found, known, taken),
            *_rotate_put_away.items(files, self.given["old_key"]),
            *after,
        ]

    def _tidied(self) -> list[Json]:
        """Return how is removed what a killed run left, if nothing else is to be done now. Another run may be at work
        with it.
        """
        own = {self.settings.by, *self.settings.dead_runs}
        is_alone = all(str(run.by) in own for run, _last in self.record.open_runs())
        return _rotate_phases.tidied(self.read.known.left) if is_alone else []

    def _given_up(self) -> list[Json]:
        """Return how it is remembered that a key was revoked which was never published: it is never the next one."""
        work = self.decision.work
        if self.asked != REVOKE or work.withdraw:
            return []
        kids = [kid for kid in work.drop if self.record.withdrawn_at(kid) is None]
        events = [{"kind": record.WITHDRAWN, "kid": kid} for kid in kids]
        return [_rotate_work.record(events, f"record that {', '.join(kids)} never signs")] if kids else []

    def _left_over(self) -> list[Json]:
        """Return how files are put away that another run has left."""
        if self.asked not in (AUTO, REVOKE) and self.decision.phase != RETIRE_ACCEPTED:
            return []
        files = _rotate_put_away.left_over(self.read.known.staged, self.read.facts, self.record)
        return _rotate_put_away.items(files, self.given["old_key"])

    def _makes(self) -> Json:
        """Return how the new key is made. Raises IrsaError."""
        if self.key.error:
            raise self.key.error
        first = self.read.first
        kind = _rotate_keys.kind_of_new(self.given, self.read.known.public.get(self.decision.stage.current or ""))
        new = _rotate_work.NewKeyWork(
            host=first["host"],
            folder=first["keys"]["key_folder"],
            like=first["keys"]["like"],
            has_openssl=first["keys"]["has_openssl"],
            kind=kind,
        )
        return _rotate_work.make_key(new)

    def _ended(self) -> Json:
        return {"kind": record.ENDED, "kid": self.decision.work.kid or "", "by": self.settings.by}

    # --- what is told

    def _said(self, steps: Json) -> Json:
        """Return what the run says at its end of what it has done."""
        forced = [refusal.warning() for refusal in self.decision.forced] if self.decision.may_go_on else []
        warnings = self.decision.warnings if self.decision.may_go_on else ()
        return {
            name: list(dict.fromkeys([*self.done[name], *new]))
            for name, new in (
                ("forced", [str(refusal.name) for refusal in self.decision.forced] if forced else []),
                ("warnings", [*forced, *warnings, *steps.get("warnings", [])]),
                ("notes", steps.get("next", [])),
            )
        }

    def _failure(self) -> str | None:
        """Return why a phase that was asked for by name is not done."""
        if self.asked == AUTO or not self.decision.refusals:
            return None
        messages = [refusal.message(self.read.facts.now) for refusal in self.decision.refusals]
        return "\n- ".join(
            [f"{self.decision.phase} is refused; no key and no server was changed.", *map(shown, messages)]
        )

    def _told(self) -> Json:
        facts, decision = self.read.facts, self.decision
        found = status.status(facts, self.record, self.settings)
        return {
            "revocation": self._revocation(),
            "phase": decision.phase if self.asked != STATUS else STATUS,
            "status": found,
            "table": list(status.table(found)),
            "refusals": [refusal.as_dict(facts.now) for refusal in decision.refusals],
            "next_phase": decision.next_phase,
            "next_at": decision.next_at,
            "reasons": list(decision.reasons),
        }

    def _revocation(self) -> Json | None:
        """Return what the revocation of the leaked key means."""
        leaked = self.given["revoke_kid"]
        if self.given["phase"] != REVOKE or not leaked:
            return None
        pods, unlisted = _rotate_pods.of_cluster(self.read.first, self.given["audiences"], ask=self.ask)
        found = revocation.revocation(
            leaked, self.read.facts, self.record, settings=self.settings, pods=pods, unlisted=unlisted
        )
        return dataclasses.asdict(found)


def _confirmed(parties: t.Sequence[t.Mapping[str, t.Any]], now: float) -> list[record.Event]:
    """Return what people say that parties have: it counts like what the record knows."""
    return [
        record.Event(kind=record.TOLD, kid=kid, at=now, party=party["name"])
        for party in parties
        for kid in party.get("confirm") or []
    ]
