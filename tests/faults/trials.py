# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One trial: a run with a fault in one of its calls, then the next run, then one that has nothing to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from . import judging, module_runs, playbook_runs
from .account_state import State
from .judging import Seen, Undisturbed
from .kinds import KINDS, Kind
from .module_runs import Run, Step
from .scenario import Scenario
from .stage import Stage
from .wire import Exchange, Fault

SURVIVED, MESSAGE, WRONG = "survived", "message", "wrong"

# How long a client waits that is to notice that no answer comes. Every other call must be answered within it.
_SHORT_PATIENCE = 3.0
# Modules that have the option.
_OF_VERIFICATION = {"irsa_issuer": "verify_timeout", "irsa_verify": "timeout"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A fault in a scenario.

    :ivar number: which call of its label is hit; None for all
    :ivar by_playbook: whether ansible-playbook makes the runs
    """

    scenario: str
    label: str
    kind: str
    number: int | None
    must_survive: bool
    by_playbook: bool = False

    @property
    def name(self) -> str:
        times = "always" if self.number is None else f"call {self.number}"
        way = ", by ansible-playbook" if self.by_playbook else ""
        return f"{self.scenario}: {self.label}, {self.kind}, {times}{way}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a trial.

    :ivar outcome: survived, message or wrong
    :ivar faults: what is wrong, one line each
    :ivar message: what a user was told
    """

    trial: Trial
    outcome: str
    faults: Sequence[str] = ()
    message: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A scenario that was run once with nothing going wrong."""

    exchanges: Sequence[Exchange]
    undisturbed: Undisturbed


def kind_of(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def trials_of(scenario: Scenario, exchanges: Sequence[Exchange]) -> Iterator[Trial]:
    """:return: every fault in every call: once in each of those with the same label, and in all of them"""
    for exchange in exchanges:
        for kind in KINDS:
            if not kind.happens_to(exchange.call):
                continue
            numbers = [] if kind.is_final else [exchange.number]
            for number in [*numbers, None] if exchange.number == 1 else numbers:
                yield Trial(
                    scenario=scenario.name,
                    label=exchange.call.label,
                    kind=kind.name,
                    number=number,
                    must_survive=kind.passes and number is not None,
                )


def rehearse(stage: Stage, scenario: Scenario) -> Rehearsed:
    """Runs a scenario without a fault.

    :raises RuntimeError: if something is wrong even so
    """
    seen = _run(stage, partial(module_runs.run, scenario.steps(stage)))
    wrong = list(judging.faults_of_any(seen))
    if seen.run.failed or wrong:
        raise RuntimeError(f"{scenario.name} goes wrong by itself: {wrong} {seen.run.broke or seen.run.message}")
    kept = frozenset(_of_others(seen.before, seen.after))
    undisturbed = Undisturbed(goal=seen.after, verdicts=seen.run.verdicts, kept=kept)
    return Rehearsed(exchanges=seen.exchanges, undisturbed=undisturbed)


def _of_others(before: State, after: State) -> Iterator[str]:
    """What was there and stays as it is. What a run adds to, such as a whole document, is no thing of others."""
    return (name for name, value in before.items() if name in after and after[name] == value)


def attempt(stage: Stage, scenario: Scenario, trial: Trial, *, undisturbed: Undisturbed) -> Verdict:
    """Makes a trial, with the modules in this process."""
    steps, kind = list(scenario.steps(stage)), kind_of(trial.kind)
    disturbed = partial(module_runs.run, [impatient(step) for step in steps] if kind.is_slow else steps)
    return _judged(stage, trial, undisturbed, disturbed=disturbed, run=partial(module_runs.run, steps))


def attempt_by_playbook(stage: Stage, scenario: Scenario, trial: Trial, *, undisturbed: Undisturbed) -> Verdict:
    """Makes a trial with ansible-playbook."""
    (step,) = scenario.steps(stage)
    run = partial(playbook_runs.run, stage.folder, str(scenario.playbook), options=step.options)
    return _judged(stage, trial, undisturbed, disturbed=run, run=run)


def _judged(
    stage: Stage, trial: Trial, undisturbed: Undisturbed, *, disturbed: Callable[[], Run], run: Callable[[], Run]
) -> Verdict:
    """Makes the disturbed run and those after it, and says what is wrong."""
    fault = Fault(kind=kind_of(trial.kind), label=trial.label, number=trial.number)
    seen = _run(stage, disturbed, fault)
    if not any(exchange.is_hit for exchange in seen.exchanges):
        return Verdict(trial=trial, outcome=WRONG, faults=[f"the call was not made: {seen.run.message}"])
    faults = list(judging.faults_of_disturbed(seen, undisturbed, must_survive=trial.must_survive))
    following = _run(stage, run)
    faults += judging.faults_of_next(following, undisturbed)
    if following.effects and not following.run.failed:
        faults += judging.faults_of_last(_run(stage, run))
    outcome = SURVIVED if not seen.run.failed else MESSAGE
    return Verdict(trial=trial, outcome=WRONG if faults else outcome, faults=faults, message=seen.run.message)


def impatient(step: Step) -> Step:
    """:return: a step that soon notices that no answer comes, and so do those that it makes"""
    more: dict[str, Any] = {"aws_config": {"connect_timeout": _SHORT_PATIENCE, "read_timeout": _SHORT_PATIENCE}}
    if step.module in _OF_VERIFICATION:
        more[_OF_VERIFICATION[step.module]] = _SHORT_PATIENCE
    return dataclasses.replace(
        step, options={**step.options, **more}, then=lambda result: map(impatient, step.then(result))
    )


def _run(stage: Stage, make: Callable[[], Run], fault: Fault | None = None) -> Seen:
    before = stage.read_state()
    with stage.connected(fault) as wire:
        run = make()
    secrets = stage.secrets()
    return Seen(run=run, exchanges=wire.exchanges, before=before, after=stage.read_state(), secrets=secrets)
