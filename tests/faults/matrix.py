# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All trials of all scenarios, or some of them."""

from __future__ import annotations

import dataclasses
import itertools
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import warm

from .clock import skipping_sleep
from .pool import forked
from .scenario import Scenario
from .scenarios import SCENARIOS
from .stage import Stage, embedded_aws
from .trials import WRONG, Rehearsed, Trial, Verdict, attempt, attempt_by_playbook, kind_of, rehearse, trials_of

# A trial waits for other processes now and then, and a slow one does little but wait for an answer.
_AT_ONCE = 2 * (os.cpu_count() or 1)
_WAITING_AT_ONCE = 8 * (os.cpu_count() or 1)
# A trial takes a second, and one by a playbook five. A busy machine is not to be taken for a hang.
_SECONDS = 300

Choice = Callable[[Sequence[Trial]], Sequence[Trial]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What is told while trials are made."""

    scenario: str
    done: int
    of: int
    verdict: Verdict


def run_matrix(folder: Path, choose: Choice) -> Iterator[Progress]:
    """Makes the trials that are chosen of those of each scenario, and yields each as it ends."""
    # What each run would do again.
    warm(("s3", "s3control", "iam", "sts"))
    with embedded_aws(folder) as stage, skipping_sleep():
        for scenario in SCENARIOS:
            stage.prepare(scenario.prepare)
            (rehearsed,) = _forked(partial(rehearse, stage), [scenario])
            trials = choose(list(_all_trials(scenario, rehearsed)))
            yield from _progress(stage, scenario, rehearsed, trials=trials)


def _all_trials(scenario: Scenario, rehearsed: Rehearsed) -> Iterator[Trial]:
    """Also those that a playbook can make, but for slow ones: no clock runs faster in another program."""
    trials = list(trials_of(scenario, rehearsed.exchanges))
    yield from trials
    if scenario.playbook:
        once = [trial for trial in trials if trial.must_survive and not _is_slow(trial)]
        yield from (dataclasses.replace(trial, by_playbook=True) for trial in _one_of_each_kind(once))


def _progress(stage: Stage, scenario: Scenario, rehearsed: Rehearsed, *, trials: Sequence[Trial]) -> Iterator[Progress]:
    def work(trial: Trial) -> Verdict:
        # Each has the account for itself by the fork, but files would be shared.
        own = stage.with_own_folder()
        make = attempt_by_playbook if trial.by_playbook else attempt
        return make(own, scenario, trial, undisturbed=rehearsed.undisturbed)

    slow = [trial for trial in trials if _is_slow(trial)]
    quick = [trial for trial in trials if not _is_slow(trial)]
    verdicts = itertools.chain(
        forked(work, slow, at_once=_WAITING_AT_ONCE, seconds=_SECONDS, too_long=_too_long),
        forked(work, quick, at_once=_AT_ONCE, seconds=_SECONDS, too_long=_too_long),
    )
    for done, verdict in enumerate(verdicts, 1):
        yield Progress(scenario=scenario.name, done=done, of=len(trials), verdict=verdict)


def _too_long(trial: Trial) -> Verdict:
    return Verdict(trial=trial, outcome=WRONG, faults=[f"hangs: no end after {_SECONDS} s"])


def _forked(function: Callable[[Scenario], Rehearsed], tasks: list[Scenario]) -> list[Rehearsed]:
    def fail(scenario: Scenario) -> Rehearsed:
        raise RuntimeError(f"{scenario.name} does not end")

    return list(forked(function, tasks, at_once=1, seconds=_SECONDS, too_long=fail))


def _is_slow(trial: Trial) -> bool:
    return kind_of(trial.kind).is_slow


def only(words: str) -> Choice:
    """:return: a choice of the trials whose names have one of these texts, which are separated by semicolons"""
    expected = [word.strip() for word in words.split(";") if word.strip()]

    def choose(trials: Sequence[Trial]) -> Sequence[Trial]:
        return [trial for trial in trials if not expected or any(word in trial.name for word in expected)]

    return choose


def sample(trials: Sequence[Trial]) -> Sequence[Trial]:
    """Chooses a few quick trials of a scenario, always the same: some kinds, and one by a playbook."""
    quick = [trial for trial in trials if not _is_slow(trial)]
    here = list(_one_of_each_kind([trial for trial in quick if not trial.by_playbook]))
    return [*here[::6], *[trial for trial in quick if trial.by_playbook][:1]]


def _one_of_each_kind(trials: Sequence[Trial]) -> Iterator[Trial]:
    """Chooses by the sum of each name, so that the calls are mixed, and the same ones always."""
    kinds: set[str] = set()
    for trial in sorted(trials, key=lambda trial: zlib.crc32(trial.name.encode())):
        if trial.kind not in kinds:
            kinds.add(trial.kind)
            yield trial
